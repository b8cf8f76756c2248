"""``heatfleet new-driver``: a vendor's folder to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from heatfleet.commands import show
from heatfleet.domain.errors import Invalid

SIGN_INS = ("redirect", "form", "device_code", "pair")


def new_driver(
    name: Annotated[str, typer.Argument(help="Of the vendor: lower-case letters and digits.")],
    sign_in: Annotated[str, typer.Option(help="redirect, form, device_code or pair.")] = "redirect",
    into: Annotated[
        Path | None, typer.Option(help="Make a package of its own in this folder [default: heatfleet/vendors].")
    ] = None,
) -> None:
    """Make a vendor's folder whose contract tests already run.

    It signs in, lists devices and survives faults against its own emulator; the tests that fail say what to write
    next. Inside heatfleet's source, or with --into as a package of its own, found by an entry point.

    Examples: heatfleet new-driver aurora        heatfleet new-driver aurora --sign-in form --into ~/aurora
    """
    if sign_in not in SIGN_INS:
        raise typer.BadParameter(f"must be one of {', '.join(SIGN_INS)}", param_hint="--sign-in")
    from heatfleet.vendors.kit.manifest import SignInKind
    from heatfleet.vendors.kit.registry import find_vendors
    from heatfleet.vendors.kit.starter import starter_files, starter_project

    package = f"heatfleet.vendors.{name}" if into is None else f"heatfleet_{name}"
    texts = starter_files(name, SignInKind(sign_in), package)
    if name in find_vendors():
        raise Invalid.field(name, "there is a vendor of this name already", where="NAME")
    folder = _vendors() / name if into is None else into.expanduser() / package
    _write(folder, texts)
    if into is not None:
        _write_new(folder.parent / "pyproject.toml", starter_project(name, package))
        show.line(f"python -m pip install -e {folder.parent}")
    show.line(f"python -m pytest tests/vendors/test_every_driver.py -n 0 -k {name}")
    show.note(f"made {folder}; its README.md says how to go on")


def _vendors() -> Path:
    """Where vendors lie in this installation."""
    import heatfleet.vendors

    return Path(heatfleet.vendors.__path__[0])


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """All files, or one clear line where the folder is there already."""
    if folder.exists():
        raise Invalid.field(str(folder), "is there already", where="folder")
    folder.mkdir(parents=True)
    for file, text in texts.items():
        _write_new(folder / file, text)


def _write_new(path: Path, text: str) -> None:
    if path.exists():
        raise Invalid.field(str(path), "is there already", where="file")
    path.write_text(text, encoding="utf-8")
