"""``heatfleet demo``: the whole platform in one process, with the outside world played beside it.

Read ``live`` from top to bottom: port, database, clock, sources, the emulated vendor clouds, the house, its pages, the
people, the homes, the first prices and plans; then the clock runs until a signal, and every pump is given back.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from heatfleet.app import House, make_worker, open_house, tools_of, web_application
from heatfleet.clocks import FleetClock, RealClock
from heatfleet.demo import clouds, credentials, farewell, homes, people, sources, watch
from heatfleet.demo.conductor import conduct
from heatfleet.demo.credentials import Credentials
from heatfleet.demo.homes import Street
from heatfleet.demo.panel import ROWS_SHOWN, Now, Ready
from heatfleet.demo.people import Town
from heatfleet.demo.sources import DemoSources, Wanted
from heatfleet.domain.price_zones import zone_facts
from heatfleet.flows.catalogue import fill_catalogue
from heatfleet.logs import setup_logging
from heatfleet.processes import stop_on_signals
from heatfleet.serving import Mounted, bind, port_of, serving
from heatfleet.settings import Settings
from heatfleet.store import fleet_clock, fleet_table
from heatfleet.store.database import FLEET, Database, open_database
from heatfleet.store.provider import DatabaseUrls, provide_database
from heatfleet.vendors.kit.emulation.cloud import Place
from heatfleet.vendors.kit.emulation.contract import DemoCloud
from heatfleet.vendors.sandbox.emulator import Emulator

HOST = "127.0.0.1"
CLOUD_CALLS_PER_MINUTE = 1_000_000  # the fleet clock runs fast, and with it the polls
API = "/api/partners/v2.0"

log = structlog.get_logger("heatfleet.demo")


@dataclass(frozen=True)
class DemoOptions:
    """What the command line asked for."""

    home: Path
    port: int = 8000
    homes: int = 24
    speed: float = 60.0
    prices: Path | None = None
    weather: Path | None = None
    seed: int = 1
    adder: float = 0.15
    zone: str = "DE_LU"
    json: bool = False


@dataclass(frozen=True)
class Demo:
    """The running parts, as the rest of this room needs them."""

    options: DemoOptions
    house: House
    clock: FleetClock
    cloud: Emulator
    sources: DemoSources
    who: Credentials
    notes: list[str] = field(default_factory=list)
    other_makers: Sequence[str] = ()

    @property
    def street(self) -> Street:
        """Where homes are connected."""
        act = people.act_of(self.house.database, self.clock, self.who)
        return Street(act, self.house.counter, self.cloud, self.options.zone, self.house.settings.base_url)


def run(options: DemoOptions) -> None:
    """The demo until SIGINT or SIGTERM; ``OSError`` or ``HeatfleetError`` when it cannot start."""
    zone_facts(options.zone)
    try:
        import uvloop
    except ImportError:
        asyncio.run(live(options))
    else:
        uvloop.run(live(options))


async def live(options: DemoOptions) -> None:
    """From nothing to a running fleet to nothing."""
    log_to(options)
    stop = stop_on_signals()
    with contextlib.closing(bind(HOST, options.port)) as listener:
        async with opened(options, port_of(listener), listener) as demo:
            worker = make_worker(demo.house, demo.sources.prices, demo.sources.weather)
            newly = await homes.connect_all(demo.street, demo.options.homes - 1)
            log.info("homes connected", new=newly)
            watch.announce(await ready_of(demo), [*demo.sources.notes, *demo.notes, *to_click(demo)], options.json)
            await run_fleet(demo, worker, stop)


def log_to(options: DemoOptions) -> None:
    """Logs go to stderr; where a table is drawn, to a file, so that they do not tear it."""
    if options.json or not sys.stdout.isatty():
        setup_logging("info", as_json=False)
    else:
        file = (options.home / "heatfleet.log").open("a", encoding="utf-8", buffering=1)
        setup_logging("info", as_json=False, stream=file)


@asynccontextmanager
async def opened(options: DemoOptions, port: int, listener: Any) -> AsyncIterator[Demo]:
    """The demo's parts, served; closed in reverse order at the end."""
    settings = settings_of(options, port)
    options, notes = as_before(options)
    async with provide_database(None, options.home, user=settings.postgres_user) as urls:
        clock = FleetClock(await fleet_start_at(urls), options.speed)
        now = RealClock().wall_now()
        chosen = await sources.choose(Wanted(options.zone, options.prices, options.weather, options.seed, now))
        cloud, others = make_clouds(options, clock, chosen, settings.base_url)
        played: dict[str, DemoCloud] = {homes.VENDOR: cloud, **others}
        vendors = {name: one.config(settings.base_url) for name, one in played.items()}
        async with open_house(settings, urls, clock, vendors) as house:
            await fill_catalogue(house.database, house.registry.manifests())
            app = Mounted(web_application(house), {clouds.path_of(name): one for name, one in played.items()})
            async with serving(app, listener):
                who = await people.settle_in(house.database, clock, options.home, Town(options.zone, options.adder))
                yield Demo(options, house, clock, cloud, chosen, who, notes, clouds.titles(others))
            for one in played.values():
                one.save()


