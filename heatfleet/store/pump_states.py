"""The fleet as the worker sees it: heat pumps by id over all organisations, and the states that flows keep of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.domain.statuses import Lifecycle, Status, sources
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.rows import columns, many


class Watched(msgspec.Struct, frozen=True):
    """What a poll says of a pump; None leaves a status as it is."""

    id: UUID
    connection_status: str
    monitoring_status: str | None
    steering_status: str | None
    actual_state: str | None
    lifecycle_error: str | None = None


class Controlled(msgspec.Struct, frozen=True):
    """What steering decided of a pump."""

    id: UUID
    control_state: str
    current_state: str | None


async def pumps(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[UUID, HeatPump]:
    """These pumps, deleted ones included, by id."""
    sql = f"select {columns(HeatPump)} from heat_pumps where id = any($1)"
    return {pump.id: pump for pump in many(HeatPump, await tx.fetch(sql, list(heat_pump_ids)))}


async def optimised(tx: ReadTx, after: UUID | None, limit: int) -> list[UUID]:
    """Pumps that may be planned and steered, in order of id after ``after``."""
    sql = """
        select id from heat_pumps
        where deleted_at is null and is_smart_optimization_active and connection_id is not null
          and ($1::uuid is null or id > $1) order by id limit $2"""
    return [row[0] for row in await tx.fetch(sql, after, limit)]


async def to_steer(tx: ReadTx, after: UUID | None, limit: int) -> list[UUID]:
    """Pumps to decide upon: those optimised, those in a steering state, and those owed a release."""
    sql = """
        select id from (
          select id from heat_pumps where connection_id is not null and deleted_at is null
            and (is_smart_optimization_active or control_state <> 'observing')
          union select heat_pump_id from baselines where release_owed_since is not null) ids
        where $1::uuid is null or id > $1 order by id limit $2"""
    return [row[0] for row in await tx.fetch(sql, after, limit)]


async def connected(tx: ReadTx, after: UUID | None, limit: int) -> list[UUID]:
    """Pumps that are read, in order of id after ``after``."""
    sql = """
        select id from heat_pumps where deleted_at is null and connection_id is not null
          and ($1::uuid is null or id > $1) order by id limit $2"""
    return [row[0] for row in await tx.fetch(sql, after, limit)]


async def count_steered(tx: ReadTx) -> int:
    """How many pumps are optimised."""
    sql = "select count(*) from heat_pumps where deleted_at is null and is_smart_optimization_active"
    count: int = await tx.value(sql)
    return count


async def save_watched(tx: WriteTx, watched: Sequence[Watched]) -> None:
    """The statuses after a poll, where they changed."""
    if not watched:
        return
    sql = """
        update heat_pumps h set connection_status = w.connection,
          monitoring_status = coalesce(w.monitoring, h.monitoring_status),
          steering_status = coalesce(w.steering, h.steering_status), actual_state = w.actual,
          lifecycle_state = case when w.error is not null and h.lifecycle_state = any($7) then 'error'
            else h.lifecycle_state end,
          lifecycle_error = case when h.lifecycle_state = any($7) then coalesce(w.error, h.lifecycle_error)
            else h.lifecycle_error end
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
          as w(id, connection, monitoring, steering, actual, error)
        where h.id = w.id and h.deleted_at is null
          and (h.connection_status, h.monitoring_status, h.steering_status, h.actual_state, h.lifecycle_error)
            is distinct from (w.connection, coalesce(w.monitoring, h.monitoring_status),
              coalesce(w.steering, h.steering_status), w.actual, coalesce(w.error, h.lifecycle_error))"""
    columns_ = ([getattr(one, name) for one in watched] for name in Watched.__struct_fields__)
    await tx.execute(sql, *columns_, sources(Lifecycle.ERROR))


async def save_controlled(tx: WriteTx, controlled: Sequence[Controlled]) -> None:
    """Control state and steering state in force, where they changed."""
    if not controlled:
        return
    sql = """
        update heat_pumps h set control_state = c.control, current_state = c.state
        from unnest($1::uuid[], $2::text[], $3::text[]) as c(id, control, state)
        where h.id = c.id and (h.control_state, h.current_state) is distinct from (c.control, c.state)"""
    await tx.execute(sql, *([getattr(one, name) for one in controlled] for name in Controlled.__struct_fields__))


async def save_rejected(tx: WriteTx, heat_pump_ids: Sequence[UUID], status: Status = Status.ERROR) -> None:
    """Pumps whose vendor rejected a command, and what that says of steering them."""
    if not heat_pump_ids:
        return
    await tx.execute("update heat_pumps set steering_status = $2 where id = any($1)", list(heat_pump_ids), status.value)


async def settle_policies(tx: WriteTx, now: datetime, heat_pump_ids: Sequence[UUID] | None = None) -> int:
    """How many pauses and absences (of these pumps, or of all) had run out and were taken back.

    Their versions move; plans made for them stay good.
    """
    return await tx.execute(
        """update heat_pumps set
             is_pause_power_active = is_pause_power_active and pause_power_until is not null and pause_power_until > $1,
             away_mode_start = case when away_mode_end <= $1 then null else away_mode_start end,
             away_mode_end = case when away_mode_end <= $1 then null else away_mode_end end,
             version = version + 1
           where deleted_at is null and ($2::uuid[] is null or id = any($2))
             and ((is_pause_power_active and (pause_power_until is null or pause_power_until <= $1))
               or away_mode_end <= $1)""",
        now,
        None if heat_pump_ids is None else list(heat_pump_ids),
    )


async def unlink(tx: WriteTx, heat_pump_ids: Sequence[UUID]) -> list[UUID]:
    """Those of these pumps that are disconnected; their connection and the vendor's id of them are forgotten."""
    sql = """
        update heat_pumps set connection_id = null, external_device_id = '', connection_status = 'unknown',
          monitoring_status = 'unknown', steering_status = 'unknown', actual_state = null
        where id = any($1) and lifecycle_state = 'disconnected' returning id"""
    return [row[0] for row in await tx.fetch(sql, list(heat_pump_ids))]


async def switch_off(tx: WriteTx, heat_pump_ids: Sequence[UUID], now: datetime) -> int:
    """How many pumps were switched from optimised to merely observed; ``now`` on the wall clock."""
    return await tx.execute(
        """update heat_pumps set is_smart_optimization_active = false, policy_version = policy_version + 1,
             version = version + 1, updated_at = $2 where id = any($1) and is_smart_optimization_active""",
        list(heat_pump_ids),
        now,
    )
