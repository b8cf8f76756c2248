"""Brings a database to this version's tables; safe to run twice, or from several machines at once.

Alembic does the work and is imported only when there is some: a start on an up-to-date database costs one query.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from heatfleet.store.embedded_files import DatabaseUnavailable
from heatfleet.store.roles import grant_rights

SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 7_204_330_417  # any number; the same for all heatfleets on one database


def head() -> str:
    """The newest revision: history is one line, and files sort by their number."""
    return max(path.stem for path in (SCRIPTS / "versions").glob("[0-9]*.py"))


async def migrate(owner_dsn: str, app_role: str | None) -> str:
    """The revision the database is at afterwards; ``app_role`` (if any) gets the application's rights.

    A role that may not migrate can still come by: it finds the database up to date, or ``DatabaseUnavailable``.
    """
    connection = await connect(owner_dsn)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        if await revision(connection) != head():
            await _check_may_migrate(connection)
            await _upgrade(owner_dsn)
        if app_role is not None and await _owns_tables(connection):
            await grant_rights(connection, app_role)
        return await revision(connection) or ""
    finally:
        await connection.close()  # gives the lock back


async def _check_may_migrate(connection: asyncpg.Connection) -> None:
    at = await revision(connection)
    if at is not None and at > head():
        raise DatabaseUnavailable(
            f"the database is at {at}, newer than this version of heatfleet ({head()}); update it"
        )
    may_create = await connection.fetchval("select has_schema_privilege('public', 'create')")
    if not (may_create if at is None else await _owns_tables(connection)):
        name = await connection.fetchval("select current_user")
        raise DatabaseUnavailable(
            f"the database is at {at or 'nothing'}, not at {head()}, and role '{name}' may not change its tables;"
            " run `heatfleet migrate` with HEATFLEET_DATABASE_URL naming the role that owns them"
        )


async def _owns_tables(connection: asyncpg.Connection) -> bool:
    return bool(
        await connection.fetchval(
            "select pg_has_role(current_user, relowner, 'usage') from pg_class"
            " where oid = to_regclass('public.alembic_version')"
        )
    )


async def revision(connection: asyncpg.Connection) -> str | None:
    """The revision the database is at, or None for an empty one."""
    if not await connection.fetchval("select to_regclass('public.alembic_version') is not null"):
        return None
    found: str | None = await connection.fetchval("select version_num from public.alembic_version")
    return found


async def connect(dsn: str) -> asyncpg.Connection:
    """One connection; ``DatabaseUnavailable`` when there is none to be had."""
    try:
        return await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(f"cannot connect to the database: {error}") from None


async def _upgrade(dsn: str) -> None:
    from sqlalchemy import NullPool
    from sqlalchemy.ext.asyncio import create_async_engine

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(dsn), poolclass=NullPool
    )
    async with engine.connect() as connection:
        await connection.run_sync(_run_alembic)
    await engine.dispose()


def _run_alembic(connection: Any) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()
