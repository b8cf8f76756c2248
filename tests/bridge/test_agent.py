"""End to end: server, the real agent in a process of its own, relays with a pump behind them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from heatfleet.clocks import RealClock
from heatfleet.domain.errors import TryAgain
from heatfleet.domain.readings import Channel
from heatfleet.gateway.keeper import GRACE_S
from heatfleet.store.database import Database
from heatfleet.vendors.kit.driver import Grant, Write
from heatfleet.vendors.shelly.emulator import Emulator
from tests.bridge.world import STATE, Server, agent_process, claimed, server_of, until
from tests.vendors.serving import served

WAIT_S = 60.0


class Wall(Emulator):
    """Relays that tell when something is switched."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.switched = asyncio.Event()

    def _signal(self, home: int, at: Any) -> None:
        super()._signal(home, at)
        self.switched.set()

    async def until(self, state: int) -> None:
        """Waits until the pump of home 1 gets this signal."""
        async with asyncio.timeout(WAIT_S):
            while self.state_of(0) != state:
                self.switched.clear()
                await self.switched.wait()


@dataclass
class Home:
    wall: Wall
    url: str
    folder: Path

    @asynccontextmanager
    async def agent(self, server: Server, code: str) -> AsyncIterator[asyncio.subprocess.Process]:
        (self.folder / "password").write_text("relays\n")
        arguments = ["--relay", f"{self.url}/pro2", "--meter", f"{self.url}/em3", "--server", server.url]
        password = ["--password-file", str(self.folder / "password")]
        async with agent_process(*arguments, *password, "--code", code, state_dir=self.folder) as process:
            yield process


@pytest.fixture
async def home(clock: Any, tmp_path: Path) -> AsyncIterator[Home]:
    """The relays live on a clock of the test's, so that their own timers can be let pass."""
    wall = Wall(clock)
    async with served(wall) as url:
        yield Home(wall, url, tmp_path)


@asynccontextmanager
async def connected(server: Server, home: Home) -> AsyncIterator[tuple[asyncio.subprocess.Process, Grant]]:
    code = await server.code()
    async with home.agent(server, code) as process:
        yield process, await claimed(server, code)


async def _value(server: Server, grant: Grant, channel: Channel) -> float | None:
    [device] = await server.driver.list_devices(grant)
    [snapshot] = await server.driver.read(grant, [device.external_device_id])
    found: float | None = snapshot.value(channel)
    return found


async def _set(server: Server, grant: Grant, state: float, lasts_s: float) -> bool:
    [device] = await server.driver.list_devices(grant)
    receipt = await server.driver.write(grant, device.external_device_id, [Write(STATE, state, lasts_s)])
    return bool(receipt.accepted)


async def test_pair_read_steer_confirm_give_back(database: Database, org_id: Any, home: Home) -> None:
    async with server_of(database, RealClock(), org_id) as server, connected(server, home) as (process, grant):
        assert await _value(server, grant, Channel.SG_READY_STATE) == 2.0
        assert (await _value(server, grant, Channel.ENERGY_KWH) or 0) > 100
        assert await _set(server, grant, 3.0, 3600)
        assert home.wall.state_of(0) == 3
        assert await _value(server, grant, Channel.SG_READY_STATE) == 3.0, "confirmed by the state told with the answer"
        assert await _set(server, grant, 2.0, 60)
        assert home.wall.state_of(0) == 2
        assert await _set(server, grant, 1.0, 3600)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), WAIT_S) == 0
        assert home.wall.state_of(0) == 2, "its farewell gives the pump back"


async def test_when_the_server_is_gone_the_contacts_fall_back_within_the_ttl(
    database: Database, org_id: Any, home: Home
) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(server_of(database, RealClock(), org_id))
        code = await server.code()
        async with home.agent(server, code) as process:
            grant = await claimed(server, code)
            assert await _set(server, grant, 3.0, 4.0)
            began_s = asyncio.get_running_loop().time()
            await stack.aclose()
            await home.wall.until(2)
            assert asyncio.get_running_loop().time() - began_s < GRACE_S, "by its time, not by lost contact"
            assert process.returncode is None, "the agent goes on looking for the server"


async def _drop(server: Server) -> None:
    """The server drops every connection."""
    for seat in list(server.services.hub._seats.values()):
        seat.is_over.set()


async def test_when_the_agent_is_killed_the_relay_falls_back_by_itself(
    database: Database, org_id: Any, home: Home, clock: Any
) -> None:
    async with server_of(database, RealClock(), org_id) as server, connected(server, home) as (process, grant):
        assert await _set(server, grant, 3.0, 3600)
        process.kill()
        await process.wait()
        assert home.wall.state_of(0) == 3
        clock.advance(timedelta(seconds=300))
        home.wall._catch_up()
        assert home.wall.state_of(0) == 2


async def test_agent_and_server_survive_each_others_restart(database: Database, org_id: Any, home: Home) -> None:
    code = ""
    async with server_of(database, RealClock(), org_id) as server:
        code = await server.code()
        async with home.agent(server, code):
            grant = await claimed(server, code)
            assert await _set(server, grant, 3.0, 3600)
        assert home.wall.state_of(0) == 3, "killed in the middle"
        async with home.agent(server, code):  # the same unit with the same code: it is not paired anew
            await home.wall.until(2)
            await until(lambda: _set(server, grant, 3.0, 3600), TryAgain, every_s=0.3)
            await _drop(server)
            await until(lambda: _set(server, grant, 1.0, 3600), TryAgain, every_s=0.3)
            assert home.wall.state_of(0) == 1


async def test_a_simulated_pump_can_be_tried_out(database: Database, org_id: Any, tmp_path: Path) -> None:
    async with server_of(database, RealClock(), org_id) as server:
        code = await server.code()
        arguments = ["--simulate", "--speed", "2", "--server", server.url, "--code", code]
        async with agent_process(*arguments, state_dir=tmp_path):
            grant = await claimed(server, code)
            assert 15 < (await _value(server, grant, Channel.INDOOR_TEMP_C) or 0) < 25
            assert await _set(server, grant, 3.0, 3600)
            assert await _value(server, grant, Channel.SG_READY_STATE) == 3.0


async def test_a_wrong_code_ends_with_one_line(database: Database, org_id: Any, home: Home) -> None:
    async with server_of(database, RealClock(), org_id) as server, home.agent(server, "AAAA-AAAA") as process:
        assert await asyncio.wait_for(process.wait(), WAIT_S) == 1
        log = (home.folder / "log").read_text()
        assert "unknown, over or used" in log
        assert "Traceback" not in log
