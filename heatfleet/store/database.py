"""Transactions: the only way to the database.

A read transaction and a write transaction are different types, and each says whose rows it may see: one organisation,
or ``FLEET`` (the worker and sign-in). Row-level security enforces the same a second time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

FLEET: Final = "fleet"
Scope = UUID | str


class ReadTx:
    """A read-only transaction in one scope."""

    def __init__(self, connection: asyncpg.Connection, scope: Scope) -> None:
        self._connection = connection
        self.scope = scope

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """All rows."""
        found: list[asyncpg.Record] = await self._connection.fetch(sql, *args)
        return found

    async def row(self, sql: str, *args: Any) -> asyncpg.Record | None:
        """The first row, or None."""
        return await self._connection.fetchrow(sql, *args)

    async def value(self, sql: str, *args: Any) -> Any:
        """The first column of the first row, or None."""
        return await self._connection.fetchval(sql, *args)


class WriteTx(ReadTx):
    """A transaction that may write; all or nothing."""

    async def execute(self, sql: str, *args: Any) -> int:
        """Number of rows touched."""
        tag = await self._connection.execute(sql, *args)
        last = tag.rpartition(" ")[2]
        return int(last) if last.isdigit() else 0

    async def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Bulk-load rows by COPY."""
        await self._connection.copy_records_to_table(table, records=rows, columns=columns)

    @property
    def raw(self) -> asyncpg.Connection:
        """The connection, for the job queue's own SQL."""
        return self._connection


class Database:
    """Hands out transactions on a connection pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    @asynccontextmanager
    async def read(self, scope: Scope) -> AsyncIterator[ReadTx]:
        """A read-only transaction that sees the rows of ``scope``."""
        async with self._transaction("begin read only", scope) as connection:
            yield ReadTx(connection, scope)

    @asynccontextmanager
    async def write(self, scope: Scope) -> AsyncIterator[WriteTx]:
        """A writing transaction in ``scope``; rolls back on any error."""
        async with self._transaction("begin", scope) as connection:
            yield WriteTx(connection, scope)

    @asynccontextmanager
    async def _transaction(self, begin: str, scope: Scope) -> AsyncIterator[asyncpg.Connection]:
        """Begins and says the scope in one round trip; commits, or rolls back on any error."""
        assert scope == FLEET or isinstance(scope, UUID)  # it becomes part of the SQL text
        async with self.pool.acquire() as connection:
            try:
                await connection.execute(f"{begin}; set local heatfleet.org = '{scope}'")
                yield connection
                await connection.execute("commit")
            finally:
                if not connection.is_closed() and connection.is_in_transaction():
                    await connection.execute("rollback")

    async def close(self) -> None:
        """Waits for running transactions, then closes every connection."""
        await self.pool.close()


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """A pooled connection that need not be reset: everything the house sets lasts one transaction."""

    def get_reset_query(self) -> str:
        return ""


async def open_database(dsn: str, *, role: str | None = None, min_size: int = 1, max_size: int = 20) -> Database:
    """A database to use; every connection takes ``role`` (None: the one that ``dsn`` names)."""

    async def prepare(connection: asyncpg.Connection) -> None:
        for kind in ("json", "jsonb"):
            await connection.set_type_codec(
                kind, schema="pg_catalog", encoder=_to_json, decoder=msgspec.json.decode, format="text"
            )
        if role is not None:
            await connection.execute('set role "' + role.replace('"', '""') + '"')

    pool = await asyncpg.create_pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        init=prepare,
        connection_class=_Connection,
        statement_cache_size=500,
        max_inactive_connection_lifetime=300.0,
        command_timeout=60.0,
        server_settings={"application_name": "heatfleet"},
    )
    return Database(pool)


def _to_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
