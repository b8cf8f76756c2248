"""What is read of homes that cool and of pools: told apart from heating, and only where there is something to read."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heatfleet.demo.figures import compare, run_figures
from heatfleet.demo.loop import DAY, Loop
from heatfleet.demo.scenario import OnceOptions, Scenario, make_scenario
from heatfleet.domain.levers import Lever
from heatfleet.thermal.homes import draw_homes
from heatfleet.thermal.simulate import Trace, initial_states
from heatfleet.thermal.simulate_columns import STATE
from heatfleet.vendors.kit.emulation.homes import LEVERS

WARMER_K = 21.0
HOMES, SEED = 8, 3


@pytest.fixture(scope="module")
def summer() -> Scenario:
    """The bundled days, as warm as July, with the sun of it; a home that cools and a pool among the first ones."""
    scenario = make_scenario(OnceOptions(homes=HOMES, days=3))
    drive = scenario.drive
    sunny = np.tile(np.maximum(0.5 * np.cos((np.arange(drive.outdoor_c.shape[1]) % DAY - 48) / 16.0), 0.0), (HOMES, 1))
    warm = replace(drive, outdoor_c=drive.outdoor_c + WARMER_K, ghi_kw_m2=sunny)
    homes = replace(draw_homes(HOMES, SEED), own_cooling_setpoint_c=np.full(HOMES, 24.0))
    return replace(scenario, drive=warm, homes=homes)


@pytest.fixture(scope="module")
def lived(summer: Scenario) -> tuple[Loop, Trace]:
    loop = Loop.begin(summer)
    loop.states = initial_states(summer.homes, WARMER_K)
    loop.states.matrix[:, STATE.index("pool_c")] -= 2.0
    trace, _ = loop.run(None, 4 * DAY)
    return loop, trace


def test_levers_and_settings_are_those_of_what_a_home_has(lived: tuple[Loop, Trace]) -> None:
    book = lived[0].book
    assert book.can_cool.any()
    assert book.has_pool.any()
    for home, ranges in enumerate(book.ranges):
        assert (Lever.COOLING_SETPOINT_C in ranges) == book.can_cool[home]
        assert (Lever.POOL_SETPOINT_C in ranges) == book.has_pool[home]
        assert book.own[home].cooling_setpoint_c == book.settings[home, LEVERS.index(Lever.COOLING_SETPOINT_C)]
        assert book.own[home].pool_setpoint_c == book.settings[home, LEVERS.index(Lever.POOL_SETPOINT_C)]


def test_electricity_is_told_apart_by_what_the_pump_does(lived: tuple[Loop, Trace]) -> None:
    loop, trace = lived
    seen, steps = loop.sensors.seen, slice(0, 4 * DAY)
    for read, true in ((seen.cooling_kwh, trace.energy_cooling_kwh), (seen.pool_kwh, trace.energy_pool_kwh)):
        assert true.sum() > 3.0
        assert read[:, steps].sum(axis=1) == pytest.approx(true.sum(axis=1), rel=0.15, abs=0.3)
    parts = seen.energy_kwh * (seen.house_share + seen.water_share) + seen.cooling_kwh + seen.pool_kwh
    assert parts[:, steps] == pytest.approx(seen.energy_kwh[:, steps])
    space = (seen.energy_kwh * seen.house_share)[:, steps]
    assert space.sum(axis=1).max() < 0.02 * 24 * 4, "standby only: nothing is heated in July"
    assert seen.pool_heat_kwh[:, steps].sum() == pytest.approx(trace.heat_pool_kwh.sum(), rel=0.15)


def test_what_is_not_there_is_not_read(lived: tuple[Loop, Trace]) -> None:
    loop, trace = lived
    seen, last = loop.sensors.seen, 4 * DAY - 1
    assert (np.isnan(seen.pool_c[:, last]) == ~loop.book.has_pool).all()
    assert (np.isnan(seen.cooling_setpoint_c[:, last]) == ~loop.book.can_cool).all()
    has = loop.book.has_pool
    assert seen.pool_c[has, last] == pytest.approx(trace.pool_c[has, -1], abs=0.3)
    column = LEVERS.index(Lever.COOLING_SETPOINT_C)
    moved = loop.fork()
    moved.book.settings[:, column] += 1.5
    moved.run(None, moved.step + 1)
    shift_k = moved.sensors.seen.cooling_shift_k[:, moved.step - 1]
    assert shift_k == pytest.approx(np.where(loop.book.can_cool, 1.5, 0.0))


def test_days_of_cooling_are_judged_by_the_band_of_cooling(lived: tuple[Loop, Trace]) -> None:
    loop, trace = lived
    homes = loop.scenario.homes
    low, high = loop.band(trace)
    cold = trace.cold_kwh.reshape(HOMES, 4, DAY).sum(axis=2) > 0.0
    assert cold.any()
    assert not cold.all()
    for home, day in np.argwhere(cold):
        assert high[home, day * DAY] == homes.own_cooling_setpoint_c[home] + 0.5
        assert low[home, (day + 1) * DAY - 1] == homes.own_cooling_setpoint_c[home] - 1.5
    for home, day in np.argwhere(~cold):
        assert (low[home, day * DAY], high[home, day * DAY]) == (
            homes.own_indoor_setpoint_c[home] - 0.5, homes.own_indoor_setpoint_c[home] + 1.5
        )  # fmt: skip


def test_cold_left_in_the_walls_is_worth_something_in_summer(lived: tuple[Loop, Trace]) -> None:
    loop, _ = lived
    own, ours = loop.fork(), loop.fork()
    ours.book.settings[:, LEVERS.index(Lever.COOLING_SETPOINT_C)] -= 1.5
    until, price = loop.step + DAY, np.full(DAY, 0.3)
    traces = tuple(each.run(None, until)[0] for each in (own, ours))
    runs = tuple(
        run_figures(trace, price, each.band(trace), each.stored_heat_kwh())
        for trace, each in zip(traces, (own, ours), strict=True)
    )
    outdoor_c = loop.scenario.drive.outdoor_c[:, loop.step : until]
    found = compare((runs[0], runs[1]), (traces[0], traces[1]), outdoor_c)
    home = int(np.argmax(traces[0].cold_kwh.sum(axis=1)))
    assert runs[0].energy_kwh == pytest.approx(traces[0].energy_kwh.sum(axis=1))
    paid_more = runs[1].cost[home] - runs[0].cost[home]
    assert paid_more > 0.0
    assert runs[1].building_heat_kwh_end[home] < runs[0].building_heat_kwh_end[home]
    assert found.home_savings[home] > -paid_more, "some of it is still in the walls"
    assert found.home_savings_equal_temperature[home] > found.home_savings[home], "and it was cooler"
