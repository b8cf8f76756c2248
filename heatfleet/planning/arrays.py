"""What the compiled planner sees: the whole batch, and one home of it in modal coordinates, scaled to its own costs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from heatfleet.planning.compiled import allocating
from heatfleet.planning.problem import Problem
from heatfleet.thermal.arrays import Array

LONG_AGO = 1_000_000


class Batch(NamedTuple):
    """All homes; the hot-water action is the last column of ``energy`` and ``heat`` (no heat to the house)."""

    price: Array  # (home, step)
    energy: Array  # (home, step, A+1) [kWh]
    heat: Array  # (home, step, A+1) [kW] to the house
    dhw_heat: Array  # (home, step) [kW] to the tank
    a: Array
    b: Array
    w: Array
    x0: Array
    weight: Array  # (home, n) value_x · state_weight [currency/K]
    low: Array
    high: Array
    tank: Array  # (home, 4): a, b, T0, value [currency/K]
    tank_w: Array
    tank_low: Array  # (home, step)
    tank_high: Array
    allowed: Array  # (home, step, A+1) bool
    run: Array  # (home, 2) int64: whether it ran before step 0, and for how many steps
    dose: Array  # (home, 3): deadline step, temperature, steps; deadline 0 = none
    start: Array  # (home, 2): cost of a start, most starts in 24 h


class Rules(NamedTuple):
    """What holds for every home."""

    step_h: float
    comfort_penalty: float
    dhw_penalty: float
    min_on: int
    min_off: int
    steps_day: int


class Home(NamedTuple):
    """One home with indoor = slow + fast mode, costs divided by ``scale`` [currency]."""

    cost: Array  # (step, A+1), forbidden actions carry BIG
    heat: Array  # (step, A+1) [kW]
    low: Array  # (step,) [°C]
    high: Array
    penalty: float  # of one kelvin outside the band for one step
    slow: Array  # a, b, start, terminal value per K
    fast: Array
    rows: Array  # (2, n) what of the true state is slow, and what is fast
    a: Array  # the true building
    b: Array
    w: Array
    x0: Array
    slow_w: Array  # (step,) [K]
    fast_w: Array
    allowed: Array  # (step, A+1)
    scale: float


BIG = 2.0e4


def batch_of(problem: Problem) -> tuple[Batch, Rules]:
    """The arrays of a problem, optional ones filled in."""
    h, t = problem.homes, problem.steps
    ran, lasted = _run_before(problem)
    none = np.zeros(h)
    batch = Batch(
        price=problem.price,
        energy=np.concatenate([problem.space_energy, problem.dhw_energy[:, :, None]], axis=2),
        heat=np.concatenate([problem.space_heat, np.zeros((h, t, 1))], axis=2),
        dhw_heat=problem.dhw_heat,
        a=problem.a,
        b=problem.b,
        w=problem.w,
        x0=problem.x0,
        weight=problem.value_x[:, None] * problem.state_weight,
        low=problem.indoor_min,
        high=problem.indoor_max,
        tank=_columns(problem.tank_a, problem.tank_b, problem.tank0, problem.value_tank),
        tank_w=problem.tank_w,
        tank_low=_per_step(problem.tank_min, t),
        tank_high=_per_step(problem.tank_max, t),
        allowed=np.ones((h, t, problem.space_actions + 1), bool) if problem.allowed is None else problem.allowed,
        run=np.ascontiguousarray(np.stack([ran, lasted], 1).astype(np.int64)),
        dose=_columns(*_dose(problem)),
        start=_columns(
            none if problem.start_cost is None else problem.start_cost,
            none + LONG_AGO if problem.max_starts_day is None else problem.max_starts_day,
        ),
    )
    return batch, Rules(
        float(problem.step_h),
        float(problem.comfort_penalty),
        float(problem.dhw_penalty),
        max(int(problem.min_on_steps), 1),
        max(int(problem.min_off_steps), 1),
        max(round(24.0 / problem.step_h), 1),
    )


def _columns(*values: Array) -> Array:
    """Values (home,) side by side."""
    return np.ascontiguousarray(np.stack(values, axis=1), dtype=float)


def _per_step(value: Array, steps: int) -> Array:
    """A value (home,) or (home, step) as (home, step)."""
    wide = value if value.ndim == 2 else value[:, None]
    return np.ascontiguousarray(np.broadcast_to(wide, (len(value), steps)))


def _run_before(problem: Problem) -> tuple[Array, Array]:
    """Whether the pump ran before step 0 and for how long; a run of 0 steps counts as unknown, so as long ago."""
    ran = np.zeros(problem.homes) if problem.run_action0 is None else problem.run_action0 > 0
    lasted = np.zeros(problem.homes) if problem.run_steps0 is None else problem.run_steps0
    return ran, np.where(lasted <= 0, LONG_AGO, lasted)


def _dose(problem: Problem) -> tuple[Array, Array, Array]:
    if problem.dose_deadline_step is None or problem.dose_temp is None or problem.dose_steps is None:
        zero = np.zeros(problem.homes)
        return zero, zero, zero
    return np.clip(problem.dose_deadline_step, 0, problem.steps), problem.dose_temp, problem.dose_steps


@allocating
def _modes(a: Array, b: Array, x0: Array, weight: Array) -> tuple[Array, Array, Array]:
    """Slow and fast mode (a, b, start, value) and the rows that turn w into them, (2, n).

    The spectral projectors ``E1 = (A - l2)/(l1 - l2)``, ``E2 = 1 - E1`` split the indoor temperature into two
    scalars; no eigenvectors are needed, so decoupled states are no special case. Where the eigenvalues are complex or
    close together, they are taken as apart by the coupling: the walk keeps the true state, only the value function is
    then an approximation.
    """
    n = b.shape[0]
    slow, fast, rows = np.zeros(4), np.zeros(4), np.zeros((2, n))
    if n == 1:
        slow[0], slow[1], slow[2], slow[3] = a[0, 0], b[0], x0[0], weight[0]
        rows[0, 0] = 1.0
        return slow, fast, rows
    mean, root = 0.5 * (a[0, 0] + a[1, 1]), 0.25 * (a[0, 0] - a[1, 1]) ** 2 + a[0, 1] * a[1, 0]
    root = max(np.sqrt(max(root, 0.0)), 0.5 * abs(a[0, 1]), 1e-4)
    slow[0], fast[0] = min(mean + root, 1.0), max(mean - root, 0.0)
    for j in range(2):
        rows[0, j] = (a[0, j] - (fast[0] if j == 0 else 0.0)) / (2.0 * root)
        rows[1, j] = (1.0 if j == 0 else 0.0) - rows[0, j]
    for mode, row in ((slow, rows[0]), (fast, rows[1])):
        mode[1] = row[0] * b[0] + row[1] * b[1]
        mode[2] = row[0] * x0[0] + row[1] * x0[1]
        mode[3] = weight[0]
    _second_state_value(a, rows, weight, slow, fast, root)
    return slow, fast, rows


@allocating
def _second_state_value(a: Array, rows: Array, weight: Array, slow: Array, fast: Array, root: float) -> None:
    """Add to the modes' value what the second state is worth: its share is ``E[1, j] / E[0, j]``."""
    j = 0 if abs(rows[0, 0]) > abs(rows[0, 1]) else 1
    lower = (a[1, j] - (fast[0] if j == 1 else 0.0)) / (2.0 * root)
    if abs(rows[0, j]) > 1e-9:
        slow[3] += weight[1] * lower / rows[0, j]
    j = 0 if abs(rows[1, 0]) > abs(rows[1, 1]) else 1
    lower = (1.0 if j == 1 else 0.0) - (a[1, j] - (fast[0] if j == 1 else 0.0)) / (2.0 * root)
    if abs(rows[1, j]) > 1e-9:
        fast[3] += weight[1] * lower / rows[1, j]


