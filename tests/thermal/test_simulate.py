"""The one forward model: energy is conserved, levers do what they say, seeds decide everything."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.thermal.cop import coefficients, cop
from heatfleet.thermal.homes import DHW_KWH_PER_PERSON_DAY, Homes, day_of_use, draw_homes
from heatfleet.thermal.simulate import Drive, Inputs, States, Trace, initial_states, simulate, stored_heat_kwh

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


def lived(inputs: Inputs | None = None, outdoor_c: float = 2.0, days: int = 2) -> tuple[States, Trace]:
    start = initial_states(HOMES, outdoor_c)
    return simulate(HOMES, start, inputs or Inputs.own(HOMES), drive(HOMES, outdoor_c, days))


@settings(max_examples=15, deadline=None)
@given(outdoor_c=st.floats(-20, 18), shift_k=st.floats(-3, 3), state=st.sampled_from([1.0, 2.0, 3.0, 4.0]))
def test_energy_is_conserved(outdoor_c: float, shift_k: float, state: float) -> None:
    own = Inputs.own(HOMES)
    inputs = replace(own, indoor_setpoint_c=own.indoor_setpoint_c + shift_k, sg_ready_state=np.full(HOMES.count, state))
    start, what = initial_states(HOMES, outdoor_c), drive(HOMES, outdoor_c)
    end, trace = simulate(HOMES, start, inputs, what)
    came = (trace.heat_space_kwh + trace.heat_dhw_kwh + trace.solar_kwh).sum(1) + what.gains_kw.sum(1) * 0.25
    went = (trace.building_loss_kwh + trace.tank_loss_kwh - trace.unserved_kwh).sum(1) + what.draw_kwh.sum(1)
    stored = stored_heat_kwh(HOMES, end) - stored_heat_kwh(HOMES, start)
    assert stored == pytest.approx(came - went, abs=1e-6)


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
    cut = lambda a, b: Drive(*(v[:, a:b] for v in list(vars(what).values())[:4]), what.hour_of_week[a:b])  # noqa: E731
    first, _ = simulate(HOMES, start, own, cut(0, 37))
    both, _ = simulate(HOMES, first, own, cut(37, 2 * DAY))
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
