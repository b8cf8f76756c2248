"""A day that is over, weighed: the best plan is the best, what we did lies between, what owners do saves nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.hindsight import Day, Lived, worth_of
from heatfleet.planning.problem import Problem
from heatfleet.planning.solve import solve
from heatfleet.planning.state import HOT_WATER, Freedom, Horizon, Present, build_problem
from heatfleet.planning.thermostat import left_alone
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import ThermalModels, prior
from heatfleet.thermal.tank import drawn_kwh

HOMES, STEPS = 3, 96
DELTA_K = np.tile([-2.0, -1.0, 0.0, 2.0], (HOMES, 1))
ONE = np.ones((HOMES, STEPS))
FREEDOM = Freedom(DELTA_K, np.ones((HOMES, 4), bool), np.ones((HOMES, STEPS, 5), bool))


@pytest.fixture
def models() -> ThermalModels:
    known = prior(None, np.full(HOMES, -10.0))
    return replace(known, uncertainty_k=np.full(HOMES, 0.2))


def horizon(spread: float = 0.25) -> Horizon:
    hour = np.arange(STEPS) / 4
    return Horizon(
        price=ONE * (0.3 + spread * np.sin(hour / 24 * 4 * np.pi)), outdoor_c=2.0 * ONE, ghi_kw_m2=0 * ONE,
        quarter_of_day=np.tile(np.arange(STEPS) % 96, (HOMES, 1)), indoor_min_c=20.0 * ONE, indoor_max_c=23.0 * ONE,
        dhw_min_c=45 * ONE, dhw_max_c=52 * ONE,
    )  # fmt: skip


def present() -> Present:
    full = lambda v: np.full(HOMES, v)  # noqa: E731
    return Present(full(21.0), full(49.0), full(21.0), full(2), full(20))


def stated(models: ThermalModels, spread: float = 0.25) -> Problem:
    return build_problem(models, horizon(spread), present(), FREEDOM)


def lived(problem: Problem, models: ThermalModels, action: Array) -> Lived:
    """What sensors say of a day on which ``action`` was done."""
    found, charged = evaluate(problem, action), action == HOT_WATER
    shift = np.take_along_axis(DELTA_K, np.where(charged, 2, action).astype(int), axis=1)
    return Lived(
        tank_c=found.tank,
        dhw_heat_kw=np.where(charged, problem.dhw_heat, 0.0),
        dhw_power_kw=np.where(charged, problem.dhw_energy * 4, 0.0),
        space_power_kw=np.where(charged, 0.0, 0.5),
        shift_k=shift,
    )


def weighed(models: ThermalModels, action: Array, spread: float = 0.25) -> Array:
    """Own, realised and best cost (3, home) of a day on which ``action`` was done."""
    problem = stated(models, spread)
    worth = worth_of(models, Day(horizon(spread), present(), FREEDOM, lived(problem, models, action)))
    assert (worth.known_share == 1.0).all()
    return np.stack([worth.own, worth.realised, worth.best])


def share(costs: Array) -> Array:
    found: Array = (costs[0] - costs[1]) / (costs[0] - costs[2])
    return found


def test_what_the_owner_does_saves_nothing(models: ThermalModels) -> None:
    found = share(weighed(models, left_alone(stated(models), horizon().dhw_max_c).action))
    assert (np.abs(found) < 0.1).all()


def test_a_good_plan_saves_most_of_what_can_be_saved(models: ThermalModels) -> None:
    found = share(weighed(models, solve(stated(models)).action))
    assert (found > 0.6).all()
    assert (found <= 1.0).all()


def test_doing_the_wrong_thing_at_the_wrong_time_costs(models: ThermalModels) -> None:
    dear = horizon().price > 0.3
    found = share(weighed(models, np.where(dear, 3, 1).astype(np.int8)))
    assert (found < 0.0).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), spread=st.floats(0.0, 0.3))
def test_nothing_is_better_than_the_best(seed: int, spread: float) -> None:
    models = prior(None, np.full(HOMES, -10.0))
    action = np.random.default_rng(seed).integers(0, 5, (HOMES, 8)).repeat(12, axis=1).astype(np.int8)
    own, realised, best = weighed(models, action, spread)
    assert (best <= own + 1e-9).all()
    assert (best <= realised + 1e-9).all()
    assert np.isfinite([own, realised, best]).all()


def test_a_home_whose_tank_nobody_reads_is_weighed_by_its_rooms(models: ThermalModels) -> None:
    action = solve(stated(models)).action
    seen = lived(stated(models), models, action)
    blind = replace(seen, tank_c=np.full_like(seen.tank_c, np.nan), dhw_heat_kw=np.full_like(seen.tank_c, np.nan))
    worth = worth_of(models, Day(horizon(), present(), FREEDOM, blind))
    assert (worth.best <= worth.realised + 1e-9).all()
    assert (worth.realised < worth.own).all()


def test_a_disinfection_is_no_fault_of_the_day(models: ThermalModels) -> None:
    """It is in all three, so that the day of a dose is not the worse for it."""
    problem = stated(models)
    action = solve(problem).action.copy()
    action[:, 40:43] = HOT_WATER
    seen = lived(problem, models, action)
    assert (seen.tank_c.max(axis=1) > 60.0).all()
    assert (share(weighed(models, action)) > 0.5).all()


def test_what_is_drawn_follows_from_what_a_tank_lost(models: ThermalModels) -> None:
    problem = stated(models)
    seen = lived(problem, models, solve(problem).action)
    drawn = drawn_kwh(models.tank, seen.tank_c, seen.dhw_heat_kw, 0.25)
    expected = np.take_along_axis(models.tank.draw_kwh, horizon().quarter_of_day, axis=1)
    assert np.allclose(drawn[:, 1:].sum(axis=1), expected[:, 1:].sum(axis=1), atol=0.15)


def test_steps_nobody_saw_are_counted_as_such(models: ThermalModels) -> None:
    seen = lived(stated(models), models, solve(stated(models)).action)
    shift = seen.shift_k.copy()
    shift[:, :24] = np.nan
    worth = worth_of(models, Day(horizon(), present(), FREEDOM, replace(seen, shift_k=shift)))
    assert np.allclose(worth.known_share, 0.75)
