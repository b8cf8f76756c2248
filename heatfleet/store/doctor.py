"""What is right and wrong with an installation, each with a sentence that says what to do."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

import asyncpg

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import HeatfleetError
from heatfleet.settings import Settings
from heatfleet.store.migrate import head, revision
from heatfleet.store.provider import DatabaseUrls, provide_database
from heatfleet.store.roles import standing

RELEASED_AT = datetime(2025, 1, 1, tzinfo=UTC)  # a clock before this is not set
DISK_FAIL_MB, DISK_WARN_MB = 200, 2_000

_UNPROTECTED = """
select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id'
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and not (c.relrowsecurity and c.relforcerowsecurity) order by 1
"""


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    what: str
    level: Level
    detail: str

    @property
    def ok(self) -> bool:
        """Whether one can go on like this."""
        return self.level is not Level.FAIL


async def examine(settings: Settings, clock: Clock) -> list[Finding]:
    """Everything looked at; starts the embedded database for it when it is not running."""
    findings = [_guarded("disk", lambda: disk(settings.home))]
    findings += [_guarded("keys", lambda: keys(settings))]
    findings += await database(settings, clock)
    findings += [sources(settings)]
    return findings


def _guarded(what: str, look: Callable[[], Finding]) -> Finding:
    try:
        return look()
    except OSError as error:
        return Finding(what, Level.FAIL, f"cannot look at {error.filename}: {error.strerror}")


def disk(home: Path) -> Finding:
    """Room for the database."""
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free_mb = shutil.disk_usage(existing).free // 1_000_000
    if free_mb < DISK_FAIL_MB:
        return Finding("disk", Level.FAIL, f"only {free_mb} MB free for {home}; make room or set HEATFLEET_HOME")
    if free_mb < DISK_WARN_MB:
        return Finding("disk", Level.WARN, f"{free_mb} MB free for {home}; plan for 2 GB per 1000 heat pumps and year")
    return Finding("disk", Level.OK, f"{free_mb // 1000} GB free for {home}")


def keys(settings: Settings) -> Finding:
    """Keys are there, and nobody else can read them."""
    files = sorted(path for path in settings.key_path.glob("*") if path.is_file()) if settings.key_path.is_dir() else []
    wanted = [] if settings.master_key else [settings.seal_key_path]
    open_to_others = [path for path in {*files, *wanted} if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_to_others:
        names = " ".join(str(path) for path in sorted(open_to_others))
        return Finding("keys", Level.FAIL, f"others can read them; run: chmod 600 {names}")
    missing = [path for path in wanted if not path.exists()]
    if missing:
        return Finding("keys", Level.WARN, f"{missing[0]} is not there yet; the first start makes it. Then back it up")
    return Finding("keys", Level.OK, f"{len(files)} in {settings.key_path}, closed to others; back them up")


async def database(settings: Settings, clock: Clock) -> list[Finding]:
    """Reachable, up to date, its role bound by row-level security, its clock like ours."""
    try:
        async with provide_database(
            settings.dsn, settings.home, user=settings.postgres_user, attach=True, look_only=True
        ) as urls:
            return await _look_inside(urls, is_ours=settings.dsn is None, wall_now=clock.wall_now)
    except HeatfleetError as error:
        return [Finding("database", Level.FAIL, str(error))]


async def _look_inside(urls: DatabaseUrls, *, is_ours: bool, wall_now: Callable[[], datetime]) -> list[Finding]:
    connection = await asyncpg.connect(urls.app_url)
    try:
        found = [await _reached(connection, is_ours)]
        found.append(await _binding(connection, urls.app_role))
        found.append(await _clock(connection, wall_now))
        return found
    finally:
        await connection.close()


async def _reached(connection: asyncpg.Connection, is_ours: bool) -> Finding:
    version = await connection.fetchval("show server_version")
    at = await revision(connection) or "nothing"
    kind = "embedded PostgreSQL" if is_ours else "PostgreSQL"
    if at != head():
        return Finding("database", Level.FAIL, f"{kind} {version} is at {at}, not at {head()}; run `heatfleet migrate`")
    return Finding("database", Level.OK, f"{kind} {version}, tables at {at}")


async def _binding(connection: asyncpg.Connection, role: str | None) -> Finding:
    """Refuses a login role that row-level security does not bind, even where we would give its powers up."""
    login = await standing(connection)
    if not login.is_bound:
        why = "is a superuser" if login.is_superuser else "has BYPASSRLS"
        return Finding(
            "organisations apart",
            Level.FAIL,
            f"role '{login.name}' {why}, so row-level security does not bind it. Run: create role heatfleet login"
            " createrole password '…'; create database heatfleet owner heatfleet; and name that role and database in"
            " HEATFLEET_DATABASE_URL",
        )
    open_tables = [row[0] for row in await connection.fetch(_UNPROTECTED)]
    if open_tables:
        return Finding("organisations apart", Level.FAIL, f"no row-level security on: {', '.join(open_tables)}")
    if role is None and await _owns_tables(connection):
        return Finding(
            "organisations apart",
            Level.WARN,
            f"role '{login.name}' owns the tables it works on; row-level security binds it, but it could switch that"
            f" off. Run as a superuser: create role heatfleet_app nologin; grant heatfleet_app to {login.name};",
        )
    return Finding("organisations apart", Level.OK, f"row-level security binds '{role or login.name}'")


async def _owns_tables(connection: asyncpg.Connection) -> bool:
    return bool(
        await connection.fetchval(
            "select pg_has_role(current_user, relowner, 'usage') from pg_class where oid = to_regclass('public.users')"
        )
    )


async def _clock(connection: asyncpg.Connection, wall_now: Callable[[], datetime]) -> Finding:
    theirs: datetime = await connection.fetchval("select clock_timestamp()")
    ours = wall_now()
    apart = abs(theirs - ours)
    if ours < RELEASED_AT:
        return Finding("clock", Level.FAIL, f"this machine thinks it is {ours:%Y-%m-%d}; set its clock")
    if apart > timedelta(seconds=5):
        return Finding(
            "clock", Level.FAIL, f"database and this machine are {apart.total_seconds():.0f} s apart; use NTP"
        )
    return Finding(
        "clock", Level.OK, f"{ours:%Y-%m-%d %H:%M:%S} UTC, {apart.total_seconds() * 1000:.0f} ms from the database"
    )


def sources(settings: Settings) -> Finding:
    """Where prices come from."""
    if settings.entsoe_api_key is None:
        return Finding(
            "sources",
            Level.OK,
            "prices from energy-charts (no key), weather from Open-Meteo; HEATFLEET_ENTSOE_API_KEY adds ENTSO-E",
        )
    return Finding("sources", Level.OK, "prices from ENTSO-E and energy-charts, weather from Open-Meteo")
