"""What must hold of every plan that is made from learned models, whatever is asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.bench._instances import Kind, random_problem
from heatfleet.planning.budget import moves, within_budget
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem
from heatfleet.planning.smooth import smooth
from heatfleet.planning.solve import solve
from heatfleet.planning.state import HOT_WATER, MID, MIN, Freedom, Horizon, Present, build_problem
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import BuildingFacts, ThermalModels, prior

HOMES, STEPS = 6, 144
few = settings(max_examples=4, deadline=None)
seeds = st.integers(0, 10_000)
NEAR_OPTIMUM = 0.006  # the planner is not exact: as near as this, in sum over the homes


def models(seed: int) -> ThermalModels:
    """Homes of all sizes and ages."""
    rng = np.random.default_rng(seed)
    facts = BuildingFacts(
        rng.uniform(80, 250, HOMES), rng.uniform(1950, 2024, HOMES), rng.integers(1, 6, HOMES).astype(float),
        rng.uniform(150, 350, HOMES),
    )  # fmt: skip
    return replace(prior(facts, np.full(HOMES, -10.0)), uncertainty_k=rng.uniform(0.05, 0.5, HOMES))


def horizon(seed: int, price: Array | None = None) -> Horizon:
    rng = np.random.default_rng(seed)
    hour, one = np.arange(STEPS) / 4, np.ones((HOMES, STEPS))
    spot = 0.3 + 0.1 * np.sin((hour + rng.uniform(0, 24)) / 12 * 2 * np.pi) + rng.normal(0, 0.02, STEPS)
    outdoor = rng.uniform(-8, 8) + 3 * np.sin((hour - 9) / 24 * 2 * np.pi)
    return Horizon(
        price=one * (spot if price is None else price), outdoor_c=one * outdoor, ghi_kw_m2=0 * one,
        quarter_of_day=np.tile(np.arange(STEPS) % 96, (HOMES, 1)), indoor_min_c=20.5 * one, indoor_max_c=22.5 * one,
        dhw_min_c=45 * one, dhw_max_c=52 * one,
    )  # fmt: skip


def present(ran: int = 2, lasted: int = 20) -> Present:
    return Present(
        np.full(HOMES, 21.2), np.full(HOMES, 49.0), np.full(HOMES, 21.0), np.full(HOMES, ran), np.full(HOMES, lasted)
    )


def freedom(**changes: object) -> Freedom:
    base = Freedom(np.tile([-2.0, -1.0, 0.0, 2.0], (HOMES, 1)), np.ones((HOMES, 4), bool))
    return replace(base, **changes)  # type: ignore[arg-type]


def problem_of(seed: int, **changes: object) -> Problem:
    return build_problem(models(seed), horizon(seed), present(), freedom(**changes))


def objective(problem: Problem) -> float:
    return float(solve(problem, "best").objective.sum())


@few
@given(seed=seeds, wider_k=st.floats(0.1, 2.0))
def test_a_wider_band_never_costs_more(seed: int, wider_k: float) -> None:
    narrow = problem_of(seed)
    wide = replace(narrow, indoor_min=narrow.indoor_min - wider_k, indoor_max=narrow.indoor_max + wider_k)
    wide = replace(wide, tank_max=wide.tank_max + wider_k)
    found = objective(narrow)
    assert objective(wide) <= found + NEAR_OPTIMUM * abs(found)


@few
@given(seed=seeds, state=st.sampled_from([0, 1, 3]))
def test_another_action_never_hurts(seed: int, state: int) -> None:
    states = np.ones((HOMES, 4), bool)
    states[:, state] = False
    fewer, more = problem_of(seed, states=states), problem_of(seed)
    found = objective(fewer)
    assert objective(more) <= found + NEAR_OPTIMUM * abs(found)


@few
@given(seed=seeds, price=st.floats(0.05, 1.0))
def test_a_flat_price_shifts_nothing(seed: int, price: float) -> None:
    """At a constant price heat and hot water keep their place: how high the price is moves neither."""
    plans = []
    for flat in (price, 10 * price):
        problem = build_problem(models(seed), horizon(seed, np.full(STEPS, flat)), present(), freedom())
        plans.append(smooth(problem, solve(problem), np.full(HOMES, MID)).action)
    assert (plans[0] == plans[1]).mean() > 0.97
    assert ((plans[0] == HOT_WATER) == (plans[1] == HOT_WATER)).mean() > 0.98


@few
@given(seed=seeds)
def test_pause_uses_nothing_but_what_min_uses(seed: int) -> None:
    allowed = np.ones((HOMES, STEPS, 5), bool)
    allowed[:, 8:40] = np.arange(5) == MIN
    problem = problem_of(seed, allowed=allowed)
    action = solve(problem).action
    assert (action[:, 8:40] == MIN).all()
    off = replace(problem, space_energy=problem.space_energy * (np.arange(4) > 0), start_cost=None)
    energy = np.dstack([off.space_energy, off.dhw_energy])
    used = np.take_along_axis(energy, solve(off).action[:, :, None].astype(int), axis=2)[:, 8:40]
    assert used.sum() == 0.0


@few
@given(seed=seeds, on=st.integers(1, 8), off=st.integers(1, 8), ran=st.integers(0, 4), lasted=st.integers(0, 8))
def test_no_plan_breaks_dwell_whatever_the_mask(seed: int, on: int, off: int, ran: int, lasted: int) -> None:
    rng = np.random.default_rng(seed)
    allowed = rng.random((HOMES, STEPS, 5)) < rng.choice([0.05, 0.3, 0.8])
    allowed[: HOMES // 2, ::2] = np.arange(5) == MIN  # off and on by turns
    base = build_problem(models(seed), horizon(seed), present(ran, lasted), freedom(allowed=allowed))
    problem = replace(base, min_on_steps=on, min_off_steps=off)
    for quality in ("fast", "best"):
        found = evaluate(problem, solve(problem, quality).action)
        assert not found.dwell_violations.any()
        assert np.isfinite(found.objective).all(), "never infeasible"


def test_hot_water_leaves_the_hours_that_space_heating_needs() -> None:
    """The surcharge of a charge is what space heating loses by it: without the loss, charges go elsewhere."""
    problem = random_problem(12, 30, Kind())
    slots = lambda p: solve(p).action == p.hot_water_action  # noqa: E731
    free = replace(problem, space_energy=0.0 * problem.space_energy, value_x=0.0 * problem.value_x)
    needed = replace(problem, comfort_penalty=30.0)
    assert (slots(free) != slots(needed)).any(axis=1).sum() >= 6
    lost = lambda p, action: evaluate(p, action).objective.sum()  # noqa: E731
    moved = np.where(slots(free), problem.hot_water_action, solve(needed).action)
    assert lost(needed, solve(needed).action) < lost(needed, moved)


def test_hot_water_is_planned_for_the_cheaper_of_two_like_hours() -> None:
    problem = problem_of(5)
    dear = problem.price.copy()
    water = solve(problem).action == HOT_WATER
    dear[water] *= 3.0
    again = solve(replace(problem, price=dear)).action == HOT_WATER
    assert (again & water).sum() < 0.3 * water.sum()


@few
@given(seed=seeds, most=st.integers(12, 19))
def test_a_plan_asks_for_no_more_moves_than_the_device_takes(seed: int, most: int) -> None:
    """As plans are calmed: without charges, around which every state has to be left and taken up again."""
    no_charges = np.ones((HOMES, STEPS, HOT_WATER + 1), bool)
    no_charges[:, :, HOT_WATER] = False
    problem, state0 = problem_of(seed, allowed=no_charges), np.full(HOMES, MID)
    plan = solve(problem)
    calm = within_budget(problem, plan, state0, np.full(HOMES, most))
    assert (moves(problem, calm.action, state0) <= most).all()
    fits = moves(problem, plan.action, state0) <= most
    np.testing.assert_array_equal(calm.action[fits], plan.action[fits])
    np.testing.assert_allclose(evaluate(problem, calm.action).objective, calm.objective)
