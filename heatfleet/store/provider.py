"""Which database: the one HEATFLEET_DATABASE_URL names, else an embedded one from the first wheel that works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from heatfleet.store.embedded import APP, EmbeddedPostgres
from heatfleet.store.embedded_files import DatabaseUnavailable
from heatfleet.store.migrate import migrate
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
async def provide_database(url: str | None, home: Path, *, user: str = "nobody") -> AsyncIterator[DatabaseUrls]:
    """A running, migrated database; the embedded one stops at the end."""
    if url is not None:
        urls = await external_urls(url)
        await migrate(urls.owner_url, urls.app_role)
        yield urls
        return
    async with EmbeddedPostgres(home, user=user) as postgres:
        await migrate(postgres.owner_dsn, APP)
        yield DatabaseUrls(postgres.owner_dsn, postgres.app_dsn, None, postgres)


async def external_urls(url: str) -> DatabaseUrls:
    """How to use somebody else's PostgreSQL; ``DatabaseUnavailable`` when it cannot be reached or is too old."""
    try:
        connection = await asyncpg.connect(url)
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise DatabaseUnavailable(f"cannot connect to the database of HEATFLEET_DATABASE_URL: {error}") from None
    try:
        if connection.get_server_version().major < 15:
            raise DatabaseUnavailable("the database of HEATFLEET_DATABASE_URL is older than PostgreSQL 15")
        return DatabaseUrls(url, url, await app_role_for(connection))
    finally:
        await connection.close()
