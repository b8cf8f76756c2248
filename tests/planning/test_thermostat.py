"""Charges end when the tank is full, in ours as under the owner's own control, however long a step is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heatfleet.planning.counterfactual import energy_of, own_control
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.hot_water import own_start_c, tank_plans, with_charges
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.state import HOT_WATER, MID, Freedom, Horizon, Present, build_problem
from heatfleet.planning.thermostat import ended_when_full, left_alone
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import ThermalModels, prior

HOMES, STEPS, FULL_C = 3, 144, 52.0


@pytest.fixture
def models() -> ThermalModels:
    """A weak, a usual and a strong pump: charges of several steps, of one, and of a part of one."""
    usual = prior(None, np.full(HOMES, -10.0))
    heat_kw = usual.response.dhw_heat_kw * np.array([0.2, 1.0, 4.0])
    return replace(usual, response=replace(usual.response, dhw_heat_kw=heat_kw))


def facts(models: ThermalModels, tank_c: float = 49.0) -> tuple[ThermalModels, Horizon, Present, Freedom]:
    one = np.ones((HOMES, STEPS))
    price = one * np.where(np.arange(STEPS) % 96 < 24, 0.1, 0.3)
    ahead = Horizon(
        price=price, outdoor_c=2 * one, ghi_kw_m2=0 * one, quarter_of_day=np.tile(np.arange(STEPS) % 96, (HOMES, 1)),
        indoor_min_c=20.5 * one, indoor_max_c=22.5 * one, dhw_min_c=45 * one, dhw_max_c=FULL_C * one,
    )  # fmt: skip
    full = lambda v: np.full(HOMES, v)  # noqa: E731
    now = Present(full(21.0), full(tank_c), full(21.0), full(2), full(20), own_hysteresis_k=full(4.0))
    allowed = np.zeros((HOMES, STEPS, 5), bool)
    allowed[:, :, [MID, HOT_WATER]] = True
    may = Freedom(np.tile([-2.0, -1.0, 0.0, 2.0], (HOMES, 1)), np.ones((HOMES, 4), bool), allowed)
    return models, ahead, now, may


def only_mid() -> Solution:
    nothing = np.zeros(HOMES)
    return Solution(np.full((HOMES, STEPS), MID, np.int8), nothing, nothing, nothing)


def heat_of(problem: Problem, action: Array) -> Array:
    """Heat given to the tank over the horizon [kWh], (home,)."""
    given: Array = np.where(action == HOT_WATER, problem.dhw_heat, 0.0).sum(axis=1) * problem.step_h
    return given


def test_a_plan_that_asks_for_nothing_costs_what_the_own_control_costs(models: ThermalModels) -> None:
    learned, ahead, now, may = facts(models)
    mute = replace(may, can_boost=np.zeros(HOMES, bool), can_hold=np.zeros(HOMES, bool))
    problem, tanks = build_problem(learned, ahead, now, mute), tank_plans(learned, ahead, now, mute)
    ours = with_charges(only_mid(), tanks)
    problem_of_ours = ended_when_full(problem, ours.action, tanks.charge_to_c)
    alone = left_alone(problem, ahead.dhw_max_c, own_start_c(ahead, now))
    own = own_control(ended_when_full(problem, alone.action, ahead.dhw_max_c), alone)
    np.testing.assert_array_equal(ours.action, alone.action)
    found = evaluate(problem_of_ours, ours.action)
    np.testing.assert_allclose(found.cost, own.found.cost, rtol=1e-12)
    np.testing.assert_allclose(found.tank, own.found.tank, rtol=1e-12)


def test_no_charge_goes_beyond_full_and_each_long_enough_to_get_there(models: ThermalModels) -> None:
    learned, ahead, now, may = facts(models)
    problem, tanks = build_problem(learned, ahead, now, may), tank_plans(learned, ahead, now, may)
    action = with_charges(only_mid(), tanks).action
    ended = ended_when_full(problem, action, tanks.charge_to_c)
    tank = evaluate(ended, action).tank
    assert (tank <= FULL_C + 1e-9).all()
    begins = np.diff(tanks.charges.astype(int), axis=1) > 0
    assert (begins.sum(axis=1) >= 2).all()
    ends = np.flatnonzero(np.diff(tanks.charges[0].astype(int)) < 0)
    assert (tanks.charges[0].sum() / begins[0].sum()) > 1.5, "the weak pump takes several steps"
    np.testing.assert_allclose(tank[0, ends], tanks.charge_to_c[0, ends], atol=0.1)


def test_a_charge_made_later_gives_and_takes_as_much(models: ThermalModels) -> None:
    learned, ahead, now, may = facts(models)
    problem = build_problem(learned, ahead, now, may)
    action = only_mid().action.copy()
    action[:, 10:12] = HOT_WATER
    later = np.roll(action, 5, axis=1)
    ended = ended_when_full(problem, action, ahead.dhw_max_c)
    np.testing.assert_allclose(heat_of(ended, later), heat_of(ended, action))
    used = [energy_of(ended, one)[one == HOT_WATER] for one in (action, later)]
    np.testing.assert_allclose(*used, rtol=0.02)  # the weather is the same


def test_a_charge_that_is_under_way_goes_on(models: ThermalModels) -> None:
    learned, ahead, now, may = facts(models, tank_c=49.0)
    charging = replace(now, run_action=np.full(HOMES, HOT_WATER))
    tanks = tank_plans(learned, ahead, charging, may)
    assert tanks.charges[:, 0].all()
    assert not tank_plans(learned, ahead, replace(now, tank_c=np.full(HOMES, FULL_C)), may).charges[:, 0].any()
    alone = left_alone(build_problem(learned, ahead, charging, may), ahead.dhw_max_c, own_start_c(ahead, charging))
    assert (alone.action[:, 0] == HOT_WATER).all()


def test_a_disinfection_to_come_is_not_cut_short(models: ThermalModels) -> None:
    learned, ahead, now, may = facts(models)
    by = np.array([40, -1, -1])
    problem = build_problem(learned, ahead, now, replace(may, dose_deadline_step=by))
    action = only_mid().action.copy()
    action[:, 20:40] = HOT_WATER
    ended = ended_when_full(problem, action, ahead.dhw_max_c)
    np.testing.assert_array_equal(ended.dhw_heat[0], problem.dhw_heat[0])
    assert (ended.dhw_heat[1, 20:40] < problem.dhw_heat[1, 20:40]).all()
