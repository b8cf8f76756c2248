"""Plans from facts: prices known by then, comfort with absences, pauses, what owner and levers permit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from msgspec import structs

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
from heatfleet.planning.state import Freedom
from heatfleet.store import baselines, models, plans, prices, telemetry
from heatfleet.store.database import FLEET, Database
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import prior
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
    assert all(row.is_tank_planned and row.hold_c is None for row in rows), "nobody has seen where it begins by itself"
    charged = [row.start_at.hour for row in rows if row.charge_below_c is not None]
    assert charged
    assert not set(charged) & set(range(16, 20)), "never in the dear evening"


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


# Disinfection ---------------------------------------------------------------------------------------------------------


async def dosed(database: Database, pump: UUID, at: datetime) -> None:
    """The pump's tank had its last verified dose then."""
    async with database.write(FLEET) as tx:
        await telemetry.save_doses(tx, [(pump, at)])


async def free_of(database: Database, pump: UUID, now: datetime, paused_steps: int = 0) -> Freedom:
    homes, grid = await homes_of(database, pump), TimeGrid(now, outlook.HORIZON_STEPS)
    paused = np.arange(grid.count)[None, :] < paused_steps
    return outlook.freedom(homes, paused, grid)


async def test_a_dose_is_planned_in_the_day_before_its_slack_and_named(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    now = clock.now
    pump = await pump_with(database, org_id, now)
    await days_of_prices(database, now)
    steps = []
    for days in (1.0, 4.9, 5.5, 6.5, 7.5):
        await dosed(database, pump, now - timedelta(days=9))
        async with database.write(FLEET) as tx:
            await tx.execute("update device_latest set disinfection_last_at = $1", now - timedelta(days=days))
        free = await free_of(database, pump, now)
        assert free.dose_deadline_step is not None
        steps.append(int(free.dose_deadline_step[0]))
    assert steps == [-1, -1, 48, 48, 16], "early enough to be repeated, then by the deadline, then at once"
    assert await plan(tools, [pump]) == [pump]
    async with database.read(org_id) as tx:
        rows = await plans.of_pump(tx, org_id, pump, now, now + timedelta(days=2))
    dose = [n for n, row in enumerate(rows) if row.reason_code == "disinfection"]
    assert dose
    assert max(dose) < 16
    assert max(row.dhw_temp_c or 0.0 for row in rows[:16]) >= 60.0


async def test_a_tank_nobody_has_seen_disinfected_counts_from_its_first_reading(
    database: Database, clock: FakeClock, org_id: UUID
) -> None:
    now = clock.now
    pump = await pump_with(database, org_id, now)
    assert (await free_of(database, pump, now)).dose_deadline_step == [-1]
    later = now + timedelta(days=8)
    (home,) = await homes_of(database, pump)
    assert home.disinfection_last_at == now
    assert (await free_of(database, pump, later)).dose_deadline_step == [16]


async def test_a_large_tank_is_disinfected_every_72_hours(database: Database, clock: FakeClock, org_id: UUID) -> None:
    pump = await pump_with(database, org_id, clock.now)
    small, large = prior(None, np.full(1, -10.0)).to_dict(0), prior(None, np.full(1, -10.0)).to_dict(0)
    large["tank"]["capacity_kwh_per_k"] = 0.6
    found = []
    for parameters in (small, large):
        async with database.write(FLEET) as tx:
            await models.add(tx, [models.NewModel(pump, org_id, "ols", parameters, 0.1, clock.now)])
            assert await models.tanks_kwh_per_k(tx, [pump]) == {pump: parameters["tank"]["capacity_kwh_per_k"]}
        (home,) = await homes_of(database, pump)
        found.append(home.disinfection_every)
    assert found == [timedelta(days=7), timedelta(hours=72)]


@pytest.mark.parametrize(
    ("fields", "paused", "charges"),
    [
        ({}, 0, True),
        ({}, 140, True),  # no time is left but in the pause
        ({"dhw_standard_temperature": 48.0}, 0, True),  # a narrow tank is not planned otherwise
        ({"is_hot_water_heating_enabled": False}, 0, False),
        ({"capabilities": capabilities(SG)}, 0, False),
        ({"capabilities": capabilities(SG | {Lever.DHW_SETPOINT_C: LeverRange(30, 60, 1)})}, 0, True),
    ],
)
async def test_where_a_due_dose_may_be_given(
    database: Database, clock: FakeClock, org_id: UUID, fields: dict[str, Any], paused: int, charges: bool
) -> None:
    pump = await pump_with(database, org_id, clock.now, **fields)
    await dosed(database, pump, clock.now - timedelta(days=5.5))
    free = await free_of(database, pump, clock.now, paused)
    assert free.allowed is not None
    assert free.allowed[0, :48, 4].all() == charges
    assert free.dose_deadline_step == [48 if charges else -1]
    if paused:
        assert free.allowed[0, :48, :4].tolist() == [[True, False, False, False]] * 48


async def test_a_pause_comes_before_a_dose_that_can_wait(database: Database, clock: FakeClock, org_id: UUID) -> None:
    pump = await pump_with(database, org_id, clock.now)
    await dosed(database, pump, clock.now - timedelta(days=5.5))
    free = await free_of(database, pump, clock.now, paused_steps=20)
    assert free.allowed is not None
    assert not free.allowed[0, :20, 4].any()
    assert free.allowed[0, 20:48, 4].all()


# Levers and prices ----------------------------------------------------------------------------------------------------


async def test_the_first_steps_keep_what_the_vendor_is_still_carrying_out(
    database: Database, clock: FakeClock, org_id: UUID
) -> None:
    now = clock.now
    slow = {Lever.CURVE_OFFSET_K: LeverRange(-10, 10, 1, slowest_repeat_h=1.0)}
    pump = await pump_with(database, org_id, now, capabilities=capabilities(slow), current_state="low")
    moved = baselines.Moved(pump, org_id, "curve_offset_k", 0.0, -1.0, now, now + HOUR / 4, now + HOUR, 1)
    async with database.write(FLEET) as tx:
        await baselines.capture(tx, [moved])
    free = await free_of(database, pump, now + timedelta(minutes=15))
    assert free.allowed is not None
    assert free.allowed[0, :3, :4].tolist() == [[False, True, False, False]] * 3
    assert free.allowed[0, 3, :4].all()


async def test_who_trades_plans_with_the_zones_price(database: Database, clock: FakeClock, org_id: UUID) -> None:
    pump = await pump_with(database, org_id, clock.now)
    await days_of_prices(database, clock.now)
    (home,) = await homes_of(database, pump)
    fixed = [{"price": 0.31, "timestamp": "2020-01-01T00:00:00Z"}]
    site = structs.replace(home.site, energy_prices=fixed, includes_everything=True, contract_type="yearly")
    grid = TimeGrid(clock.now, 96)
    async with database.read(FLEET) as tx:
        around = await outlook.surroundings(tx, [home.site], grid, clock.now)
    owner, trader = (replace(home, site=site, is_trading=trades) for trades in (False, True))
    price = outlook.horizon([owner, trader], around, grid).price
    assert set(price[0]) == {0.31}
    assert set(price[1].round(6)) == {0.02, 0.4}


async def test_a_limit_of_the_grid_reaches_the_problem(database: Database, clock: FakeClock, org_id: UUID) -> None:
    pump = await pump_with(database, org_id, clock.now)
    (home,) = await homes_of(database, pump)
    grid = TimeGrid(clock.now, 96)
    free = outlook.freedom([home, replace(home, max_power_kw=4.2)], np.zeros((2, 96), bool), grid)
    assert free.max_power_kw is not None
    assert np.isnan(free.max_power_kw[0])
    assert free.max_power_kw[1] == 4.2
