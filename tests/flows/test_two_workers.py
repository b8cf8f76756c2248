"""Two workers, each a process of its own, need the same expired grant at once: one refreshes, both go on."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from heatfleet.store.database import FLEET, Database
from heatfleet.store.embedded import APP, EmbeddedPostgres
from heatfleet.vendors.kit.emulation.asgi import Request, Response
from heatfleet.vendors.kit.emulation.homes import mild_winter
from heatfleet.vendors.kit.grants import grant_aad, open_sealed
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from heatfleet.vendors.sandbox.emulator import Emulator
from tests.conftest import FakeClock
from tests.simulation.world import SEAL_KEYS, save_grant, sign_in
from tests.store.worlds import add_connection, add_user
from tests.vendors.serving import served

ROOT = Path(__file__).parents[2]


WAITING = "select count(*) from pg_locks where locktype = 'advisory' and not granted"


class _Counting(Emulator):
    """The sandbox cloud, which counts refreshes and answers one only when another worker waits for its end."""

    refreshes = 0
    database: Database

    async def handle(self, request: Request) -> Response:
        if request.path == "/oauth/token" and request.form().get("grant_type") == "refresh_token":
            self.refreshes += 1
            await asyncio.wait_for(self._other_waits(), 10)
        return await super().handle(request)

    async def _other_waits(self) -> None:
        while True:
            async with self.database.read(FLEET) as tx:
                if await tx.value(WAITING):
                    return
            await asyncio.sleep(0.01)


async def _worker(stack: AsyncExitStack, *words: str) -> asyncio.subprocess.Process:
    """A worker that has read the connection and waits."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.flows.one_worker", *words,
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    stack.callback(lambda: process.returncode is None and process.kill())
    assert process.stdout is not None
    assert (await asyncio.wait_for(process.stdout.readline(), 60)).strip() == b"ready"
    return process


async def test_a_grant_is_refreshed_once_and_saved_before_use(
    database: Database, database_name: str, postgres: EmbeddedPostgres, clock: FakeClock, org_id: UUID
) -> None:
    cloud = _Counting(1, 2, clock, mild_winter, base_path="")
    cloud.database = database
    async with AsyncExitStack() as stack:
        base_url = await stack.enter_async_context(served(cloud))
        session = VendorSession(clock)
        stack.push_async_callback(session.close)
        grant = await sign_in(cloud, load_registry(session.http, {"sandbox": {"base_url": base_url}}).driver("sandbox"))
        connection_id = await add_connection(database, org_id, await add_user(database, org_id), b"", clock.now)
        expired = replace(grant, expires_at=clock.now - timedelta(seconds=1))
        await save_grant(database, org_id, connection_id, expired)
        words = (postgres.dsn(APP, database_name), base_url, clock.now.isoformat())
        workers = [await _worker(stack, *words) for _ in range(2)]
        said = await asyncio.gather(*(asyncio.wait_for(w.communicate(b"go\n"), 60) for w in workers))
        assert [out.strip() for out, _ in said] == [b"2", b"2"]
    assert cloud.refreshes == 1
    async with database.read(FLEET) as tx:
        stored = await tx.row("select grant_sealed, grant_version from connections")
    kept = open_sealed(stored[0], SEAL_KEYS, grant_aad(org_id, connection_id, "sandbox"))
    assert kept.secret["refresh_token"] != grant.secret["refresh_token"]
    assert stored[1] == 2
