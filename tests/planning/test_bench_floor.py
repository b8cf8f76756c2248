"""What no plan can cost less than: below every plan, near the best of them, and of both halves of a home."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from heatfleet.bench import _apart
from heatfleet.bench._instances import Kind, random_problem
from heatfleet.bench._judge import lp_bound
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem
from heatfleet.planning.solve import solve
from heatfleet.thermal.arrays import Array


@pytest.fixture(autouse=True)
def coarser_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SEARCH": (60, 16), "COARSER": (120, 32), "FINER": (240, 64), "ROUNDS": 100}.items():
        monkeypatch.setattr(_apart, name, value)


def every_plan(problem: Problem) -> Array:
    """Objectives of all plans of home 0 that keep the dwell times."""
    plans = np.array(list(itertools.product(range(problem.space_actions + 1), repeat=problem.steps)), np.int8)
    many = {n: np.repeat(v, len(plans), axis=0) for n, v in vars(problem).items() if isinstance(v, np.ndarray)}
    found = evaluate(replace(problem, **many), plans)
    objectives: Array = found.objective[found.dwell_violations == 0]
    return objectives


@pytest.mark.parametrize("seed", [2, 5, 9])
def test_the_floor_is_below_the_best_of_all_plans_and_near_it(seed: int) -> None:
    problem = random_problem(1, seed, Kind(steps=8, space_actions=3, min_on=2, min_off=3))
    best = every_plan(problem).min()
    floor = _apart.floor(problem, 0, best)
    swing = np.abs(problem.price * problem.space_energy.max(axis=2)).sum()
    assert best - 0.1 * swing <= floor <= best + 1e-4 * swing


def test_the_floor_is_near_our_plan_where_the_linear_bound_is_far() -> None:
    problem = random_problem(40, 8, Kind())
    plan, i = solve(problem, "best"), 19
    linear, ours = lp_bound(problem, i), plan.objective[i]
    floor = _apart.floor(problem, i, ours)
    assert linear < floor <= ours
    assert ours - floor < 0.4 * (ours - linear)
