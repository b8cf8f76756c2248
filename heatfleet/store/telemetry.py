"""Telemetry: one row per poll in weekly partitions, the newest value of every channel, energy by the hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from heatfleet.domain.compaction import CHANNELS, METERS
from heatfleet.domain.readings import Channel
from heatfleet.store.database import ReadTx, WriteTx

_NAMES = [channel.value for channel in CHANNELS]
_TYPES = ["float8" if channel in METERS else "real" for channel in CHANNELS]
_WEEK = timedelta(days=7)
_A_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


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
    weeks: dict[int, list[TelemetryRow]] = {}
    for row in rows:
        weeks.setdefault((row.at - _A_MONDAY) // _WEEK, []).append(row)
    await ensure_weeks(tx, _A_MONDAY + min(weeks) * _WEEK, _A_MONDAY + max(weeks) * _WEEK)
    for week in sorted(weeks):
        await _load(tx, _partition(_A_MONDAY + week * _WEEK), weeks[week])
    await _save_newest(tx, _newest(rows))


def _partition(at: datetime) -> str:
    """The partition that holds an instant (UTC)."""
    year, week, _ = at.isocalendar()
    return f"telemetry_{year:04}w{week:02}"


async def _load(tx: WriteTx, week: str, rows: Sequence[TelemetryRow]) -> None:
    """All rows of one week by COPY; when some are there already, the others by a slower way."""
    await tx.execute("savepoint load")
    try:
        await tx.copy(week, STORED, map(stored, rows))
    except asyncpg.UniqueViolationError:
        await tx.execute("rollback to savepoint load")
        await tx.execute(_INSERT, *zip(*map(stored, rows), strict=True))
    await tx.execute("release savepoint load")


def stored(row: TelemetryRow) -> tuple[Any, ...]:
    """The row as its table's columns, ``STORED``."""
    return (row.heat_pump_id, row.org_id, row.at, row.estimated, row.modelled, *map(row.values.get, CHANNELS))


def _newest(rows: Sequence[TelemetryRow]) -> list[TelemetryRow]:
    """One row per pump that does to its newest values what all of its rows, in order of time, would do."""
    found: dict[UUID, TelemetryRow] = {}
    for row in sorted(rows, key=attrgetter("at"), reverse=True):
        newer = found.get(row.heat_pump_id)
        if newer is None:
            found[row.heat_pump_id] = row
        elif row.stale & ~newer.stale or not row.values.keys() <= newer.values.keys():
            known = {c: v for c, v in row.values.items() if not newer.stale & 1 << CHANNELS.index(c)}
            found[row.heat_pump_id] = msgspec.structs.replace(
                newer,
                values=known | dict(newer.values),
                stale=newer.stale | row.stale,
                polled_at=max(newer.polled_at, row.polled_at),
            )
    return list(found.values())


async def _save_newest(tx: WriteTx, rows: Sequence[TelemetryRow]) -> None:
    """The newest values of pumps, one row each."""
    given = list(zip(*((row.polled_at, row.stale, *stored(row)) for row in rows), strict=True))
    if await tx.execute(_MERGE, *given) < len(rows):  # the others are new, or know something newer
        await tx.execute(_FIRST, *given)


STORED = ("heat_pump_id", "org_id", "at", "estimated", "modelled", *_NAMES)
_STORED_TYPES = ("uuid", "uuid", "timestamptz", "int", "int", *_TYPES)
_COLUMNS = ", ".join(_NAMES)


def _unnested(names: Sequence[str], types: Sequence[str]) -> str:
    arrays = ", ".join(f"${i}::{kind}[]" for i, kind in enumerate(types, 1))
    return f"unnest({arrays}) as g({', '.join(names)})"


_GIVEN = _unnested(("polled_at", "stale", *STORED), ("timestamptz", "int", *_STORED_TYPES))
_INSERT = f"""
insert into telemetry ({", ".join(STORED)}) select * from {_unnested(STORED, _STORED_TYPES)}
on conflict (heat_pump_id, at) do nothing"""
_VALUES = ", ".join(
    f"{name} = coalesce(g.{name}, case when g.stale & {1 << i} = 0 then l.{name} end)" for i, name in enumerate(_NAMES)
)
_MERGE = f"""
update device_latest l set at = g.at, polled_at = greatest(l.polled_at, g.polled_at), estimated = g.estimated,
  modelled = g.modelled, {_VALUES}
from {_GIVEN} where l.heat_pump_id = g.heat_pump_id and (l.at is null or g.at >= l.at)"""
_FIRST = f"""
insert into device_latest (polled_at, {", ".join(STORED)}) select polled_at, {", ".join(STORED)} from {_GIVEN}
on conflict (heat_pump_id) do nothing"""


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


async def last_doses(tx: ReadTx, newest: Mapping[UUID, Latest]) -> dict[UUID, datetime]:
    """When these tanks last had a verified dose; of one that never had, since when it has been watched.

    The latter to within a day once the first rows are packed.
    """
    known = {id_: one.disinfection_last_at for id_, one in newest.items()}
    never = [id_ for id_, at in known.items() if at is None]
    sql = """
        select p, least((select at from telemetry where heat_pump_id = p order by at limit 1),
          (select start_at + interval '1 day' from telemetry_days where heat_pump_id = p order by start_at limit 1))
        from unnest($1::uuid[]) as p"""
    known |= {row[0]: row[1] for row in (await tx.fetch(sql, never) if never else ())}
    return {id_: at for id_, at in known.items() if at is not None}


async def save_doses(tx: WriteTx, doses: Sequence[tuple[UUID, datetime]]) -> None:
    """When these tanks last had a verified dose."""
    if not doses:
        return
    sql = """
        update device_latest l set disinfection_last_at = greatest(l.disinfection_last_at, d.at)
        from unnest($1::uuid[], $2::timestamptz[]) as d(id, at) where l.heat_pump_id = d.id"""
    await tx.execute(sql, [id_ for id_, _ in doses], [at for _, at in doses])
