"""Telemetry: one row per poll in weekly partitions, the newest value of every channel, energy by the hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from heatfleet.domain.readings import Channel
from heatfleet.store.database import ReadTx, WriteTx

CHANNELS: tuple[Channel, ...] = tuple(Channel)
_NAMES = [channel.value for channel in CHANNELS]
_PRECISE = {Channel.ENERGY_KWH, Channel.HEAT_KWH}
_TYPES = ["float8" if channel in _PRECISE else "real" for channel in CHANNELS]
_WEEK = timedelta(days=7)


class TelemetryRow(msgspec.Struct, frozen=True):
    """One poll of one pump; ``estimated``, ``modelled`` and ``stale`` are masks, a bit per channel."""

    heat_pump_id: UUID
    org_id: UUID
    at: datetime
    polled_at: datetime
    values: Mapping[Channel, float]
    estimated: int = 0
    modelled: int = 0
    stale: int = 0  # channels that answered with an old value: their newest value is no longer known


class Latest(msgspec.Struct, frozen=True):
    """The newest values of one pump; ``at`` is the age of its sensors."""

    heat_pump_id: UUID
    org_id: UUID
    at: datetime | None
    polled_at: datetime | None
    values: dict[Channel, float]
    disinfection_last_at: datetime | None


class EnergyHour(msgspec.Struct, frozen=True):
    """Electricity [kWh] of one pump that fell into one hour."""

    heat_pump_id: UUID
    org_id: UUID
    hour_at: datetime
    energy_kwh: float
    quality: str


async def ensure_weeks(tx: WriteTx, first: datetime, last: datetime) -> None:
    """Partitions for every week that ``first`` to ``last`` touches."""
    weeks = int((last - first) / _WEEK) + 1
    ats = [min(first + n * _WEEK, last) for n in range(weeks + 1)]
    await tx.fetch("select ensure_week(at) from unnest($1::timestamptz[]) as at", ats)


def mask(channels: Sequence[Channel]) -> int:
    """The bits of these channels."""
    return sum(1 << CHANNELS.index(channel) for channel in channels)


async def save(tx: WriteTx, rows: Sequence[TelemetryRow]) -> None:
    """The rows, those already there left alone, and the newest values."""
    if not rows:
        return
    await ensure_weeks(tx, min(row.at for row in rows), max(row.at for row in rows))
    head = [[getattr(row, name) for row in rows] for name in _HEAD]
    arrays = [*head, *([row.values.get(channel) for row in rows] for channel in CHANNELS)]
    await tx.execute(_INSERT, *arrays)
    await tx.execute(
        """insert into device_latest (heat_pump_id, org_id) select * from unnest($1::uuid[], $2::uuid[])
           on conflict (heat_pump_id) do nothing""",
        *head[:2],
    )
    await tx.execute(_MERGE, *arrays)


_HEAD = ("heat_pump_id", "org_id", "at", "polled_at", "estimated", "modelled", "stale")
_HEAD_TYPES = ("uuid", "uuid", "timestamptz", "timestamptz", "int", "int", "int")
_COLUMNS = ", ".join(_NAMES)
_ARRAYS = ", ".join(f"${i}::{kind}[]" for i, kind in enumerate((*_HEAD_TYPES, *_TYPES), 1))
_GIVEN = f"unnest({_ARRAYS}) as g({', '.join(_HEAD)}, {_COLUMNS})"
_INSERT = f"""
insert into telemetry (heat_pump_id, org_id, at, estimated, modelled, {_COLUMNS})
select heat_pump_id, org_id, at, estimated, modelled, {_COLUMNS} from {_GIVEN}
on conflict (heat_pump_id, at) do nothing"""
_NEWEST = ", ".join(
    f"{name} = coalesce(g.{name}, case when g.stale & {1 << i} = 0 then l.{name} end)" for i, name in enumerate(_NAMES)
)
_MERGE = f"""
update device_latest l set at = g.at, polled_at = greatest(l.polled_at, g.polled_at), estimated = g.estimated,
  modelled = g.modelled, {_NEWEST}
