"""Housekeeping: partitions ahead of time, consumption figures, and telemetry rolled up, packed and forgotten in time.

Everything here may run twice, or on two workers at once: what is done already is left alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from heatfleet.domain.time_grid import floor_mtu
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import grid_limits, jobs, onboarding, rollups, telemetry, telemetry_packing
from heatfleet.store.database import FLEET, WriteTx

AHEAD = timedelta(days=21)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
LATELY = timedelta(hours=3)  # of which hours are rolled up every hour; later rows are found at night
PUMPS = 200  # rolled up together
PACKED_PUMPS = 20  # a week of them packed together: 40,000 rows
BATCHES_MAX = 500  # of one night's run before it makes room for others
HOURS_KEPT = timedelta(days=731)
LIMITS_KEPT = timedelta(days=762)  # the proof of a limit is owed for two years


async def make_partitions(tools: Tools) -> None:
    """Partitions for this and the next weeks."""
    now = tools.clock.fleet_now()
    async with tools.database.write(FLEET) as tx:
        await telemetry.ensure_weeks(tx, now, now + AHEAD)


async def refresh_consumption(tools: Tools) -> int:
    """How many pumps have new consumption figures."""
    async with tools.database.write(FLEET) as tx:
        return await telemetry.refresh_consumption(tx, tools.clock.fleet_now())


async def tidy(tools: Tools) -> None:
    """Makes partitions and drops what nobody needs any more, also what people who never came back had signed in to."""
    await make_partitions(tools)
    async with tools.database.write(FLEET) as tx:
        await onboarding.forget_expired(tx, tools.clock.wall_now())
        await grid_limits.forget(tx, tools.clock.fleet_now() - LIMITS_KEPT)
    await jobs.tidy(tools.database)


async def roll_up(tools: Tools) -> None:
    """Makes the hours that ended lately, and the day when it has."""
    now_hour = floor_mtu(tools.clock.fleet_now()).replace(minute=0)
    await _roll_up(tools, now_hour - LATELY, now_hour)


async def compact(tools: Tools) -> datetime | None:
    """Packs days whose rows nobody needs any more and forgets what is too old; when there is more to do, the instant.

    Before that, hours and days that late rows belong to are made again.
    """
    now = tools.clock.fleet_now()
    today = floor_mtu(now).replace(hour=0, minute=0)
    keep_from = today - timedelta(days=tools.telemetry_raw_days)
    await _roll_up(tools, keep_from, today)
    if not await _pack(tools, keep_from):
        return now + timedelta(minutes=1)
    async with tools.database.write(FLEET) as tx:
        await telemetry_packing.drop_empty_weeks(tx, keep_from)
    async with tools.database.write(FLEET) as tx:
        await rollups.forget_hours(tx, today - HOURS_KEPT)
        if tools.telemetry_retention_days:
            await telemetry_packing.forget_packed(tx, today - timedelta(days=tools.telemetry_retention_days))
    return None


async def _roll_up(tools: Tools, start_at: datetime, end_at: datetime) -> None:
    """Makes the hours of a span whose rows have changed, and the whole days it touches that ended by its end."""
    last: UUID | None = None
    while True:
        async with tools.database.write(FLEET) as tx:
            page = await rollups.pumps_since(tx, last, PUMPS, start_at)
            await _roll_up_pumps(tx, page, start_at, end_at)
        if len(page) < PUMPS:
            return
        last = page[-1]


async def _roll_up_pumps(tx: WriteTx, heat_pump_ids: list[UUID], start_at: datetime, end_at: datetime) -> None:
    await rollups.roll_hours(tx, heat_pump_ids, start_at, end_at)
    first, last = start_at.replace(hour=0), end_at.replace(hour=0)
    if first < last:
        await rollups.roll_days(tx, heat_pump_ids, first, last)


async def _pack(tools: Tools, before: datetime) -> bool:
    """Whether every row before an instant is packed, oldest week first; False when there were too many for one run."""
    batches = 0
    while True:
        async with tools.database.read(FLEET) as tx:
            week_at = await telemetry_packing.oldest_row_at(tx, before)
        if week_at is None:
            return True
        end_at, last = min(week_at + WEEK, before), None
        while True:
            async with tools.database.write(FLEET) as tx:
                page = await telemetry_packing.pumps_of(tx, last, PACKED_PUMPS, week_at, end_at)
                await _roll_up_pumps(tx, page, week_at, end_at)
                await telemetry_packing.pack_rows(tx, page, week_at, end_at)
            batches += 1
            if batches == BATCHES_MAX:
                return False
            if len(page) < PACKED_PUMPS:
                break
            last = page[-1]
