"""Cues: what somebody has to do about a heat pump before it works normally again, or has to be told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.ids import new_id
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


NOTHING_TO_OPTIMISE = "nothing_to_optimise"
NO_EXPORT_READING = "no_export_reading"
_NOTICES = {
    NOTHING_TO_OPTIMISE: (
        """h.is_smart_optimization_active and not coalesce(h.is_space_heating_enabled, false)
           and not coalesce(h.is_hot_water_heating_enabled, false)
           and not coalesce(h.is_pool_heating_enabled, false) and not coalesce(h.is_space_cooling_enabled, false)""",
        "Optimisation is on, but no use may be optimised: allow heating, hot water, pool or cooling.",
    ),
    NO_EXPORT_READING: (
        """h.is_inverter_forced_mode_enabled and h.connection_id is not null
           and not coalesce(h.capabilities -> 'channels', '[]') ? 'grid_export_kw'""",
        "The heat pump cannot be raised to use solar power: nothing measures what is fed into the grid.",
    ),
}
"""Messages that stand for as long as something is so: code, when (heat_pumps h), message."""


async def follow(tx: WriteTx, heat_pump_ids: Sequence[UUID], now: datetime) -> None:
    """Raises the messages that these pumps' settings call for and have not got, and withdraws those that are over."""
    for code, (holds, message) in _NOTICES.items():
        is_so = f"(h.deleted_at is null and {holds})"
        is_up = "q.heat_pump_id = h.id and q.state = 'active' and q.metadata ->> 'code' = $2"
        await tx.execute(
            f"""update cues q set state = 'resolved', resolved_at = $3 from heat_pumps h
                where h.id = any($1) and {is_up} and not {is_so}""",
            list(heat_pump_ids),
            code,
            now,
        )
        missing = await tx.fetch(
            f"""select h.id, h.org_id from heat_pumps h
                where h.id = any($1) and {is_so} and not exists (select from cues q where {is_up})""",
            list(heat_pump_ids),
            code,
        )
        await tx.execute(
            """insert into cues (id, org_id, heat_pump_id, code, metadata, sent_at)
               select id, org, pump, 'information', $4, $5
               from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as n(id, org, pump)""",
            [new_id() for _ in missing],
            [row[1] for row in missing],
            [row[0] for row in missing],
            {"code": code, "message": message},
            now,
        )
