"""The whole app on a virtual clock: real database, sandbox cloud over HTTP, worker; nobody sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.levers import Lever
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.markets.source import SyntheticPrices
from heatfleet.store.database import FLEET, Database
from heatfleet.vendors.kit.driver import Driver, Grant, Receipt, Write
from heatfleet.vendors.kit.emulation.homes import Weather, mild_winter
from heatfleet.vendors.kit.grants import SealKeys, grant_aad, seal
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import Registry, load_registry
from heatfleet.vendors.sandbox.emulator import Emulator
from heatfleet.weather.source import SyntheticWeather, WeatherSource
from heatfleet.worker import Worker
from tests.conftest import FakeClock
from tests.store.worlds import add_connection, add_pump, add_user
from tests.vendors.serving import served

REDIRECT = "http://127.0.0.1/callback"
POLL_S = 900
EARLY = datetime(2000, 1, 1, tzinfo=UTC)
SEAL_KEYS = SealKeys((b"k" * 32,))


class Killed(asyncio.CancelledError):
    """The worker dies here."""


class FragileDriver:
    """A driver that can be told to die right after a write has gone out."""

    def __init__(self, driver: Driver) -> None:
        self._driver, self.kill_after_write = driver, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        receipt = await self._driver.write(grant, external_device_id, writes)
        if self.kill_after_write:
            self.kill_after_write = False
            raise Killed
        return receipt


@dataclass
class FragileVendors:
    """The registry with its one driver made fragile."""

    registry: Registry
    made: dict[str, FragileDriver] = field(default_factory=dict)

    def driver(self, name: str) -> Any:
        return self.made.setdefault(name, FragileDriver(self.registry.driver(name)))


@dataclass(frozen=True)
class Air:
    """The weather the homes have, and who tells it."""

    weather: Weather
    source: WeatherSource = field(default_factory=lambda: SyntheticWeather("DE_LU"))


@dataclass
class World:
    """A fleet of sandbox homes and what runs it."""

    clock: FakeClock
    database: Database
    cloud: Emulator
    vendors: FragileVendors
    worker: Worker
    org_id: UUID
    pumps: list[UUID]

    @property
    def tools(self) -> Tools:
        return self.worker.tools

    async def live(self, span: timedelta) -> None:
        """Lets the fleet's time pass, doing what is due on the way."""
        until = self.clock.now + span
        while (due_at := await self.worker.next_due_at()) is not None and due_at <= until:
            self.clock.now = max(due_at, self.clock.now)
            await self.worker.run_due()
        self.clock.now = until

    async def change(self, pump: UUID, **fields: Any) -> None:
        """Changes settings of a pump as the API would: a new policy version."""
        sets = ", ".join(f"{name} = ${i}" for i, name in enumerate(fields, 2))
        async with self.database.write(FLEET) as tx:
            sql = f"update heat_pumps set policy_version = policy_version + 1, {sets} where id = $1"
            await tx.execute(sql, pump, *fields.values())

    async def rows(self, sql: str, *args: Any) -> list[Any]:
        async with self.database.read(FLEET) as tx:
            return await tx.fetch(sql, *args)

    def another_worker(self) -> Worker:
        """A second worker on the same database."""
        return Worker(self.tools, SyntheticPrices(), SyntheticWeather("DE_LU"))

    async def sign_in_again(self, connection_id: UUID) -> None:
        """The owner signs in once more; the connection gets the new grant."""
        grant = await sign_in(self.cloud, self.vendors.registry.driver("sandbox"))
        await save_grant(self.database, self.org_id, connection_id, grant)

    def settings(self, home: int) -> dict[Lever, float]:
        """What is set on a home's pump now."""
        self.cloud.homes.advance(self.clock.now)
        return {lever: self.cloud.homes.setting(home, lever, self.clock.now) for lever in Lever}


@asynccontextmanager
async def world(
    database: Database, clock: FakeClock, org_id: UUID, homes: int = 3, air: Air = Air(mild_winter), seed: int = 7
) -> AsyncIterator[World]:
    """A connected fleet, nothing polled yet."""
    cloud = Emulator(seed, homes, clock, air.weather, base_path="")
    async with served(cloud) as base_url:
        session = VendorSession(clock)
        try:
            registry = load_registry(session.http, {"sandbox": cloud.config(base_url)})
            vendors = FragileVendors(registry)
            tools = Tools(database, clock, vendors, SEAL_KEYS)
            worker = Worker(tools, SyntheticPrices(), air.source)
            pumps = await connect(database, clock, cloud, registry.driver("sandbox"), org_id)
            yield World(clock, database, cloud, vendors, worker, org_id, pumps)
        finally:
            await session.close()


async def connect(database: Database, clock: FakeClock, cloud: Emulator, driver: Driver, org_id: UUID) -> list[UUID]:
    """The pumps of the installer's account, connected as the Connect page would."""
    grant = await sign_in(cloud, driver)
    user_id = await add_user(database, org_id)
    connection_id = await add_connection(database, org_id, user_id, b"", clock.now)
    await save_grant(database, org_id, connection_id, grant)
    pumps = []
    for device in await driver.list_devices(grant):
        abilities = Capabilities(device.channels, device.levers).to_json()
        fields = {"external_device_id": device.external_device_id, "capabilities": abilities}
        pumps.append(await add_pump(database, org_id, (user_id, connection_id), clock.now, **fields))
    async with database.write(FLEET) as tx:
        await tx.execute("update polls set interval_s = $1", POLL_S)
    return pumps


async def sign_in(cloud: Emulator, driver: Driver) -> Grant:
    """What the installer, who sees all homes, is given."""
    step = await driver.begin_sign_in(REDIRECT, "state", "en")
    async with aiohttp.ClientSession() as session:
        return await driver.finish_sign_in(await cloud.sign_in(session, step), REDIRECT)


async def save_grant(database: Database, org_id: UUID, connection_id: UUID, grant: Grant) -> None:
    """The grant, sealed, on a connection that is alive."""
    sealed = seal(grant, SEAL_KEYS, grant_aad(org_id, connection_id, "sandbox"))
    async with database.write(FLEET) as tx:
        sql = "update connections set grant_sealed = $2, status = 'ok' where id = $1"
        await tx.execute(sql, connection_id, sealed)
        await tx.execute("update polls set due_at = least(due_at, $2) where connection_id = $1", connection_id, EARLY)
