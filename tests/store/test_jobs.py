"""The job queue: nothing lost, nothing doubled, nothing that kills a worker goes round for ever."""

from __future__ import annotations

import asyncio
import time
from uuid import UUID

import pytest

from heatfleet.domain.jobs import Job, JobName
from heatfleet.store import jobs
from heatfleet.store.database import FLEET, Database

DEAD = 0.0  # a lease that has ended the moment it is given: the worker died


async def put(database: Database, name: JobName = JobName.PLAN, n: int = 1, **options: object) -> None:
    async with database.write(FLEET) as tx:
        for i in range(n):
            await jobs.enqueue(tx, name, {"n": i}, **options)  # type: ignore[arg-type]


async def depth(database: Database) -> dict[str, int]:
    async with database.read(FLEET) as tx:
        return await jobs.depth(tx)


async def test_a_job_goes_in_with_the_data_or_not_at_all(database: Database, org_id: UUID) -> None:
    async def fail() -> None:
        async with database.write(org_id) as tx:
            await jobs.enqueue(tx, JobName.PLAN, {"heat_pump_id": "x"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await jobs.claim(database, 10) == []
    async with database.write(org_id) as tx:
        await jobs.enqueue(tx, JobName.PLAN, {"heat_pump_id": "x"})
    (job,) = await jobs.claim(database, 10)
    assert (job.name, job.payload, job.starts) == (JobName.PLAN, {"heat_pump_id": "x"}, 1)
    assert await jobs.claim(database, 10) == []
    await jobs.finish(database, [job])
    assert set((await depth(database)).values()) == {0}


async def test_urgent_jobs_come_first_and_names_can_be_chosen(database: Database) -> None:
    for name in (JobName.LEARN, JobName.PLAN, JobName.RELEASE):
        await put(database, name)
    assert [job.name for job in await jobs.claim(database, 2)] == [JobName.RELEASE, JobName.PLAN]
    assert await jobs.claim(database, 2, names=[JobName.PLAN]) == []
    assert len(await jobs.claim(database, 2, names=[JobName.LEARN])) == 1


async def test_a_key_doubles_no_waiting_job_but_a_running_one(database: Database) -> None:
    await put(database, n=3, dedupe_key="pump")
    await put(database, dedupe_key="pump", after_s=60)
    assert (await depth(database))["waiting"] == 1
    await put(database, JobName.LEARN, dedupe_key="pump")  # keys are per name
    (running,) = await jobs.claim(database, 10, names=[JobName.PLAN])
    await put(database, dedupe_key="pump")  # what changed meanwhile is not lost
    assert (await depth(database)) == {"waiting": 2, "delayed": 0, "running": 1, "parked": 0}
    await jobs.retry(database, running, 0)
    assert (await depth(database))["waiting"] == 3


async def test_a_waiting_job_is_not_begun_before_the_news_it_stands_for_is_committed(database: Database) -> None:
    await put(database, dedupe_key="pump")
    async with database.write(FLEET) as tx:
        await jobs.enqueue(tx, JobName.PLAN, {"n": 1}, dedupe_key="pump")
        assert await jobs.claim(database, 10) == []
    assert len(await jobs.claim(database, 10)) == 1


async def test_the_earlier_time_counts(database: Database) -> None:
    await put(database, dedupe_key="pump", after_s=3600)
    await put(database, dedupe_key="pump")
    assert len(await jobs.claim(database, 10)) == 1


async def test_a_delay_delays(database: Database) -> None:
    await put(database, after_s=3600)
    assert await jobs.claim(database, 10) == []
    assert (await depth(database))["delayed"] == 1
    async with database.read(FLEET) as tx:
        due_s = await jobs.next_due_s(tx)
    assert due_s is not None
    assert 3500 < due_s <= 3600


async def test_retry_counts_attempts_and_forgives_starts(database: Database) -> None:
    await put(database)
    for attempt in range(5):
        (job,) = await jobs.claim(database, 10)
        assert (job.starts, job.attempts) == (1, attempt)
        await jobs.retry(database, job, 0)
    (job,) = await jobs.claim(database, 10)
    await jobs.retry(database, job, 3600)
    assert await jobs.claim(database, 10) == []


async def test_a_dead_workers_job_is_begun_anew_and_parked_after_three_starts(database: Database) -> None:
    await put(database)
    for starts in (1, 2, 3):
        (job,) = await jobs.claim(database, 10, lease_s=DEAD)
        assert job.starts == starts
    assert await jobs.claim(database, 10, lease_s=3600) == []  # still leased
    assert await jobs.claim(database, 10, lease_s=DEAD) == []
    async with database.read(FLEET) as tx:
        (parked,) = await jobs.parked(tx)
    assert "3 times" in parked.why
    await jobs.unpark(database, parked.job)
    assert len(await jobs.claim(database, 10)) == 1


async def test_innocent_jobs_of_a_killed_batch_are_done(database: Database) -> None:
    await put(database, n=5)
    done: list[Job] = []
    for _ in range(12):
        batch = await jobs.claim(database, 10, lease_s=DEAD)
        if any(job.payload["n"] == 2 for job in batch):
            continue  # the killer's batch never ends
        await jobs.finish(database, batch)
        done += batch
    assert sorted(job.payload["n"] for job in done) == [0, 1, 3, 4]
    assert await depth(database) == {"waiting": 0, "delayed": 0, "running": 0, "parked": 1}


async def test_parked_jobs_stay_and_say_why(database: Database) -> None:
    await put(database)
    (job,) = await jobs.claim(database, 10)
    await jobs.park(database, job, "vendor said no")
    assert await jobs.claim(database, 10, lease_s=DEAD) == []
    async with database.read(FLEET) as tx:
        assert [(p.job.payload, p.why) for p in await jobs.parked(tx)] == [({"n": 0}, "vendor said no")]


async def test_a_kept_lease_does_not_end(database: Database) -> None:
    await put(database)
    held = await jobs.claim(database, 10)
    async with database.pool.acquire() as connection:
        await connection.execute("update pgqueuer set heartbeat = now() - interval '1 hour'")
    await jobs.keep(database, held)
    assert await jobs.claim(database, 10) == []


async def test_ten_thousand_jobs_pass_through_many_workers_exactly_once(database: Database) -> None:
    began = time.perf_counter()
    async with database.write(FLEET) as tx:
        await jobs.enqueue_many(tx, [jobs.NewJob(JobName.PLAN, {"n": n}) for n in range(10_000)])
    seen: list[int] = []

    async def work() -> None:
        while batch := await jobs.claim(database, 500):
            seen.extend(job.payload["n"] for job in batch)
            await jobs.finish(database, batch)

    await asyncio.gather(*(work() for _ in range(4)))
    assert sorted(seen) == list(range(10_000))
    assert time.perf_counter() - began < 60
