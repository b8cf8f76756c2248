"""Who did what: one row per change, with what it was before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.ids import new_id
from heatfleet.store.rows import columns, many


class Actor(msgspec.Struct, frozen=True):
    """Who acts: ``client:ID``, ``user:ID`` or ``flow:NAME``, and the request by which."""

    name: str
    request_id: str | None = None


class Entry(msgspec.Struct, frozen=True):
    """One change of one object; ``before`` and ``after`` hold the changed fields only."""

    action: str
    object_kind: str
    object_id: UUID
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None


class Record(msgspec.Struct, frozen=True):
    """One row of the log."""

    id: UUID
    at: datetime
    actor: str
    action: str
    object_kind: str
    object_id: UUID | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: str | None


class AuditFilter(msgspec.Struct, frozen=True):
    """Which rows a list shows, from ``from_at`` until before ``to_at``; ``after`` and ``limit`` page by id."""

    object_kind: str | None = None
    object_id: UUID | None = None
    actor: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None
    after: UUID | None = None
    limit: int = 500


_COLUMNS = columns(Record)


async def record(tx: WriteTx, org_id: UUID, actor: Actor, entry: Entry, now: datetime) -> None:
    """A row in the audit log."""
    await record_many(tx, org_id, actor, [entry], now)


async def record_many(tx: WriteTx, org_id: UUID, actor: Actor, entries: Sequence[Entry], now: datetime) -> None:
    """A row in the audit log for each of ``entries``, which happened together."""
    sql = """
        insert into audit (id, org_id, at, actor, request_id, action, object_kind, object_id, before, after)
        select id, $1, $2, $3, $4, action, kind, object, before, after
        from unnest($5::uuid[], $6::text[], $7::text[], $8::uuid[], $9::jsonb[], $10::jsonb[])
          as e(id, action, kind, object, before, after)"""
    whats = [(new_id(), e.action, e.object_kind, e.object_id, _plain(e.before), _plain(e.after)) for e in entries]
    await tx.execute(sql, org_id, now, actor.name, actor.request_id, *([what[i] for what in whats] for i in range(6)))


async def find(tx: ReadTx, org_id: UUID, wanted: AuditFilter) -> list[Record]:
    """Rows in the order they were written, at most ``wanted.limit``."""
    sql = f"""
        select {_COLUMNS} from audit
        where org_id = $1 and ($2::text is null or object_kind = $2) and ($3::uuid is null or object_id = $3)
          and ($4::text is null or actor = $4) and ($5::timestamptz is null or at >= $5)
          and ($6::timestamptz is null or at < $6) and ($7::uuid is null or id > $7)
        order by id limit $8"""
    return many(Record, await tx.fetch(sql, org_id, *msgspec.structs.astuple(wanted)))


def _plain(values: Mapping[str, Any] | None) -> Any:
    """The values in JSON's own types."""
    return None if values is None else msgspec.to_builtins(dict(values))
