"""The comparison in memory moves the levers as the platform does over HTTP: same plan, same readings, same settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from heatfleet.demo.control_book import LEVERS, POLICY, SPACE_LEVERS, ControlBook
from heatfleet.domain.levers import STATES, Lever
from heatfleet.domain.plans import Plan, PlanStep, Reason
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import MTU
from heatfleet.flows.monitor import monitor
from heatfleet.flows.steer import steer
from heatfleet.flows.toolbox_steering import COOLING_MODE, HOT_WATER_MODE
from heatfleet.store import heat_pumps, plans, pump_states, telemetry
from heatfleet.store.database import FLEET, Database
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.homes import draw_homes
from heatfleet.vendors.kit.registry import find_vendors
from heatfleet.vendors.sandbox.emulator import device_id
from tests.conftest import FakeClock
from tests.simulation.world import World, world

HOMES, STEPS = 6, 96  # two homes of each kind, one day
SETTLED = timedelta(minutes=8)  # after a write: taken by the pump and read back
SEED = 7  # of the emulator's homes
TANK_C = 55.0  # the owners' setpoint: far enough above the minimum for hot water to be planned


async def test_homes_are_steered_alike_in_memory_and_over_http(
    database: Database, clock: FakeClock, org_id: UUID
) -> None:
    async with world(database, clock, org_id, homes=HOMES) as fleet:
        allowed = {name: getattr(POLICY, name) for name in ("is_space_cooling_enabled", "is_pool_heating_enabled")}
        for pump in fleet.pumps:
            await fleet.change(pump, optimization_level=POLICY.optimization_level.value, **allowed)
            fleet.cloud.owner_sets(device_id(fleet.pumps.index(pump)), Lever.DHW_SETPOINT_C, TANK_C)
        await as_in_memory(fleet)
        homes = replace(draw_homes(HOMES, SEED), own_dhw_setpoint_c=np.full(HOMES, TANK_C))
        book = ControlBook(homes, find_vendors()["sandbox"].manifest)
        script = [day_of_steps(home, clock.now) for home in range(HOMES)]
        await planned(fleet, script)
        over_http, in_memory = [], []
        for step in range(STEPS):
            await monitor(fleet.tools)
            book.steer(clock.now, [steps[step] for steps in script], await readings(fleet))
            await steer(fleet.tools)
            clock.advance(SETTLED)
            await monitor(fleet.tools)
            over_http.append(settings(fleet))
            in_memory.append(book.settings.copy())
            clock.advance(MTU - SETTLED)
        assert_alike(np.array(in_memory), np.array(over_http))
        await enough_happened(fleet, np.array(over_http), book.writes)


async def as_in_memory(fleet: World) -> None:
    """What people allow is the same on both sides."""
    async with fleet.database.read(FLEET) as tx:
        pumps = await pump_states.pumps(tx, fleet.pumps)
    assert {heat_pumps.policy_of(pump) for pump in pumps.values()} == {POLICY}


def day_of_steps(home: int, start_at: datetime) -> list[PlanStep]:
    """A day in which every state and a few charges come up, for half an hour to two and a half at a time."""
    rng = np.random.default_rng([SEED, home])
    steps: list[PlanStep] = []
    while len(steps) < STEPS:
        state, hot_water = STATES[int(rng.integers(len(STATES)))], bool(rng.random() < 0.25)
        for _ in range(int(rng.integers(2, 11))):
            at = start_at + len(steps) * MTU
            steps.append(PlanStep(at, state, hot_water, 1.0, 21.0, 48.0, 0.3, Reason.CHEAP_NOW))
    return steps[:STEPS]


async def planned(fleet: World, script: Sequence[Sequence[PlanStep]]) -> None:
    async with fleet.database.read(FLEET) as tx:
        pumps = await pump_states.pumps(tx, fleet.pumps)
    made = {
        id_: Plan(tuple(steps), fleet.clock.now, 1, pumps[id_].policy_version)
        for id_, steps in zip(fleet.pumps, script, strict=True)
    }
    async with fleet.database.write(FLEET) as tx:
        assert await plans.replace(tx, made) == sorted(fleet.pumps)


async def readings(fleet: World) -> Array:
    """What was read last, (home, 5), as ``Sensors.latest`` has it."""
    async with fleet.database.read(FLEET) as tx:
        latest = await telemetry.latest(tx, fleet.pumps)
    values = [latest[id_].values for id_ in fleet.pumps]
    return np.array(
        [
            [
                v[Channel.INDOOR_TEMP_C],
                v[Channel.DHW_TEMP_C],
                v.get(Channel.POOL_TEMP_C, np.nan),
                v[Channel.MODE] == HOT_WATER_MODE,
                v[Channel.MODE] == COOLING_MODE,
            ]
            for v in values
        ]
    )


def settings(fleet: World) -> Array:
    """What the pumps have in force, (home, lever)."""
    in_force = [fleet.settings(home) for home in range(HOMES)]
    return np.array([[one[lever] for lever in LEVERS] for one in in_force])


def assert_alike(in_memory: Array, over_http: Array) -> None:
    """Every lever of every home at every quarter-hour, (step, home, lever)."""
    different = [
        f"step {step} home {home} {LEVERS[lever]}: {in_memory[step, home, lever]} / {over_http[step, home, lever]}"
        for step, home, lever in np.argwhere(np.abs(in_memory - over_http) > 1e-6)
    ]
    assert not different, "in memory / over HTTP:\n" + "\n".join(different[:20])


async def enough_happened(fleet: World, over_http: Array, writes: int) -> None:
    """The day had something to compare in every lever, and both sides needed as many writes."""
    for lever in (*SPACE_LEVERS, Lever.DHW_BOOST):
        assert len(np.unique(over_http[:, :, LEVERS.index(lever)], axis=0)) >= 2, lever
    (sent,) = await fleet.rows("select count(*) from commands")
    assert sent[0] == writes
