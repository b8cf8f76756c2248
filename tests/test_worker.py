"""The worker: what is due is done, faults are tried again or set aside, nothing is lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from heatfleet.domain.errors import Conflict, TryAgain
from heatfleet.domain.jobs import JobName
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.markets.source import SyntheticPrices
from heatfleet.store import jobs
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.vendors.kit.grants import SealKeys
from heatfleet.weather.source import SyntheticWeather
from heatfleet.worker import Worker, next_round
from tests.conftest import FakeClock


@pytest.fixture
def worker(database: Database, clock: FakeClock) -> Worker:
    tools = Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]
    return Worker(tools, SyntheticPrices(), SyntheticWeather("DE_LU"))


def test_rounds_lie_on_round_times() -> None:
    at = datetime(2025, 1, 15, 12, 7, tzinfo=UTC)
    assert next_round(at, timedelta(minutes=15)) == at.replace(minute=15)
    assert next_round(at.replace(minute=15), timedelta(minutes=15)) == at.replace(minute=30)
    assert next_round(at, timedelta(days=1)) == datetime(2025, 1, 16, tzinfo=UTC)


async def test_everything_due_is_done_once(worker: Worker, clock: FakeClock) -> None:
    assert await worker.next_due_at() == clock.now
    assert await worker.run_due() == 11
    assert await worker.run_due() == 0
    assert await worker.next_due_at() == clock.now + timedelta(minutes=5)
    clock.advance(timedelta(hours=5))
    assert await worker.run_due() == 9, "what was missed is done once, not over and over"


async def put(database: Database, count: int) -> None:
    async with database.write(FLEET) as tx:
        for _ in range(count):
            await jobs.enqueue(tx, JobName.PLAN, {"heat_pump_id": str(new_id())})


async def depth(database: Database) -> dict[str, int]:
    async with database.read(FLEET) as tx:
        return await jobs.depth(tx)


async def test_waiting_plans_are_made_together(
    worker: Worker, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []

    async def plan(_: Tools, ids: list[Any]) -> list[Any]:
        batches.append(len(ids))
        return []

    monkeypatch.setattr("heatfleet.flows.plan.plan", plan)
    await put(database, 5)
    await worker.run_due()
    assert batches == [5]
    assert sum((await depth(database)).values()) == 0


@pytest.mark.parametrize(("fault", "left"), [(TryAgain("later", after_s=99), "delayed"), (Conflict("no"), "parked")])
async def test_one_bad_job_does_not_spoil_the_others(
    worker: Worker, database: Database, monkeypatch: pytest.MonkeyPatch, fault: Exception, left: str
) -> None:
    bad: list[Any] = []

    async def plan(_: Tools, ids: list[Any]) -> list[Any]:
        bad.extend(ids[:1] if not bad else [])
        if bad[0] in ids:
            raise fault
        return []

    monkeypatch.setattr("heatfleet.flows.plan.plan", plan)
    await put(database, 3)
    await worker.run_due()
    found = await depth(database)
    assert found.pop(left) == 1
    assert sum(found.values()) == 0


async def test_a_job_nobody_can_do_is_set_aside(worker: Worker, database: Database, clock: FakeClock) -> None:
    await put(database, 1)
    async with database.write(FLEET) as tx:
        await tx.execute("update pgqueuer set entrypoint = 'notify'")
    await worker.run_due()
    async with database.read(FLEET) as tx:
        (parked,) = await jobs.parked(tx)
    assert (parked.job.name, "no flow" in parked.why) == ("notify", True)
    assert await worker.next_due_at() == clock.now + timedelta(minutes=5), "time goes on"


async def test_a_task_that_fails_is_due_again(
    worker: Worker, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sweep(_: Tools) -> None:
        raise OSError("broken")

    monkeypatch.setattr("heatfleet.flows.release.sweep", sweep)
    await worker.run_due()
    assert await worker.next_due_at() == clock.now + timedelta(minutes=1)


async def test_run_ends_when_told_to(worker: Worker) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(task, 20)
