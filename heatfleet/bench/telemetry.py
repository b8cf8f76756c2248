"""How fast telemetry goes in, comes out and how small it gets: ``heatfleet bench telemetry``.

A *row* is one poll of one pump: an instant and 10 channels; a *value* is one channel of it. Rows go in through
``store.telemetry.save`` as in production (same role, row-level security, duplicates left alone, newest values kept).
Reference of the same run: plain COPY of the same rows into a table without index, by the same role and client.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np

from heatfleet.domain.readings import Channel
from heatfleet.flows import keep
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import telemetry, telemetry_history
from heatfleet.store.database import FLEET, Database, ReadTx, WriteTx, open_database
from heatfleet.store.ids import new_id
from heatfleet.store.provider import provide_database
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.vendors.kit.grants import SealKeys

CHANNELS = (
    Channel.INDOOR_TEMP_C, Channel.OUTDOOR_TEMP_C, Channel.FLOW_TEMP_C, Channel.RETURN_TEMP_C, Channel.DHW_TEMP_C,
    Channel.POWER_KW, Channel.ENERGY_KWH, Channel.HEAT_KWH, Channel.INDOOR_SETPOINT_C, Channel.MODE,
)  # fmt: skip
EVERY = timedelta(minutes=5)
DAYS, DAY_ROWS = 40, 288
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
BATCH = 20_000
BARS = {"rows_per_core_s": 200_000, "month_ms": 25.0, "day_ms": 1.0, "bytes_per_sample": 30.0}
PROBES = 40


@dataclass(frozen=True)
class _Cost:
    """What some work took: on the clock, of this process and of the database's, all in seconds."""

    wall_s: float
    client_s: float
    server_s: float

    def figures(self, rows: int) -> dict[str, int]:
        """Rows and values per second."""
        per_core = rows / (self.client_s + self.server_s)
        return {
            "rows_per_s": round(rows / self.wall_s),
            "rows_per_database_core_s": round(rows / self.server_s),
            "rows_per_core_s_client_and_database": round(per_core),
            "values_per_core_s_client_and_database": round(per_core * len(CHANNELS)),
        }


