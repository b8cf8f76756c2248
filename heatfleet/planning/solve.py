"""Answers a planning problem: a plan for every home, near the optimum, never infeasible.

What is hard, in this order: minimum on and off times counted from the actual past, then the allowed actions, then the
daily starts and the disinfection dose; comfort is soft. Where the past and the mask exclude each other (a pause
begins while the compressor must still run), the past wins for as long as it must.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from heatfleet.domain.errors import Invalid
from heatfleet.planning.arrays import Batch, Rules, batch_of
from heatfleet.planning.evaluate import COST, OBJECTIVE, PENALTY, SCORES, best_for
from heatfleet.planning.exchange_kernel import touch_for
from heatfleet.planning.grid_kernel import grid_for
from heatfleet.planning.kernel import Effort, plan_homes
from heatfleet.planning.mirror import as_it_is, takes_heat_out
from heatfleet.planning.plane_kernel import plane_for
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.space_kernel import work_for
from heatfleet.planning.tank_kernel import tank_for
from heatfleet.thermal.arrays import Array

EFFORTS = {
    "fast": Effort(passes=2, polish=1, layers=6, reach=1.6, sweeps=1, apart=8, water_apart=8, swing_k=2.0),
    "best": Effort(passes=2, polish=1, layers=12, reach=1.8, sweeps=6, apart=16, water_apart=48, swing_k=0.2),
}
CHUNK_HOMES = 512


def solve(problem: Problem, quality: str = "fast", threads: int = 2) -> Solution:
    """The best plan found for every home.

    Parameters
    ----------
    quality : ``fast`` (two passes, polished where the air warms far ahead of the mass, one sweep of exchanges) or
        ``best`` (a finer polish for nearly all two-mass buildings, exchanges farther apart until little is won).
    threads : how many chunks of homes are planned at once (the kernels release the interpreter lock).
    """
    if quality not in EFFORTS:
        raise Invalid.field("quality", f"must be one of {', '.join(EFFORTS)}", where="plan")
    return solved_with(problem, EFFORTS[quality], threads)


def solved_with(problem: Problem, effort: Effort, threads: int = 2) -> Solution:
    """The best plan found with a given effort; homes that cool are planned in the mirror."""
    problem = as_it_is(problem, takes_heat_out(problem))
    size = max(1, min(CHUNK_HOMES, -(-problem.homes // max(threads, 1))))
    chunks = [slice(i, i + size) for i in range(0, problem.homes, size)]
    return _joined(_solved(problem, chunks, effort, threads))


def _solved(problem: Problem, chunks: list[slice], effort: Effort, threads: int) -> list[tuple[Array, Array]]:
    def one(part: slice) -> tuple[Array, Array]:
        return _solve_chunk(*batch_of(_part(problem, part)), effort)

    if len(chunks) == 1 or threads <= 1:
        return [one(part) for part in chunks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, chunks))


def _part(problem: Problem, part: slice) -> Problem:
    """The problem of some homes."""
    arrays: dict[str, Any] = {n: v[part] for n, v in vars(problem).items() if isinstance(v, np.ndarray)}
    return replace(problem, **arrays)


def _solve_chunk(batch: Batch, rules: Rules, effort: Effort) -> tuple[Array, Array]:
    homes, steps, actions = batch.energy.shape
    memory = (
        grid_for(steps, actions),
        work_for(steps, rules.min_on + rules.min_off, actions),
        tank_for(steps),
        best_for(steps),
        plane_for(steps, rules.min_on + rules.min_off, actions, effort.layers),
        touch_for(steps, actions),
    )
    out = np.zeros((homes, steps), np.int8), np.zeros((homes, SCORES))
    plan_homes(batch, rules, effort, memory, out)
    return out


def _joined(parts: list[tuple[Array, Array]]) -> Solution:
    action = np.concatenate([p[0] for p in parts]) if parts else np.zeros((0, 0), np.int8)
    scores = np.concatenate([p[1] for p in parts])
    return Solution(action, scores[:, COST], scores[:, PENALTY], scores[:, OBJECTIVE])
