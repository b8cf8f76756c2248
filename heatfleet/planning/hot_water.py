"""When to charge the tank, and when to put the pump's own charge off: a stochastic programme over its temperature.

Draws come by surprise, so the answer is no list of slots but, for each step, how cold the tank must be for a charge to
pay now, and whether its own charge had better wait for a cheaper hour. The pump's own programme is part of the model:
below its starting temperature it charges to the owner's setpoint, whatever we want; a lowered setpoint lowers both.
No charge is put off beyond where an unlucky quarter-hour of draws leaves the tank above its minimum, and the pump
itself stays the guard: it starts by itself at the lowered temperature, within minutes.

The house is left out of it: what a charge takes from the rooms, the pump's controller makes up for by itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numba import njit

from heatfleet.domain.plans import TankAim
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.state import (
    HOT_WATER,
    MIN,
    STEP_H,
    Freedom,
    Horizon,
    Present,
    dose_is_due,
    start_weight,
)
from heatfleet.planning.thermostat import FULL_K, OWN_HYSTERESIS_K
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import ThermalModels
from heatfleet.thermal.sensed import quantile
from heatfleet.thermal.tank import CELLAR_C

CELLS, CELL_K, ABOVE_K = 72, 0.25, 3.0  # temperatures looked at: from 15 K below the setpoint to 3 K above it
HYSTERESIS_RANGE_K = (2.0, 10.0)
LEAST_STARTS, START_QUANTILE = 3, 0.7
WORTH_K = 1.5  # below the setpoint; pumps do not begin a charge nearer to it
HOLD_MARGIN_K = 0.3  # what a sensor may be wrong by
HOLD_LUCK = 0.25  # an unlucky quarter-hour; its spread is that of two hours by the root of eight
HOLD_STEP_K, HOLD_MOST_K = 1.0, 4.0  # setpoints move in whole kelvins
# What a charge costs beyond its heat [mean kWh]: most pumps stop after it and start anew. More where prices swing far.
START_KWH, START_KWH_PER_SWING = 0.1, 2.5
EVENT_KWH = 0.4  # what is drawn at once
SIZES = np.array([0.21, 0.56, 1.03, 2.2])  # of an event in units of its mean, each as likely as the others
COLD_KWH = 0.01  # what a kelvin below the minimum costs for a quarter-hour [mean kWh]
GAIN = 1e-4  # of a mean kWh: less is no reason


@dataclass(frozen=True)
class TankPlans:
    """What is planned for the tanks of homes; NaN where nothing is asked."""

    is_planned: Array  # (home,) bool
    charge_below_c: Array  # (home, step) a tank at most this warm is charged now
    hold_c: Array  # (home, step) setpoint that puts the pump's own charge off
    charge_to_c: Array  # (home, step) where a charge goes to, as expected with mean draws: ours and the pump's own
    start_c: Array  # (home, step) below which the pump charges by itself, held back or not

    @property
    def charges(self) -> Array:
        """Steps (home, step) bool in which the tank is expected to be charged."""
        found: Array = ~np.isnan(self.charge_to_c)
        return found

    def aims(self, step: int) -> list[TankAim | None]:
        """What is wanted of each tank in a step; None where it is not planned in here."""
        columns = (self.is_planned, self.charge_below_c[:, step], self.hold_c[:, step])
        return [
            TankAim(_known(below), _known(hold)) if planned else None
            for planned, below, hold in zip(*(c.tolist() for c in columns), strict=True)
        ]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def tank_plans(models: ThermalModels, horizon: Horizon, present: Present, freedom: Freedom) -> TankPlans:
    """Plans of the tanks that may be charged and have no disinfection to come; the others are left alone."""
    shape = horizon.price.shape
    allowed = np.zeros(shape, bool) if freedom.allowed is None else freedom.allowed[:, :, HOT_WATER]
    is_planned = allowed.any(axis=1) & ~dose_is_due(freedom, horizon)
    below_c, hold_c, charge_to_c = (np.full(shape, np.nan) for _ in range(3))
    rows = np.flatnonzero(is_planned)
    if rows.size:
        facts = _facts(models, horizon, present, freedom)
        _plan_all(rows, facts, np.ascontiguousarray(allowed), below_c, hold_c, charge_to_c)
    full_c = np.where(np.isnan(hold_c), horizon.dhw_max_c, hold_c)
    return TankPlans(is_planned, below_c, hold_c, charge_to_c, full_c - _hysteresis_k(present)[:, None])


def own_start_c(horizon: Horizon, present: Present) -> Array:
    """Below which temperature the pump's own programme charges the tank [°C], (home, step), as far as is known."""
    start_c: Array = horizon.dhw_max_c - _hysteresis_k(present)[:, None]
    return start_c


