"""Vectors of sixteen, and the exchanges at the end of a plan."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from heatfleet.bench._instances import Kind, random_problem
from heatfleet.planning import lanes
from heatfleet.planning.arrays import batch_of, home_of
from heatfleet.planning.evaluate import OBJECTIVE, SCORES, evaluate, score
from heatfleet.planning.exchange_kernel import WORTH_IT, _gain, _open, _runs_hold, _see, touch_for
from heatfleet.planning.problem import Problem
from heatfleet.planning.solve import EFFORTS, solve, solved_with
from heatfleet.thermal.arrays import Array

few = settings(max_examples=8, deadline=None)
seeds = st.integers(0, 10_000)


@njit
def all_of_them(a: Array, b: Array, out: Array) -> float:
    one, other = lanes.load(a, 3), lanes.load(b, 0)
    lanes.store(out, 0, lanes.plus(lanes.times(one, other), lanes.same(0.5)))
    lanes.store(out, 16, lanes.minus(lanes.least(one, other), lanes.most(one, other)))
    lanes.store(out, 32, lanes.after_first(one, other))
    return lanes.total(one) + lanes.peek(b, 1)


def test_vectors_do_what_numpy_does() -> None:
    rng = np.random.default_rng(4)
    a, b, out = (rng.normal(size=size).astype(np.float32) for size in (19, 16, 48))
    sum_ = all_of_them(a, b, out)
    one = a[3:]
    np.testing.assert_allclose(out[:16], one * b + 0.5, rtol=1e-5)
    np.testing.assert_array_equal(out[16:32], np.minimum(one, b) - np.maximum(one, b))
    np.testing.assert_array_equal(out[32:], np.concatenate([one[1:], b[:1]]))
    assert sum_ == pytest.approx(one.sum() + b[1], rel=1e-5)


def test_aligned_memory_begins_at_a_cache_line() -> None:
    for shape in ((1,), (3, 5), (7, 2, 48)):
        memory = lanes.aligned(*shape)
        assert memory.shape == shape
        assert memory.ctypes.data % 64 == 0
        assert not memory.any()


@few
@given(seed=seeds, states=st.sampled_from([1, 2]), steps=st.sampled_from([17, 92, 96]), data=st.data())
def test_what_a_move_wins_is_what_the_exact_simulation_says(
    seed: int, states: int, steps: int, data: st.DataObject
) -> None:
    problem = random_problem(1, seed, Kind(states=states, steps=steps))
    batch, rules = batch_of(problem)
    home, touch, rng = home_of(batch, rules, 0), touch_for(steps, 6), np.random.default_rng(data.draw(seeds))
    action = rng.integers(0, 6, steps).astype(np.int8)
    out, indoor, tank = np.zeros(SCORES), np.zeros(steps), np.zeros(steps)
    score(batch, rules, 0, action, out, indoor, tank)
    before, water = out[OBJECTIVE], rules.step_h * rules.dhw_penalty / home.scale
    _open(batch, 0, home, touch)
    _see(batch, rules, 0, home, indoor, tank, touch)
    t = int(rng.integers(0, steps - 1))
    u, x, y = int(rng.integers(t + 1, steps)), int(rng.integers(0, 6)), int(rng.integers(0, 6))
    won = _gain(home, touch, water, action, t, x, u, y)
    moved = action.copy()
    moved[[t, u]] = x, y
    score(batch, rules, 0, moved, out, indoor, tank)
    exact = (before - out[OBJECTIVE]) / home.scale
    if won < WORTH_IT:
        assert exact < 0.02
    else:
        assert won == pytest.approx(exact, rel=1e-3, abs=0.02)


@few
@given(seed=seeds, on=st.integers(1, 6), off=st.integers(1, 6), ran=st.booleans(), lasted=st.integers(1, 8))
def test_runs_that_are_said_to_hold_hold(seed: int, on: int, off: int, ran: bool, lasted: int) -> None:
    problem = random_problem(1, seed, Kind(steps=24, min_on=on, min_off=off))
    problem = replace(problem, run_action0=np.full(1, int(ran)), run_steps0=np.full(1, lasted))
    batch, rules = batch_of(problem)
    rng = np.random.default_rng(seed)
    for _ in range(20):
        action = np.repeat(rng.integers(0, 2, 24), rng.integers(1, 9, 24))[:24].astype(np.int8)
        holds = all(_runs_hold(batch, rules, 0, action, t) for t in range(24))
        assert holds == (evaluate(problem, action[None]).dwell_violations[0] == 0)


def masked(seed: int) -> Problem:
    """Homes with a pause, a ceiling, a dose, dear starts and few of them."""
    problem, rng = random_problem(8, seed, Kind()), np.random.default_rng(seed)
    allowed = np.ones((8, problem.steps, problem.space_actions + 1), bool)
    for i in range(8):
        begin = rng.integers(0, problem.steps - 20, 2)
        allowed[i, begin[0] : begin[0] + 8, 1:] = False
        allowed[i, begin[1] : begin[1] + 16, 3 : problem.space_actions] = False
    return replace(
        problem, allowed=allowed, start_cost=rng.uniform(0, 0.3, 8), max_starts_day=np.full(8, 8),
        dose_deadline_step=rng.integers(40, 96, 8), dose_temp=np.full(8, 60.0), dose_steps=np.full(8, 2),
    )  # fmt: skip


@few
@given(seed=seeds)
def test_exchanges_never_make_a_plan_worse_nor_break_a_rule(seed: int) -> None:
    problem = masked(seed)
    plain, better = (solved_with(problem, EFFORTS["best"]._replace(sweeps=sweeps)) for sweeps in (0, 6))
    before, after = evaluate(problem, plain.action), evaluate(problem, better.action)
    for name in ("dwell_violations", "forbidden_steps", "dose_missed", "starts_over"):
        assert (getattr(after, name) <= getattr(before, name)).all()
    clean = sum(getattr(before, name) for name in ("forbidden_steps", "dose_missed", "starts_over")) == 0
    assert (after.objective[clean] <= before.objective[clean] + 1e-9).all()


def test_exchanges_help_nearly_every_home() -> None:
    problem = random_problem(20, 71, Kind())
    plain, better = (solved_with(problem, EFFORTS["best"]._replace(sweeps=sweeps)) for sweeps in (0, 6))
    assert (better.objective < plain.objective - 1e-6).sum() >= 15
    assert better.objective.sum() < plain.objective.sum() - 0.001 * np.abs(plain.objective).sum()


@pytest.mark.parametrize("steps", [1, 2, 5, 16, 17])
@pytest.mark.parametrize("states", [1, 2])
def test_short_horizons_are_planned_too(steps: int, states: int) -> None:
    problem = random_problem(4, 3, Kind(steps=steps, states=states, min_on=3, min_off=2))
    for quality in EFFORTS:
        found = evaluate(problem, solve(problem, quality).action)
        assert np.isfinite(found.objective).all()
        assert not found.dwell_violations.any()


@pytest.mark.parametrize("actions", [1, 2, 3])
def test_pumps_of_few_levels_are_planned_too(actions: int) -> None:
    problem = random_problem(4, 3, Kind())
    plain = replace(
        problem, space_energy=problem.space_energy[:, :, :actions].copy(),
        space_heat=problem.space_heat[:, :, :actions].copy(),
    )  # fmt: skip
    for quality in EFFORTS:
        found = evaluate(plain, solve(plain, quality).action)
        assert np.isfinite(found.objective).all()
        assert not found.dwell_violations.any()
