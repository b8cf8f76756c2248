"""How many heat pumps one worker core reads in a second: ``heatfleet bench poll``.

The whole of ``flows/monitor.py`` as in production (due-table, PostgreSQL, sealed grants, HTTP), against the sandbox
cloud in another process. What counts is the CPU of this process, which is the worker; that of the database stands
beside it. Reference of the same run: the same answers fetched and decoded, and nothing else.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import asyncpg
import msgspec

from heatfleet.bench._poll_cloud import SetClock, cloud_process
from heatfleet.bench._poll_fleet import Account, installers, owners, store_fleet
from heatfleet.bench._world import loop, quiet
from heatfleet.flows.monitor import monitor
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.serving import settle_garbage
from heatfleet.store.database import FLEET, Database, open_database
from heatfleet.store.provider import provide_database
from heatfleet.vendors.kit.driver import Driver
from heatfleet.vendors.kit.grants import SealKeys
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.quota import UNLIMITED
from heatfleet.vendors.kit.registry import load_registry

EVERY = timedelta(minutes=5)
PER_CALL = 50
PUMPS_PER_CPU_S_BAR = 2000
KEYS = SealKeys((bytes(32),))


def run(**options: Any) -> dict[str, Any]:
    """Pumps per CPU second of the worker, 50 pumps an account, and (a quarter of them) one; options: pumps, rounds."""
    pumps, rounds = (int(options.get(k, d)) for k, d in (("pumps", 2000), ("rounds", 5)))
    temporary = tempfile.TemporaryDirectory(prefix="heatfleet-bench-")
    with quiet(), temporary as folder, cloud_process(pumps) as base_url, asyncio.Runner(**loop()) as runner:
        home = Path(folder)
        home.chmod(0o711)
        return runner.run(_run(home, base_url, pumps, rounds))


@dataclass(frozen=True)
class _Bench:
    """What is polled, and who is asked what it took."""

    tools: Tools
    clock: SetClock
    driver: Driver
    owner: asyncpg.Connection
    browser: aiohttp.ClientSession
    base_url: str

    async def advance(self) -> None:
        """Five minutes pass, here and at the cloud, and every pump is due."""
        self.clock.now += EVERY
        async with self.browser.post(f"{self.base_url}/time", data=self.clock.now.isoformat()) as response:
            assert response.status == 200


async def _run(home: Path, base_url: str, pumps: int, rounds: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(provide_database(None, home))
        database = await open_database(urls.app_url, role=urls.app_role)
        stack.push_async_callback(database.close)
        owner = await asyncpg.connect(urls.owner_url)
        stack.push_async_callback(owner.close)
        clock = SetClock()
        session = VendorSession(clock)
        stack.push_async_callback(session.close)
        browser = await stack.enter_async_context(aiohttp.ClientSession())
        config = {"base_url": base_url, "account_budget": UNLIMITED}
        registry = load_registry(session.http, {"sandbox": config})
        tools = Tools(database, clock, registry, KEYS)
        bench = _Bench(tools, clock, registry.driver("sandbox"), owner, browser, base_url)
        return await _measure(bench, pumps, rounds)


async def _measure(bench: _Bench, pumps: int, rounds: int) -> dict[str, Any]:
    bulk = await installers(bench.driver, bench.browser, PER_CALL)
    devices = [device for account in bulk for device in account.devices]
    single = await owners(bench.driver, bench.browser, devices[: max(pumps // 4, 1)])
    polled = {"one_call_per_50_pumps": await _poll_all(bench, bulk, rounds)}
    polled["one_call_per_pump"] = await _poll_all(bench, single, rounds)
    reached = polled["one_call_per_50_pumps"]["pumps_per_worker_cpu_s"]
    return {
        "bench": "poll",
        "pumps": pumps,
        "rounds": rounds,
        "reference": "the same answers fetched by aiohttp and decoded, nothing else",
        **polled,
        "bars": {"one_call_per_50_pumps": PUMPS_PER_CPU_S_BAR},
        "within_bars": reached >= PUMPS_PER_CPU_S_BAR,
    }


async def _poll_all(bench: _Bench, accounts: list[Account], rounds: int) -> dict[str, Any]:
    """What polling these accounts takes, medians over the rounds, after one that warms up."""
    org_id = await store_fleet(bench.tools.database, KEYS, accounts, bench.clock.now)
    await bench.owner.execute("vacuum analyze")
    settle_garbage()
    count = sum(len(account.devices) for account in accounts)
    took, floor = [], []
    for turn in range(rounds + 1):
        await bench.advance()
        floor.append(await _cost(bench, lambda: _fetch_only(bench, accounts)))
        took.append(await _cost(bench, lambda: _drain(bench, count)))
        if turn == 0:
            took, floor = [], []
    await _all_was_read(bench.tools.database, org_id, bench)
    async with bench.tools.database.write(FLEET) as tx:
        await tx.execute("delete from polls")
    worker_s, database_s, wall_s = (statistics.median(part) for part in zip(*took, strict=True))
    floor_s = statistics.median(cost[0] for cost in floor)
    return {
        "accounts": len(accounts),
        "pumps_per_worker_cpu_s": round(count / worker_s),
        "worker_cpu_us_per_pump": round(worker_s / count * 1e6, 1),
        "worker_cpu_us_per_pump_by_round": [round(cost[0] / count * 1e6) for cost in took],
        "database_cpu_us_per_pump": round(database_s / count * 1e6, 1),
        "pumps_per_s_by_the_clock": round(count / wall_s),
        "reference_cpu_us_per_pump": round(floor_s / count * 1e6, 1),
        "to_reference": round(worker_s / floor_s, 2),
    }


async def _drain(bench: _Bench, count: int) -> None:
    """Polls until nothing is due."""
    done = 0
    while found := await monitor(bench.tools):
        done += found
    assert done == count, f"{done} of {count} were due"


async def _all_was_read(database: Database, org_id: UUID, bench: _Bench) -> None:
    """Fails when a pump was not read in the last round: a bench of failures would be quick."""
    async with database.read(FLEET) as tx:
        left = await tx.value(
            "select count(*) from polls p join heat_pumps h on h.id = p.heat_pump_id where p.org_id = $1"
            " and (p.failures > 0 or p.last_reading_at < $2 or h.connection_status <> 'ok')",
            org_id,
            bench.clock.now - EVERY,
        )
    assert left == 0, f"{left} pumps were not read"


async def _fetch_only(bench: _Bench, accounts: list[Account]) -> None:
    """The floor: every answer over HTTP, as JSON."""
    for account in accounts:
        ids = ",".join(device.external_device_id for device in account.devices)
        headers = {"Authorization": f"Bearer {account.grant.secret['access_token']}"}
        url = f"{bench.base_url}/v1/readings"
        async with bench.browser.get(url, params={"ids": ids}, headers=headers) as response:
            assert response.status == 200
            msgspec.json.decode(await response.read())


async def _cost(bench: _Bench, work: Callable[[], Awaitable[object]]) -> tuple[float, float, float]:
    """CPU of this process, CPU of the database's processes, and wall time of ``work`` [s]."""
    pids = await bench.owner.fetch("select pid from pg_stat_activity where pid <> pg_backend_pid()")
    before = _cpu_s(pids)
    wall_s, worker_s = time.perf_counter(), time.process_time()
    await work()
    worker_s, wall_s = time.process_time() - worker_s, time.perf_counter() - wall_s
    pids = await bench.owner.fetch("select pid from pg_stat_activity where pid <> pg_backend_pid()")
    after = _cpu_s(pids)
    return worker_s, sum(after[pid] - before.get(pid, 0.0) for pid in after), wall_s


def _cpu_s(pids: list[asyncpg.Record]) -> dict[int, float]:
    """CPU time of each process [s], to the nanosecond (Linux)."""
    stats = {row[0]: Path(f"/proc/{row[0]}/schedstat") for row in pids}
    return {pid: int(stat.read_text(encoding="ascii").split()[0]) / 1e9 for pid, stat in stats.items() if stat.exists()}
