"""Cues: what somebody has to do about a heat pump before it works normally again, or has to be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, one


class Cue(msgspec.Struct, frozen=True):
    """One cue that is active."""

    id: UUID
    org_id: UUID
    heat_pump_id: UUID
    code: str
    metadata: dict[str, Any]
    sent_at: datetime


_ACTIVE = f"select {columns(Cue)} from cues where id = $1 and state = 'active'"


async def get(tx: ReadTx, org_id: UUID, cue_id: UUID) -> Cue | None:
    """The organisation's active cue, or None."""
    return one(Cue, await tx.row(f"{_ACTIVE} and org_id = $2", cue_id, org_id))


async def find_by_secret(tx: ReadTx, cue_id: UUID) -> Cue | None:
    """The active cue in whatever organisation: a signed secret names it."""
    return one(Cue, await tx.row(_ACTIVE, cue_id))


async def close(tx: WriteTx, org_id: UUID, cue_id: UUID, state: str, now: datetime) -> bool:
    """Whether an active cue became ``resolved`` or ``failed``."""
    sql = "update cues set state = $3, resolved_at = $4 where org_id = $1 and id = $2 and state = 'active'"
    return await tx.execute(sql, org_id, cue_id, state, now) == 1
