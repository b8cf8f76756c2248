"""Problems stated from learned models, and plans read back with their reasons."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Reason
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.read_back import Marks, read_back
from heatfleet.planning.solve import solve
from heatfleet.planning.state import (
    CYCLE_KWH,
    HOT_WATER,
    LARGEST_SWING,
    STEP_H,
    Freedom,
    Horizon,
    Present,
    Terms,
    build_problem,
    own_rarity,
    start_weight,
    state_response,
)
from heatfleet.thermal.model import BuildingFacts, ThermalModels, prior

HOMES, STEPS = 3, 144
START = datetime(2024, 1, 8, tzinfo=UTC)
SIGNS = np.where(np.arange(STEPS) % 2 == 0, 1.0, -1.0)
MODELS = prior(None, np.full(HOMES, -10.0))


@pytest.fixture
def models() -> ThermalModels:
    return MODELS


def horizon(**changes: float) -> Horizon:
    hour = np.arange(STEPS) / 4
    one = np.ones((HOMES, STEPS))
    given = {"outdoor_c": 2.0, "indoor_min_c": 20.5, "indoor_max_c": 22.5} | changes
    return Horizon(
        price=one * (0.3 + 0.1 * np.sin(hour / 24 * 4 * np.pi)), outdoor_c=one * given["outdoor_c"], ghi_kw_m2=0 * one,
        quarter_of_day=np.tile(np.arange(STEPS) % 96, (HOMES, 1)), indoor_min_c=one * given["indoor_min_c"],
        indoor_max_c=one * given["indoor_max_c"], dhw_min_c=45 * one, dhw_max_c=52 * one,
    )  # fmt: skip


def present(indoor_c: float = 21.0) -> Present:
    full = lambda v: np.full(HOMES, v)  # noqa: E731
    return Present(full(indoor_c), full(49.0), full(21.0), full(2), full(20))


def freedom(**changes: object) -> Freedom:
    base = Freedom(np.tile([-2.0, -1.0, 0.0, 2.0], (HOMES, 1)), np.ones((HOMES, 4), bool))
    return replace(base, **changes)  # type: ignore[arg-type]


def test_higher_states_ask_for_more_heat(models: ThermalModels) -> None:
    problem = build_problem(models, horizon(), present(), freedom())
    assert (np.diff(problem.space_heat, axis=2) >= 0).all()
    assert (problem.space_energy > 0).all()
    assert problem.space_actions == 4


def test_heat_is_shifted_into_cheap_hours_and_comfort_holds(models: ThermalModels) -> None:
    problem = build_problem(models, horizon(), present(), freedom())
    problem = build_problem(models, horizon(), present(), freedom(), seen=solve(problem))
    solution = solve(problem)
    found = evaluate(problem, solution.action)
    energy = np.concatenate([problem.space_energy, problem.dhw_energy[:, :, None]], axis=2)
    used = np.take_along_axis(energy, solution.action[:, :, None].astype(int), axis=2)[:, :, 0]
    paid = (used * problem.price).sum(1) / used.sum(1)
    assert (paid < 0.97 * problem.price.mean(1)).all()
    assert (found.indoor[:, 8:] > 20.3).all()
    assert (found.tank > 45.0).all()


def swinging(share: float, outdoor_c: float) -> Horizon:
    """Prices of 0.3 that lie ``share`` of it above and below by turns."""
    return replace(horizon(outdoor_c=outdoor_c), price=np.full((HOMES, STEPS), 0.3) * (1.0 + share * SIGNS))


def cycling_from(models: ThermalModels, share: float) -> ThermalModels:
    """The same pumps with a smallest output of this share of the largest."""
    return replace(models, response=replace(models.response, heat_min_kw=share * models.response.heat_max_kw))


@given(st.floats(-20.0, 15.0), st.floats(0.0, 3.0), st.floats(0.05, 0.8))
def test_starts_weigh_more_where_prices_swing_and_less_where_the_pump_starts_often_by_itself(
    outdoor_c: float, swing: float, smallest: float
) -> None:
    pumps = cycling_from(MODELS, smallest)
    weight, rarity = (f(pumps, swinging(swing, outdoor_c)) for f in (start_weight, own_rarity))
    assert (weight >= 0.0).all()
    assert (weight <= LARGEST_SWING).all()
    assert (weight <= start_weight(pumps, swinging(1.1 * swing, outdoor_c)) + 1e-12).all()
    assert ((rarity > 0.0) & (rarity <= 1.0)).all()
    through = cycling_from(pumps, 1e-6)  # it modulates down to next to nothing and never cycles
    assert own_rarity(through, swinging(swing, outdoor_c)) == pytest.approx(1.0)
    assert (weight <= start_weight(through, swinging(swing, outdoor_c)) + 1e-9).all()


@given(st.floats(-20.0, 15.0), st.floats(0.0, 3.0), st.floats(0.05, 0.8))
def test_a_start_of_a_pump_that_cycles_never_costs_less_than_its_wear(
    outdoor_c: float, swing: float, smallest: float
) -> None:
    pumps, told = cycling_from(MODELS, smallest), swinging(swing, outdoor_c)
    heat, energy = state_response(pumps, told, freedom(), np.zeros((HOMES, STEPS)))
    r = pumps.response
    power = r.energy_kw(heat, told.outdoor_c[:, :, None]) + r.standby_kw[:, None, None]
    assert (energy >= STEP_H * (power + CYCLE_KWH * r.cycles_per_h(heat)) - 1e-12).all()


def test_in_a_frost_a_start_weighs_in_full_and_in_mild_weather_less(models: ThermalModels) -> None:
    frost, mild = (build_problem(models, horizon(outdoor_c=t), present(), freedom()) for t in (-8.0, 10.0))
    assert own_rarity(models, horizon(outdoor_c=-8.0)).tolist() == [1.0] * HOMES
    assert (mild.start_cost < 0.7 * frost.start_cost).all()


def test_states_that_are_not_allowed_are_not_planned(models: ThermalModels) -> None:
    states = np.ones((HOMES, 4), bool)
    states[:, 0] = False
    allowed = np.ones((HOMES, STEPS, 5), bool)
    allowed[:, :, HOT_WATER] = False
    action = solve(build_problem(models, horizon(), present(), freedom(states=states, allowed=allowed))).action
    assert not (action == 0).any()
    assert not (action == HOT_WATER).any()


def test_an_uncertain_model_keeps_away_from_the_limits(models: ThermalModels) -> None:
    sure = replace(models, uncertainty_k=np.zeros(HOMES))
    narrow = build_problem(models, horizon(), present(), freedom())
    wide = build_problem(sure, horizon(), present(), freedom())
    assert (narrow.indoor_min > wide.indoor_min).all()
    tight = build_problem(models, horizon(indoor_min_c=21.0, indoor_max_c=21.0), present(), freedom())
    assert (tight.indoor_min <= tight.indoor_max).all()


def test_a_dose_that_is_due_is_planned_and_named(models: ThermalModels) -> None:
    due = freedom(dose_deadline_step=np.array([90, -1, 1000]))
    problem = build_problem(models, horizon(), present(), due)
    solution = solve(problem)
    plans = read_back(problem, solution, START)
    assert evaluate(problem, solution.action).tank[0].max() >= 60.0
    assert Reason.DISINFECTION in {step.reason for step in plans[0]}
    assert Reason.DISINFECTION not in {step.reason for step in plans[1]}
    assert evaluate(problem, solution.action).tank[2].max() < 60.0


@pytest.mark.parametrize("cheap", [12, 40, 70])
def test_a_dose_is_given_where_it_is_cheapest_before_its_deadline(models: ThermalModels, cheap: int) -> None:
    """No quarter of the time before the deadline would have been cheaper by more than the programme's own cells."""
    price = np.full((HOMES, STEPS), 0.5)
    price[:, cheap : cheap + 12] = 0.1
    price[:, 100:] = 0.05  # cheaper still, but too late
    due = freedom(dose_deadline_step=np.full(HOMES, 96))
    problem = build_problem(models, replace(horizon(), price=price), present(), due, Terms(start_kwh=0.0))
    solution = solve(problem)
    assert problem.allowed is not None
    assert not evaluate(problem, solution.action).dose_missed.any()
    for begin in range(0, 96, 24):
        elsewhere = problem.allowed.copy()
        elsewhere[:, :begin, HOT_WATER] = elsewhere[:, begin + 24 : 96, HOT_WATER] = False
        other = solve(replace(problem, allowed=elsewhere))
        assert (solution.objective <= other.objective + 0.3 * price.mean()).all()


