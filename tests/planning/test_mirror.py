"""Cooling is planned as heating in a mirror."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from heatfleet.domain.plans import Reason
from heatfleet.planning.counterfactual import outlooks, own_control
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.mirror import as_it_is, mirrored, steps_as_they_are, takes_heat_out
from heatfleet.planning.problem import Problem
from heatfleet.planning.read_back import read_back
from heatfleet.planning.solve import solve
from heatfleet.planning.state import HOT_WATER, MID, Freedom, Horizon, Present, build_problem
from heatfleet.planning.thermostat import left_alone
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import ThermalModels, prior

HOMES, STEPS = 4, 144
COOLS = np.array([True, False, True, True])
START = datetime(2024, 7, 22, 6, tzinfo=UTC)
HOUR = (np.arange(STEPS) / 4 + 6) % 24


@pytest.fixture(scope="module")
def models() -> ThermalModels:
    sure = prior(None, np.full(HOMES, -10.0))
    return replace(sure, uncertainty_k=np.full(HOMES, 0.1))


def summer(price: Array | None = None) -> Horizon:
    one = np.ones((HOMES, STEPS))
    outdoor = 27.0 + 6.0 * np.sin((HOUR - 10) / 24 * 2 * np.pi)
    spot = 0.3 + 0.12 * np.sin((HOUR - 14) / 24 * 2 * np.pi) if price is None else price
    return Horizon(
        price=one * spot, outdoor_c=one * outdoor, ghi_kw_m2=one * np.maximum(0.7 * np.sin((HOUR - 6) / 12 * np.pi), 0),
        quarter_of_day=np.tile((np.arange(STEPS) + 24) % 96, (HOMES, 1)), indoor_min_c=23.0 * one,
        indoor_max_c=25.5 * one, dhw_min_c=45 * one, dhw_max_c=52 * one,
    )  # fmt: skip


def now() -> Present:
    full = lambda v: np.full(HOMES, v)  # noqa: E731
    return Present(full(24.8), full(49.0), full(25.0), full(2), full(20), mass_c=full(24.8))


def freedom() -> Freedom:
    allowed = np.ones((HOMES, STEPS, 5), bool)
    allowed[:, :, HOT_WATER] = False
    return Freedom(np.tile([-2.0, -1.0, 0.0, 2.0], (HOMES, 1)), np.ones((HOMES, 4), bool), allowed)


def problem_of(models: ThermalModels, cools: Array = COOLS, price: Array | None = None) -> Problem:
    return build_problem(*mirrored(models, summer(price), now(), cools), freedom())


def test_any_plan_costs_the_same_on_both_sides(models: ThermalModels) -> None:
    problem, rng = problem_of(models), np.random.default_rng(1)
    true = as_it_is(problem, COOLS)
    for _ in range(3):
        action = rng.integers(0, 4, (HOMES, STEPS))
        a, b = evaluate(problem, action), evaluate(true, action)
        for name in ("cost", "penalty", "objective", "starts"):
            assert getattr(a, name) == pytest.approx(getattr(b, name), rel=1e-9)
        assert b.indoor == pytest.approx(np.where(COOLS[:, None], -a.indoor, a.indoor))
    again = as_it_is(true, COOLS)
    assert np.array_equal(again.space_heat, problem.space_heat)


def test_higher_states_ask_for_more_cold(models: ThermalModels) -> None:
    true = as_it_is(problem_of(models), COOLS)
    assert (true.space_heat[COOLS] <= 0).all()
    assert (true.space_heat[~COOLS] >= 0).all()
    assert (np.diff(true.space_heat[COOLS], axis=2) <= 0).all()
    assert true.space_heat[COOLS][:, 40, MID].max() < -0.1  # it is hot


def test_a_problem_that_takes_heat_out_is_planned_as_well(models: ThermalModels) -> None:
    """As in an instance file of somebody else, where cooling is heat below nothing."""
    problem = problem_of(models)
    true = as_it_is(problem, COOLS)
    assert takes_heat_out(true).tolist() == COOLS.tolist()
    np.testing.assert_array_equal(solve(true).action, solve(problem).action)
    assert solve(true).objective == pytest.approx(solve(problem).objective)


def test_a_home_is_cooled_where_it_is_cheap_and_stays_in_its_band(models: ThermalModels) -> None:
    problem = problem_of(models)
    found = solve(problem)
    judged = evaluate(as_it_is(problem, COOLS), found.action)
    used = np.take_along_axis(problem.space_energy, found.action[:, :, None].astype(int), axis=2)[:, :, 0]
    own = left_alone(problem, np.full((HOMES, STEPS), 52.0))
    asked = np.take_along_axis(problem.space_energy, own.action[:, :, None].astype(int), axis=2)[:, :, 0]
    price = problem.price
    paid, own_paid = ((e * price).sum(1) / e.sum(1) for e in (used, asked))
    assert (paid[COOLS] < 0.99 * own_paid[COOLS]).all()
    assert judged.indoor[COOLS].max() < 25.7


def test_a_flat_price_shifts_little(models: ThermalModels) -> None:
    problem = problem_of(models, price=np.full(STEPS, 0.3))
    own = left_alone(problem, np.full((HOMES, STEPS), 52.0))
    assert (solve(problem).objective <= own.objective + 1e-6).all()


def test_what_is_read_back_has_true_temperatures(models: ThermalModels) -> None:
    problem = problem_of(models)
    found = solve(problem)
    alone = left_alone(problem, np.full((HOMES, STEPS), 52.0))
    own = own_control(problem, alone)
    beside = outlooks(problem, found, own)
    plans = read_back(problem, found, START, own=own)
    steps, outlook = steps_as_they_are(plans[0], beside[0])
    assert all(step.cooling for step in steps)
    assert all(20.0 < step.indoor_temp_c < 27.0 for step in steps)
    assert 20.0 < outlook.indoor_mean_c < 27.0
    assert all(step.own is not None and 20.0 < step.own.indoor_temp_c < 27.0 for step in steps)
    limits = [s.detail.side for s in steps if s.reason is Reason.COMFORT_LIMIT]
    kept = [s.detail.side for s in plans[0] if s.reason is Reason.COMFORT_LIMIT]
    assert [{"low": "high", "high": "low"}[side] for side in kept if side] == limits
    assert outlook.saving == pytest.approx(beside[0].saving)


def test_nobody_cools_nothing_changes(models: ThermalModels) -> None:
    facts = (models, summer(), now())
    assert mirrored(*facts, np.zeros(HOMES, bool)) == facts
