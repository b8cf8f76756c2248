"""What would happen without us: the owner's own control over the same horizon, and each run of a plan left out.

Both are judged by exact simulation (:mod:`heatfleet.planning.evaluate`), as plans are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from heatfleet.domain.plans import Outlook
from heatfleet.planning.arrays import Batch, Rules, batch_of
from heatfleet.planning.evaluate import OBJECTIVE, SCORES, Evaluation, evaluate, score
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.state import MID
from heatfleet.thermal.arrays import Array

BREAK_K = 0.05


@dataclass(frozen=True)
class OwnControl:
    """The owner's own control on its problem: ``power_kw`` (home, step), and what it comes to."""

    power_kw: Array
    found: Evaluation
    worth: Array  # (home,) of the heat stored at the end [currency]


def own_control(problem: Problem, alone: Solution) -> OwnControl:
    """What the plan ``alone`` comes to on ``problem``, which was linearised along it."""
    found = evaluate(problem, alone.action)
    return OwnControl(energy_of(problem, alone.action) / problem.step_h, found, _worth(problem, found))


def outlooks(problem: Problem, solution: Solution, own: OwnControl) -> list[Outlook]:
    """Each home's plan beside its owner's own control."""
    found = evaluate(problem, solution.action)
    columns = (
        found.cost,
        own.found.cost,
        _worth(problem, found) - own.worth,
        found.indoor.mean(axis=1),
        own.found.indoor.mean(axis=1),
        (found.indoor - own.found.indoor).mean(axis=1) * _cost_of_a_kelvin(problem),
    )
    return [Outlook(*values) for values in zip(*(c.tolist() for c in columns), strict=True)]


def energy_of(problem: Problem, action: Array) -> Array:
    """Electricity [kWh] of each step of a plan, (home, step)."""
    energy = np.concatenate([problem.space_energy, problem.dhw_energy[:, :, None]], axis=2)
    return np.take_along_axis(energy, action[:, :, None].astype(np.int64), axis=2)[:, :, 0]


def charges_planned(problem: Problem) -> Array:
    """Homes (home, 1) whose tank we may charge; of the others the pump's own charges are not in the problem."""
    if problem.allowed is None:
        return np.ones((problem.homes, 1), bool)
    some: Array = np.any(problem.allowed[:, :, problem.hot_water_action], axis=1)
    return some[:, None]


def _cost_of_a_kelvin(problem: Problem) -> Array:
    """What it costs to keep the rooms one kelvin warmer over the whole horizon [currency/K], (home,).

    A building at rest, ``x = a x + b heat``, is ``((1 - a)^-1 b)[0]`` warmer per kW; a kWh of heat is worth what the
    terminal value gives for the rise it makes.
    """
    rest = np.eye(problem.a.shape[1]) * (1.0 + 1e-9) - problem.a
    k_per_kw = np.linalg.solve(rest, problem.b[:, :, None])[:, 0, 0]
    worth_per_kwh = problem.value_x * (problem.state_weight * problem.b).sum(axis=1) / problem.step_h
    cost: Array = problem.steps * problem.step_h * worth_per_kwh / k_per_kw
    return cost


def _worth(problem: Problem, found: Evaluation) -> Array:
    """Terminal value of the stored heat (home,), from the definition of the objective."""
    starts = 0.0 if problem.start_cost is None else found.starts * problem.start_cost
    worth: Array = found.cost + found.penalty + starts - found.objective
    return worth


def left_out(problem: Problem, action: Array, states: Array, found: Evaluation) -> tuple[Array, Array]:
    """What each run of equal actions is good for, found by leaving it out; both (home, step).

    Returns
    -------
    gain : what the objective loses without the run the step belongs to, shared evenly by its steps [currency];
        a charge that is needed is made at the last moment instead; 0 for MID, which is the owner's own control.
    breaks : first step whose end would break the limit the run keeps (too cold without more heat, too warm without
        less, the tank without a charge) and does not with it; -1 where none would.
    """
    batch, rules = batch_of(problem)
    gain, breaks = np.zeros(action.shape), np.full(action.shape, -1)
    actions = np.ascontiguousarray(action, np.int8)
    _leave_out(batch, rules, actions, states.astype(np.int8), found.objective, (found.indoor, found.tank), gain, breaks)
    return gain, breaks


@njit(cache=True, nogil=True)
def _leave_out(
    batch: Batch, rules: Rules, action: Array, states: Array, objective: Array, found: tuple[Array, Array],
    gain: Array, breaks: Array,
) -> None:  # fmt: skip
    homes, steps = action.shape
    water = batch.energy.shape[2] - 1
    trial, indoor, tank, out = np.empty(steps, np.int8), np.empty(steps), np.empty(steps), np.empty(SCORES)
    for i in range(homes):
        begin = 0
        while begin < steps:
            kind, end = action[i, begin], begin + 1
            while end < steps and action[i, end] == kind:
                end += 1
            if kind != MID:
                trial[:] = action[i]
                for t in range(begin, end):
                    trial[t] = states[i, t] if kind == water else MID
                score(batch, rules, i, trial, out, indoor, tank)
                last = _first_break(batch, i, kind, begin, indoor, tank, found[0][i], found[1][i])
                breaks[i, begin:end] = last
                if kind == water and last >= 0:
                    trial[last : min(last + end - begin, steps)] = water
                    score(batch, rules, i, trial, out, indoor, tank)
                gain[i, begin:end] = (out[OBJECTIVE] - objective[i]) / (end - begin)
            begin = end


@njit(cache=True, nogil=True)
def _first_break(
    batch: Batch, i: int, kind: int, begin: int, indoor: Array, tank: Array, with_indoor: Array, with_tank: Array
) -> int:
    """The first step from ``begin`` on that breaks the limit without the run and not with it, or -1."""
    water = batch.energy.shape[2] - 1
    for t in range(begin, indoor.shape[0]):
        if kind == water:
            over, was = batch.tank_low[i, t] - tank[t], batch.tank_low[i, t] - with_tank[t]
        elif kind > MID:
            over, was = batch.low[i, t] - indoor[t], batch.low[i, t] - with_indoor[t]
        else:
            over, was = indoor[t] - batch.high[i, t], with_indoor[t] - batch.high[i, t]
        if over > BREAK_K and was <= 0.5 * BREAK_K:
            return t
    return -1
