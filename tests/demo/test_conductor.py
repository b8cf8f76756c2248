"""The fleet clock stands still for due work, survives faults, and is kept."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from heatfleet import clocks
from heatfleet.clocks import FleetClock
from heatfleet.demo import conductor
from heatfleet.demo.conductor import conduct

START = datetime(2024, 1, 8, tzinfo=UTC)


class Work:
    """Something due every ten fleet minutes; ends the run after a while."""

    def __init__(self, clock: FleetClock, stop: asyncio.Event) -> None:
        self.clock, self.stop = clock, stop
        self.due_at = START + timedelta(minutes=10)
        self.done: list[datetime] = []
        self.faults = 0

    async def next_due_at(self) -> datetime | None:
        return self.due_at

    async def run_due(self) -> int:
        if self.faults:
            self.faults -= 1
            raise ValueError("passing")
        if self.due_at <= self.clock.fleet_now():
            self.done.append(self.clock.fleet_now())
            self.due_at += timedelta(minutes=10)
        if len(self.done) == 5:
            self.stop.set()
        return 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look at the machine's clock is four seconds later; nobody waits."""
    now = [0.0]

    def monotonic() -> float:
        now[0] += 4.0
        return now[0]

    monkeypatch.setattr(clocks, "monotonic", monotonic)
    monkeypatch.setattr(conductor, "TICK_S", 0.0)
    monkeypatch.setattr(conductor, "AGAIN_S", 0.0)


async def run(faults: int = 0) -> tuple[Work, list[datetime]]:
    """The work done and the instants saved."""
    clock, stop = FleetClock(START, speed=60.0), asyncio.Event()
    work, saved = Work(clock, stop), list[datetime]()
    work.faults = faults

    async def save(at: datetime) -> None:
        saved.append(at)

    await asyncio.wait_for(conduct(clock, work, save, stop), 10)
    return work, saved


async def test_work_is_done_at_its_instant_and_the_clock_is_kept() -> None:
    work, saved = await run()
    assert work.done == [START + timedelta(minutes=10 * n) for n in range(1, 6)]
    assert saved[0] == START
    assert saved == sorted(saved)
    assert saved[-1] == work.done[-1]


async def test_a_fault_stops_the_clock_not_the_demo() -> None:
    work, _ = await run(faults=3)
    assert work.done == [START + timedelta(minutes=10 * n) for n in range(1, 6)]