def test_a_tank_may_cool_down_from_a_dose_without_a_price(models: ThermalModels) -> None:
    problem = build_problem(models, horizon(), present(), freedom(dose_deadline_step=np.array([90, -1, 1000])))
    assert problem.tank_max[:, 0].tolist() == [62.0, 52.0, 52.0]


def test_away_is_colder_and_reheated_by_its_end_in_the_cheaper_slots(models: ThermalModels) -> None:
    end, steps = 88, np.arange(STEPS)
    price = np.full((HOMES, STEPS), 0.4)
    price[:, 60:80] = 0.2
    low = np.where(steps < end, 15.0, 20.5) * np.ones((HOMES, 1))
    away = replace(horizon(), price=price, indoor_min_c=low)
    colder = np.where(steps < end, np.nan, 0.37) * np.ones((HOMES, 1))
    given = (models, away, present(), freedom(colder_than_own_k=colder))
    problem = build_problem(*given, seen=solve(build_problem(*given)))
    solution = solve(problem)
    found = evaluate(problem, solution.action)
    assert (problem.indoor_min[:, :end] < 16).all(), "habit does not hold an empty home"
    assert (found.indoor[:, 30:60].mean(axis=1) < 20.5).all()
    assert (found.indoor[:, end - 1 :] > 20.5).all()
    state = np.minimum(solution.action, 3)[:, :, None].astype(int)
    heat = np.take_along_axis(problem.space_heat, state, axis=2)[:, :, 0]
    assert (heat[:, 60:80].mean(axis=1) > 1.3 * heat[:, :60].mean(axis=1)).all()
    stays = replace(away, indoor_min_c=horizon().indoor_min_c)
    assert (solution.cost < solve(build_problem(models, stays, present(), freedom())).cost).all()


