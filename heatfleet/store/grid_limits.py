"""Limits of the grid: what groups of heat pumps may draw, and the proof of what they did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many, one


class GridLimit(msgspec.Struct, frozen=True):
    """One limit of a group, see the table."""

    id: UUID
    org_id: UUID
    limit_w: int
    effective_w: int
    starts_at: datetime
    ends_at: datetime
    created_by: str
    created_at: datetime
    ended_at: datetime | None


class Share(msgspec.Struct, frozen=True):
    """What one heat pump may draw of a limit, see the table."""

    limit_id: UUID
    org_id: UUID
    heat_pump_id: UUID
    connection: int
    least_w: int
    connection_w: int
    limit_w: int
    starts_at: datetime
    ends_at: datetime


class Evidence(msgspec.Struct, frozen=True):
    """What one heat pump did under a limit, quarter-hour by quarter-hour."""

    heat_pump_id: UUID
    at: datetime
    limit_w: int
    power_w: int | None
    read_at: datetime | None
    state: str | None


class Member(msgspec.Struct, frozen=True):
    """A heat pump that may be limited, and the building it stands in."""

    id: UUID
    building_id: UUID | None


_COLUMNS = columns(GridLimit)


async def members(tx: ReadTx, org_id: UUID, heat_pump_ids: Sequence[UUID], building_id: UUID | None) -> list[Member]:
    """The organisation's living heat pumps of these ids, or of a building, in order of id."""
    sql = """
        select id, building_id from heat_pumps
        where org_id = $1 and deleted_at is null and (id = any($2) or building_id = $3) order by id"""
    return many(Member, await tx.fetch(sql, org_id, list(heat_pump_ids), building_id))


async def beside(tx: ReadTx, org_id: UUID, heat_pump_ids: Sequence[UUID]) -> list[Member]:
    """These heat pumps and all living ones in their buildings, in order of id."""
    sql = """
        select id, building_id from heat_pumps
        where org_id = $1 and deleted_at is null and (id = any($2)
          or building_id in (select building_id from heat_pumps where org_id = $1 and id = any($2)))
        order by id"""
    return many(Member, await tx.fetch(sql, org_id, list(heat_pump_ids)))


async def insert(tx: WriteTx, limit: GridLimit, shares: Sequence[Share]) -> None:
    """A new limit with its shares."""
    sql = f"insert into grid_limits ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    await tx.execute(sql, *msgspec.structs.astuple(limit))
    names = Share.__struct_fields__
    sql = f"""
        insert into grid_limit_shares ({columns(Share)})
        select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int[], $5::int[], $6::int[], $7::int[],
          $8::timestamptz[], $9::timestamptz[])"""
    await tx.execute(sql, *([getattr(share, name) for share in shares] for name in names))


async def find(tx: ReadTx, org_id: UUID, after: UUID | None, limit: int) -> list[GridLimit]:
    """The organisation's limits in order of id, past ones included."""
    sql = f"select {_COLUMNS} from grid_limits where org_id = $1 and ($2::uuid is null or id > $2) order by id limit $3"
    return many(GridLimit, await tx.fetch(sql, org_id, after, limit))


async def get(tx: ReadTx, org_id: UUID, limit_id: UUID) -> GridLimit | None:
    """The limit, past or not, or None."""
    sql = f"select {_COLUMNS} from grid_limits where org_id = $1 and id = $2"
    return one(GridLimit, await tx.row(sql, org_id, limit_id))


async def get_for_update(tx: WriteTx, org_id: UUID, limit_id: UUID) -> GridLimit | None:
    """The limit, locked until the transaction ends, or None."""
    sql = f"select {_COLUMNS} from grid_limits where org_id = $1 and id = $2 for update"
    return one(GridLimit, await tx.row(sql, org_id, limit_id))


async def shares_of(tx: ReadTx, limit_ids: Sequence[UUID]) -> list[Share]:
    """The shares of these limits, connection by connection."""
    sql = f"""
        select {columns(Share)} from grid_limit_shares where limit_id = any($1)
        order by limit_id, connection, heat_pump_id"""
    return many(Share, await tx.fetch(sql, list(limit_ids)))


async def unsteered(tx: ReadTx, limit_ids: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """(limit, heat pump) of those we cannot dim: not optimised, not connected or deleted."""
    sql = """
        select s.limit_id, s.heat_pump_id from grid_limit_shares s join heat_pumps h on h.id = s.heat_pump_id
        where s.limit_id = any($1) and (h.deleted_at is not null or h.connection_id is null
          or not h.is_smart_optimization_active)
        order by s.limit_id, s.heat_pump_id"""
    return [(row[0], row[1]) for row in await tx.fetch(sql, list(limit_ids))]


async def in_time(tx: ReadTx, heat_pump_ids: Sequence[UUID], since: datetime, until: datetime) -> list[Share]:
    """The shares of these heat pumps that hold somewhere in a time."""
    sql = f"""
        select {columns(Share)} from grid_limit_shares
        where heat_pump_id = any($1) and ends_at > $2 and starts_at < $3 and ends_at > starts_at"""
    return many(Share, await tx.fetch(sql, list(heat_pump_ids), since, until))


async def end(tx: WriteTx, limit_id: UUID, ends_at: datetime, now: datetime) -> None:
    """The limit is taken back: it holds until ``ends_at`` [fleet clock] at most."""
    await tx.execute("update grid_limits set ended_at = $2 where id = $1", limit_id, now)
    sql = "update grid_limit_shares set ends_at = greatest(least(ends_at, $2), starts_at) where limit_id = $1"
    await tx.execute(sql, limit_id, ends_at)


async def note_evidence(tx: WriteTx, at: datetime) -> int:
    """How many heat pumps under a limit at ``at`` were noted with what they draw; noting twice changes nothing."""
    sql = """
        insert into grid_limit_evidence (limit_id, org_id, heat_pump_id, at, limit_w, power_w, read_at, state)
        select s.limit_id, s.org_id, s.heat_pump_id, $1, s.limit_w, round(l.power_kw * 1000)::int, l.at, h.current_state
        from grid_limit_shares s
          join heat_pumps h on h.id = s.heat_pump_id
          left join device_latest l on l.heat_pump_id = s.heat_pump_id
        where s.ends_at > $1 and s.starts_at <= $1
        on conflict do nothing"""
    return await tx.execute(sql, at)


async def evidence(
    tx: ReadTx, limit_id: UUID, since: datetime | None, until: datetime | None, limit: int
) -> list[Evidence]:
    """What was noted under a limit in a time, in order of time."""
    sql = f"""
        select {columns(Evidence)} from grid_limit_evidence
        where limit_id = $1 and ($2::timestamptz is null or at >= $2) and ($3::timestamptz is null or at < $3)
        order by at, heat_pump_id limit $4"""
    return many(Evidence, await tx.fetch(sql, limit_id, since, until, limit))


async def forget(tx: WriteTx, before: datetime) -> int:
    """How many limits that ended before an instant were dropped, with their proof."""
    return await tx.execute("delete from grid_limits where ends_at < $1", before)
