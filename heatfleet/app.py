"""Puts the house together; the only file that knows all rooms. Read here what is handed to whom.

``open_house`` opens what every process needs; ``web_application`` and ``make_worker`` build the two kinds of process
from it; ``run_web`` and ``run_worker`` run one until a signal.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Executor
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import structlog
from pydantic import SecretStr

from heatfleet.api.routes import make_api
from heatfleet.api.services import Services
from heatfleet.auth.keys import KeyRing, load_keys, rotate
from heatfleet.auth.seal_keys import load_seal_keys
from heatfleet.auth.secrets import SecretSigner
from heatfleet.auth.sign_in import SignIn
from heatfleet.auth.throttle import Throttle
from heatfleet.auth.tokens import AccessTokens
from heatfleet.bridge.hub import Hub
from heatfleet.bridge.routes import BASE as BRIDGE
from heatfleet.bridge.routes import make_bridge
from heatfleet.bridge.services import BridgeServices
from heatfleet.clocks import RealClock
from heatfleet.domain.clock import Clock
from heatfleet.flows.catalogue import fill_catalogue
from heatfleet.flows.monitor import monitor
from heatfleet.flows.release import count_owed, release_all
from heatfleet.flows.toolbox_connect import Counter
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.logs import setup_logging
from heatfleet.markets.energy_charts import EnergyCharts
from heatfleet.markets.entsoe import Entsoe
from heatfleet.markets.source import PriceSource
from heatfleet.processes import make_executor, stop_on_signals
from heatfleet.serving import Mounted, bind, serving
from heatfleet.settings import Settings, vendor_settings
from heatfleet.store import backup
from heatfleet.store.database import Database, open_database
from heatfleet.store.doctor import Finding, examine
from heatfleet.store.migrate import head
from heatfleet.store.provider import DatabaseUrls, provide_database
from heatfleet.vendors.kit.grants import SealKeys
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import Registry, find_vendors, load_registry
from heatfleet.weather.open_meteo import OpenMeteo
from heatfleet.weather.source import WeatherSource
from heatfleet.web.connect import make_web
from heatfleet.worker import Worker

CALLBACK = "/connect/callback"
RELEASE_LOOK_S = 2.0
SOURCE_TIMEOUT = aiohttp.ClientTimeout(total=30.0, connect=10.0)

log = structlog.get_logger("heatfleet.app")


@dataclass(frozen=True)
class House:
    """What every process is given."""

    settings: Settings
    clock: Clock
    database: Database
    registry: Registry
    seal_keys: SealKeys
    executor: Executor

    @property
    def counter(self) -> Counter:
        """Where people connect heat pumps."""
        settings = self.settings
        return Counter(self.registry, self.seal_keys, settings.base_url + CALLBACK, settings.poll_interval_s)


@asynccontextmanager
async def open_house(
    settings: Settings, urls: DatabaseUrls, clock: Clock, emulated: Mapping[str, Mapping[str, str]] | None = None
) -> AsyncIterator[House]:
    """The house on a database that runs; ``emulated`` vendors replace those of the environment, on the fleet clock."""
    async with AsyncExitStack() as stack:
        database = await open_database(urls.app_url, role=urls.app_role, max_size=settings.database_pool_max)
        stack.push_async_callback(database.close)
        session = VendorSession(
            clock,
            timeout_s=settings.http_timeout_s,
            connect_timeout_s=settings.http_connect_timeout_s,
            connections=settings.http_connections,
            processes=settings.vendor_processes,
            budgets_in_fleet_time=emulated is not None,
        )
        stack.push_async_callback(session.close)
        executor = make_executor(settings.executor, settings.executor_workers)
        stack.callback(executor.shutdown, wait=False, cancel_futures=True)
        given = vendor_settings() if emulated is None else emulated
        registry = load_registry(session.http, with_bridge(given, settings.base_url))
        master_key = settings.master_key.get_secret_value() if settings.master_key else None
        seal_keys = load_seal_keys(master_key, settings.seal_key_path)
        yield House(settings, clock, database, registry, seal_keys, executor)


def with_bridge(vendors: Mapping[str, Mapping[str, str]], base_url: str) -> dict[str, Mapping[str, str]]:
    """The vendors' settings; those that need a gateway find our own bridge, unless the operator names another."""
    bridged = {name for name, found in find_vendors().items() if found.manifest.needs_gateway}
    ours = {name: {"bridge_url": base_url, **vendors.get(name, {})} for name in bridged}
    return {**vendors, **ours}


def web_application(house: House, bridge: BridgeServices | None = None) -> Any:
    """The Partner API, the Connect pages, and the bridge to gateways in homes."""
    settings, ring = house.settings, load_keys(house.settings.sign_key_path)
    tokens = AccessTokens(ring)
    services = Services(
        database=house.database,
        clock=house.clock,
        keys=ring,
        tokens=tokens,
        sign_in=_sign_in(house, tokens),
        secrets=SecretSigner(ring.secret),
        counter=house.counter,
        public_url=settings.base_url,
        rate_limit_per_minute=settings.rate_limit_per_minute,
        max_body_bytes=settings.max_body_bytes,
        metrics_token=settings.metrics_token.get_secret_value() if settings.metrics_token else None,
    )
    joins = make_bridge(bridge or bridge_services(house))
    return Mounted(make_api(services, make_web(services)), {BRIDGE: joins})


