"""Who did what: one row per change, with what it was before and after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import WriteTx
from heatfleet.store.ids import new_id


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


async def record(tx: WriteTx, org_id: UUID, actor: Actor, entry: Entry, now: datetime) -> None:
    """A row in the audit log."""
    sql = """
        insert into audit (id, org_id, at, actor, action, object_kind, object_id, before, after, request_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
    what = (entry.action, entry.object_kind, entry.object_id, _plain(entry.before), _plain(entry.after))
    await tx.execute(sql, new_id(), org_id, now, actor.name, *what, actor.request_id)


def _plain(values: Mapping[str, Any] | None) -> Any:
    """The values in JSON's own types."""
    return None if values is None else msgspec.to_builtins(dict(values))
