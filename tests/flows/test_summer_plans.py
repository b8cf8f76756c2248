"""Plans of days on which a pump cools, and of pools: never heated and cooled in one day, the pool in what is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.errors import TryAgain
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import MODES, Channel, OperationalMode
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.flows.learn import learn
from heatfleet.flows.plan import plan
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_outlook import place_of_site
from heatfleet.flows.toolbox_steering import Allowance, carry_out
from heatfleet.store import commands, models, plans, sites, telemetry, weather
from heatfleet.store.database import FLEET, Database
from heatfleet.store.plans import PlanRow
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.store.weather import WeatherOnGrid
from tests.conftest import FakeClock
from tests.flows.test_plan import days_of_prices, pump_with, tools
from tests.store.worlds import LEVERS, capabilities

__all__ = ["tools"]
SUMMER = LEVERS | {
    Lever.COOLING_SETPOINT_C: LeverRange(18, 30, 0.5),
    Lever.POOL_SETPOINT_C: LeverRange(15, 35, 0.5),
}
FIELDS = {
    "capabilities": capabilities(SUMMER), "is_space_cooling_enabled": True, "is_pool_heating_enabled": True
}  # fmt: skip
READ = {
    Channel.INDOOR_TEMP_C: 24.8, Channel.COOLING_SETPOINT_C: 25.0, Channel.POOL_TEMP_C: 27.4,
    Channel.POOL_SETPOINT_C: 28.0, Channel.DHW_TEMP_C: 52.0, Channel.OUTDOOR_TEMP_C: 28.0,
    Channel.MODE: float(MODES.index(OperationalMode.STANDBY)),
}  # fmt: skip


class NoCloud:
    """Nobody answers: what was to be sent is written down before."""

    def driver(self, vendor: str) -> None:
        raise TryAgain(f"{vendor} does not answer", after_s=60.0)


async def read(database: Database, org_id: UUID, pump: UUID, at: datetime, **mode: Any) -> None:
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, [TelemetryRow(pump, org_id, at, at, READ | mode.get("values", {}))])


async def hot_day(
    database: Database, clock: FakeClock, org_id: UUID, temp_c: float = 28.0, **fields: Any
) -> UUID:  # fmt: skip
    pump = await pump_with(database, org_id, clock.now - timedelta(days=2), **FIELDS | fields)
    await days_of_prices(database, clock.now)
    await save_weather(database, clock.now, pump, temp_c)
    await read(database, org_id, pump, clock.now)
    return pump


async def save_weather(database: Database, now: datetime, pump: UUID, temp_c: float) -> None:
    """The same weather for days at the pump's place, sun at noon."""
    async with database.read(FLEET) as tx:
        place = place_of_site((await sites.sites(tx, [pump]))[pump])
    grid = TimeGrid(now - timedelta(days=20), 24 * 96)
    hour = np.array([at.hour for at in grid])
    sun = np.maximum(0.7 * np.sin((hour - 5) / 14 * np.pi), 0.0)
    async with database.write(FLEET) as tx:
        air = temp_c + 5.0 * np.sin((hour - 9) / 12 * np.pi)
        await weather.save(tx, place, grid, WeatherOnGrid(air, sun), "test", now)


async def rows_of(database: Database, org_id: UUID, pump: UUID, now: datetime) -> list[PlanRow]:
    async with database.read(org_id) as tx:
        return await plans.of_pump(tx, org_id, pump, now, now + timedelta(days=2))