class _Clock:
    """The fleet's now, at the end of what was read."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def wall_now(self) -> datetime:
        """Now."""
        return self._now

    def fleet_now(self) -> datetime:
        """Now."""
        return self._now


def run(**options: Any) -> dict[str, Any]:
    """Rates, times and bytes beside their bars; option: rows, of which each pump has 11,520 (40 days)."""
    pumps = max(round(int(options.get("rows", 230_400)) / (DAYS * DAY_ROWS)), 2)
    temporary = tempfile.TemporaryDirectory(prefix="heatfleet-bench-")
    with temporary as folder:
        home = Path(folder)
        home.chmod(0o711)
        return asyncio.run(_run(home, pumps))


async def _run(home: Path, pumps: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(provide_database(None, home))
        database = await open_database(urls.app_url, role=urls.app_role)
        stack.push_async_callback(database.close)
        owner = await asyncpg.connect(urls.owner_url)
        stack.push_async_callback(owner.close)
        org_id, ids = await _make_pumps(database, pumps)
        return await _measure(database, owner, org_id, ids)


async def _measure(database: Database, owner: asyncpg.Connection, org_id: UUID, ids: list[UUID]) -> dict[str, Any]:
    first = next(_batches(org_id, ids))
    copy = await _copy_plain(database, owner, first)
    history = await _save_all(database, _batches(org_id, ids))
    rows = len(ids) * DAYS * DAY_ROWS
    loaded = history.figures(rows)
    reads = {"rows": await _reads(database, org_id, ids)}
    packed = await _compact(database, owner)
    reads["packed_and_rows"] = await _reads(database, org_id, ids)
    worst = {name: max(read[name] for read in reads.values()) for name in ("day_ms", "month_ms")}
    reached = loaded["rows_per_core_s_client_and_database"]
    return {
        "bench": "telemetry",
        "row": "one poll of one pump: an instant and 10 channels (10 values)",
        "rows": rows,
        "pumps": len(ids),
        "reference": f"COPY of {len(first)} of the rows into a table without index",
        "copy_without_index": copy.figures(len(first)),
        "ingest": loaded,
        "ingest_to_reference": round(reached / copy.figures(len(first))["rows_per_core_s_client_and_database"], 3),
        "reads_ms_median": reads,
        **packed,
        "bars": BARS,
        "within_bars": {
            "rows_per_core_s": reached >= BARS["rows_per_core_s"],
            "rows_per_core_s_of_database": loaded["rows_per_database_core_s"] >= BARS["rows_per_core_s"],
            "values_per_core_s": loaded["values_per_core_s_client_and_database"] >= BARS["rows_per_core_s"],
            "month_ms": worst["month_ms"] <= BARS["month_ms"],
            "day_ms": worst["day_ms"] <= BARS["day_ms"],
            "bytes_per_sample": packed["bytes_per_packed_sample"] <= BARS["bytes_per_sample"],
        },
    }


async def _compact(database: Database, owner: asyncpg.Connection) -> dict[str, float]:
    """How fast all that is old enough is packed, and the bytes a sample then has with index and all."""
    tools = Tools(database, _Clock(FIRST + DAYS * timedelta(days=1)), None, SealKeys((bytes(32),)))  # type: ignore[arg-type]
    begin = time.perf_counter()
    while await keep.compact(tools) is not None:
        pass
    packing_s = time.perf_counter() - begin
    await owner.execute("vacuum analyze")
    size = await owner.fetchval("select pg_total_relation_size('telemetry_packed')")
    async with database.read(FLEET) as tx:
        samples = await tx.value("select sum(samples) from telemetry_packed")
    return {
        "compaction_rows_per_s": round(samples / packing_s),
        "bytes_per_packed_sample": round(size / samples, 2),
    }


def _batches(org_id: UUID, ids: list[UUID]) -> Iterator[list[TelemetryRow]]:
    """The rows, pump by pump, at most ``BATCH`` at once."""
    rng, batch = np.random.default_rng(1), list[TelemetryRow]()
    ats = [FIRST + n * EVERY for n in range(DAYS * DAY_ROWS)]
    for id_ in ids:
        values = _home(rng, len(ats)).tolist()
        batch += [
            TelemetryRow(id_, org_id, at, at, dict(zip(CHANNELS, row, strict=True)))
            for at, row in zip(ats, values, strict=True)
        ]
        while len(batch) >= BATCH:
            yield batch[:BATCH]
            batch = batch[BATCH:]
    if batch:
        yield batch


def _home(rng: np.random.Generator, count: int) -> np.ndarray:
    """Readings like a home's (row, channel): slow temperatures with sensor noise, cycling power, meters, settings."""
    day = 2 * np.pi * np.arange(count) / DAY_ROWS
    runs = np.repeat(rng.random(count // 6 + 1) < 0.5, 6)[:count]
    noise = rng.normal(0.0, 1.0, (count, 4))
    power = np.where(runs, 1.8 + 0.1 * noise[:, 0], 0.05)
    meter = 1000.0 + np.cumsum(power) / 12
    indoor = 21.0 + 0.4 * np.sin(day) + 0.05 * noise[:, 1]
    outdoor = 3.0 + 4.0 * np.sin(day + 1.0) + 0.1 * noise[:, 2]
    flow = np.where(runs, 35.0, 27.0) + 0.3 * noise[:, 3]
    tank = 48.0 - 6.0 * (np.arange(count) % 96) / 96
    fixed = np.full(count, 21.0)
    columns = (
        indoor,
        outdoor,
        flow,
        flow - 5.0 * runs,
        tank,
        power,
        meter,
        3.5 * meter,
        fixed,
        np.where(runs, 2.0, 1.0),
    )
    return np.stack(columns, axis=1)


async def _save_all(database: Database, batches: Iterator[list[TelemetryRow]]) -> _Cost:
    """What saving took, one transaction a batch; making the rows is not counted."""
    costs = []
    for batch in batches:
        async with database.write(FLEET) as tx:
            costs.append(await _cost(tx, partial(telemetry.save, tx, batch)))
    return _Cost(*(sum(part) for part in zip(*((c.wall_s, c.client_s, c.server_s) for c in costs), strict=True)))


async def _copy_plain(database: Database, owner: asyncpg.Connection, rows: list[TelemetryRow]) -> _Cost:
    """COPY of rows that are tuples already, five times."""
    await owner.execute("create table bench_rows (like telemetry); grant insert on bench_rows to public")
    given = list(map(telemetry.stored, rows))

    async def copy(tx: WriteTx) -> None:
        for _ in range(5):
            await tx.copy("bench_rows", telemetry.STORED, given)

    async with database.write(FLEET) as tx:
        cost = await _cost(tx, partial(copy, tx))
    return _Cost(cost.wall_s / 5, cost.client_s / 5, cost.server_s / 5)


async def _cost(tx: ReadTx, work: Callable[[], Awaitable[object]]) -> _Cost:
    """What ``work`` took; of the database its own process, read where the system tells (Linux)."""
    pid = await tx.value("select pg_backend_pid()")
    wall, client, server = time.perf_counter(), time.process_time(), _cpu_s(pid)
    await work()
    return _Cost(time.perf_counter() - wall, time.process_time() - client, _cpu_s(pid) - server)


def _cpu_s(pid: int) -> float:
    """CPU time of a process [s], to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


async def _reads(database: Database, org_id: UUID, ids: list[UUID]) -> dict[str, float]:
    """Median time [ms] of the last 24 hours and 30 days of pumps all over the fleet, and CPU of client and database."""
    end_at = FIRST + DAYS * timedelta(days=1)
    found: dict[str, list[float]] = {"day_ms": [], "day_cpu_ms": [], "month_ms": [], "month_cpu_ms": []}
    async with database.read(org_id) as tx:
        for id_ in (ids[n * len(ids) // PROBES] for n in range(PROBES)):
            for name, days in (("day", 1), ("month", 30)):
                span = end_at - days * timedelta(days=1), end_at
                cost = await _cost(tx, partial(telemetry_history.samples, tx, org_id, id_, *span))
                found[f"{name}_ms"].append(cost.wall_s * 1e3)
                found[f"{name}_cpu_ms"].append((cost.client_s + cost.server_s) * 1e3)
    return {name: round(median(times), 2) for name, times in found.items()}


async def _make_pumps(database: Database, pumps: int) -> tuple[UUID, list[UUID]]:
    """An organisation and its heat pumps, as the database knows them, which is what pollers hold in their hands."""
    org_id, user_id = new_id(), new_id()
    async with database.write(FLEET) as tx:
        await tx.execute("insert into organisations (id, name) values ($1, 'Bench')", org_id)
        await tx.execute(
            "insert into users (id, org_id, email, role) values ($1, $2, 'ada@example.com', 'user')", user_id, org_id
        )
        await tx.execute(
            "insert into heat_pumps (id, org_id, user_id) select id, $2, $3 from unnest($1::uuid[]) id",
            [new_id() for _ in range(pumps)], org_id, user_id,
        )  # fmt: skip
        made = await tx.fetch("select org_id, id from heat_pumps order by id")
    return made[0][0], [row[1] for row in made]