def judged(problem: Problem, plans: TankPlans) -> Problem:
    """The problem with tanks planned in here limited by where their pumps charge by themselves."""
    own_c = np.minimum(plans.start_c, problem.tank_max if problem.tank_max.ndim == 2 else problem.tank_max[:, None])
    low = problem.tank_min if problem.tank_min.ndim == 2 else problem.tank_min[:, None]
    return replace(problem, tank_min=np.where(plans.is_planned[:, None], own_c, low))


def without_charges(problem: Problem, plans: TankPlans) -> Problem:
    """The problem without hot water in the homes whose tanks are planned in here."""
    if problem.allowed is None or not plans.is_planned.any():
        return problem
    allowed = problem.allowed.copy()
    allowed[plans.is_planned, :, HOT_WATER] = False
    return replace(problem, allowed=allowed)


def with_charges(solution: Solution, plans: TankPlans) -> Solution:
    """The solution with the charges that are expected; never in a step that uses nothing, as in a pause."""
    takes = plans.charges & plans.is_planned[:, None] & (solution.action != MIN)
    return replace(solution, action=np.where(takes, HOT_WATER, solution.action).astype(np.int8))


def learned_hysteresis_k(tank_c: Array, setpoint_c: Array, charges: Array, is_boosted: Array) -> Array:
    """How far below its setpoint the pump's own programme begins to charge [K], (home,); NaN where hardly ever seen.

    Parameters
    ----------
    tank_c, setpoint_c : as read in each step, (home, step); the setpoint in force, whoever set it.
    charges, is_boosted : bool (home, step), whether the pump charged the tank, and whether somebody had asked it to.

    Notes
    -----
    Most readings before a charge are warmer than where it began, some, after a draw, are colder: in simulated homes
    this quantile is within 0.1 K of the truth in nine of ten.
    """
    begins = charges[:, 1:] & ~charges[:, :-1] & ~is_boosted[:, 1:] & ~is_boosted[:, :-1]
    gap_k = np.where(begins & (setpoint_c[:, 1:] == setpoint_c[:, :-1]), (setpoint_c - tank_c)[:, :-1], np.nan)
    gap_k = np.where((gap_k > 0.5 * HYSTERESIS_RANGE_K[0]) & (gap_k < HYSTERESIS_RANGE_K[1]), gap_k, np.nan)
    known = np.isfinite(gap_k).sum(axis=1) >= LEAST_STARTS
    return np.where(known, quantile(gap_k, [START_QUANTILE])[:, 0], np.nan)


def _hysteresis_k(present: Present) -> Array:
    known = np.full(len(present.tank_c), np.nan) if present.own_hysteresis_k is None else present.own_hysteresis_k
    return np.where(np.isnan(known), OWN_HYSTERESIS_K, known)


def _facts(
    models: ThermalModels, horizon: Horizon, present: Present, freedom: Freedom
) -> tuple[Array, Array, Array, Array, Array, Array, Array, Array]:
    """Tank (home, 7) and (home, step) arrays.

    Tank: temperature, loss a step, kWh of a start, hysteresis, can be charged, rise in a step [K], is being charged.

    The others are price, kWh of electricity per kelvin, draw [K], size of its events [K], minimum and full [°C], and
    how far the own start may be lowered [K].
    """
    capacity, slot = models.tank.capacity_kwh_per_k, horizon.quarter_of_day
    draw = np.take_along_axis(models.tank.draw_kwh, slot, axis=1)
    unlucky = np.take_along_axis(models.unlucky_draw_kwh(), slot, axis=1)
    cop = models.response.dhw_heat_kw[:, None] / np.maximum(models.response.dhw_energy_kw(horizon.outdoor_c), 1e-6)
    size_k = np.where(unlucky > 0.0, EVENT_KWH, 0.0) / capacity[:, None]  # no surprise where nobody is unlucky
    hysteresis = _hysteresis_k(present)
    keep_c = horizon.dhw_min_c + HOLD_MARGIN_K + (draw + HOLD_LUCK * unlucky) / capacity[:, None]
    lower_k = np.minimum(horizon.dhw_max_c - hysteresis[:, None] - keep_c, HOLD_MOST_K)
    known = np.zeros(len(capacity), bool) if present.own_hysteresis_k is None else ~np.isnan(present.own_hysteresis_k)
    may_hold = (known & _flag(freedom.can_hold, capacity))[:, None] & (lower_k >= HOLD_STEP_K)
    loss = models.tank.loss_kw_per_k * STEP_H / capacity
    can_charge = _flag(freedom.can_boost, capacity).astype(float)
    start_kwh = START_KWH + START_KWH_PER_SWING * start_weight(models, horizon)
    rise_k, charges = models.response.dhw_heat_kw * STEP_H / capacity, present.run_action == HOT_WATER
    tank = np.stack([present.tank_c, loss, start_kwh, hysteresis, can_charge, rise_k, charges], axis=1)
    return (
        tank, horizon.price, capacity[:, None] / cop, draw / capacity[:, None], size_k, horizon.dhw_min_c,
        horizon.dhw_max_c,
        np.where(may_hold, np.floor(lower_k / HOLD_STEP_K) * HOLD_STEP_K, 0.0),
    )  # fmt: skip


