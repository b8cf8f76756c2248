"""Moves the demo's fleet clock: on to the next due instant and no further, the work of that instant, then on again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from heatfleet.clocks import FleetClock

log = structlog.get_logger("heatfleet.demo")

TICK_S = 0.05
TICKS_PER_LOOK = 10  # jobs that people cause are due on the wall clock
AGAIN_S = 1.0
SAVE_EVERY = timedelta(minutes=1)


class DueWork(Protocol):
    """What the worker offers: when something is due next on the fleet clock, and doing all that is due now."""

    async def next_due_at(self) -> datetime | None:
        """The earliest instant at which something must happen; None when nothing is planned."""
        ...

    async def run_due(self) -> object:
        """Everything due by now, done when it returns."""
        ...


async def conduct(
    clock: FleetClock, work: DueWork, save: Callable[[datetime], Awaitable[None]], stop: asyncio.Event
) -> None:
    """Runs until ``stop``; the instant is saved about once a fleet minute, and at the end."""
    saved_at = clock.fleet_now()
    clock.advance(saved_at)  # the time before the first step does not count
    await save(saved_at)
    ticks = 0
    while not stop.is_set():
        is_look = ticks % TICKS_PER_LOOK == 0
        wait_s = await _step(clock, work, is_look)
        if clock.fleet_now() - saved_at >= SAVE_EVERY:
            saved_at = clock.fleet_now()
            await save(saved_at)
        ticks += 1
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)
    await save(clock.fleet_now())


async def _step(clock: FleetClock, work: DueWork, is_look: bool) -> float:
    """On to the next due instant at most, its work done; how long to wait then [s]. The clock stands while it fails."""
    try:
        due_at = await work.next_due_at()
        now = clock.advance(due_at if due_at is None else max(due_at, clock.fleet_now()))
        if is_look or (due_at is not None and due_at <= now):
            await work.run_due()
    except Exception:
        log.exception("work failed, the fleet clock waits")
        return AGAIN_S
    return TICK_S
