"""Moves the demo's fleet clock: on to the next due instant and no further, the work of that instant, then on again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from heatfleet.clocks import FleetClock

TICK_S = 0.05
SAVE_EVERY = timedelta(minutes=1)


class DueWork(Protocol):
    """What the worker offers: when something is due next on the fleet clock, and doing all that is due now."""

    async def next_due_at(self) -> datetime | None:
        """The earliest instant at which something must happen; None when nothing is planned."""
        ...

    async def run_due(self) -> None:
        """Everything due by now, done when it returns."""
        ...


async def conduct(
    clock: FleetClock, work: DueWork, save: Callable[[datetime], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Runs until ``stop``; the instant is saved about once a fleet minute, and at the end."""
    saved_at = clock.fleet_now()
    await save(saved_at)
    while not stop.is_set():
        due_at = await work.next_due_at()
        now = clock.advance(due_at if due_at is None else max(due_at, clock.fleet_now()))
        if due_at is not None and due_at <= now:
            await work.run_due()
        if now - saved_at >= SAVE_EVERY:
            await save(now)
            saved_at = now
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_S)
    await save(clock.fleet_now())
