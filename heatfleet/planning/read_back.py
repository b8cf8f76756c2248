"""Reads a solved problem back as plans: per quarter-hour the state, what to expect, and one reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from heatfleet.domain.levers import STATES
from heatfleet.domain.plans import PlanStep, Reason
from heatfleet.domain.time_grid import MTU
from heatfleet.planning.evaluate import Evaluation, evaluate
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.state import MID
from heatfleet.thermal.arrays import Array

NEAR_LIMIT_K = 0.2
LOOK_AROUND_STEPS = 24
CODES = tuple(Reason)
CHEAP, DEAR, LIMIT, WATER, DOSE, PAUSE, AWAY, LEARN, STEADY = (
    CODES.index(r)
    for r in (
        Reason.CHEAP_NOW, Reason.DEAR_NOW, Reason.COMFORT_LIMIT, Reason.HOT_WATER, Reason.DISINFECTION, Reason.PAUSE,
        Reason.AWAY, Reason.LEARNING, Reason.STEADY,
    )
)  # fmt: skip


@dataclass(frozen=True)
class Marks:
    """Steps (home, step) with a cause of their own; None = none."""

    paused: Array | None = None
    away: Array | None = None
    learning: Array | None = None


def read_back(
    problem: Problem, solution: Solution, start_at: datetime, marks: Marks = Marks()
) -> list[tuple[PlanStep, ...]]:
    """The plan of each home, its steps beginning at ``start_at`` (aware UTC, on a quarter-hour)."""
    found = evaluate(problem, solution.action)
    states = steering_states(problem, solution.action)
    codes = reason_codes(problem, solution.action, found, marks)
    power = _energy(problem, solution.action) / problem.step_h
    water = solution.action == problem.hot_water_action
    starts = [start_at + t * MTU for t in range(problem.steps)]
    columns = (states, water, power, found.indoor, found.tank, problem.price, codes)
    return [
        tuple(_step(at, *values) for at, *values in zip(starts, *(c[i].tolist() for c in columns), strict=True))
        for i in range(problem.homes)
    ]


def _step(
    at: datetime, state: int, water: bool, power: float, indoor: float, tank: float, price: float, code: int
) -> PlanStep:
    return PlanStep(at, STATES[state], water, power, indoor, tank, price, CODES[code])


def _energy(problem: Problem, action: Array) -> Array:
    """Electricity [kWh] of each step, (home, step)."""
    energy = np.concatenate([problem.space_energy, problem.dhw_energy[:, :, None]], axis=2)
    return np.take_along_axis(energy, action[:, :, None].astype(np.int64), axis=2)[:, :, 0]


def steering_states(problem: Problem, action: Array) -> Array:
    """Index of the steering state to ask for in each step (home, step).

    While the tank is charged the state of the neighbouring step stays, so that no lever moves for nothing; never MIN,
    which some pumps take as a block of the compressor.
    """
    water = problem.hot_water_action
    states = action.astype(np.int64)
    for t in range(states.shape[1]):
        before = states[:, t - 1] if t else np.full(len(states), MID)
        states[:, t] = np.where(states[:, t] == water, np.clip(before, 1, MID), states[:, t])
    assert states.max(initial=0) < len(STATES), f"a plan with {problem.space_actions} actions is not one of our states"
    return states


def reason_codes(problem: Problem, action: Array, found: Evaluation, marks: Marks = Marks()) -> Array:
    """Index into :data:`CODES` of the reason of each step, (home, step)."""
    cheap, dear = _price_sides(problem.price)
    before = np.concatenate([problem.x0[:, :1], found.indoor[:, :-1]], axis=1)
    cold = np.minimum(before, found.indoor) < problem.indoor_min + NEAR_LIMIT_K
    warm = np.maximum(before, found.indoor) > problem.indoor_max - NEAR_LIMIT_K
    water = action == problem.hot_water_action
    more, less = (action > MID) & ~water, action < MID
    codes = np.full(action.shape, STEADY)
    codes = np.where(more & cheap, CHEAP, np.where(more & cold, LIMIT, codes))
    codes = np.where(less & dear, DEAR, np.where(less & warm, LIMIT, codes))
    codes = np.where((action == MID) & cold & dear, LIMIT, codes)
    codes = np.where(water, WATER, codes)
    codes = np.where(water & _in_dose(problem, found), DOSE, codes)
    for steps, code in ((marks.away, AWAY), (marks.learning, LEARN), (marks.paused, PAUSE)):
        if steps is not None:
            codes = np.where(steps & ~water, code, codes)
    return codes


def _price_sides(price: Array) -> tuple[Array, Array]:
    """Whether each step is cheaper, or dearer, than the mean of the six hours around it, each (home, step)."""
    steps = price.shape[1]
    total = np.concatenate([np.zeros((len(price), 1)), np.cumsum(price, axis=1)], axis=1)
    low = np.maximum(np.arange(steps) - LOOK_AROUND_STEPS, 0)
    high = np.minimum(np.arange(steps) + LOOK_AROUND_STEPS + 1, steps)
    mean = (total[:, high] - total[:, low]) / (high - low)
    slack = 0.01 * np.abs(mean)
    return price < mean - slack, price > mean + slack


def _in_dose(problem: Problem, found: Evaluation) -> Array:
    """Steps before the deadline in which a due dose takes the tank above its usual limit, (home, step)."""
    if problem.dose_deadline_step is None:
        return np.zeros(found.tank.shape, bool)
    before = np.arange(problem.steps)[None, :] < problem.dose_deadline_step[:, None]
    usual = problem.tank_max if problem.tank_max.ndim == 2 else problem.tank_max[:, None]
    return before & (found.tank > usual)
