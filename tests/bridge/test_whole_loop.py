"""From the Connect page's first step to a confirmed command and back: flows, bridge, real agent, relays, pump."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from heatfleet.domain.errors import TryAgain
from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Plan, PlanStep, Reason
from heatfleet.domain.time_grid import MTU, floor_mtu
from heatfleet.flows import connect, onboarding
from heatfleet.flows.connect import Counter
from heatfleet.flows.monitor import monitor
from heatfleet.flows.release import release
from heatfleet.flows.steer import steer
from heatfleet.flows.toolbox import Act
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import plans
from heatfleet.store.audit import Actor
from heatfleet.store.database import FLEET, Database
from heatfleet.vendors.kit.driver import PairStep
from heatfleet.vendors.kit.grants import SealKeys
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from heatfleet.vendors.shelly.emulator import Emulator
from tests.bridge.world import Server, agent_process, server_of, until
from tests.vendors.serving import served

KEYS = SealKeys((b"k" * 32,))


async def test_a_person_connects_a_pump_and_it_is_steered(
    database: Database, clock: Any, org_id: UUID, tmp_path: Path
) -> None:
    wall, session = Emulator(clock), VendorSession(clock)
    async with served(wall) as relays, server_of(database, clock, org_id, state_every_s=1.0) as server:
        registry = load_registry(session.http, {"sgready": {"bridge_url": server.url}})
        tools = Tools(database, clock, registry, KEYS)
        pump_id = await _connected(server, Counter(registry, KEYS, ""), relays, tmp_path)
        async with agent_process(*_arguments(server, relays, tmp_path), state_dir=tmp_path):
            await _planned(database, clock, pump_id)
            await until(lambda: _is_online(tools), every_s=0.3)
            await monitor(tools)
            assert (await steer(tools)).commands == 1
            assert wall.state_of(0) == 3
            clock.advance(timedelta(minutes=2))
            await until(lambda: _status(tools, "confirmed"), every_s=0.3)
            clock.advance(timedelta(minutes=13))
            assert (await steer(tools)).commands == 0, "renewed, not commanded again"
            assert wall.state_of(0) == 3
            assert await until(lambda: _released(tools, pump_id), every_s=0.3)
            assert wall.state_of(0) == 2
    await session.close()


def _arguments(server: Server, relays: str, folder: Path) -> list[str]:
    (folder / "password").write_text("relays")
    where = ["--relay", f"{relays}/pro2", "--meter", f"{relays}/em3"]
    return ["--server", server.url, *where, "--password-file", str(folder / "password")]


async def _connected(server: Server, counter: Counter, relays: str, folder: Path) -> UUID:
    """What the Connect page does, while somebody starts the agent with the code it shows."""
    services = server.services
    act = Act(services.database, services.clock, Actor("test"), server.org_id)
    signed = await server.state()
    async with services.database.read(FLEET) as tx:
        [[session_id]] = await tx.fetch("select id from onboarding_sessions")

    async def session() -> Any:
        return await onboarding.open_session(services.database, services.clock, session_id)

    step = await connect.begin_sign_in(act, counter, await session(), "sgready", ("nonce", signed))
    assert isinstance(step, PairStep)
    async with agent_process(*_arguments(server, relays, folder), "--code", step.code, state_dir=folder):
        await until(lambda: _finished(act, counter, session, step.code), TryAgain, every_s=0.3)
        return await connect.connect(act, counter, await session(), {})


async def _finished(act: Act, counter: Counter, session: Any, code: str) -> Any:
    return await connect.finish_sign_in(act, counter, await session(), "nonce", {"code": code})


async def _planned(database: Database, clock: Any, pump_id: UUID) -> None:
    """A plan of MAX for the next hours; the relays tell no room temperature, and it is steered all the same."""
    start = floor_mtu(clock.now)
    steps = [PlanStep(start + n * MTU, SteeringState.MAX, False, 1.0, 21, 48, 0.3, Reason.CHEAP_NOW) for n in range(8)]
    async with database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set optimization_level = 'Max', is_smart_optimization_active = true")
        [[version]] = await tx.fetch("select policy_version from heat_pumps")
        await plans.replace(tx, {pump_id: Plan(tuple(steps), start, 1, version)})


async def _is_online(tools: Tools) -> bool:
    async with tools.database.read(FLEET) as tx:
        return bool(await tx.value("select every(session_id is not null) from gateways"))


async def _status(tools: Tools, wanted: str) -> bool:
    """Whether the newest command has come that far; the pump is read first."""
    await _read(tools)
    async with tools.database.read(FLEET) as tx:
        status = await tx.value("select status from commands order by issued_at desc, id desc limit 1")
    return bool(status == wanted)


async def _released(tools: Tools, pump_id: UUID) -> bool:
    """Given back and seen restored."""
    await release(tools, [pump_id])
    tools.clock.advance(timedelta(minutes=2))  # type: ignore[attr-defined]
    await _read(tools)
    async with tools.database.read(FLEET) as tx:
        return bool(await tx.value("select every(release_owed_since is null) from baselines"))


async def _read(tools: Tools) -> None:
    async with tools.database.write(FLEET) as tx:
        await tx.execute("update polls set due_at = '2000-01-01', leased_until = null")
    await monitor(tools)
