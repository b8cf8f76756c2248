"""The judge of every plan: exact re-simulation of an action matrix on its problem."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from heatfleet.planning.arrays import Batch, Rules, batch_of
from heatfleet.planning.compiled import compiled
from heatfleet.planning.problem import Problem
from heatfleet.thermal.arrays import Array

COST, PENALTY, OBJECTIVE, STARTS, DWELL, FORBIDDEN, DOSE, STARTS_OVER = range(8)
SCORES = 8
BROKEN = 1.0e6


@dataclass(frozen=True)
class Evaluation:
    """What a plan costs and what it breaks; every field (home,), trajectories (home, step) after each step."""

    cost: Array  # electricity [currency]
    penalty: Array  # discomfort [currency]
    objective: Array  # cost + penalty + starts · start_cost − terminal value [currency]
    starts: Array  # compressor starts
    dwell_violations: Array  # runs ended too early
    forbidden_steps: Array  # steps with an action that was not allowed
    dose_missed: Array  # 1 where a disinfection dose was asked for and is not in the plan
    starts_over: Array  # starts beyond the daily budget
    indoor: Array  # (home, step) [°C]
    tank: Array  # (home, step) [°C]


def evaluate(problem: Problem, action: Array) -> Evaluation:
    """Cost, penalty, objective and broken rules of ``action`` (home, step), by exact simulation."""
    batch, rules = batch_of(problem)
    actions = np.ascontiguousarray(action, dtype=np.int8)
    scores = np.zeros((problem.homes, SCORES))
    indoor, tank = np.empty(actions.shape), np.empty(actions.shape)
    _score_all(batch, rules, actions, scores, indoor, tank)
    names = [f.name for f in fields(Evaluation)]
    return Evaluation(**{names[j]: scores[:, j] for j in range(SCORES)}, indoor=indoor, tank=tank)


@compiled
def _score_all(batch: Batch, rules: Rules, action: Array, scores: Array, indoor: Array, tank: Array) -> None:
    for i in range(action.shape[0]):
        score(batch, rules, i, action[i], scores[i], indoor[i], tank[i])


@compiled
def score(batch: Batch, rules: Rules, i: int, action: Array, out: Array, indoor: Array, tank: Array) -> None:
    """Fill ``out`` (SCORES,), ``indoor`` (step,) and ``tank`` (step,) of home ``i``."""
    out[:] = 0.0
    value = _simulate(batch, rules, i, action, out, indoor, tank)
    _count_runs(batch, rules, i, action, out)
    _check_dose(batch, i, tank, out)
    out[OBJECTIVE] = out[COST] + out[PENALTY] + out[STARTS] * batch.start[i, 0] - value


@compiled
def ranking(out: Array, scale: float) -> float:
    """One number to compare plans by: the objective, with every broken rule dearer than any comfort."""
    broken = out[DWELL] * 1000.0 + out[FORBIDDEN] + out[DOSE] + out[STARTS_OVER]
    return out[OBJECTIVE] + BROKEN * scale * broken


@compiled
def _outside(value: float, low: float, high: float) -> float:
    return max(low - value, 0.0) + max(value - high, 0.0)


@compiled
def _simulate(batch: Batch, rules: Rules, i: int, action: Array, out: Array, indoor: Array, tank: Array) -> float:
    """Cost and penalty into ``out``; the terminal value of the stored heat."""
    a, b, w = batch.a[i], batch.b[i], batch.w[i]
    n, last = b.shape[0], batch.energy.shape[2] - 1
    x0, x1 = batch.x0[i, 0], batch.x0[i, n - 1]
    temp = batch.tank[i, 2]
    for t in range(action.shape[0]):
        k = action[t]
        out[COST] += batch.price[i, t] * batch.energy[i, t, k]
        out[FORBIDDEN] += 0.0 if batch.allowed[i, t, k] else 1.0
        q = batch.heat[i, t, k]
        if n == 1:
            x0 = a[0, 0] * x0 + b[0] * q + w[t, 0]
            x1 = x0
        else:
            old = x0
            x0 = a[0, 0] * old + a[0, 1] * x1 + b[0] * q + w[t, 0]
            x1 = a[1, 0] * old + a[1, 1] * x1 + b[1] * q + w[t, 1]
        charge = batch.dhw_heat[i, t] if k == last else 0.0
        temp = batch.tank[i, 0] * temp + batch.tank[i, 1] * charge + batch.tank_w[i, t]
        cold = rules.comfort_penalty * _outside(x0, batch.low[i, t], batch.high[i, t])
        out[PENALTY] += rules.step_h * (
            cold + rules.dhw_penalty * _outside(temp, batch.tank_low[i, t], batch.tank_high[i, t])
        )
        indoor[t], tank[t] = x0, temp
    value = batch.weight[i, 0] * (x0 - batch.x0[i, 0]) + batch.tank[i, 3] * (temp - batch.tank[i, 2])
    return value + (batch.weight[i, 1] * (x1 - batch.x0[i, 1]) if n == 2 else 0.0)


@compiled
def _count_runs(batch: Batch, rules: Rules, i: int, action: Array, out: Array) -> None:
    """Starts, runs ended before their minimum length, and starts beyond the daily budget."""
    on, lasted, today = batch.run[i, 0] > 0, batch.run[i, 1], 0
    for t in range(action.shape[0]):
        if t % rules.steps_day == 0:
            today = 0
        now = action[t] > 0
        if now == on:
            lasted += 1
            continue
        if lasted < (rules.min_on if on else rules.min_off):
            out[DWELL] += 1.0
        if now:
            out[STARTS] += 1.0
            today += 1
            out[STARTS_OVER] += 1.0 if today > batch.start[i, 1] else 0.0
        on, lasted = now, 1


@compiled
def _check_dose(batch: Batch, i: int, tank: Array, out: Array) -> None:
    """1 into ``out[DOSE]`` when a dose was asked for and the tank is never hot for long enough before the deadline."""
    deadline, steps = int(batch.dose[i, 0]), int(batch.dose[i, 2])
    if deadline <= 0 or steps <= 0:
        return
    in_a_row, longest = 0, 0
    for t in range(min(deadline, tank.shape[0])):
        in_a_row = in_a_row + 1 if tank[t] >= batch.dose[i, 1] - 1e-6 else 0
        longest = max(longest, in_a_row)
    out[DOSE] = 0.0 if longest >= steps else 1.0


class Best(NamedTuple):
    """The best plan of one home so far, and room to score another."""

    action: Array  # (step,) int8
    score: Array  # (SCORES,)
    rank: Array  # (1,)
    trial: Array  # (SCORES,)
    indoor: Array  # (step,)
    tank: Array  # (step,)


def best_for(steps: int) -> Best:
    """Nothing found yet."""
    return Best(
        np.zeros(steps, np.int8), np.zeros(SCORES), np.zeros(1), np.zeros(SCORES), np.zeros(steps), np.zeros(steps)
    )


@compiled
def consider(batch: Batch, rules: Rules, i: int, scale: float, action: Array, best: Best) -> bool:
    """Keep ``action`` when it scores better than the best so far; whether it did."""
    score(batch, rules, i, action, best.trial, best.indoor, best.tank)
    rank = ranking(best.trial, scale)
    if rank >= best.rank[0]:
        return False
    best.rank[0] = rank
    for t in range(action.shape[0]):
        best.action[t] = action[t]
    for j in range(SCORES):
        best.score[j] = best.trial[j]
    return True
