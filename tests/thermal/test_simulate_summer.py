"""Cooling and the pool: summer's uses do what they say, and winter knows nothing of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.cop import coefficients, eer
from heatfleet.thermal.homes import Homes, draw_homes
from heatfleet.thermal.simulate import Drive, Inputs, States, Trace, initial_states, simulate
from heatfleet.thermal.simulate_columns import COOLING, POOL_HEATING
from tests.thermal.test_simulate import DAY, drive

MANY = draw_homes(80, seed=11)
COOL = take(MANY, np.flatnonzero(np.isfinite(MANY.cooling_limit_c)))
POOLS = take(MANY, np.flatnonzero(MANY.pool_capacity_kwh_per_k > 0.0))


def summer(homes: Homes, outdoor_c: float, days: int) -> Drive:
    """Warm days with much sun and a swing of 6 K."""
    quarter = np.arange(days * DAY)
    what = drive(homes, outdoor_c, days)
    outdoor = outdoor_c + 6.0 * np.sin(2 * np.pi * (quarter - 36) / DAY)
    sun = np.maximum(0.75 * np.sin(2 * np.pi * (quarter - 28) / DAY), 0.0)
    return replace(
        what,
        outdoor_c=np.tile(outdoor, (homes.count, 1)),
        ghi_kw_m2=np.tile(sun, (homes.count, 1)),
    )


def lived(
    homes: Homes, outdoor_c: float, days: int, inputs: Inputs | None = None, states: States | None = None
) -> Trace:
    start = states or initial_states(homes, outdoor_c)
    return simulate(homes, start, inputs or Inputs.own(homes), summer(homes, outdoor_c, days))[1]


def without(homes: Homes) -> Homes:
    """The same homes as they were before they could cool or had a pool."""
    nothing = np.zeros(homes.count)
    return replace(homes, cooling_limit_c=nothing + np.inf, pool_capacity_kwh_per_k=nothing)


@settings(max_examples=15, deadline=None)
@given(outdoor_c=st.floats(-25, 8), seed=st.integers(0, 10_000))
def test_winter_is_the_same_to_the_digit_with_and_without(outdoor_c: float, seed: int) -> None:
    homes = draw_homes(24, seed)
    what = drive(homes, outdoor_c, 3)
    own = Inputs.own(homes)
    told = replace(own, cooling_setpoint_c=own.cooling_setpoint_c - 5.0, pool_setpoint_c=own.pool_setpoint_c + 5.0)
    _, able = simulate(homes, initial_states(homes, outdoor_c), told, what)
    _, plain = simulate(without(homes), initial_states(without(homes), outdoor_c), own, what)
    old = ("indoor_c", "tank_c", "flow_c", "return_c", "power_kw", "mode", "starts", "ambient_kwh")
    for name in (*old, "energy_space_kwh", "energy_dhw_kwh", "heat_space_kwh", "heat_dhw_kwh", "building_loss_kwh"):
        assert np.array_equal(getattr(able, name), getattr(plain, name)), name
    assert not able.energy_cooling_kwh.any()
    assert not able.energy_pool_kwh.any()


def test_the_draw_of_abilities_is_what_it_says() -> None:
    homes = draw_homes(4000, seed=3)
    can_cool, has_pool = np.isfinite(homes.cooling_limit_c), homes.pool_capacity_kwh_per_k > 0.0
    is_floor = homes.heat_to_indoor < 0.5
    assert not can_cool[~is_floor].any()
    assert can_cool[is_floor].mean() == pytest.approx(2 / 3, abs=0.04)
    assert has_pool.mean() == pytest.approx(1 / 8, abs=0.02)
    assert (homes.cooling_limit_c >= homes.heating_limit_c + 4.0).all()
    assert (homes.own_cooling_setpoint_c > homes.own_indoor_setpoint_c + 1.0).all()


def test_cooling_keeps_hot_days_out_of_the_rooms() -> None:
    cooled, warm = lived(COOL, 25.0, 8), lived(without(COOL), 25.0, 8)
    late, own_c = slice(4 * DAY, None), COOL.own_cooling_setpoint_c[:, None]
    over = cooled.indoor_c[:, late] - own_c
    assert over.mean() < 1.0
    assert (warm.indoor_c[:, late] - own_c).mean() > over.mean() + 2.0
    ratio = cooled.cold_kwh.sum(axis=1) / cooled.energy_cooling_kwh.sum(axis=1)
    assert ((ratio > 3.0) & (ratio < 8.0)).all()
    assert cooled.flow_c[cooled.mode == COOLING].min() > 17.9, "the dew point"


def test_a_colder_setpoint_cools_more_and_a_block_stops_it() -> None:
    own = Inputs.own(COOL)
    base = lived(COOL, 25.0, 3)
    colder = lived(COOL, 25.0, 3, replace(own, cooling_setpoint_c=own.cooling_setpoint_c - 1.5))
    assert (colder.cold_kwh.sum(axis=1) > base.cold_kwh.sum(axis=1)).all()
    assert (colder.indoor_c[:, -1] < base.indoor_c[:, -1]).all()
    middle, _ = simulate(COOL, initial_states(COOL, 25.0), own, summer(COOL, 25.0, 2))
    assert lived(COOL, 25.0, 1, replace(own, sg_ready_state=np.ones(COOL.count)), middle).power_kw[:, :8].max() < 0.05
    raised = lived(COOL, 25.0, 1, replace(own, sg_ready_state=np.full(COOL.count, 3.0)))
    assert raised.cold_kwh.sum() == pytest.approx(lived(COOL, 25.0, 1).cold_kwh.sum(), rel=0.05)


def test_heating_and_cooling_share_no_day_of_a_year() -> None:
    homes = take(COOL, np.arange(12))
    day = np.arange(365)
    daily_c = 11.0 - 11.0 * np.cos(2 * np.pi * (day - 15) / 365) + np.random.default_rng(4).normal(0.0, 4.0, 365)
    states, both, cooled = initial_states(homes, 0.0), 0, 0
    for week in range(52):
        what = drive(homes, 0.0, 7, ghi=0.5)
        outdoor = what.outdoor_c + np.repeat(daily_c[7 * week : 7 * week + 7], DAY)
        states, trace = simulate(homes, states, Inputs.own(homes), replace(what, outdoor_c=outdoor))
        cold, heat = (v.reshape(homes.count, 7, DAY).sum(axis=2) > 0 for v in (trace.cold_kwh, trace.heat_space_kwh))
        both += int((cold & heat).sum())
        cooled += int(cold.sum())
    assert cooled > 100
    assert both == 0


def test_a_sudden_heat_wave_waits_a_day_for_cooling() -> None:
    what = drive(COOL, 2.0, 4)
    outdoor: Array = what.outdoor_c + np.repeat([0.0, 33.0, 33.0, 33.0], DAY)
    _, trace = simulate(COOL, initial_states(COOL, 2.0), Inputs.own(COOL), replace(what, outdoor_c=outdoor))
    last_heat = np.array([np.flatnonzero(row)[-1] for row in trace.heat_space_kwh > 0])
    first_cold = np.array([np.flatnonzero(row)[0] for row in trace.cold_kwh > 0])
    assert (first_cold - last_heat >= DAY - 1).all()


def test_a_pool_is_kept_warm_in_its_season_only() -> None:
    mild = lived(POOLS, 16.0, 6)
    below = mild.pool_c - POOLS.own_pool_setpoint_c[:, None]
    assert below.min() > -2.5
    assert (mild.energy_pool_kwh.sum(axis=1) > 0.5).any()
    assert not lived(POOLS, 11.0, 3).energy_pool_kwh.any()


def test_a_pool_waits_while_the_tank_or_the_rooms_ask() -> None:
    own = Inputs.own(POOLS)
    hot = replace(own, pool_setpoint_c=own.pool_setpoint_c + 8.0)
    what = summer(POOLS, 15.0, 4)
    start = initial_states(POOLS, 15.0)
    minutes = Drive(
        *(np.repeat(v, 3, axis=1) for v in (what.outdoor_c, what.ghi_kw_m2, what.draw_kwh / 3, what.gains_kw)),
        np.repeat(what.hour_of_week, 3),
    )
    states, pooled, charged = start, 0, 0
    for step in range(0, 600):
        one = slice(step, step + 1)
        series = (minutes.outdoor_c, minutes.ghi_kw_m2, minutes.draw_kwh, minutes.gains_kw)
        some = Drive(*(v[:, one] for v in series), minutes.hour_of_week[one])
        states, trace = simulate(POOLS, states, hot, some, 1 / 12)
        pooling = trace.mode[:, 0] == POOL_HEATING
        pooled += int(pooling.sum())
        charged += int((states.charging == 1.0).sum())
        assert not (pooling & (states.charging == 1.0)).any()
        assert (states.deficit_kwh[pooling] < 1.5 * POOLS.hysteresis_kwh[pooling]).all()
    assert pooled > 100
    assert charged > 20


def test_a_higher_pool_setpoint_heats_and_a_lower_one_waits() -> None:
    own = Inputs.own(POOLS)
    warm = lived(POOLS, 17.0, 2, replace(own, pool_setpoint_c=own.pool_setpoint_c + 2.0))
    cold = lived(POOLS, 17.0, 2, replace(own, pool_setpoint_c=own.pool_setpoint_c - 3.0))
    assert (warm.energy_pool_kwh.sum(axis=1) > 0.5).all()
    assert not cold.energy_pool_kwh.any()


def test_eer_falls_with_outdoor_temperature_and_rises_with_flow_temperature() -> None:
    maps = coefficients()
    assert eer(maps, 35.0, 7.0, 1.0) == pytest.approx(3.28, abs=0.05), "hplib's own reference point"
    assert eer(maps, 25.0, 18.0, 0.5) > eer(maps, 35.0, 18.0, 0.5) > eer(maps, 35.0, 10.0, 0.5)
