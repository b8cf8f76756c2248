"""Puts an agent together and runs it until a signal; the only file of this room that constructs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import structlog

from heatfleet.clocks import FleetClock, RealClock
from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import Invalid, TryAgain
from heatfleet.gateway.agent import Agent, Pace
from heatfleet.gateway.journal import Journal
from heatfleet.gateway.keeper import Keeper, Local
from heatfleet.gateway.link import Dial, check_server, dialling, pair
from heatfleet.processes import stop_on_signals
from heatfleet.vendors.kit.driver import Grant
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import find_vendors, load_registry

HOME_NETWORKS = "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 127.0.0.0/8 fc00::/7 fe80::/10"
"""Where relays of a home may be: private networks."""
LOOK_AGAIN_S = (2.0, 60.0)
RELAY_TIMEOUT_S = 4.0  # in the same house; the server must not wait for its answer, nor the WebSocket for its pong

log = structlog.get_logger("heatfleet.gateway")


@dataclass(frozen=True)
class Simulation:
    """A virtual pump instead of a real one."""

    seed: int = 1
    speed: float = 1.0


@dataclass(frozen=True)
class AgentOptions:
    """What the command line asked for; ``answers`` are those to the local driver's form."""

    state_dir: Path
    server: str = ""
    code: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    simulation: Simulation | None = None
    mqtt: str = ""


async def run(options: AgentOptions) -> None:
    """The agent until SIGINT or SIGTERM; :class:`Invalid` when it cannot start, ``OutsideWorldError`` likewise."""
    stop, journal = stop_on_signals(), Journal(options.state_dir)
    timeout = aiohttp.ClientTimeout(total=None, connect=15.0, sock_connect=15.0)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        await settle_in(options, journal, session)
        async with local_of(options, journal, stop) as found:
            if found is not None:
                local, clock = found
                pace = Pace(asyncio.get_running_loop(), options.simulation.speed if options.simulation else 1.0)
                keeper = Keeper(local, journal, pace.now_s)
                await Agent(local, keeper, dial_of(options, journal, session), clock, pace).run(stop)


async def settle_in(options: AgentOptions, journal: Journal, session: aiohttp.ClientSession) -> None:
    """Pairs with the server when a new code is given; afterwards the journal knows server and token."""
    server = check_server(options.server or journal.server or "-")
    if options.code and not journal.is_paired_with(options.code):
        gateway_id, token = await pair(session, server, options.code)
        journal.paired(server, gateway_id, token, options.code)
        log.info("paired", server=server, gateway=str(gateway_id))
    if journal.gateway_id is None:
        raise Invalid.field("--code", "is needed the first time; the Connect page shows one", where="gateway")
    if server != journal.server:
        raise Invalid.field("--server", f"this gateway is paired with {journal.server}; pair anew", where="gateway")


def dial_of(options: AgentOptions, journal: Journal, session: aiohttp.ClientSession) -> Dial:
    """How the server is reached: its WebSocket, or a broker."""
    if options.mqtt:
        from heatfleet.gateway.mqtt import dialling_broker

        assert journal.gateway_id is not None
        return dialling_broker(options.mqtt, journal.gateway_id, RealClock())
    return dialling(session, journal.server, journal.token)


@asynccontextmanager
async def local_of(
    options: AgentOptions, journal: Journal, stop: asyncio.Event
) -> AsyncIterator[tuple[Local, Clock] | None]:
    """The driver of this home with its pumps, and the clock it lives by; None when stopped while they do not answer."""
    if options.simulation is not None:
        from heatfleet.gateway.simulated import VirtualPump

        clock = FleetClock(RealClock().wall_now(), options.simulation.speed)
        pump, nothing = VirtualPump(f"virtual-{journal.gateway_id}", clock, options.simulation.seed), Grant("", {})
        yield Local(pump, nothing, tuple(await pump.list_devices(nothing))), clock
        return
    real = RealClock()
    session = VendorSession(real, timeout_s=RELAY_TIMEOUT_S, connect_timeout_s=RELAY_TIMEOUT_S)
    try:
        local = await look_for_pumps(session, options.answers, stop)
        yield None if local is None else (local, real)
    finally:
        await session.close()


async def look_for_pumps(session: VendorSession, answers: Mapping[str, str], stop: asyncio.Event) -> Local | None:
    """The pumps behind the addresses in ``answers``, as soon as they answer; None when stopped before."""
    [name] = [name for name, found in find_vendors().items() if found.manifest.is_local]
    driver = load_registry(session.http, {name: {"networks": HOME_NETWORKS}}).driver(name)
    pause_s, longest_s = LOOK_AGAIN_S
    while not stop.is_set():
        try:
            grant = await driver.finish_sign_in(answers, "")
            return Local(driver, grant, tuple(await driver.list_devices(grant)))
        except TryAgain as fault:
            log.warning("the heat pump's relays do not answer", code=fault.code, again_in_s=pause_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), pause_s)
        pause_s = min(2 * pause_s, longest_s)
    return None
