"""The timetable's rows as the worker uses them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import jobs, polls, timetable
from heatfleet.store.database import FLEET


async def add_tasks(tools: Tools, first_due: Mapping[str, datetime]) -> None:
    """The tasks that are not there yet."""
    async with tools.database.write(FLEET) as tx:
        await timetable.add(tx, first_due)


async def lease_tasks(tools: Tools) -> dict[str, datetime]:
    """Due tasks that are ours now."""
    async with tools.database.write(FLEET) as tx:
        return await timetable.lease(tx, tools.clock.fleet_now(), tools.clock.wall_now())


async def task_done(tools: Tools, task: str, due_at: datetime) -> None:
    """The task is due next at ``due_at``."""
    async with tools.database.write(FLEET) as tx:
        await timetable.done(tx, task, due_at)


async def next_due_at(tools: Tools) -> datetime | None:
    """The earliest instant on the fleet clock at which something must happen; now when a job waits."""
    async with tools.database.read(FLEET) as tx:
        wall_now = tools.clock.wall_now()
        ats = [await polls.next_due_at(tx, wall_now), await timetable.next_due_at(tx, wall_now)]
        if await jobs.next_due_s(tx) == 0:
            ats.append(tools.clock.fleet_now())
    return min((at for at in ats if at is not None), default=None)
