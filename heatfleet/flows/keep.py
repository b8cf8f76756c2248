"""Housekeeping: partitions ahead of time, consumption figures, old lines of the queue's log."""

from __future__ import annotations

from datetime import timedelta

from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import jobs, telemetry
from heatfleet.store.database import FLEET

AHEAD = timedelta(days=21)


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
    """Makes partitions and drops what nobody needs any more."""
    await make_partitions(tools)
    await jobs.tidy(tools.database)