@allocating
def home_of(batch: Batch, rules: Rules, i: int) -> Home:
    """Home ``i`` in modal coordinates and in units of its own dearest step."""
    steps, actions = batch.energy.shape[1], batch.energy.shape[2]
    slow, fast, rows = _modes(batch.a[i], batch.b[i], batch.x0[i], batch.weight[i])
    cost, scale = np.empty((steps, actions)), 1e-6
    for t in range(steps):
        for k in range(actions):
            cost[t, k] = batch.price[i, t] * batch.energy[i, t, k]
            scale = max(scale, abs(cost[t, k]))
    slow_w, fast_w = np.zeros(steps), np.zeros(steps)
    for t in range(steps):
        for k in range(actions):
            cost[t, k] = cost[t, k] / scale + (0.0 if batch.allowed[i, t, k] else BIG)
        for j in range(rows.shape[1]):
            slow_w[t] += rows[0, j] * batch.w[i, t, j]
            fast_w[t] += rows[1, j] * batch.w[i, t, j]
    slow[3] /= scale
    fast[3] /= scale
    penalty = rules.step_h * rules.comfort_penalty / scale
    return Home(
        cost, batch.heat[i], batch.low[i], batch.high[i], penalty, slow, fast, rows, batch.a[i], batch.b[i], batch.w[i],
        batch.x0[i], slow_w, fast_w, batch.allowed[i], scale,
    )  # fmt: skip
