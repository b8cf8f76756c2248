"""The worker: which job is which flow, and what happens when by the fleet clock.

``run_due`` does everything due at the clock's now (the demo's virtual clock and the tests live on it); ``run`` does the
same in real time until told to stop. Errors are mapped here once: passing ones are tried again, others set aside.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from heatfleet.domain.errors import HeatfleetError, TryAgain
from heatfleet.domain.jobs import Job, JobName
from heatfleet.domain.time_grid import floor_mtu
from heatfleet.flows import fetch, keep, learn, monitor, plan, privacy, release, score, steer
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_timetable import add_tasks, lease_tasks, next_due_at, task_done
from heatfleet.markets.source import PriceSource
from heatfleet.store import jobs
from heatfleet.weather.source import WeatherSource

log = structlog.get_logger("heatfleet.worker")

JOBS_AT_ONCE = 500
ROUNDS_MAX = 10_000  # of one run_due; more means that something makes work for itself
IDLE_MAX_S = 1.0
FAULT_MAX_S = 30.0
TRIES_MAX = 5
AGAIN_S = 60.0
QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
SWEEP_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class Task:
    """What the timetable repeats: every so often, on the clock's round times."""

    every: timedelta
    run: Callable[[], Awaitable[object]]


class Worker:
    """One of any number of workers on one database."""

    def __init__(self, tools: Tools, prices: PriceSource, weather: WeatherSource) -> None:
        self.tools, self._prices, self._weather = tools, prices, weather
        self._is_prepared = False
        # In the order in which they run when due at the same instant.
        self._tasks: Mapping[str, Task] = {
            "tidy": Task(DAY, lambda: keep.tidy(tools)),
            "prices": Task(QUARTER, self._fetch_prices),
            "weather": Task(HOUR, self._fetch_weather),
            "consumption": Task(HOUR, lambda: keep.refresh_consumption(tools)),
            "roll_up": Task(HOUR, lambda: keep.roll_up(tools)),
            "compact": Task(DAY, lambda: keep.compact(tools)),
            "score": Task(HOUR, lambda: score.score_tonight(tools)),
            "learn": Task(HOUR, lambda: learn.learn_tonight(tools)),
            "replan": Task(HOUR, lambda: plan.plan_all(tools)),
            "steer": Task(QUARTER, self._steer),
            "sweep": Task(SWEEP_EVERY, lambda: release.sweep(tools)),
        }
        self._flows: Mapping[JobName, Callable[[Sequence[Job]], Awaitable[object]]] = {
            JobName.RELEASE: lambda found: release.release(tools, _pumps(found)),
            JobName.PLAN: self._plan,
            JobName.LEARN: lambda found: learn.learn(tools, _pumps(found)),
            JobName.ERASE: lambda found: privacy.erase(tools, [job.payload for job in found]),
            JobName.FETCH_PRICES: lambda found: self._fetch_zones([str(job.payload["zone"]) for job in found]),
            JobName.FETCH_WEATHER: lambda found: self._fetch_places([str(job.payload["place"]) for job in found]),
        }

    async def next_due_at(self) -> datetime | None:
        """The earliest instant on the fleet clock at which something must happen."""
        await self._prepare()
        return await next_due_at(self.tools)

    async def run_due(self) -> int:
        """How many polls, jobs and tasks were due by now; all done when it returns."""
        await self._prepare()
        total = 0
        for _ in range(ROUNDS_MAX):
            done = await monitor.monitor(self.tools) + await self._run_jobs() + await self._run_tasks()
            if done == 0:
                return total
            total += done
        raise RuntimeError(f"still work to do after {ROUNDS_MAX} rounds at one instant")

    async def run(self, stop: asyncio.Event) -> None:
        """Works until ``stop`` is set, then ends after what it has begun; waits at most a second when idle."""
        wait_s = 0.0
        while not stop.is_set():
            try:
                await self.run_due()
                wait_s = await self._idle_s()
            except Exception:
                wait_s = min(max(2 * wait_s, IDLE_MAX_S), FAULT_MAX_S)
                log.exception("round failed", again_in_s=wait_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)

    async def _idle_s(self) -> float:
        due_at = await next_due_at(self.tools)
        if due_at is None:
            return IDLE_MAX_S
        return min(max((due_at - self.tools.clock.fleet_now()).total_seconds(), 0.0), IDLE_MAX_S)

    async def _prepare(self) -> None:
        """Partitions and the timetable's rows, once."""
        if not self._is_prepared:
            await keep.make_partitions(self.tools)
            now = self.tools.clock.fleet_now()
            await add_tasks(self.tools, dict.fromkeys(self._tasks, now))
            self._is_prepared = True

    # Jobs

    async def _run_jobs(self) -> int:
        found = await jobs.claim(self.tools.database, JOBS_AT_ONCE, names=tuple(self._flows))
        for name in self._flows:
            same = [job for job in found if job.name == name]
            if same:
                await self._run_same(name, same)
        return len(found) + await self._park_unknown()

    async def _park_unknown(self) -> int:
        """How many due jobs no flow here can do were set aside; waiting on, they would hold up the fleet clock."""
        count = await jobs.park_unknown(self.tools.database, tuple(self._flows))
        if count:
            log.error("jobs of unknown name parked", count=count)
        return count

    async def _run_same(self, name: JobName, same: Sequence[Job]) -> None:
        """Jobs of one name together; when that fails, each alone, so that one does not spoil the others."""
        try:
            await self._flows[name](same)
        except Exception as fault:
            if len(same) == 1:
                await self._set_aside(same[0], fault)
                return
            log.warning("batch failed, one by one", job=name, count=len(same), fault=repr(fault))
            for job in same:
                await self._run_same(name, [job])
        else:
            await jobs.finish(self.tools.database, same)

    async def _set_aside(self, job: Job, fault: Exception) -> None:
        """Later for what may pass, parked for what will not."""
        if isinstance(fault, TryAgain):
            await jobs.retry(self.tools.database, job, fault.after_s)
        elif isinstance(fault, HeatfleetError) or job.attempts + 1 >= TRIES_MAX:
            log.error("job parked", job=job.name, payload=job.payload, fault=repr(fault))
            await jobs.park(self.tools.database, job, repr(fault))
        else:
            log.warning("job failed", job=job.name, payload=job.payload, exc_info=fault)
            await jobs.retry(self.tools.database, job, AGAIN_S * 2**job.attempts)

    async def _plan(self, found: Sequence[Job]) -> None:
        """Policies, prices or connections changed: plan, and act on it at once."""
        planned = await plan.plan(self.tools, _pumps(found))
        if planned:
            await steer.steer_pumps(self.tools, planned)

    # Tasks

    async def _run_tasks(self) -> int:
        due = await lease_tasks(self.tools)
        for name in sorted(due, key=self._order):
            await self._run_task(name)
        return len(due)

    def _order(self, name: str) -> int:
        return list(self._tasks).index(name) if name in self._tasks else len(self._tasks)

    async def _run_task(self, name: str) -> None:
        """One task; whatever goes wrong, it is due again."""
        task, now = self._tasks.get(name), self.tools.clock.fleet_now()
        if task is None:  # of a newer version of the house
            await task_done(self.tools, name, now + HOUR)
            return
        due_at = next_round(now, task.every)
        try:
            sooner = await task.run()
        except Exception as fault:
            again_s = fault.after_s if isinstance(fault, TryAgain) else AGAIN_S
            due_at = min(due_at, now + timedelta(seconds=max(again_s, 1.0)))
            if isinstance(fault, TryAgain):
                log.info("task not yet possible", task=name, detail=fault.detail)
            else:
                log.exception("task failed", task=name)
        else:
            due_at = min(due_at, sooner) if isinstance(sooner, datetime) else due_at
        await task_done(self.tools, name, due_at)

    async def _steer(self) -> datetime | None:
        """Steers the fleet; when some had to wait so that not all move at once, the instant of the next round."""
        sent = await steer.steer(self.tools)
        return self.tools.clock.fleet_now() + SWEEP_EVERY if sent.later else None

    async def _fetch_prices(self) -> None:
        zones, _ = await fetch.zones_and_places(self.tools.database)
        await self._fetch_zones(zones)

    async def _fetch_weather(self) -> None:
        _, places = await fetch.zones_and_places(self.tools.database)
        await self._fetch_places(places)

    async def _fetch_zones(self, zones: Sequence[str]) -> None:
        await _each(zones, lambda zone: fetch.fetch_prices(self.tools.database, self.tools.clock, self._prices, zone))

    async def _fetch_places(self, places: Sequence[str]) -> None:
        await _each(
            places, lambda place: fetch.fetch_weather(self.tools.database, self.tools.clock, self._weather, place)
        )


async def _each(names: Sequence[str], call: Callable[[str], Awaitable[object]]) -> None:
    """Calls for every name, whatever happens to the others; raises the last fault."""
    last: HeatfleetError | None = None
    for name in names:
        try:
            await call(name)
        except HeatfleetError as fault:
            last = fault
    if last is not None:
        raise last


def _pumps(found: Sequence[Job]) -> list[UUID]:
    return sorted({UUID(job.payload["heat_pump_id"]) for job in found})


def next_round(now: datetime, every: timedelta) -> datetime:
    """The first round time after ``now`` (rounds count from midnight UTC)."""
    midnight = floor_mtu(now).replace(hour=0, minute=0)
    return midnight + ((now - midnight) // every + 1) * every
