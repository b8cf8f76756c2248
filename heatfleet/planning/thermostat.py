"""The pump's own control as a plan: MID everywhere, and a thermostat that charges the tank until it is full."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.state import MID, due_within
from heatfleet.thermal.arrays import Array

OWN_HYSTERESIS_K = 5.0  # below its setpoint a tank is charged by the programme of a pump that nobody has watched
DOSE_LEAD_STEPS = 12  # before the deadline the pump's own disinfection begins
FULL_K = 0.05  # nearer to full a charge has ended
LEAST_SHARE = 1e-3  # of a step


def left_alone(problem: Problem, full_c: Array, start_c: Array | None = None) -> Solution:
    """MID everywhere and the pump's own hot-water programme, as a plan: from ``start_c`` to ``full_c`` (home, step).

    What owners wish (a pause) holds here too: where MID is not allowed, the first action that is.
    """
    action = _own_actions(problem, full_c, full_c - OWN_HYSTERESIS_K if start_c is None else start_c)
    found = evaluate(problem, action)
    return Solution(action, found.cost, found.penalty, found.objective)


def ended_when_full(problem: Problem, action: Array, full_c: Array) -> Problem:
    """The problem in which each charge of ``action`` gives, over its whole run, what it takes to ``full_c``.

    A charge is a whole number of steps to a plan, but the pump's thermostat ends it within a step. ``full_c`` is
    (home, step); NaN = not known, and the step gives what it can, as in homes with a disinfection to come. A run's
    share of heat and electricity holds for the steps after it, too, so that the same charge made later costs the same.
    """
    full_c = np.where(due_within(problem.dose_deadline_step, problem.price)[:, None], np.nan, full_c)
    water, temp = action == problem.hot_water_action, problem.tank0
    share = np.ones(action.shape)
    for t in range(problem.steps):
        temp = problem.tank_a * temp + problem.tank_w[:, t]
        rise_k = problem.tank_b * problem.dhw_heat[:, t]
        missing = np.where(np.isnan(full_c[:, t]), 1.0, (full_c[:, t] - temp) / np.maximum(rise_k, 1e-9))
        share[:, t] = np.clip(missing, LEAST_SHARE, 1.0)
        temp = temp + np.where(water[:, t], share[:, t] * rise_k, 0.0)
    share = _of_runs(share, water)
    return replace(problem, dhw_heat=problem.dhw_heat * share, dhw_energy=problem.dhw_energy * share)


def _of_runs(share: Array, water: Array) -> Array:
    """The mean share of each run of charging steps, also in the steps until the next; 1 before the first."""
    homes, steps = water.shape
    begins = water & ~np.pad(water, ((0, 0), (1, 0)))[:, :-1]
    run = np.cumsum(begins, axis=1) + (steps + 1) * np.arange(homes)[:, None]
    count, total = (np.bincount(run[water], weights, homes * (steps + 1)) for weights in (None, share[water]))
    mean: Array = np.where(count > 0, total / np.maximum(count, 1), 1.0)[run]
    return mean


def _own_actions(problem: Problem, full_c: Array, start_c: Array) -> Array:
    """The actions of the owner's own control, (home, step): a thermostat charges the tank, the rest is MID.

    Where we may not charge, the plan knows nothing of the pump's own charges either, so they are left out of both.
    """
    water, homes = problem.hot_water_action, problem.homes
    allowed = np.ones((homes, problem.steps, water + 1), bool) if problem.allowed is None else problem.allowed
    house = np.where(allowed[:, :, MID], MID, np.argmax(allowed, axis=2))
    temp, goes_on = problem.tank0, _is_charging(problem) & (problem.tank0 < full_c[:, 0] - FULL_K)
    dose, action = _OwnDose(problem), house.astype(np.int8)
    is_whole = due_within(problem.dose_deadline_step, problem.price)
    for t in range(problem.steps):
        due, cool = dose.is_due(t), problem.tank_a * temp + problem.tank_w[:, t]
        rise_k = problem.tank_b * problem.dhw_heat[:, t]
        goes_on |= cool < start_c[:, t]
        charges = (goes_on | due) & allowed[:, t, water]
        action[charges, t] = water
        given_k = np.where(is_whole, rise_k, np.clip(full_c[:, t] - cool, 0.0, rise_k))
        temp = cool + np.where(charges, given_k, 0.0)
        goes_on &= temp < full_c[:, t] - FULL_K
        dose.see(temp)
    return action


def _is_charging(problem: Problem) -> Array:
    if problem.run_action0 is None:
        return np.zeros(problem.homes, bool)
    found: Array = problem.run_action0 == problem.hot_water_action
    return found


class _OwnDose:
    """The pump's own disinfection, where one is due: heated in the last hours, until it has lasted."""

    def __init__(self, problem: Problem) -> None:
        none = np.zeros(problem.homes)
        self.deadline = none if problem.dose_deadline_step is None else problem.dose_deadline_step
        self.hot_c = none if problem.dose_temp is None else problem.dose_temp
        self.wanted = none if problem.dose_steps is None else problem.dose_steps
        self.held = none

    def is_due(self, step: int) -> Array:
        """Homes (home,) that heat their tank for it in this step."""
        due: Array = (self.deadline > 0) & (step >= self.deadline - DOSE_LEAD_STEPS) & (self.held < self.wanted)
        return due

    def see(self, temp_c: Array) -> None:
        """Count the steps at the wanted temperature."""
        self.held = np.where(temp_c >= self.hot_c, self.held + 1, np.where(self.held < self.wanted, 0, self.held))
