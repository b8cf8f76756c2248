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

FLEET: Final = "fleet"
Scope = UUID | str


class ReadTx:
    """A read-only transaction in one scope."""

    def __init__(self, connection: asyncpg.Connection, scope: Scope) -> None:
        self._connection = connection
        self.scope = scope

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """All rows."""
        return await self._connection.fetch(sql, *args)

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
        async with self.pool.acquire() as connection, connection.transaction(readonly=True):
            await connection.fetchval("select set_config('heatfleet.org', $1, true)", str(scope))
            yield ReadTx(connection, scope)

    @asynccontextmanager
    async def write(self, scope: Scope) -> AsyncIterator[WriteTx]:
        """A writing transaction in ``scope``; rolls back on any error."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.fetchval("select set_config('heatfleet.org', $1, true)", str(scope))
            yield WriteTx(connection, scope)
