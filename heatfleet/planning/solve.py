"""Answers a planning problem: a plan for every home, near the optimum, never infeasible.

What is hard, in this order: minimum on and off times counted from the actual past, then the allowed actions, then the
daily starts and the disinfection dose; comfort is soft. Where the past and the mask exclude each other (a pause
begins while the compressor must still run), the past wins for as long as it must.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from heatfleet.domain.errors import Invalid
from heatfleet.planning.arrays import Batch, Rules, batch_of
from heatfleet.planning.evaluate import BROKEN, COST, DWELL, OBJECTIVE, PENALTY, SCORES, best_for
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


class Harder(NamedTuple):
    """A second try at homes that are coarse to plan for: most that is left to win is theirs."""

    effort: Effort
    coarse_k: float  # see ``_coarse``: lower, and it is more homes


HARDER = {
    "fast": Harder(EFFORTS["fast"]._replace(layers=12, sweeps=3), coarse_k=2.5),
    "best": Harder(EFFORTS["best"]._replace(layers=24), coarse_k=2.0),
}
Efforts = tuple[Effort, Harder | None]


def solve(problem: Problem, quality: str = "fast", threads: int = 2) -> Solution:
    """The best plan found for every home.

    Parameters
    ----------
    quality : ``fast`` (two passes, polished where the air warms far ahead of the mass, one sweep of exchanges) or
        ``best`` (a finer polish for nearly all two-mass buildings, exchanges farther apart until little is won).
        Homes that are coarse to plan for get more of it.
    threads : how many chunks of homes are planned at once (the kernels release the interpreter lock).
    """
    if quality not in EFFORTS:
        raise Invalid.field("quality", f"must be one of {', '.join(EFFORTS)}", where="plan")
    return solved_with(problem, EFFORTS[quality], threads, HARDER[quality])


def solved_with(problem: Problem, effort: Effort, threads: int = 2, harder: Harder | None = None) -> Solution:
    """The best plan found with a given effort, and again those that are worth a ``harder`` try.

    Homes that cool are planned in the mirror.
    """
    problem = as_it_is(problem, takes_heat_out(problem))
    size = max(1, min(CHUNK_HOMES, -(-problem.homes // max(threads, 1))))
    chunks = [slice(i, i + size) for i in range(0, problem.homes, size)]
    return _joined(_solved(problem, chunks, (effort, harder), threads))


def _solved(problem: Problem, chunks: list[slice], efforts: Efforts, threads: int) -> list[tuple[Array, Array]]:
    def one(part: slice) -> tuple[Array, Array]:
        return _solve_chunk(*batch_of(_part(problem, part)), efforts)

    if len(chunks) == 1 or threads <= 1:
        return [one(part) for part in chunks]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(one, chunks))


def _part(problem: Problem, part: slice) -> Problem:
    """The problem of some homes."""
    arrays: dict[str, Any] = {n: v[part] for n, v in vars(problem).items() if isinstance(v, np.ndarray)}
    return replace(problem, **arrays)


def _solve_chunk(batch: Batch, rules: Rules, efforts: Efforts) -> tuple[Array, Array]:
    (effort, harder), again = efforts, np.zeros(0, np.int64)
    action, scores = _planned(batch, rules, effort)
    if harder is not None:
        again = np.flatnonzero(_coarse(batch, action, scores, harder.coarse_k))
    if harder is not None and again.size:
        other, found = _planned(Batch(*(each[again] for each in batch)), rules, harder.effort)
        better = _rank(found) < _rank(scores[again])
        action[again[better]], scores[again[better]] = other[better], found[better]
    return action, scores


def _coarse(batch: Batch, action: Array, scores: Array, coarse_k: float) -> Array:
    """Homes (home,) that a step at the lowest level warms much although they need little: each run weighs a lot there.

    Much is ``coarse_k`` for every dearest step that an average step of the plan is worth.
    """
    charge, steps = batch.energy.shape[2] - 1, batch.energy.shape[1]
    if charge < 2:
        return np.zeros(len(scores), bool)
    dearest = np.abs(batch.price[:, :, None] * batch.energy).max(axis=(1, 2))
    warms_k = batch.b[:, 0] * batch.heat[:, :, 1].mean(axis=1)
    heats = ((action > 0) & (action < charge)).any(axis=1)
    coarse: Array = heats & (warms_k * dearest * steps > coarse_k * scores[:, OBJECTIVE])
    return coarse


def _rank(scores: Array) -> Array:
    """As ``evaluate.ranking``, of many homes (home,)."""
    rank: Array = scores[:, OBJECTIVE] + BROKEN * scores[:, DWELL:].sum(axis=1)
    return rank


def _planned(batch: Batch, rules: Rules, effort: Effort) -> tuple[Array, Array]:
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
