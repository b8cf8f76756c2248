"""Compaction: a day's rows of a pump become one row; and what is too old is forgotten."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from heatfleet.domain.compaction import Samples, joined, merged, pack, unpack
from heatfleet.store import rollups
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rollups import Pump
from heatfleet.store.telemetry_history import DAY_S, SAMPLE, samples_of

_LOCK = 7_204_330_418  # one at a time packs; what two did to one day at once would be lost
_WEEK = timedelta(days=7)
_EPOCH = date(1970, 1, 1)
Day = tuple[UUID, date]


def midnight(day: date) -> datetime:
    """The beginning of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


async def oldest_row_at(tx: ReadTx, before: datetime) -> datetime | None:
    """The beginning of the week of the oldest row before an instant, or None."""
    sql = """
        select to_date(right(c.relname, 7), 'IYYY"w"IW') as monday from pg_inherits join pg_class c on c.oid = inhrelid
        where inhparent = 'telemetry'::regclass order by 1"""
    for (monday,) in await tx.fetch(sql):
        start_at = midnight(monday)
        end_at = min(start_at + _WEEK, before)
        if start_at < before and await tx.value(
            "select exists (select from telemetry where at >= $1 and at < $2)", start_at, end_at
        ):
            return start_at
    return None


async def pumps_of(tx: ReadTx, after: UUID | None, limit: int, start_at: datetime, end_at: datetime) -> list[UUID]:
    """Pumps (in order, after one) that have rows in a span."""
    sql = """
        select distinct heat_pump_id from telemetry
        where at >= $1 and at < $2 and ($3::uuid is null or heat_pump_id > $3) order by 1 limit $4"""
    return [row[0] for row in await tx.fetch(sql, start_at, end_at, after, limit)]


async def pack_rows(tx: WriteTx, heat_pump_ids: Sequence[UUID], start_at: datetime, end_at: datetime) -> int:
    """How many rows of these pumps in a span (whole days, one week at most) went into packed days.

    Rows of a second that the packed day has already are dropped: it is left as it is.
    """
    await tx.execute("select pg_advisory_xact_lock($1)", _LOCK)
    sql = f"""
        with gone as (delete from telemetry where heat_pump_id = any($1) and at >= $2 and at < $3 returning *)
        select heat_pump_id, org_id, {SAMPLE} from gone order by heat_pump_id, at"""
    rows = await tx.fetch(sql, list(heat_pump_ids), start_at, end_at)
    if not rows:
        return 0
    late: dict[Pump, list[tuple[Any, ...]]] = {}
    for row in rows:
        late.setdefault((row[0], row[1]), []).append(tuple(row)[2:])
    await _add(tx, {pump: samples_of(own) for pump, own in late.items()})
    return len(rows)


async def _add(tx: WriteTx, pumps: dict[Pump, Samples]) -> None:
    days: dict[tuple[Pump, date], Samples] = {}
    for pump, samples in pumps.items():
        for number in np.unique(samples.at_s // DAY_S):
            days[pump, _EPOCH + timedelta(days=int(number))] = samples.take(samples.at_s // DAY_S == number)
    kept = await _packed(tx, [(pump[0], day) for pump, day in days])
    changed: dict[Pump, list[Samples]] = {}
    for (pump, day), samples in days.items():
        if (pump[0], day) in kept:
            days[pump, day] = merged(kept[pump[0], day], samples)
            changed.setdefault(pump, []).append(days[pump, day])
    sql = """
        insert into telemetry_packed (heat_pump_id, org_id, day, samples, data)
        select * from unnest($1::uuid[], $2::uuid[], $3::date[], $4::int[], $5::bytea[])
        on conflict (heat_pump_id, day) do update set samples = excluded.samples, data = excluded.data"""
    await tx.execute(
        sql,
        [pump[0] for pump, _ in days],
        [pump[1] for pump, _ in days],
        [day for _, day in days],
        [samples.count for samples in days.values()],
        [pack(samples) for samples in days.values()],
    )
    if changed:
        first, last = min(day for _, day in days), max(day for _, day in days)
        await rollups.save_hours(tx, {pump: joined(parts) for pump, parts in changed.items()})
        await rollups.roll_days(tx, [pump[0] for pump in changed], midnight(first), midnight(last) + timedelta(days=1))


async def _packed(tx: ReadTx, days: Sequence[Day]) -> dict[Day, Samples]:
    sql = """
        select p.heat_pump_id, p.day, p.data from telemetry_packed p
        join unnest($1::uuid[], $2::date[]) as g(heat_pump_id, day) using (heat_pump_id, day)"""
    rows = await tx.fetch(sql, [id_ for id_, _ in days], [day for _, day in days])
    return {(row[0], row[1]): unpack(row[2]) for row in rows}


async def drop_empty_weeks(tx: WriteTx, before: datetime) -> int:
    """How many weeks that ended by ``before`` were empty and are gone; 0 while another worker is at it."""
    if not await tx.value("select pg_try_advisory_xact_lock(hashtext('drop_empty_weeks'))"):
        return 0
    dropped: int = await tx.value("select drop_empty_weeks($1)", before)
    return dropped


async def forget_packed(tx: WriteTx, before: datetime) -> int:
    """How many packed days older than ``before`` were deleted."""
    return await tx.execute("delete from telemetry_packed where day < $1", before.astimezone(UTC).date())