def test_a_limit_of_the_grid_forbids_what_draws_more_but_never_below_its_floor(models: ThermalModels) -> None:
    free = build_problem(models, horizon(outdoor_c=-9.0), present(), freedom())
    strong = replace(models, response=replace(models.response, cop_foot=np.full(HOMES, 1.6)))
    limits = np.array([np.nan, 3.0, 5.0])  # 3 kW counts as 4.2
    problem = build_problem(strong, horizon(outdoor_c=-9.0), present(), freedom(max_power_kw=limits))
    assert problem.allowed is not None
    assert free.allowed is not None
    power = np.dstack([problem.space_energy, problem.dhw_energy]) / problem.step_h
    assert free.allowed.all()
    assert problem.allowed[0].all()
    for home, limit in ((1, 4.2), (2, 5.0)):
        np.testing.assert_array_equal(problem.allowed[home], power[home] <= limit)
        assert not problem.allowed[home].all()
        assert problem.allowed[home, :, 0].all()
    one_way = np.zeros((HOMES, STEPS, 5), bool)
    one_way[:, :, 3] = True
    stuck = build_problem(strong, horizon(), present(), freedom(max_power_kw=limits, allowed=one_way))
    np.testing.assert_array_equal(stuck.allowed, one_way)  # what alone is allowed stays


def test_plans_say_what_to_expect_and_why(models: ThermalModels) -> None:
    problem = build_problem(models, horizon(), present(), freedom())
    solution = solve(problem)
    plans = read_back(problem, solution, START)
    assert [len(p) for p in plans] == [STEPS] * HOMES
    assert plans[0][1].start_at == datetime(2024, 1, 8, 0, 15, tzinfo=UTC)
    reasons = {step.reason for step in plans[0]}
    assert {Reason.CHEAP_NOW, Reason.DEAR_NOW, Reason.HOT_WATER} <= reasons
    assert sum(step.cost for step in plans[0]) == pytest.approx(solution.cost[0])
    for step in plans[0]:
        assert not (step.hot_water and step.state is SteeringState.MIN)


def test_marks_name_pause_away_and_learning(models: ThermalModels) -> None:
    problem = build_problem(models, horizon(), present(), freedom())
    paused = np.zeros((HOMES, STEPS), bool)
    paused[0, 10:20] = True
    plans = read_back(problem, solve(problem), START, Marks(paused=paused, learning=~paused))
    assert {s.reason for s in plans[0][10:20]} <= {Reason.PAUSE, Reason.HOT_WATER}
    assert {s.reason for s in plans[0][20:]} <= {Reason.LEARNING, Reason.HOT_WATER}


def test_models_survive_json(models: ThermalModels) -> None:
    rows = [json.loads(json.dumps(models.to_dict(i))) for i in range(HOMES)]
    again = ThermalModels.from_dicts(rows)
    assert [again.to_dict(i) for i in range(HOMES)] == rows
    assert again.of(np.array([1])).count == 1


def test_newer_and_smaller_buildings_need_less() -> None:
    nan = np.full(3, np.nan)
    facts = BuildingFacts(np.array([200.0, 100.0, np.nan]), np.array([1960.0, 2020.0, np.nan]), nan, nan)
    models = prior(facts, np.full(3, -10.0))
    assert models.ua_kw_per_k[0] > 2 * models.ua_kw_per_k[1]
    assert 0.1 < models.ua_kw_per_k[2] < 0.3
    assert np.isfinite(models.capacity_kwh_per_k).all()


def test_on_a_warm_day_nothing_is_asked_of_a_heating_that_is_off(models: ThermalModels) -> None:
    warm = build_problem(models, horizon(outdoor_c=27.0), present(25.0), freedom())
    assert warm.allowed is not None
    assert not warm.space_heat.any()
    assert warm.allowed[:, :, 2].all()
    assert not warm.allowed[:, :, [0, 1, 3]].any()
    paused = np.zeros((HOMES, STEPS, 5), bool)
    paused[:, :, 0] = True
    still = build_problem(models, horizon(outdoor_c=27.0), present(25.0), freedom(allowed=paused))
    assert still.allowed is not None
    assert still.allowed[:, :, 0].all(), "a pause is a pause"
