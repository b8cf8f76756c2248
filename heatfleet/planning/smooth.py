"""Calms a plan: runs of a steering state that gain less than it costs to move a lever go on as their neighbour.

The dynamic programme knows no cost of changing a state, and near-ties make it flutter from one quarter-hour to the
next; on a real pump that wears flash memory, uses up write budgets and disturbs its controller. A local search over
whole runs, each trial judged by exact simulation, costs less than another dimension in the programme.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numba import njit

from heatfleet.planning.arrays import Batch, Rules, batch_of
from heatfleet.planning.evaluate import COST, OBJECTIVE, PENALTY, SCORES, ranking, score
from heatfleet.planning.problem import Problem, Solution
from heatfleet.thermal.arrays import Array

CHANGE_KWH = 0.02  # a changed state must save this many mean kWh
ROUNDS = 3


def smooth(problem: Problem, solution: Solution, state0: Array, change_kwh: float = CHANGE_KWH) -> Solution:
    """The solution with fewer changes of state; ``state0`` (home,) is the state in force before step 0."""
    batch, rules = batch_of(problem)
    action = np.ascontiguousarray(solution.action, dtype=np.int8).copy()
    scores = np.zeros((problem.homes, SCORES))
    cost = change_kwh * np.maximum(np.abs(problem.price).mean(axis=1), 1e-3)
    _smooth_all(batch, rules, action, np.asarray(state0, np.int64), cost, scores)
    return replace(
        solution, action=action, cost=scores[:, COST], penalty=scores[:, PENALTY], objective=scores[:, OBJECTIVE]
    )


@njit(cache=True, nogil=True)
def _smooth_all(batch: Batch, rules: Rules, action: Array, state0: Array, change: Array, scores: Array) -> None:
    steps = action.shape[1]
    trial, indoor, tank, out = np.empty(steps, np.int8), np.empty(steps), np.empty(steps), np.empty(SCORES)
    for i in range(action.shape[0]):
        score(batch, rules, i, action[i], scores[i], indoor, tank)
        for _ in range(ROUNDS):
            if not _round(batch, rules, i, action[i], state0[i], change[i], scores[i], trial, indoor, tank, out):
                break


@njit(cache=True, nogil=True)
def _round(
    batch: Batch, rules: Rules, i: int, plan: Array, state0: int, change: float, best: Array, trial: Array,
    indoor: Array, tank: Array, out: Array,
) -> bool:  # fmt: skip
    """One pass over the runs of ``plan``; whether anything was merged. Hot water belongs to the run around it."""
    water, steps, merged = batch.energy.shape[2] - 1, plan.shape[0], False
    begin, before = 0, state0
    while begin < steps:
        state, end, after = _run(plan, begin, water)
        for neighbour in (before, after):
            if neighbour < 0 or neighbour == state or state < 0:
                continue
            trial[:] = plan
            for t in range(begin, end):
                if trial[t] != water:
                    trial[t] = neighbour
            saved = change * (1.0 + (1.0 if before == after else 0.0))
            score(batch, rules, i, trial, out, indoor, tank)
            if ranking(out, 1.0) <= ranking(best, 1.0) + saved:
                plan[:], best[:], merged, state = trial, out, True, neighbour
                break
        before = state if state >= 0 else before
        begin = end
    return merged


@njit(cache=True, nogil=True)
def _run(plan: Array, begin: int, water: int) -> tuple[int, int, int]:
    """State of the run that begins at ``begin`` (-1: only hot water follows), its end, and the state after it or -1."""
    state, t = -1, begin
    while t < plan.shape[0]:
        if plan[t] != water:
            if state < 0:
                state = plan[t]
            elif plan[t] != state:
                return state, t, plan[t]
        t += 1
    return state, t, -1