def as_before(options: DemoOptions) -> tuple[DemoOptions, list[str]]:
    """The options with the homes that stand in this folder already, and what must be said about that."""
    count, seed = credentials.same_street(options.home, options.homes, options.seed)
    if (count, seed) == (options.homes, options.seed):
        return options, []
    note = f"{count} homes of seed {seed} stand in {options.home} already; for others choose another --home"
    return replace(options, homes=count, seed=seed), [note]


def settings_of(options: DemoOptions, port: int) -> Settings:
    """The environment's settings with what the demo must have."""
    fixed: dict[str, Any] = {
        "home": options.home,
        "database_url": None,
        "host": HOST,
        "port": port,
        "public_url": f"http://{HOST}:{port}",
        "sandbox": True,
        "executor": "thread",
        "rate_limit_per_minute": 100_000,
    }
    return Settings(**fixed)


async def fleet_start_at(urls: DatabaseUrls) -> datetime:
    """Now, or where the fleet clock stood if that is later."""
    database = await open_database(urls.app_url, role=urls.app_role, max_size=1)
    try:
        async with database.read(FLEET) as tx:
            kept = await fleet_clock.load(tx)
    finally:
        await database.close()
    now = RealClock().wall_now()
    return now if kept is None else max(kept, now)


def make_clouds(
    options: DemoOptions, clock: FleetClock, chosen: DemoSources, base_url: str
) -> tuple[Emulator, dict[str, DemoCloud]]:
    """The sandbox vendor's cloud with its homes, and the other makers' clouds."""
    zone = zone_facts(options.zone).time_zone

    def place_of(vendor: str) -> Place:
        state, path = options.home / f"{vendor}.json", clouds.path_of(vendor)
        return Place(clock, chosen.truth, options.seed, zone, path, state, [base_url])

    place = place_of(homes.VENDOR)
    sandbox = Emulator(
        options.seed,
        options.homes,
        clock,
        chosen.truth,
        state_path=place.state_path,
        base_path=place.base_path,
        zone=zone,
        calls_per_minute=CLOUD_CALLS_PER_MINUTE,
        redirect_origins=[base_url],
    )
    return sandbox, clouds.other_clouds(place_of)


def to_click(demo: Demo) -> list[str]:
    """What else waits on the Connect page, beside the sandbox heat pump."""
    makers = ", ".join(demo.other_makers)
    return [f"to connect by clicking, too: emulated {makers}; the maker's page shows who may sign in"] if makers else []


async def ready_of(demo: Demo) -> Ready:
    """Everything somebody needs to start; the connect URL is a fresh session."""
    base_url, who = demo.house.settings.base_url, demo.who
    session_id = await homes.new_session(demo.street.act, UUID(who.user_id), demo.options.zone, base_url)
    return Ready(
        base_url=base_url + API,
        docs_url=f"{base_url}{API}/docs",
        connect_url=f"{base_url}/connect?onboarding_session_id={session_id}",
        backoffice_url=None,
        org_id=who.org_id,
        client_id=who.client_id,
        client_secret=who.client_secret,
        user_id=who.user_id,
        admin_email=who.admin_email,
        admin_password=who.admin_password,
        home=str(demo.options.home),
    )


async def run_fleet(demo: Demo, worker: Any, stop: asyncio.Event) -> None:
    """Clock, work and table until ``stop``; then every pump gets its owner's settings back."""
    tasks = [
        asyncio.create_task(conduct(demo.clock, worker, lambda at: save_clock(demo.house.database, at), stop)),
        asyncio.create_task(watch.watch(lambda: look(demo), demo.options.json, stop)),
    ]
    await asyncio.wait([*tasks, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    stop.set()
    await asyncio.gather(*tasks)
    watch.say("giving every pump back to its owner's settings …", demo.options.json)
    watch.say(farewell.summary(await farewell.give_back(tools_of(demo.house), demo.clock)), demo.options.json)


async def save_clock(database: Database, at: datetime) -> None:
    """Keeps the fleet's instant."""
    async with database.write(FLEET) as tx:
        await fleet_clock.save(tx, at)


async def look(demo: Demo) -> Now:
    """The fleet at this moment."""
    org_id, at = UUID(demo.who.org_id), demo.clock.fleet_now()
    async with demo.house.database.read(org_id) as tx:
        rows = await fleet_table.rows(tx, org_id, at, ROWS_SHOWN)
        counts = await fleet_table.counts(tx, org_id)
    return Now(at, demo.clock.speed_reached, demo.options.speed, counts, rows)
