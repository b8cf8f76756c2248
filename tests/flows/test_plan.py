"""Plans from facts: prices known by then, comfort with absences, pauses, what owner and levers permit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.market_day import visible_until
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows import toolbox_past
from heatfleet.flows.plan import plan, plan_all
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_homes import home_of, load, models_of
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.smooth import smooth
from heatfleet.store import plans, prices, telemetry
from heatfleet.store.database import FLEET, Database
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.thermal.arrays import Array
from heatfleet.vendors.kit.grants import SealKeys
from tests.conftest import FakeClock
from tests.store.worlds import add_connection, add_pump, add_user, capabilities

HOUR = timedelta(hours=1)
VALUES = {
    Channel.INDOOR_TEMP_C: 21.0,
    Channel.DHW_TEMP_C: 49.0,
    Channel.OUTDOOR_TEMP_C: 2.0,
    Channel.INDOOR_SETPOINT_C: 21.0,
    Channel.CURVE_OFFSET_K: 0.0,
    Channel.DHW_SETPOINT_C: 55.0,
    Channel.DHW_BOOST: 0.0,
    Channel.MODE: 2.0,
}
SG = {Lever.SG_READY_STATE: LeverRange(1, 4, 1)}


@pytest.fixture
def tools(database: Database, clock: FakeClock) -> Tools:
    return Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]


async def pump_with(database: Database, org_id: UUID, now: datetime, **fields: Any) -> UUID:
    """A pump that has been read once."""
    user_id = await add_user(database, org_id)
    key = (user_id, await add_connection(database, org_id, user_id, b"", now))
    pump = await add_pump(database, org_id, key, now, **fields)
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, [TelemetryRow(pump, org_id, now, now, VALUES)])
    return pump


async def days_of_prices(database: Database, now: datetime, days: int = 4) -> None:
    """Cheap nights and dear evenings, also for days nobody can know yet."""
    grid = TimeGrid(now - timedelta(days=1), days * 96)
    values = np.array([400.0 if at.hour in range(16, 21) else 20.0 for at in grid])
    async with database.write(FLEET) as tx:
        await prices.save(tx, "DE_LU", list(grid), values, "test", now)


async def homes_of(database: Database, pump: UUID) -> list[outlook.Home]:
    async with database.read(FLEET) as tx:
        loaded = await load(tx, [pump], only_optimised=True)
    return [home_of(loaded, one) for one in loaded.pumps]


async def test_a_plan_has_every_quarter_hour_with_its_reason(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump = await pump_with(database, org_id, clock.now)
    assert await plan(tools, [pump]) == [], "no price, no plan"
    await days_of_prices(database, clock.now)
    clock.advance(timedelta(minutes=7))
    assert await plan(tools, [pump]) == [pump]
    async with database.read(org_id) as tx:
        rows = await plans.of_pump(tx, org_id, pump, clock.now - HOUR, clock.now + timedelta(days=9))
    assert [row.start_at for row in rows] == [clock.now - timedelta(minutes=7) + n * MTU for n in range(144)]
    assert all(row.reason_code and row.policy_version == 1 and row.price is not None for row in rows)
    assert len({row.state for row in rows}) > 1
    evening = [row.power_kw for row in rows[:96] if row.start_at.hour in range(16, 21)]
    others = [row.power_kw for row in rows[:96] if row.start_at.hour not in range(16, 21)]
    assert np.mean(evening) < np.mean(others)


async def test_planning_sees_only_published_prices(database: Database, clock: FakeClock, org_id: UUID) -> None:
    pump = await pump_with(database, org_id, clock.now)
    await days_of_prices(database, clock.now)
    (home,) = await homes_of(database, pump)
    grid = TimeGrid(clock.now, outlook.HORIZON_STEPS)
    async with database.read(FLEET) as tx:
        around = await outlook.surroundings(tx, [home.site], grid, clock.now)
    known = around.wholesale["DE_LU"]
    last = grid.start_at - 96 * MTU + int(np.flatnonzero(~np.isnan(known))[-1] + 1) * MTU
    assert last == visible_until(clock.now, "DE_LU")
    assert not np.isnan(outlook.horizon([home], around, grid).price).any()


async def walls_c(database: Database, clock: FakeClock, pump: UUID) -> tuple[float, float]:
    """Air and walls of a pump's home as planning takes them [°C]."""
    grid = TimeGrid(clock.now, 96)
    async with database.read(FLEET) as tx:
        loaded = await load(tx, [pump], only_optimised=True)
        around = await outlook.surroundings(tx, [loaded.sites[pump]], grid, clock.now)
        past = await toolbox_past.past(tx, loaded, toolbox_past.last_days(clock.now, 2))
    homes, learned = [home_of(loaded, loaded.pumps[0])], models_of(loaded, loaded.pumps, clock.now)
    expected, lately = outlook.horizon(homes, around, grid), toolbox_past.seen(homes, past)
    found = toolbox_past.estimated(outlook.present(homes), lately, learned, expected)
    assert found.mass_c is not None
    return float(found.indoor_c[0]), float(found.mass_c[0])


