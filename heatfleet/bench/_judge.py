"""A proven lower bound of a plan's objective: the linear relaxation of one home, solved by HiGHS.

Fractions of actions instead of one action a step; minimum on and off times are left out, so the bound is loose.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from typing import Any

import numpy as np

from heatfleet.planning.problem import Problem
from heatfleet.thermal.arrays import Array


def lp_bounds(problem: Problem) -> Array:
    """Lower bounds of the objective (home,), each a cold build and solve."""
    return np.array([lp_bound(problem, i) for i in range(problem.homes)])


def lp_bound(problem: Problem, i: int) -> float:
    """The optimum of the relaxed problem of home ``i`` [currency]."""
    import highspy

    model, solver = _model(problem, i), quiet_solver()
    solver.passModel(model)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, solver.getModelStatus()
    return float(solver.getInfo().objective_function_value)


def quiet_solver(**options: Any) -> Any:
    """HiGHS on one core, silent."""
    import highspy

    _greeted()
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in {"output_flag": False, "threads": 1, **options}.items():
        solver.setOptionValue(option, value)
    return solver


@cache
def _greeted() -> None:
    """Let HiGHS greet on stderr: it does so once in a process, whatever it is told, and stdout is for the figures."""
    import highspy

    sys.stdout.flush()
    stdout, libc = os.dup(1), ctypes.CDLL(None)
    os.dup2(2, 1)
    try:
        highspy.Highs()  # type: ignore[no-untyped-call]
        libc.fflush(None)
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


class Columns:
    """Where the variables of each kind begin: fractions, building states, tank, distances to the bands."""

    def __init__(self, problem: Problem) -> None:
        t, n, k = problem.steps, problem.b.shape[1], problem.space_actions + 1
        self.x = t * k
        self.tank = self.x + t * n
        self.cold, self.hot, self.tank_cold, self.tank_hot = (self.tank + t * j for j in (1, 2, 3, 4))
        self.count = self.tank + 5 * t


class Rows:
    """Constraints collected as triplets."""

    def __init__(self) -> None:
        self.row: list[Array] = []
        self.col: list[Array] = []
        self.value: list[Array] = []
        self.low: list[Array] = []
        self.high: list[Array] = []
        self.count = 0

    def add(self, terms: list[tuple[Array, Array]], low: Array, high: Array) -> None:
        """One row per element of ``low``; each term is (columns, values) of the same length or 2-D."""
        rows = np.arange(self.count, self.count + len(low))
        for col, value in terms:
            wide = col.shape[1] if col.ndim == 2 else 1
            self.row.append(np.repeat(rows[-len(col) :], wide))
            self.col.append(col.ravel())
            self.value.append(np.broadcast_to(value, col.shape).ravel())
        self.low.append(low)
        self.high.append(high)
        self.count += len(low)


def _model(problem: Problem, i: int):  # type: ignore[no-untyped-def]
    at = Columns(problem)
    return packed(constraints(problem, i), costs(problem, i, at), limits(problem, i, at))


def packed(rows: Rows, cost: tuple[Array, float], bounds: tuple[Array, Array]):  # type: ignore[no-untyped-def]
    """HiGHS' model of constraints, costs with their constant, and limits of the variables."""
    import highspy
    from scipy.sparse import csc_matrix

    matrix = csc_matrix(
        (np.concatenate(rows.value), (np.concatenate(rows.row), np.concatenate(rows.col))),
        shape=(rows.count, len(cost[0])),
    )
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(cost[0]), rows.count
    lp.col_cost_, lp.offset_ = cost
    lp.col_lower_, lp.col_upper_ = bounds
    lp.row_lower_, lp.row_upper_ = np.concatenate(rows.low), np.concatenate(rows.high)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
    return lp


def costs(problem: Problem, i: int, at: Columns) -> tuple[Array, float]:
    """Cost of every variable, and the constant."""
    cost, t, n = np.zeros(at.count), problem.steps, problem.b.shape[1]
    energy = np.concatenate([problem.space_energy[i], problem.dhw_energy[i][:, None]], axis=1)
    cost[: at.x] = (problem.price[i][:, None] * energy).ravel()
    cost[at.cold : at.tank_cold] = problem.step_h * problem.comfort_penalty
    cost[at.tank_cold :] = problem.step_h * problem.dhw_penalty
    weight = problem.value_x[i] * problem.state_weight[i]
    cost[at.tank - n : at.tank] -= weight
    cost[at.tank + t - 1] -= problem.value_tank[i]
    return cost, float(weight @ problem.x0[i] + problem.value_tank[i] * problem.tank0[i])


def limits(problem: Problem, i: int, at: Columns) -> tuple[Array, Array]:
    """Lower and upper limits of the variables."""
    low, high = np.full(at.count, -np.inf), np.full(at.count, np.inf)
    low[: at.x], high[: at.x] = 0.0, 1.0
    if problem.allowed is not None:
        high[: at.x] = problem.allowed[i].ravel()
    low[at.cold :] = 0.0
    return low, high


def constraints(problem: Problem, i: int) -> Rows:
    """One action a step, the building, the tank, and the distances to the bands."""
    at, rows, t, k = Columns(problem), Rows(), problem.steps, problem.space_actions + 1
    fractions = np.arange(t * k).reshape(t, k)
    one = np.ones(t)
    rows.add([(fractions, one[:, None])], one, one)
    _building_rows(problem, i, at, rows, fractions)
    tank, step = at.tank + np.arange(t), np.arange(t)
    right = problem.tank_w[i].copy()
    right[0] += problem.tank_a[i] * problem.tank0[i]
    charge = -problem.tank_b[i] * problem.dhw_heat[i]
    rows.add([(tank, one), (fractions[:, -1], charge), (tank[:-1], -problem.tank_a[i] * one[1:])], right, right)
    indoor, inf = at.x + step * problem.b.shape[1], np.full(t, np.inf)
    low, high = (np.broadcast_to(v[i], t) for v in (problem.tank_min, problem.tank_max))
    rows.add([(indoor, one), (at.cold + step, one)], problem.indoor_min[i], inf)
    rows.add([(indoor, -one), (at.hot + step, one)], -problem.indoor_max[i], inf)
    rows.add([(tank, one), (at.tank_cold + step, one)], low, inf)
    rows.add([(tank, -one), (at.tank_hot + step, one)], -high, inf)
    return rows


def _building_rows(problem: Problem, i: int, at: Columns, rows: Rows, fractions: Array) -> None:
    t, n = problem.steps, problem.b.shape[1]
    for j in range(n):
        states = at.x + np.arange(t) * n
        right = problem.w[i, :, j].copy()
        right[0] += problem.a[i, j] @ problem.x0[i]
        terms = [(states + j, np.ones(t)), (fractions[:, :-1], -problem.b[i, j] * problem.space_heat[i])]
        terms += [(states[:-1] + m, np.full(t - 1, -problem.a[i, j, m])) for m in range(n)]
        rows.add(terms, right, right)
