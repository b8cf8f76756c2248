"""The job queue: PgQueuer's tables and statements behind one file.

A job is put in by the same transaction as the data it is about. Whoever claims it has a lease; a lease that ends
without ``finish``, ``retry`` or ``park`` means the worker died, and the job is begun anew, alone, so that a job which
kills its worker is found out: after three such starts it is parked. Parked jobs stay, with the reason, until a person
decides. Delays and leases run on the database's clock, which is a wall clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import msgspec
from pgqueuer.adapters.persistence.qb import QueryQueueBuilder
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId

from heatfleet.domain.jobs import Job, JobName
from heatfleet.store.database import FLEET, Database, ReadTx, WriteTx
from heatfleet.store.ids import new_id
from heatfleet.store.job_tables import SETTINGS

LEASE_S: Final = 300.0
STARTS_MAX: Final = 3
PARKED_MAX: Final = 1000
_KILLS = f"begun {STARTS_MAX} times without an end: it seems to stop its worker"
_UNKNOWN = "no flow does jobs of this name: put in by another version, or by hand"
_QUERIES = QueryQueueBuilder(SETTINGS)
# Not "skip": a waiting job of the same key is locked until the caller commits, so that nobody begins it before the
# caller's data can be seen.
_ENQUEUE = _QUERIES.build_enqueue_query("update_priority")
_HURRY = """
update pgqueuer job set execute_after = now() + wish.after
from unnest($1::text[], $2::interval[]) as wish(key, after)
where job.dedupe_key = wish.key and job.status = 'queued' and job.execute_after > now() + wish.after
"""
_END = _QUERIES.build_log_job_query()
_NAMES = frozenset(name.value for name in JobName)
_PRIORITY = {JobName.RELEASE: 30, JobName.PLAN: 20}  # the rest: 0


@dataclass(frozen=True)
class NewJob:
    """A job to put in."""

    name: JobName
    payload: dict[str, Any]
    after_s: float = 0.0
    dedupe_key: str | None = None


@dataclass(frozen=True)
class ParkedJob:
    """A job that waits for a person."""

    job: Job
    why: str
    parked_at: datetime


async def enqueue(
    tx: WriteTx, name: JobName, payload: dict[str, Any], *, after_s: float = 0, dedupe_key: str | None = None
) -> None:
    """Puts a job in; one waiting under ``dedupe_key`` is enough (the earlier time counts), a running one is not."""
    await enqueue_many(tx, [NewJob(name, payload, after_s, dedupe_key)])


async def enqueue_many(tx: WriteTx, new: Sequence[NewJob]) -> None:
    """Puts many jobs in at once; of several with one key the last."""
    unique = {_key(job) or n: job for n, job in enumerate(new)}
    listed = sorted(unique.values(), key=lambda job: _key(job) or "")  # one order for all, so that none deadlock
    if not listed:
        return
    keys = [_key(job) for job in listed]
    delays = [timedelta(seconds=job.after_s) for job in listed]
    await tx.raw.fetch(
        _ENQUEUE,
        [_PRIORITY.get(job.name, 0) for job in listed],
        [job.name.value for job in listed],
        [msgspec.json.encode(job.payload) for job in listed],
        delays,
        keys,
        [None] * len(listed),
    )
    if any(keys):
        await tx.execute(_HURRY, keys, delays)


def _key(job: NewJob) -> str | None:
    return None if job.dedupe_key is None else f"{job.name}:{job.dedupe_key}"


async def claim(
    database: Database, limit: int, *, names: Collection[JobName] = tuple(JobName), lease_s: float = LEASE_S
) -> list[Job]:
    """Up to ``limit`` due jobs, most urgent first, ours for ``lease_s`` seconds."""
    query = _QUERIES.build_dequeue_query(
        batch_size=limit,
        entrypoints=[QueueEntrypoint(name.value) for name in names],
        concurrency_limits=[0] * len(names),
        queue_manager_id=QueueManagerId(new_id()),
        global_concurrency_limit=None,
        heartbeat_timeout=timedelta(seconds=lease_s),
    )
    async with database.write(FLEET) as tx:
        jobs = [_job(row) for row in await tx.fetch(query.sql, *query.args)]
        return await _sort_out(tx, jobs)


async def _sort_out(tx: WriteTx, jobs: list[Job]) -> list[Job]:
    """The jobs to begin: usually all; when some were begun before and never ended, one of those alone.

    Otherwise the innocent ones of a batch would be parked with the one that kills the worker.
    """
    suspects = [job for job in jobs if job.starts > 1]
    if not suspects:
        return jobs
    guilty = [job for job in suspects if job.starts > STARTS_MAX]
    await _park(tx, guilty, _KILLS)
    alone = [job for job in suspects if job.starts <= STARTS_MAX][:1]
    kept = {job.id for job in (*guilty, *alone)}
    await tx.execute(
        "update pgqueuer set status = 'queued', queue_manager_id = null, starts = starts - 1 where id = any($1)",
        [job.id for job in jobs if job.id not in kept],
    )
    return alone


async def finish(database: Database, jobs: Sequence[Job]) -> None:
    """Takes done jobs out."""
    async with database.write(FLEET) as tx:
        await finish_within(tx, jobs)


async def finish_within(tx: WriteTx, jobs: Sequence[Job]) -> None:
    """Takes done jobs out in the transaction that saves what they did."""
    ids = [job.id for job in jobs]
    await tx.execute(_END, ids, ["successful"] * len(ids), [None] * len(ids))


async def keep(database: Database, jobs: Sequence[Job]) -> None:
    """Extends the lease of jobs that take long."""
    async with database.write(FLEET) as tx:
        await tx.execute(_QUERIES.build_update_heartbeat_query(), [job.id for job in jobs])


async def retry(database: Database, job: Job, after_s: float) -> None:
    """Puts a claimed job back for later; an orderly end, so its starts count from zero again."""
    async with database.write(FLEET) as tx:
        await tx.execute(
            "update pgqueuer set status = 'queued', execute_after = now() + $2, updated = now(),"
            " attempts = attempts + 1, starts = 0, queue_manager_id = null where id = $1",
            job.id,
            timedelta(seconds=after_s),
        )


async def park(database: Database, job: Job, why: str) -> None:
    """Sets a job aside for a person to look at."""
    async with database.write(FLEET) as tx:
        await _park(tx, [job], why)


async def _park(tx: WriteTx, jobs: Sequence[Job], why: str) -> None:
    ids = [job.id for job in jobs]
    await tx.execute(_END, ids, ["failed"] * len(ids), [None] * len(ids))
    await tx.execute("update pgqueuer set parked_because = $2 where id = any($1)", ids, why[:2000])


async def park_unknown(database: Database, known: Collection[JobName]) -> int:
    """How many due jobs of other names than ``known`` were set aside: nobody would ever claim them."""
    async with database.write(FLEET) as tx:
        rows = await tx.fetch(
            "select id, entrypoint, payload, starts, attempts from pgqueuer where status = 'queued'"
            " and execute_after <= now() and entrypoint <> all($1::text[]) limit $2 for update skip locked",
            [name.value for name in known],
            PARKED_MAX,
        )
        if rows:
            await _park(tx, [_job(row) for row in rows], _UNKNOWN)
    return len(rows)


async def unpark(database: Database, job: Job) -> None:
    """Gives a parked job another chance."""
    async with database.write(FLEET) as tx:
        await tx.execute(
            "update pgqueuer set status = 'queued', execute_after = now(), updated = now(), starts = 0,"
            " attempts = 0, parked_because = null where id = $1 and status = 'failed'",
            job.id,
        )


async def parked(tx: ReadTx) -> list[ParkedJob]:
    """The newest parked jobs, at most ``PARKED_MAX``."""
    rows = await tx.fetch(
        "select id, entrypoint, payload, starts, attempts, parked_because, updated from pgqueuer"
        " where status = 'failed' order by updated desc, id desc limit $1",
        PARKED_MAX,
    )
    return [ParkedJob(_job(row), row["parked_because"] or "", row["updated"]) for row in rows]


async def depth(tx: ReadTx) -> dict[str, int]:
    """How many jobs are ``waiting`` (due now), ``delayed``, ``running`` and ``parked``."""
    row = await tx.row(
        "select count(*) filter (where status = 'queued' and execute_after <= now()) as waiting,"
        " count(*) filter (where status = 'queued' and execute_after > now()) as delayed,"
        " count(*) filter (where status = 'picked') as running,"
        " count(*) filter (where status = 'failed') as parked from pgqueuer"
    )
    assert row is not None
    return dict(row)


async def next_due_s(tx: ReadTx) -> float | None:
    """Seconds until the next waiting job is due (0 when one is), or None when nothing waits."""
    due_s: float | None = await tx.value(
        "select case when count(*) > 0 then greatest(0, extract(epoch from min(execute_after) - now()))::float8 end"
        " from pgqueuer where status = 'queued'"
    )
    return due_s


async def tidy(database: Database, keep_log_days: int = 7) -> int:
    """Removes old lines of the queue's log; how many."""
    async with database.write(FLEET) as tx:
        sql = "delete from pgqueuer_log where created < now() - $1::interval"
        return await tx.execute(sql, timedelta(days=keep_log_days))


def _job(row: asyncpg.Record) -> Job:
    return Job(
        id=row["id"],
        name=_name(row["entrypoint"]),
        payload=msgspec.json.decode(row["payload"]),
        starts=row["starts"],
        attempts=row["attempts"],
    )


def _name(entrypoint: str) -> JobName | str:
    return JobName(entrypoint) if entrypoint in _NAMES else entrypoint
