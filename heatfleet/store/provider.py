"""Which database: the one HEATFLEET_DATABASE_URL names, else an embedded one from the first wheel that works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from heatfleet.store.embedded import APP, EmbeddedPostgres, holder
from heatfleet.store.embedded_files import DatabaseUnavailable
from heatfleet.store.migrate import connect, migrate
from heatfleet.store.roles import app_role_for


@dataclass(frozen=True)
class DatabaseUrls:
    """Where the database is.

    ``app_url`` is what application processes connect to; ``app_role`` is the role they then take (None: the one they
    log in as). ``postgres`` is our own server, if it is one.
    """

    owner_url: str
    app_url: str
    app_role: str | None
    postgres: EmbeddedPostgres | None = None


@asynccontextmanager
async def provide_database(
    url: str | None, home: Path, *, user: str = "nobody", attach: bool = False, look_only: bool = False
) -> AsyncIterator[DatabaseUrls]:
    """A running, migrated database; the embedded one stops at the end.

    With ``attach`` the embedded server of another process on the same home is used when there is one (short commands
    beside a running ``heatfleet up``); without, that is refused. With ``look_only`` nothing is migrated or granted.
    """
    if url is not None:
        urls = await external_urls(url, look_only=look_only)
        if not look_only:
            await migrate(urls.owner_url, urls.app_role)
        yield urls
        return
    postgres = EmbeddedPostgres(home, user=user)
    if attach and holder(home) is not None:
        postgres.attach()
        await (await connect(postgres.app_dsn)).close()  # says so when that process is only starting or ending
        yield DatabaseUrls(postgres.owner_dsn, postgres.app_dsn, None)
        return
    async with postgres:
        if not look_only:
            await migrate(postgres.owner_dsn, APP)
        yield DatabaseUrls(postgres.owner_dsn, postgres.app_dsn, None, postgres)


async def external_urls(url: str, *, look_only: bool = False) -> DatabaseUrls:
    """How to use somebody else's PostgreSQL; ``DatabaseUnavailable`` when it cannot be reached or is too old."""
    try:
        connection = await asyncpg.connect(url)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(f"cannot connect to the database of HEATFLEET_DATABASE_URL: {error}") from None
    try:
        if connection.get_server_version().major < 15:
            raise DatabaseUnavailable("the database of HEATFLEET_DATABASE_URL is older than PostgreSQL 15")
        return DatabaseUrls(url, url, await app_role_for(connection, look_only=look_only))
    finally:
        await connection.close()
