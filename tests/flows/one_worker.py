"""A worker in a process of its own that asks a vendor once: ``python -m tests.flows.one_worker DSN URL NOW``."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from typing import Any

from heatfleet.domain.errors import OutsideWorldError
from heatfleet.flows.toolbox_fleet import Tools, ask_vendor
from heatfleet.store import connections
from heatfleet.store.database import FLEET, open_database
from heatfleet.vendors.kit.driver import Driver, Grant
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from tests.conftest import FakeClock
from tests.simulation.world import SEAL_KEYS


async def work(dsn: str, base_url: str, now: datetime) -> None:
    """Reads the connection, says so, waits for a line, asks the vendor, says how many devices there are."""
    clock, database = FakeClock(now), await open_database(dsn)
    session = VendorSession(clock)
    tools = Tools(database, clock, load_registry(session.http, {"sandbox": {"base_url": base_url}}), SEAL_KEYS)
    async with database.read(FLEET) as tx:
        [id_] = [row[0] for row in await tx.fetch("select id from connections")]
        connection = (await connections.get_many(tx, [id_]))[id_]
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)

    async def call(driver: Driver, grant: Grant) -> Any:
        return await driver.list_devices(grant)

    found = await ask_vendor(tools, connection, call)
    print(repr(found) if isinstance(found, OutsideWorldError) else len(found), flush=True)
    await session.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], sys.argv[2], datetime.fromisoformat(sys.argv[3])))
