"""How near the planner comes to a proven bound, and how fast: ``heatfleet bench planner``.

Reference of the same run: HiGHS solving the linear relaxation of each home cold (build and solve), one thread. The gap
is against that relaxation, which leaves out minimum on and off times; an exact solution itself sits about 1 % above.
"""

from __future__ import annotations

import secrets
from time import perf_counter
from typing import Any

import numpy as np

from heatfleet.bench._instances import Kind, random_problem
from heatfleet.bench._judge import lp_bound
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem
from heatfleet.planning.solve import EFFORTS, solve
from heatfleet.thermal.arrays import Array


def run(
    homes: int = 40, seed: int | None = None, states: int = 2, steps: int = 96, negative: bool = False
) -> dict[str, Any]:
    """Gaps, broken rules, speed and ratio of both qualities on homes of a fresh seed (unless one is given)."""
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    problem = random_problem(homes, chosen, Kind(states=states, steps=steps, negative=negative))
    bound, lp_us = _bounds(problem)
    return {
        "homes": homes,
        "steps": steps,
        "building_states": states,
        "seed": chosen,
        "bound": "HiGHS linear relaxation without dwell",
        "highs_cold_us_a_home": round(lp_us),
        "qualities": {quality: _measure(problem, quality, bound, lp_us) for quality in EFFORTS},
    }


def _bounds(problem: Problem) -> tuple[Array, float]:
    """Bounds (home,) and microseconds a home."""
    lp_bound(problem, 0)
    begin = perf_counter()
    bounds = np.array([lp_bound(problem, i) for i in range(problem.homes)])
    return bounds, (perf_counter() - begin) / problem.homes * 1e6


def _measure(problem: Problem, quality: str, bound: Array, lp_us: float) -> dict[str, Any]:
    """Figures of one quality; the speed is that of many copies of the homes, on one core and on two."""
    solution = solve(problem, quality)
    found = evaluate(problem, solution.action)
    gap = 100.0 * (solution.objective - bound) / np.abs(bound)
    one, two = (_us_a_home(problem, quality, threads) for threads in (1, 2))
    return {
        "gap_percent": {
            "fleet": round(100.0 * float((solution.objective - bound).sum() / np.abs(bound).sum()), 3),
            "median": round(float(np.median(gap)), 3),
            "p90": round(float(np.quantile(gap, 0.9)), 3),
            "max": round(float(gap.max()), 3),
        },
        "dwell_violations": int(found.dwell_violations.sum()),
        "us_a_home": round(one),
        "us_a_home_two_threads": round(two),
        "times_faster_than_highs_cold": round(lp_us / one, 1),
    }


def _us_a_home(problem: Problem, quality: str, threads: int) -> float:
    solve(problem, quality, threads)
    best = np.inf
    for _ in range(3):
        begin = perf_counter()
        solve(problem, quality, threads)
        best = min(best, (perf_counter() - begin) / problem.homes * 1e6)
    return float(best)
