"""A copy of an installation in one folder, and an installation from such a copy.

The folder holds ``database.dump`` (PostgreSQL's own format), ``keys/`` and ``manifest.json``. It opens every vendor
account of the fleet: keep it as safe as the installation itself. Databases of somebody else's server are left to the
tools of whoever runs it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import asyncpg
import msgspec

from heatfleet import __version__
from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import Conflict, HeatfleetError, NotFound
from heatfleet.settings import Settings
from heatfleet.store.embedded import APP, DATABASE, SUPERUSER, EmbeddedPostgres, holder
from heatfleet.store.embedded_binaries import install_programs
from heatfleet.store.embedded_files import cannot_write
from heatfleet.store.migrate import migrate, revision

DUMP, KEYS, MANIFEST = "database.dump", "keys", "manifest.json"


class BackupFailed(HeatfleetError):
    """PostgreSQL's tool said no; the text is its last line."""


class Manifest(msgspec.Struct, frozen=True):
    """What a backup says about itself."""

    version: str
    revision: str
    made_at: str


async def backup(settings: Settings, clock: Clock, folder: Path) -> Manifest:
    """Writes the backup into ``folder``, which must be new; a running ``heatfleet up`` goes on meanwhile."""
    _refuse_external(settings)
    _refuse_existing(folder)
    postgres = EmbeddedPostgres(settings.home, user=settings.postgres_user)
    if holder(settings.home) is None:
        async with postgres:
            return await _write(postgres, settings, clock, folder)
    postgres.attach()
    return await _write(postgres, settings, clock, folder)


async def _write(postgres: EmbeddedPostgres, settings: Settings, clock: Clock, folder: Path) -> Manifest:
    """The folder appears whole or not at all."""
    draft = folder.with_name(f".{folder.name}.{os.getpid()}")
    dsn = postgres.dsn(SUPERUSER)
    manifest = Manifest(__version__, await _revision(dsn) or "", clock.wall_now().isoformat())
    try:
        draft.mkdir(mode=0o700, parents=True)
        await _run(postgres, "pg_dump", "--format=custom", f"--file={draft / DUMP}", f"--dbname={dsn}")
        if settings.key_path.is_dir():
            shutil.copytree(settings.key_path, draft / KEYS)
        (draft / MANIFEST).write_bytes(msgspec.json.encode(manifest))
        draft.rename(folder)
    except OSError as error:
        raise cannot_write(error, folder) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return manifest


async def restore(settings: Settings, folder: Path) -> str:
    """Makes the installation of ``folder`` in a home that has none yet; the revision of its tables afterwards."""
    _refuse_external(settings)
    if not (folder / DUMP).is_file() or not (folder / MANIFEST).is_file():
        raise NotFound(f"{folder} is no backup: it has no {DUMP} and {MANIFEST}")
    if settings.key_path.is_dir() and any(settings.key_path.iterdir()):
        raise Conflict(f"{settings.key_path} holds keys already; restore into a new --home")
    async with EmbeddedPostgres(settings.home, user=settings.postgres_user) as postgres:
        dsn = postgres.dsn(SUPERUSER)
        if await _revision(dsn) is not None:
            raise Conflict(f"{settings.home} has a database already; restore into a new --home")
        options = ("--exit-on-error", "--single-transaction", f"--dbname={dsn}")
        await _run(postgres, "pg_restore", *options, str(folder / DUMP))
        if (folder / KEYS).is_dir():
            shutil.copytree(folder / KEYS, settings.key_path, dirs_exist_ok=True)
        return await migrate(postgres.owner_dsn, APP)


def _refuse_external(settings: Settings) -> None:
    if settings.dsn is not None:
        raise Conflict("the database of HEATFLEET_DATABASE_URL is not ours to copy; use pg_dump and pg_restore on it")


def _refuse_existing(folder: Path) -> None:
    if folder.exists():
        raise Conflict(f"{folder} is there already; name a new folder")


async def _revision(dsn: str) -> str | None:
    connection = await asyncpg.connect(dsn, database=DATABASE)
    try:
        return await revision(connection)
    finally:
        await connection.close()


async def _run(postgres: EmbeddedPostgres, tool: str, *arguments: str) -> None:
    programs = await asyncio.to_thread(install_programs, postgres.layout.binaries)
    command = [programs.path(tool), *arguments]
    result = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise BackupFailed((result.stderr.strip().splitlines() or [f"{tool} failed"])[-1])