async def test_a_hot_day_is_planned_as_one_of_cooling(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump = await hot_day(database, clock, org_id)
    assert await plan(tools, [pump]) == [pump]
    rows = await rows_of(database, org_id, pump, clock.now)
    assert all(row.cooling for row in rows)
    assert all(row.indoor_temp_c is not None and 18.0 < row.indoor_temp_c < 30.0 for row in rows)
    assert len({row.state for row in rows}) > 1
    evening = [row.power_kw for row in rows[:96] if row.start_at.hour in range(16, 21)]
    noon = [row.power_kw for row in rows[:96] if row.start_at.hour in range(11, 16)]
    assert np.mean(evening) < np.mean(noon), "cooled before it is dear"


@pytest.mark.parametrize(
    ("fields", "temp_c", "mode"),
    [
        ({"is_space_cooling_enabled": False}, 28.0, OperationalMode.STANDBY),
        ({"capabilities": capabilities(LEVERS)}, 28.0, OperationalMode.STANDBY),
        ({}, 12.0, OperationalMode.STANDBY),
        ({}, 28.0, OperationalMode.HEATING),  # never both in one day
    ],
)
async def test_other_days_are_not(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools, fields: dict[str, Any], temp_c: float,
    mode: OperationalMode,
) -> None:  # fmt: skip
    pump = await hot_day(database, clock, org_id, temp_c, **fields)
    for n in range(1, 9):
        values = {Channel.MODE: float(MODES.index(mode))}
        await read(database, org_id, pump, clock.now - n * MTU, values=values)
    assert await plan(tools, [pump]) == [pump]
    assert not any(row.cooling for row in await rows_of(database, org_id, pump, clock.now))


async def test_a_pool_is_planned_in_what_is_left(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump = await hot_day(database, clock, org_id, 19.0)
    assert await plan(tools, [pump]) == [pump]
    rows = await rows_of(database, org_id, pump, clock.now)
    assert any(row.pool_heating for row in rows)
    assert not any(row.pool_heating and row.hot_water for row in rows)
    assert not any(row.pool_heating and row.start_at.hour in range(17, 20) for row in rows[:96]), "not while it is dear"
    assert all(row.pool_temp_c is not None and 26.0 < row.pool_temp_c < 31.0 for row in rows)


async def test_a_pool_that_is_not_ours_is_not_planned(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump = await hot_day(database, clock, org_id, 19.0, is_pool_heating_enabled=False)
    assert await plan(tools, [pump]) == [pump]
    assert {row.pool_heating for row in await rows_of(database, org_id, pump, clock.now)} == {None}


async def test_what_was_seen_of_cooling_and_pool_is_learned(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump, rows, energy = await hot_day(database, clock, org_id), [], 1000.0
    rng, pool_c = np.random.default_rng(1), 27.0
    for n in range(7 * 96, 0, -1):
        at = clock.now - n * MTU
        cools, swims = at.hour in range(10, 20), at.hour in range(1, 6)
        mode = OperationalMode.COOLING if cools else OperationalMode.POOL_HEATING if swims else OperationalMode.STANDBY
        power = 0.9 if cools else 1.5 if swims else 0.01
        energy += power / 4
        pool_c += 0.06 if swims else -0.018
        room = 25.0 + 0.3 * np.sin((at.hour - 14) / 12 * np.pi) + rng.normal(0, 0.03)
        values = READ | {
            Channel.MODE: float(MODES.index(mode)), Channel.POWER_KW: power, Channel.ENERGY_KWH: energy,
            Channel.INDOOR_TEMP_C: float(room), Channel.POOL_TEMP_C: pool_c,
        }  # fmt: skip
        rows.append(TelemetryRow(pump, org_id, at, at, values))
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, rows)
    assert await learn(tools, [pump]) == [pump]
    async with database.read(FLEET) as tx:
        found = (await models.in_force(tx, [pump]))[pump].parameters
    asks = found["cooling"]["foot_kw"] - 28.0 * found["cooling"]["outdoor_kw_per_k"]
    assert 2.0 < asks < 6.0, "0.9 kW in hot hours are some four kilowatts of cold"
    rise_k_per_h = found["pool"]["heat_kw"] / found["pool"]["capacity_kwh_per_k"]
    assert rise_k_per_h == pytest.approx(4 * (0.06 + 0.018), rel=0.35)


async def test_what_is_planned_is_asked_of_the_right_levers(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump = await hot_day(database, clock, org_id)
    assert await plan(tools, [pump]) == [pump]
    async with database.write(FLEET) as tx:
        await tx.execute("update plan_steps set state = 'max', pool_heating = true")
        await tx.execute("update device_latest set at = $1", clock.now)
    await carry_out(replace(tools, vendors=NoCloud()), [pump], Allowance(1))  # type: ignore[arg-type]
    async with database.read(org_id) as tx:
        sent = await commands.of_pump(tx, (org_id, pump), (None, None), None, 10)
    found = {(c.lever, c.value, c.purpose, c.state) for c in sent if c.purpose in ("steer", "pool")}
    assert found == {("cooling_setpoint_c", 23.0, "steer", "max"), ("pool_setpoint_c", 30.0, "pool", None)}