async def test_walls_are_as_the_last_days_left_them(database: Database, clock: FakeClock, org_id: UUID) -> None:
    pump = await pump_with(database, org_id, clock.now)
    _, unknown_c = await walls_c(database, clock, pump)
    assert 19.0 < unknown_c < 21.0, "of a home nobody has watched: what goes with the room and the weather"
    rows = []
    for n in range(1, 180):
        at = clock.now - n * MTU
        values = {Channel.INDOOR_TEMP_C: 17.0 + 0.01 * (n % 3), Channel.OUTDOOR_TEMP_C: 2.0, Channel.POWER_KW: 0.8}
        rows.append(TelemetryRow(pump, org_id, at, at, VALUES | values))
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, rows)
    air_c, cold_c = await walls_c(database, clock, pump)
    assert air_c == pytest.approx(17.0, abs=0.5)
    assert cold_c < min(air_c, unknown_c - 1.0)


@pytest.mark.parametrize(("in_force", "index"), [(None, 2), ("min", 0), ("max", 3)])
async def test_a_plan_is_calmed_from_the_state_in_force(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools, monkeypatch: pytest.MonkeyPatch,
    in_force: str | None, index: int,
) -> None:  # fmt: skip
    pump = await pump_with(database, org_id, clock.now, current_state=in_force)
    await days_of_prices(database, clock.now)
    before: list[int] = []

    def calmed(problem: Problem, solution: Solution, state0: Array) -> Solution:
        before.extend(state0.tolist())
        return smooth(problem, solution, state0)

    monkeypatch.setattr("heatfleet.flows.plan.smooth", calmed)
    assert await plan(tools, [pump]) == [pump]
    assert before == [index]


async def test_a_newer_policy_keeps_an_older_plan_out(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump = await pump_with(database, org_id, clock.now)
    await days_of_prices(database, clock.now)

    async def meanwhile(_: Tools, work: Any, *args: Any) -> Any:
        async with database.write(FLEET) as tx:
            await tx.execute("update heat_pumps set policy_version = policy_version + 1")
        return work(*args)

    monkeypatch.setattr("heatfleet.flows.plan.in_executor", meanwhile)
    assert await plan(tools, [pump]) == []
    monkeypatch.undo()
    assert await plan_all(tools) == 1


async def test_pause_and_away_are_in_the_plan(database: Database, clock: FakeClock, org_id: UUID, tools: Tools) -> None:
    now = clock.now
    pause = {"is_pause_power_active": True, "pause_power_until": now + 2 * HOUR}
    away = {"away_mode_start": now + 4 * HOUR, "away_mode_end": now + 20 * HOUR}
    limits = {"away_mode_minimum_temperature_limit": 15.0, "away_mode_minimum_dhw_temperature_limit": 40.0}
    pump = await pump_with(database, org_id, now, **pause, **away, **limits)
    await days_of_prices(database, now)
    assert await plan(tools, [pump]) == [pump]
    async with database.read(org_id) as tx:
        rows = await plans.of_pump(tx, org_id, pump, now, now + timedelta(days=2))
    assert {(row.state, row.hot_water, row.reason_code) for row in rows[:8]} == {("min", False, "pause")}
    assert rows[8].reason_code != "pause"
    assert "away" in {row.reason_code for row in rows[16:80]}
    (home,) = await homes_of(database, pump)
    async with database.read(FLEET) as tx:
        around = await outlook.surroundings(tx, [home.site], TimeGrid(now, 96), now)
    expected = outlook.horizon([home], around, TimeGrid(now, 96))
    assert expected.indoor_min_c[0, [0, 15, 16, 79, 80]].tolist() == [20.5, 20.5, 15.0, 15.0, 20.5]
    assert expected.dhw_min_c[0, [15, 16, 80]].tolist() == [45.0, 40.0, 45.0]


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({}, [True, True, True, True, True]),
        ({"optimization_level": "Low"}, [False, True, True, True, True]),
        ({"is_hot_water_heating_enabled": False}, [True, True, True, True, False]),
        ({"is_space_heating_enabled": None}, [False, False, True, False, True]),
        ({"capabilities": capabilities(SG)}, [True, False, True, True, False]),
    ],
)
async def test_what_may_be_done(
    database: Database, clock: FakeClock, org_id: UUID, fields: dict[str, Any], allowed: list[bool]
) -> None:
    pump = await pump_with(database, org_id, clock.now, **fields)
    homes = await homes_of(database, pump)
    free = outlook.freedom(homes, np.zeros((1, 2), bool), TimeGrid(clock.now, 2))
    assert free.allowed is not None
    assert free.allowed[0, 0].tolist() == allowed
