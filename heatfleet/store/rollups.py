"""Hours and days of telemetry, made from its samples; made again when the number of samples has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from heatfleet.domain.compaction import CHANNELS, LASTS, METERS, Samples, by_step
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.telemetry_history import COLUMNS, SAMPLE, samples_of

HOUR_S = 3600
_HEAD = ("heat_pump_id", "org_id", "start_at", "samples", "estimated", "modelled")
_TYPES = ("uuid", "uuid", "double precision", "int", "int", "int")
_VALUE_TYPES = ["float8" if channel in METERS else "real" for channel in CHANNELS]
_ARRAYS = ", ".join(f"${i}::{kind}[]" for i, kind in enumerate((*_TYPES, *_VALUE_TYPES), 1))
_CHANGE = ", ".join(f"{name} = excluded.{name}" for name in (*_HEAD[3:], *CHANNELS))

Pump = tuple[UUID, UUID]  # heat pump, organisation


async def pumps_since(tx: ReadTx, after: UUID | None, limit: int, start_at: datetime) -> list[UUID]:
    """Pumps (in order, after one) that may have rows of telemetry from an instant on."""
    sql = """
        select heat_pump_id from device_latest
        where at >= $1 and ($2::uuid is null or heat_pump_id > $2) order by 1 limit $3"""
    return [row[0] for row in await tx.fetch(sql, start_at, after, limit)]


async def roll_hours(tx: WriteTx, heat_pump_ids: Sequence[UUID], start_at: datetime, end_at: datetime) -> int:
    """How many hours of these pumps were made from rows of a span of whole hours; those of as many samples are left."""
    sql = f"""
        with counted as (
          select heat_pump_id, date_trunc('hour', at, 'UTC') as start_at, count(*) as samples from telemetry
          where heat_pump_id = any($1) and at >= $2 and at < $3 group by 1, 2),
        changed as (
          select c.* from counted c left join telemetry_hours h using (heat_pump_id, start_at)
          where h.samples is null or h.samples < c.samples)
        select t.heat_pump_id, t.org_id, {SAMPLE} from telemetry t join changed c
          on c.heat_pump_id = t.heat_pump_id and t.at >= c.start_at and t.at < c.start_at + interval '1 hour'
        where t.heat_pump_id = any($1) and t.at >= $2 and t.at < $3 order by t.heat_pump_id, t.at"""
    rows = await tx.fetch(sql, list(heat_pump_ids), start_at, end_at)
    found: dict[Pump, list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault((row[0], row[1]), []).append(tuple(row)[2:])
    return await save_hours(tx, {pump: samples_of(own) for pump, own in found.items()})


async def save_hours(tx: WriteTx, pumps: Mapping[Pump, Samples]) -> int:
    """How many hours were made from all the samples they hold; those made from more are left."""
    columns: list[list[Any]] = [[] for _ in range(len(_HEAD) + len(CHANNELS))]
    for (heat_pump_id, org_id), samples in pumps.items():
        hours, counts = by_step(samples, HOUR_S)
        head = (
            [heat_pump_id] * hours.count,
            [org_id] * hours.count,
            hours.at_s,
            counts,
            hours.estimated,
            hours.modelled,
        )
        for column, part in zip(columns, (*head, *hours.values), strict=True):
            column.extend(part.tolist() if isinstance(part, np.ndarray) else part)
    values = [[None if value != value else value for value in column] for column in columns[len(_HEAD) :]]  # noqa: PLR0124
    sql = f"""
        insert into telemetry_hours ({", ".join(_HEAD)}, {COLUMNS})
        select heat_pump_id, org_id, to_timestamp(start_at), samples, estimated, modelled, {COLUMNS}
        from unnest({_ARRAYS}) as g({", ".join(_HEAD)}, {COLUMNS})
        on conflict (heat_pump_id, start_at) do update set {_CHANGE} where telemetry_hours.samples < excluded.samples"""
    return await tx.execute(sql, *columns[: len(_HEAD)], *values)


def _of_day(name: str, is_last: bool) -> str:
    if is_last:
        return f"(array_agg({name} order by start_at desc) filter (where {name} is not null))[1]"
    return f"sum({name} * samples) / sum(samples) filter (where {name} is not null)"


_OF_DAY = ", ".join(_of_day(channel.value, channel in LASTS) for channel in CHANNELS)
DAYS = f"""
select heat_pump_id, org_id, date_trunc('day', start_at, 'UTC') as start_at, sum(samples)::int as samples,
  bit_or(estimated) as estimated, bit_or(modelled) as modelled, {_OF_DAY}
from telemetry_hours where heat_pump_id = any($1) and start_at >= $2 and start_at < $3 group by 1, 2, 3"""


async def roll_days(tx: WriteTx, heat_pump_ids: Sequence[UUID], start_at: datetime, end_at: datetime) -> int:
    """How many days of these pumps were made from the hours of a span of whole days."""
    sql = f"""
        insert into telemetry_days ({", ".join(_HEAD)}, {COLUMNS}) {DAYS}
        on conflict (heat_pump_id, start_at) do update set {_CHANGE} where telemetry_days.samples < excluded.samples"""
    return await tx.execute(sql, list(heat_pump_ids), start_at, end_at)


async def forget_hours(tx: WriteTx, before: datetime) -> int:
    """How many hours older than ``before`` were deleted."""
    return await tx.execute("delete from telemetry_hours where start_at < $1", before)
