"""Cues: what somebody has to do about a heat pump before it works normally again, or has to be told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.domain.errors import SUBSCRIPTION_NEEDED
from heatfleet.domain.readings import Notice
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


async def withdraw(tx: WriteTx, org_id: UUID, heat_pump_id: UUID, now: datetime) -> None:
    """No cue of this pump is active any more."""
    sql = """
        update cues set state = 'resolved', resolved_at = $3
        where org_id = $1 and heat_pump_id = $2 and state = 'active'"""
    await tx.execute(sql, org_id, heat_pump_id, now)


FOLLOWED = frozenset(
    {
        "is_smart_optimization_active",
        "is_space_heating_enabled",
        "is_hot_water_heating_enabled",
        "is_pool_heating_enabled",
        "is_space_cooling_enabled",
        "is_inverter_forced_mode_enabled",
    }
)
"""The settings on which :func:`follow` depends."""

NOTHING_TO_OPTIMISE = "nothing_to_optimise"
ACTION_NEEDED = frozenset({NOTHING_TO_OPTIMISE, SUBSCRIPTION_NEEDED})
"""Messages that somebody must act upon before the pump is optimised."""
_NOTICES = {
    NOTHING_TO_OPTIMISE: "Optimisation is on, but no use may be optimised: allow heating, hot water, pool or cooling.",
    "cannot_disinfect": "We cannot heat the hot water of this pump to 60 °C: keep its own weekly disinfection on.",
    "no_export_reading": "The pump cannot be raised to use solar power: nothing measures what is fed into the grid.",
}
"""Messages that stand for as long as something is so."""

_FOLLOW = """
with wanted as (
  select n.id, h.org_id, h.id as pump, n.code, n.message, h.deleted_at is null
      and h.lifecycle_state <> 'disconnected' and case n.code
    when 'nothing_to_optimise' then h.is_smart_optimization_active
      and not coalesce(h.is_space_heating_enabled, false) and not coalesce(h.is_hot_water_heating_enabled, false)
      and not coalesce(h.is_pool_heating_enabled, false) and not coalesce(h.is_space_cooling_enabled, false)
    when 'cannot_disinfect' then h.is_smart_optimization_active and coalesce(h.is_hot_water_heating_enabled, false)
      and h.connection_id is not null and (h.capabilities #>> '{levers,dhw_setpoint_c,maximum}')::float8 < 60
      and not h.capabilities -> 'levers' ? 'dhw_boost'
    when 'no_export_reading' then h.is_inverter_forced_mode_enabled and h.connection_id is not null
      and not coalesce(h.capabilities -> 'channels', '[]') ? 'grid_export_kw' end as holds
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) as n(id, pump, code, message)
    join heat_pumps h on h.id = n.pump
), over as (
  update cues q set state = 'resolved', resolved_at = $5 from wanted w
  where q.heat_pump_id = w.pump and q.state = 'active' and q.metadata ->> 'code' = w.code and not w.holds
)
insert into cues (id, org_id, heat_pump_id, code, metadata, sent_at)
select id, org_id, pump, 'information', jsonb_build_object('code', w.code, 'message', message), $5 from wanted w
where holds and not exists (
  select from cues q where q.heat_pump_id = w.pump and q.state = 'active' and q.metadata ->> 'code' = w.code)"""


async def follow(tx: WriteTx, heat_pump_ids: Sequence[UUID], now: datetime) -> None:
    """Raises the messages that these pumps' settings call for and have not got, and withdraws those that are over."""
    wanted = [(new_id(), pump, code, message) for pump in heat_pump_ids for code, message in _NOTICES.items()]
    await tx.execute(_FOLLOW, *([row[n] for row in wanted] for n in range(4)), now)


SUBSCRIPTION_MESSAGE = (
    "The maker does not let us change this heat pump's settings: its paid service for changing settings is needed."
)
_RAISE = """
insert into cues (id, org_id, heat_pump_id, code, metadata, sent_at)
select n.id, h.org_id, h.id, 'information', jsonb_build_object('code', $3::text, 'message', $4::text), $5
from unnest($1::uuid[], $2::uuid[]) as n(id, pump) join heat_pumps h on h.id = n.pump
where h.deleted_at is null and not exists (
  select from cues q where q.heat_pump_id = h.id and q.state = 'active' and q.metadata ->> 'code' = $3::text)"""


async def raise_subscription(tx: WriteTx, heat_pump_ids: Sequence[UUID], now: datetime) -> None:
    """Tells the owners of these pumps that the maker wants to be paid, where nobody is told already."""
    if heat_pump_ids:
        ids = [new_id() for _ in heat_pump_ids]
        await tx.execute(_RAISE, ids, list(heat_pump_ids), SUBSCRIPTION_NEEDED, SUBSCRIPTION_MESSAGE, now)


async def withdraw_subscription(tx: WriteTx, heat_pump_ids: Sequence[UUID], now: datetime) -> None:
    """The maker has taken a setting of these pumps: what :func:`raise_subscription` said is over."""
    if heat_pump_ids:
        await tx.execute(
            """update cues set state = 'resolved', resolved_at = $3
               where heat_pump_id = any($1) and state = 'active' and metadata ->> 'code' = $2""",
            list(heat_pump_ids),
            SUBSCRIPTION_NEEDED,
            now,
        )


NOTICE = "notice"
"""Code of a message that the maker or the pump itself has; ``metadata.key`` tells one from another."""

_NOTE = """
with told as (
  select * from unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[]) as t(id, pump, key, message, since)
), over as (
  update cues q set state = 'resolved', resolved_at = $7
  where q.heat_pump_id = any($1) and q.state = 'active' and q.metadata ->> 'code' = 'notice' and not exists (
    select from told t where t.pump = q.heat_pump_id
      and (t.key, t.since) = (q.metadata ->> 'key', q.metadata ->> 'since'))
)
insert into cues (id, org_id, heat_pump_id, code, metadata, sent_at)
select t.id, h.org_id, h.id, 'information',
  jsonb_build_object('code', 'notice', 'key', t.key, 'message', t.message, 'since', t.since), $7
from told t join heat_pumps h on h.id = t.pump
where h.deleted_at is null and not exists (
  select from cues q where q.heat_pump_id = h.id and q.metadata ->> 'code' = 'notice' and q.metadata ->> 'key' = t.key
    and q.metadata ->> 'since' = t.since)"""


async def note(tx: WriteTx, told: Mapping[UUID, Sequence[Notice]], now: datetime) -> None:
    """Raises what stands at these pumps, each once, read or not; withdraws what stands no more."""
    if not told:
        return
    rows = {(pump, one.key): one for pump, notices in told.items() for one in notices}
    await tx.execute(
        _NOTE,
        list(told),
        [new_id() for _ in rows],
        [pump for pump, _ in rows],
        [key for _, key in rows],
        [one.message for one in rows.values()],
        [one.since_at.isoformat() for one in rows.values()],
        now,
    )