def bridge_services(house: House) -> BridgeServices:
    """What the bridge of this process is handed."""
    return BridgeServices(
        database=house.database,
        clock=house.clock,
        secrets=SecretSigner(load_keys(house.settings.sign_key_path).secret),
        throttle=Throttle(house.settings.login_attempts_per_minute),
        hub=Hub(house.database),
    )


def _sign_in(house: House, tokens: AccessTokens) -> SignIn:
    settings = house.settings
    return SignIn(
        database=house.database,
        clock=house.clock,
        tokens=tokens,
        throttle=Throttle(settings.login_attempts_per_minute),
        client_life=timedelta(seconds=settings.access_token_s),
        refresh_life=timedelta(seconds=settings.refresh_token_s),
    )


def tools_of(house: House) -> Tools:
    """What the worker's flows are handed."""
    return Tools(
        house.database,
        house.clock,
        house.registry,
        house.seal_keys,
        house.executor,
        house.settings.telemetry_raw_days,
        house.settings.telemetry_retention_days,
    )


def make_worker(house: House, prices: PriceSource, weather: WeatherSource) -> Worker:
    """The worker with its sources."""
    return Worker(tools_of(house), prices, weather)


@asynccontextmanager
async def house_at(settings: Settings, *, attach: bool = False) -> AsyncIterator[House]:
    """The house on the database of the settings; ``attach`` shares that of a running ``heatfleet up``."""
    user = settings.postgres_user
    async with (
        provide_database(settings.dsn, settings.home, user=user, attach=attach) as urls,
        open_house(settings, urls, RealClock()) as house,
    ):
        yield house


def signing_keys(settings: Settings, rotate_after: timedelta | None = None) -> tuple[KeyRing, datetime]:
    """The keys of access tokens as they are now, with ``rotate_after`` one more that signs after that time."""
    now = RealClock().wall_now()
    if rotate_after is not None:
        return rotate(settings.sign_key_path, now, rotate_after), now
    return load_keys(settings.sign_key_path), now


async def look_over(settings: Settings) -> list[Finding]:
    """What ``heatfleet doctor`` finds."""
    return await examine(settings, RealClock())


async def back_up(settings: Settings, folder: Path) -> backup.Manifest:
    """Copies the installation into ``folder``."""
    return await backup.backup(settings, RealClock(), folder)


async def migrate_database(settings: Settings) -> str:
    """Brings the database to this version's tables; their revision."""
    async with provide_database(settings.dsn, settings.home, user=settings.postgres_user, attach=True):
        return head()


async def run_web(settings: Settings) -> None:
    """Serves API and pages until SIGINT or SIGTERM; needs a database that runs and is migrated."""
    setup_logging(settings.log_level, settings.log_json)
    stop = stop_on_signals()
    with closing(bind(settings.host, settings.port)) as listener:
        async with house_at(settings) as house:
            await fill_catalogue(house.database, house.registry.manifests())
            bridge = bridge_services(house)
            app = web_application(house, bridge)
            async with serving(app, listener, proxies=settings.trusted_proxies), carrying(bridge, settings.mqtt_url):
                log.info("listening", host=settings.host, port=settings.port)
                await stop.wait()


@asynccontextmanager
async def carrying(bridge: BridgeServices, mqtt_url: SecretStr | None) -> AsyncIterator[None]:
    """Gateways are reached over the broker, too, while the block runs; without a broker nothing happens."""
    task = None
    if mqtt_url is not None:
        from heatfleet.bridge.mqtt import carry

        task = asyncio.create_task(carry(bridge, mqtt_url.get_secret_value()), name="mqtt")
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def run_worker(settings: Settings) -> None:
    """Works until SIGINT or SIGTERM, then ends what it has begun; needs a database that runs and is migrated."""
    setup_logging(settings.log_level, settings.log_json)
    stop = stop_on_signals()
    async with house_at(settings) as house, aiohttp.ClientSession(timeout=SOURCE_TIMEOUT) as session:
        log.info("working")
        await make_worker(house, price_source(settings, session), OpenMeteo(session)).run(stop)


def price_source(settings: Settings, session: aiohttp.ClientSession) -> PriceSource:
    """ENTSO-E where there is a key, else energy-charts."""
    key = settings.entsoe_api_key
    return EnergyCharts(session) if key is None else Entsoe(key.get_secret_value())


async def release_pumps(settings: Settings, heat_pump_id: UUID | None, wait_s: float) -> int:
    """How many pumps are still owed their owner's settings after at most ``wait_s`` seconds."""
    async with house_at(settings, attach=True) as house:
        tools, loop = tools_of(house), asyncio.get_running_loop()
        until_s = loop.time() + wait_s
        await release_all(tools, heat_pump_id=heat_pump_id, switch_off=True)
        while (owed := await count_owed(tools, heat_pump_id)) and loop.time() < until_s:
            await monitor(tools)
            await asyncio.sleep(RELEASE_LOOK_S)
        return owed
