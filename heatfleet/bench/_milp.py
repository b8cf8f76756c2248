"""What HiGHS proves of one home with whole actions and minimum on and off times, in a limited time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.bench._judge import Columns, Rows, constraints, costs, limits, packed, quiet_solver
from heatfleet.planning.problem import Problem
from heatfleet.thermal.arrays import Array


@dataclass(frozen=True)
class Proof:
    """Objectives [currency]: the best plan HiGHS knows, and below what no plan can be."""

    incumbent: float
    bound: float


def proof(problem: Problem, i: int, action: Array, limit_s: float) -> Proof:
    """What HiGHS finds in ``limit_s`` seconds on one core, begun from the plan ``action`` (step,)."""
    solver = quiet_solver(time_limit=float(limit_s))
    solver.passModel(_model(problem, i))
    t, k, at = problem.steps, problem.space_actions + 1, Columns(problem)
    chosen = np.zeros((t, k))
    chosen[np.arange(t), action] = 1.0
    known = np.concatenate([np.arange(t * k), at.count + np.arange(t)]).astype(np.int32)
    solver.setSolution(len(known), known, np.concatenate([chosen.ravel(), (action > 0).astype(float)]))
    solver.run()
    info = solver.getInfo()
    return Proof(float(info.objective_function_value), float(info.mip_dual_bound))


def _model(problem: Problem, i: int):  # type: ignore[no-untyped-def]
    """The linear model with whole actions, and three more variables a step: on, starts, stops."""
    import highspy

    at, t = Columns(problem), problem.steps
    (cost, constant), (low, high) = costs(problem, i, at), limits(problem, i, at)
    more = np.zeros(3 * t)
    rows = constraints(problem, i)
    _dwell(problem, at.count, rows)
    bounds = np.concatenate([low, more]), np.concatenate([high, more + 1.0])
    model = packed(rows, (np.concatenate([cost, more]), constant), bounds)
    whole, real = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
    model.integrality_ = [whole] * at.x + [real] * (at.count - at.x) + [whole] * t + [real] * (2 * t)
    return model


def _dwell(problem: Problem, on: int, rows: Rows) -> None:
    """What starts stays on, what stops stays off, long enough; before step 0 the pump was off for long."""
    t, k = problem.steps, problem.space_actions + 1
    starts, stops, step, one, none = on + t, on + 2 * t, np.arange(t), np.ones(t), np.zeros(t)
    rows.add([(on + step, one), (step * k, one)], one, one)
    change = [(starts + step, -one), (stops + step, one), (on + step[:-1], -one[1:])]
    rows.add([(on + step, one), *change], none, none)
    for first, least, sign in ((starts, problem.min_on_steps, -1.0), (stops, problem.min_off_steps, 1.0)):
        for u in range(t):
            recent = first + np.arange(max(0, u - least + 1), u + 1)[None, :]
            terms = [(recent, np.ones(recent.shape)), (np.array([on + u]), np.array([sign]))]
            rows.add(terms, np.array([-np.inf]), np.array([0.0 if sign < 0 else 1.0]))
