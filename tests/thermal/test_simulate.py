"""The one forward model: energy is conserved, levers do what they say, seeds decide everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.cop import coefficients, cop
from heatfleet.thermal.homes import DHW_KWH_PER_PERSON_DAY, Homes, day_of_use, draw_homes
from heatfleet.thermal.simulate import Drive, Inputs, States, Trace, initial_states, simulate, stored_heat_kwh
from heatfleet.thermal.simulate_columns import DEFROST, STATE

DAY = 96
HOMES = draw_homes(12, seed=5)


def drive(homes: Homes, outdoor_c: float, days: int = 2, ghi: float = 0.1) -> Drive:
    steps = days * DAY
    use = [day_of_use(homes, 3, day) for day in range(days)]
    quarter = np.arange(steps)
    return Drive(
        outdoor_c=np.full((homes.count, steps), outdoor_c) + 3 * np.sin(2 * np.pi * (quarter - 36) / DAY),
        ghi_kw_m2=np.tile(np.where((quarter % DAY > 32) & (quarter % DAY < 64), ghi, 0.0), (homes.count, 1)),
        draw_kwh=np.concatenate([u[0] for u in use], axis=1),
        gains_kw=np.concatenate([u[1] for u in use], axis=1),
        hour_of_week=quarter / 4.0 % 168.0,
    )


def part(what: Drive, first: int, last: int) -> Drive:
    """Some steps of a drive."""
    series = (what.outdoor_c, what.ghi_kw_m2, what.draw_kwh, what.gains_kw)
    outdoor, sun, draw, gains = (v[:, first:last] for v in series)
    return Drive(outdoor, sun, draw, gains, what.hour_of_week[first:last])


def lived(inputs: Inputs | None = None, outdoor_c: float = 2.0, days: int = 2) -> tuple[States, Trace]:
    start = initial_states(HOMES, outdoor_c)
    return simulate(HOMES, start, inputs or Inputs.own(HOMES), drive(HOMES, outdoor_c, days))


def fleet_levers(rng: np.random.Generator) -> Inputs:
    """Any levers a platform may write."""
    own = Inputs.own(HOMES)
    n = HOMES.count
    return Inputs(
        own.indoor_setpoint_c + rng.uniform(-3, 3, n),
        rng.uniform(-4, 4, n),
        rng.choice([1.0, 2.0, 3.0, 4.0], n),
        rng.uniform(42, 62, n),
        rng.choice([0.0, 1.0], n),
        own.cooling_setpoint_c + rng.uniform(-3, 3, n),
        own.pool_setpoint_c + rng.uniform(-3, 3, n),
    )


@settings(max_examples=25, deadline=None)
@given(
    outdoor_c=st.floats(-25, 33),
    seed=st.integers(0, 10_000),
    step_h=st.sampled_from([1 / 12, 0.25, 1.0]),
    draws=st.sampled_from([0.0, 1.0, 15.0]),
)
def test_energy_is_conserved_in_every_home_and_step(outdoor_c: float, seed: int, step_h: float, draws: float) -> None:
    rng = np.random.default_rng(seed)
    homes = draw_homes(HOMES.count, seed)
    what = drive(homes, outdoor_c)
    what = replace(what, draw_kwh=what.draw_kwh * draws)
    start = initial_states(homes, outdoor_c)
    for step in rng.choice(2 * DAY, 4, replace=False).tolist():
        before, _ = simulate(homes, start, fleet_levers(rng), part(what, 0, step), step_h)
        after, trace = simulate(homes, before, fleet_levers(rng), part(what, step, step + 1), step_h)
        energy = trace.energy_kwh[:, 0]
        sun = trace.solar_kwh + trace.pool_solar_kwh
        came = energy + (trace.ambient_kwh + sun)[:, 0] + what.gains_kw[:, step] * step_h
        lost = trace.building_loss_kwh + trace.tank_loss_kwh + trace.pool_loss_kwh
        out = lost + trace.rejected_kwh + trace.energy_standby_kwh - trace.unserved_kwh
        stored = stored_heat_kwh(homes, after) - stored_heat_kwh(homes, before)
        scale = np.maximum(np.abs(energy) + np.abs(out[:, 0]) + np.abs(stored), 1e-3)
        assert (np.abs(came - out[:, 0] - what.draw_kwh[:, step] - stored) / scale).max() < 1e-6
        heat = (trace.heat_kwh - trace.cold_kwh)[:, 0]
        taken = (trace.ambient_kwh - trace.rejected_kwh - trace.energy_standby_kwh)[:, 0]
        assert energy + taken == pytest.approx(heat, abs=1e-9)
        assert trace.power_kw[:, 0] * step_h == pytest.approx(energy, abs=1e-9)


def test_the_balance_was_tried_with_element_defrost_and_empty_tanks() -> None:
    what = drive(HOMES, -22.0)
    what = replace(what, draw_kwh=what.draw_kwh * 15.0)
    _, trace = simulate(HOMES, initial_states(HOMES, -22.0), Inputs.own(HOMES), what)
    _, mild = lived(outdoor_c=0.0)
    assert trace.energy_backup_kwh.sum() > 1.0
    assert (trace.unserved_kwh.sum(axis=1) > 1.0).all()
    assert (mild.mode == DEFROST).any()


def test_water_is_taken_from_the_top_and_comes_in_below() -> None:
    start, what = initial_states(HOMES, 10.0), part(drive(HOMES, 10.0), 0, 1)
    drawing = replace(what, draw_kwh=np.full((HOMES.count, 1), 1.0))
    rests, _ = simulate(HOMES, start, Inputs.own(HOMES), replace(what, draw_kwh=np.zeros((HOMES.count, 1))))
    end, trace = simulate(HOMES, start, Inputs.own(HOMES), drawing)
    assert (rests.tank_lower_c - end.tank_lower_c > 3.0 * (rests.tank_upper_c - end.tank_upper_c)).all()
    assert trace.tank_c[:, 0] == pytest.approx(0.5 * (end.tank_upper_c + end.tank_lower_c))
    assert trace.tank_min_c[:, 0] == pytest.approx(end.tank_upper_c, abs=0.3)


def test_the_coil_warms_the_lower_zone_first() -> None:
    start, what = initial_states(HOMES, 10.0), part(drive(HOMES, 10.0), 0, 1)
    matrix = start.matrix.copy()
    matrix[:, STATE.index("tank_lower_c")] = 15.0
    what = replace(what, draw_kwh=np.zeros((HOMES.count, 1)))
    end, trace = simulate(HOMES, States(matrix), Inputs.own(HOMES), what)
    assert (trace.heat_dhw_kwh > 0.5).all()
    assert end.tank_upper_c == pytest.approx(start.tank_upper_c, abs=0.3)
    assert end.tank_lower_c - 15.0 == pytest.approx(
        trace.heat_dhw_kwh[:, 0] / (HOMES.tank_capacity_kwh_per_k * 2 / 3), rel=0.02
    )


@settings(max_examples=20, deadline=None)
@given(draws=st.floats(0, 60), seed=st.integers(0, 99))
def test_a_tank_stays_layered_and_between_cold_water_and_the_element(draws: float, seed: int) -> None:
    homes = draw_homes(8, seed)
    what = drive(homes, -5.0)
    states, own = initial_states(homes, -5.0), Inputs.own(homes)
    for step in range(0, 2 * DAY, 8):
        some = part(what, step, step + 8)
        states, trace = simulate(homes, states, own, replace(some, draw_kwh=some.draw_kwh * draws))
        assert (states.tank_lower_c <= states.tank_upper_c + 1e-9).all()
        assert (states.tank_lower_c > 9.9).all()
        assert (states.tank_upper_c < 66.0).all()
        assert (trace.unserved_kwh >= -1e-12).all()


def test_defrosting_depends_on_running_time_not_on_the_step() -> None:
    what = replace(drive(HOMES, 0.0, 6), ghi_kw_m2=np.zeros((HOMES.count, 6 * DAY)))
    coarse = [np.repeat(v, 3, axis=1) for v in (what.outdoor_c, what.ghi_kw_m2, what.draw_kwh / 3, what.gains_kw)]
    fine = Drive(*coarse, np.repeat(what.hour_of_week, 3) + np.tile(np.arange(3) / 12, 6 * DAY))
    start, own = initial_states(HOMES, 0.0), Inputs.own(HOMES)
    _, quarter = simulate(HOMES, start, own, what)
    _, minute = simulate(HOMES, start, own, Drive(*(np.repeat(v / k, 5, axis=1) for v, k in scaled(fine)),
                         np.repeat(fine.hour_of_week, 5) + np.tile(np.arange(5) / 60, 18 * DAY)), 1 / 60)  # fmt: skip
    for name in ("energy_space_kwh", "energy_dhw_kwh", "heat_space_kwh"):
        both = [getattr(trace, name).sum() for trace in (quarter, minute)]
        assert both[0] == pytest.approx(both[1], rel=0.02), name


def scaled(what: Drive) -> list[tuple[Array, float]]:
    """The series of a drive, each with what a fifth of a step divides it by."""
    return [(what.outdoor_c, 1.0), (what.ghi_kw_m2, 1.0), (what.draw_kwh, 5.0), (what.gains_kw, 1.0)]


def test_a_start_costs_heat() -> None:
    _, trace = lived(outdoor_c=8.0, days=4)
    heating = (trace.heat_space_kwh > 0.2) & (trace.heat_dhw_kwh == 0.0) & (trace.energy_backup_kwh == 0.0)
    ratio = trace.heat_space_kwh / trace.energy_space_kwh
    assert ratio[heating & (trace.starts == 1)].mean() < ratio[heating & (trace.starts == 0)].mean()


def test_a_higher_setpoint_and_a_higher_curve_cost_energy_and_warm() -> None:
    own = Inputs.own(HOMES)
    _, base = lived()
    for name in ("indoor_setpoint_c", "curve_offset_k"):
        _, warm = lived(replace(own, **{name: getattr(own, name) + 1.0}))
        assert (warm.indoor_c[:, -1] > base.indoor_c[:, -1]).all()
        assert warm.energy_space_kwh.sum() > base.energy_space_kwh.sum()


def test_an_sg_ready_block_stops_the_compressor_for_two_hours_at_most() -> None:
    own = Inputs.own(HOMES)
    _, trace = lived(replace(own, sg_ready_state=np.ones(HOMES.count)), days=1)
    assert trace.power_kw[:, :8].max() < 0.05
    assert (trace.power_kw[:, 8:].max(axis=1) > 0.3).all()


def test_owners_own_control_keeps_the_rooms_near_the_setpoint() -> None:
    for outdoor_c in (-5.0, 3.0, 10.0):
        _, trace = lived(outdoor_c=outdoor_c, days=6)
        late = trace.indoor_c[:, 3 * DAY :].mean(axis=1) - HOMES.own_indoor_setpoint_c
        assert np.abs(late).max() < 1.2


def test_the_weekly_disinfection_reaches_sixty_degrees() -> None:
    _, trace = lived(days=7)
    assert (trace.tank_c.max(axis=1) >= 60.0).all()


def test_steps_may_be_cut_anywhere() -> None:
    own, what, start = Inputs.own(HOMES), drive(HOMES, 2.0), initial_states(HOMES, 2.0)
    whole, _ = simulate(HOMES, start, own, what)
    first, _ = simulate(HOMES, start, own, part(what, 0, 37))
    both, _ = simulate(HOMES, first, own, part(what, 37, 2 * DAY))
    assert np.array_equal(whole.matrix, both.matrix)
    assert np.array_equal(start.matrix, initial_states(HOMES, 2.0).matrix), "what is handed in is not changed"


def test_seeds_decide_and_people_use_what_they_use() -> None:
    again = draw_homes(12, seed=5)
    assert all(np.array_equal(getattr(HOMES, name), getattr(again, name)) for name in vars(HOMES))
    assert not np.array_equal(HOMES.heat_nominal_kw, draw_homes(12, seed=6).heat_nominal_kw)
    draws = np.mean([day_of_use(HOMES, 1, day)[0].sum(axis=1) for day in range(60)], axis=0)
    assert draws == pytest.approx(HOMES.occupants * DHW_KWH_PER_PERSON_DAY, rel=0.3)


def test_cop_falls_with_flow_temperature_and_load_and_rises_with_outdoor_temperature() -> None:
    maps = coefficients()
    assert cop(maps, 2.0, 35.0, 0.5) > cop(maps, 2.0, 45.0, 0.5) > 1.3
    assert cop(maps, 7.0, 35.0, 0.5) > cop(maps, -7.0, 35.0, 0.5)
    assert cop(maps, 2.0, 35.0, 0.4) > cop(maps, 2.0, 35.0, 1.0)
    assert 3.5 < cop(maps, 2.0, 35.0, 0.54) < 5.0, "a regulated pump at A2/W35"