def _flag(value: Array | None, like: Array) -> Array:
    return np.ones(len(like), bool) if value is None else value


@njit(cache=True, nogil=True)
def _plan_all(
    rows: Array, facts: tuple[Array, Array, Array, Array, Array, Array, Array, Array], allowed: Array,
    charge_below: Array, hold: Array, charge_to: Array,
) -> None:  # fmt: skip
    tank, price, kwh_per_k, draw, size, low, full, lower = facts
    steps = price.shape[1]
    value, after = np.empty(CELLS), np.empty(CELLS)
    for i in rows:
        mean = max(np.mean(np.abs(price[i])), 1e-3)
        base, start_cost = full[i, steps - 1] + ABOVE_K - (CELLS - 1) * CELL_K, tank[i, 2] * mean
        worth = mean * np.mean(kwh_per_k[i]) + start_cost / tank[i, 3]
        for c in range(CELLS):
            after[c] = -worth * (base + c * CELL_K)
        for t in range(steps - 1, -1, -1):
            per_k, gain = price[i, t] * kwh_per_k[i, t], GAIN * mean
            what = (per_k, start_cost, draw[i, t], size[i, t], full[i, t], lower[i, t], base, gain)
            least = (low[i, t], COLD_KWH * mean)
            charge_below[i, t], hold[i, t] = _back(tank[i], what, least, allowed[i, t], after, value)
            after[:] = value
        _walk(tank[i], draw[i], full[i], lower[i], charge_below[i], hold[i], charge_to[i])


@njit(cache=True, nogil=True)
def _back(
    tank: Array, what: tuple[float, float, float, float, float, float, float, float], least: tuple[float, float],
    allowed: bool, after: Array, value: Array,
) -> tuple[float, float]:  # fmt: skip
    """One Bellman backup into ``value``: below which temperature to charge, and to which setpoint to hold; or NaN."""
    per_k, start_cost, draw, size, full, lower, base, gain = what
    own_start, held_full = full - tank[3], full - lower
    at_full, at_held = _at(after, base, full) + start_cost, _at(after, base, held_full) + start_cost
    none = 1.0 if size <= 0.0 else np.exp(-draw / size)
    mean = draw if size <= 0.0 else draw / max(1.0 - none, 1e-9)
    charge_below, hold = np.nan, np.nan
    for c in range(CELLS):
        temp = base + c * CELL_K
        cool = temp - tank[1] * (temp - CELLAR_C)
        own, held, asked = 0.0, 0.0, 0.0
        for k in range(SIZES.shape[0] + 1):
            weight = none if k == 0 else (1.0 - none) / SIZES.shape[0]
            if weight <= 0.0:
                continue
            drop = (mean if size <= 0.0 else 0.0) if k == 0 else mean * SIZES[k - 1]
            left = cool - drop
            wait = _at(after, base, left) + least[1] * max(least[0] - left, 0.0)
            filled = per_k * max(full - left, 0.0) + at_full
            own += weight * (filled if left < own_start else wait)
            held += weight * (per_k * (held_full - left) + at_held if left < own_start - lower else wait)
            asked += weight * filled
        best = min(own, held) if lower > 0.0 else own
        if lower > 0.0 and held < own - gain:
            hold = held_full
        if allowed and tank[4] > 0.0 and temp <= full - WORTH_K and asked < best - gain:
            charge_below, best = temp, asked
        value[c] = best
    return charge_below, hold


@njit(cache=True, nogil=True)
def _at(values: Array, base: float, temp: float) -> float:
    """Value at a temperature, linear between cells and beyond them."""
    at = (temp - base) / CELL_K
    left = min(max(int(np.floor(at)), 0), CELLS - 2)
    return values[left] + (at - left) * (values[left + 1] - values[left])


@njit(cache=True, nogil=True)
def _walk(
    tank: Array, draw: Array, full: Array, lower: Array, charge_below: Array, hold: Array, charge_to: Array
) -> None:  # fmt: skip
    """Fill ``charge_to`` (step,): the temperature followed from now on with mean draws; a charge goes on until full."""
    temp, goal = tank[0], full[0] if tank[6] > 0.0 and tank[0] < full[0] - FULL_K else np.nan
    for t in range(draw.shape[0]):
        left = temp - tank[1] * (temp - CELLAR_C) - draw[t]
        own = full[t] - (0.0 if np.isnan(hold[t]) else lower[t])
        if temp <= charge_below[t]:
            goal = full[t]
        elif np.isnan(goal) and left < own - tank[3]:
            goal = own
        charge_to[t] = goal
        temp = left if np.isnan(goal) else max(left, min(goal, left + tank[5]))
        if not temp < goal - FULL_K:
            goal = np.nan
