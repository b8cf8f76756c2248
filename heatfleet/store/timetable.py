"""What the workers do by the fleet clock: one row per task, leased by one worker at a time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from heatfleet.store.database import ReadTx, WriteTx

LEASE = timedelta(minutes=10)


async def add(tx: WriteTx, first_due: Mapping[str, datetime]) -> None:
    """The tasks that are not there yet."""
    sql = """
        insert into timetable (task, due_at) select * from unnest($1::text[], $2::timestamptz[])
        on conflict (task) do nothing"""
    await tx.execute(sql, list(first_due), list(first_due.values()))


async def lease(tx: WriteTx, now: datetime, wall_now: datetime) -> dict[str, datetime]:
    """Due tasks nobody else holds, with when they were due; ours until ``wall_now + LEASE``."""
    sql = """
        update timetable t set leased_until = $3
        from (select task from timetable where due_at <= $1 and (leased_until is null or leased_until < $2)
              order by due_at for update skip locked) due
        where t.task = due.task returning t.task, t.due_at"""
    return {row[0]: row[1] for row in await tx.fetch(sql, now, wall_now, wall_now + LEASE)}


async def done(tx: WriteTx, task: str, due_at: datetime) -> None:
    """The task is free again, due next at ``due_at``."""
    await tx.execute("update timetable set due_at = $2, leased_until = null where task = $1", task, due_at)


async def hurry(tx: WriteTx, task: str, due_at: datetime) -> None:
    """The task is due at ``due_at`` at the latest."""
    await tx.execute("update timetable set due_at = least(due_at, $2) where task = $1", task, due_at)


async def next_due_at(tx: ReadTx, wall_now: datetime) -> datetime | None:
    """When the next task that nobody holds is due (fleet clock), or None."""
    sql = "select min(due_at) from timetable where leased_until is null or leased_until < $1"
    found: datetime | None = await tx.value(sql, wall_now)
    return found