from {_GIVEN} where l.heat_pump_id = g.heat_pump_id and (l.at is null or g.at >= l.at)"""


async def latest(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[UUID, Latest]:
    """The newest values of these pumps; those never read are left out."""
    sql = f"""
        select heat_pump_id, org_id, at, polled_at, disinfection_last_at, {_COLUMNS} from device_latest
        where heat_pump_id = any($1)"""
    found = {}
    for row in await tx.fetch(sql, list(heat_pump_ids)):
        values = {channel: v for channel, v in zip(CHANNELS, tuple(row)[5:], strict=True) if v is not None}
        found[row[0]] = Latest(row[0], row[1], row[2], row[3], values, row[4])
    return found


async def add_energy(tx: WriteTx, hours: Sequence[EnergyHour]) -> None:
    """The energy on top of what the hours hold; an hour is only as good as its worst part."""
    if not hours:
        return
    merged: dict[tuple[UUID, datetime], EnergyHour] = {}
    for one in hours:
        key = (one.heat_pump_id, one.hour_at)
        before = merged.get(key)
        kwh = one.energy_kwh + (before.energy_kwh if before else 0.0)
        quality = one.quality if before is None else _worse(before.quality, one.quality)
        merged[key] = msgspec.structs.replace(one, energy_kwh=kwh, quality=quality)
    sql = """
        insert into energy_hours (heat_pump_id, org_id, hour_at, energy_kwh, quality)
        select * from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::real[], $5::text[])
        on conflict (heat_pump_id, hour_at) do update set energy_kwh = energy_hours.energy_kwh + excluded.energy_kwh,
          quality = case when 'modelled' in (energy_hours.quality, excluded.quality) then 'modelled'
            when 'estimated' in (energy_hours.quality, excluded.quality) then 'estimated' else 'measured' end"""
    rows = list(merged.values())
    await tx.execute(sql, *([getattr(row, name) for row in rows] for name in EnergyHour.__struct_fields__))


def _worse(a: str, b: str) -> str:
    order = ("measured", "estimated", "modelled")
    return max(a, b, key=order.index)


async def refresh_consumption(tx: WriteTx, now: datetime) -> int:
    """How many pumps have new figures of the last 24 hours, 7 days and 30 days."""
    sql = """
        update device_latest l set consumption_last_day_kwh = e.day, consumption_last_week_kwh = e.week,
          consumption_last_month_kwh = e.month, consumption_last_updated_at = $1
        from (select heat_pump_id, sum(energy_kwh) as month,
                sum(energy_kwh) filter (where hour_at > $1::timestamptz - interval '7 days') as week,
                sum(energy_kwh) filter (where hour_at > $1::timestamptz - interval '1 day') as day
              from energy_hours where hour_at > $1::timestamptz - interval '30 days' and hour_at <= $1::timestamptz
              group by heat_pump_id) e
        where l.heat_pump_id = e.heat_pump_id"""
    return await tx.execute(sql, now)


async def hot_water_traces(
    tx: ReadTx, heat_pump_ids: Sequence[UUID], since: datetime
) -> dict[UUID, tuple[list[datetime], list[float]]]:
    """Measured hot-water temperatures of these pumps since an instant: instants and °C, in order."""
    sql = """
        select heat_pump_id, array_agg(at order by at), array_agg(dhw_temp_c order by at) from telemetry
        where heat_pump_id = any($1) and at >= $2 and dhw_temp_c is not null group by heat_pump_id"""
    return {row[0]: (row[1], row[2]) for row in await tx.fetch(sql, list(heat_pump_ids), since)}


async def save_doses(tx: WriteTx, doses: Sequence[tuple[UUID, datetime]]) -> None:
    """When these tanks last had a verified dose."""
    if not doses:
        return
    sql = """
        update device_latest l set disinfection_last_at = greatest(l.disinfection_last_at, d.at)
        from unnest($1::uuid[], $2::timestamptz[]) as d(id, at) where l.heat_pump_id = d.id"""
    await tx.execute(sql, [id_ for id_, _ in doses], [at for _, at in doses])
