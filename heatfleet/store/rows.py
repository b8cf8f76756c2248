"""Rows as Structs by position: the columns of a query are the fields of a Struct, in its order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from heatfleet.domain.errors import Conflict
from heatfleet.store.database import WriteTx

Row = TypeVar("Row", bound=msgspec.Struct)


def columns(kind: type[msgspec.Struct], alias: str = "") -> str:
    """The column list of a query that fills ``kind``."""
    prefix = f"{alias}." if alias else ""
    return ", ".join(prefix + name for name in kind.__struct_fields__)


def one(kind: type[Row], record: asyncpg.Record | None) -> Row | None:
    """The record as ``kind``, or None."""
    return None if record is None else kind(*record)


def many(kind: type[Row], records: Iterable[asyncpg.Record]) -> list[Row]:
    """The records as ``kind``."""
    return [kind(*record) for record in records]


def assignments(changes: Mapping[str, Any], allowed: frozenset[str], first: int) -> str:
    """``a = $first, b = $first+1, …`` for the changed columns; only ``allowed`` names ever reach the SQL text."""
    unknown = changes.keys() - allowed
    assert not unknown, f"not writable: {sorted(unknown)}"
    return ", ".join(f"{name} = ${first + i}" for i, name in enumerate(changes))


async def insert_row(
    tx: WriteTx, table: str, keys: Mapping[str, Any], fields: Mapping[str, Any], allowed: frozenset[str], now: datetime
) -> None:
    """A new row of ``keys`` (id, org_id, …), both of its times, and ``fields``, which must be ``allowed``."""
    assert fields.keys() <= allowed, sorted(fields.keys() - allowed)
    values = {**keys, "created_at": now, "updated_at": now, **fields}
    marks = ", ".join(f"${i + 1}" for i in range(len(values)))
    await tx.execute(f"insert into {table} ({', '.join(values)}) values ({marks})", *values.values())


async def update_row(
    tx: WriteTx,
    table: str,
    key: tuple[UUID, UUID],
    changes: Mapping[str, Any],
    allowed: frozenset[str],
    version: int,
    now: datetime,
) -> None:
    """The changed fields of the row with ``key`` (org_id, id), and its new version."""
    sets = assignments(changes, allowed, 5)
    sql = f"update {table} set version = $3, updated_at = $4, {sets} where org_id = $1 and id = $2"
    await tx.execute(sql, *key, version, now, *changes.values())


@contextmanager
def unique(index: str, message: str) -> Iterator[None]:
    """Turns a clash in the unique index into :class:`Conflict`."""
    try:
        yield
    except asyncpg.UniqueViolationError as clash:
        if clash.constraint_name != index:
            raise
        raise Conflict(message) from None
