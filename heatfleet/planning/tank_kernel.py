"""The hot-water dynamic programme of one home: when to charge the tank, given what space heating would lose by it.

No dwell in here: inside the tank's programme it would plan overshoots of 20 K; the space-heating programme enforces it
jointly. Two rows (charging or not) so that a begun charge may be cheaper to go on with than to start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from heatfleet.planning.arrays import Batch, Rules
from heatfleet.thermal.arrays import Array

CELLS = 96
GUARD = 48
MARGIN_K = 5.0
DOSE_WEIGHT = 200.0
DOSE_STRIDE = 4
FAR = 1.0e12


class Tank(NamedTuple):
    """One home's tank in units of its own dearest step, and the memory of its programme."""

    low: Array  # (step,) [°C]
    high: Array
    weight: Array  # (step,) penalty of a kelvin below ``low`` for one step
    cost: Array  # (step,) of charging
    rows: Array  # (step+1, 2, cell) value function: after a step without charge, after a step with
    first: Array  # (step+1,) temperature of the first cell
    width: Array  # (1,) of a cell [K]


def tank_for(steps: int) -> Tank:
    """Memory for a horizon."""
    per_step = [np.zeros(steps) for _ in range(4)]
    return Tank(*per_step, np.zeros((steps + 1, 2, CELLS + 2 * GUARD)), np.zeros(steps + 1), np.zeros(1))


@njit(cache=True, nogil=True)
def open_tank(batch: Batch, rules: Rules, i: int, scale: float, tank: Tank) -> None:
    """Fill bands and weights of home ``i``."""
    tank.low[:] = batch.tank_low[i]
    tank.high[:] = batch.tank_high[i]
    tank.weight[:] = rules.step_h * rules.dhw_penalty / scale


@njit(cache=True, nogil=True)
def charge_costs(batch: Batch, i: int, scale: float, lost: Array, locked: int, tank: Tank) -> bool:
    """Cost of charging in each step, forbidden and locked steps far too dear; False when there is nothing to plan."""
    last, any_heat = batch.energy.shape[2] - 1, False
    for t in range(tank.cost.shape[0]):
        usable = batch.allowed[i, t, last] and batch.dhw_heat[i, t] > 0.0 and t >= locked
        any_heat = any_heat or usable
        own = batch.price[i, t] * batch.energy[i, t, last] / scale
        tank.cost[t] = own + lost[t] if usable else FAR
    return any_heat and batch.tank[i, 1] > 0.0


@njit(cache=True, nogil=True)
def _lay(batch: Batch, i: int, tank: Tank) -> None:
    """First cell of each step and one width: from the coldest reachable to a margin above the band."""
    steps = tank.cost.shape[0]
    a, b = batch.tank[i, 0], batch.tank[i, 1]
    cold, hot, widest, jump = batch.tank[i, 2], batch.tank[i, 2], 1e-3, 0.0
    tank.first[0] = cold
    for t in range(steps):
        rise = b * batch.dhw_heat[i, t]
        cold = a * cold + batch.tank_w[i, t]
        hot = max(a * hot + batch.tank_w[i, t] + rise, cold)
        hot = min(hot, max(max(tank.high[t], tank.low[t]) + MARGIN_K, cold) + rise)
        tank.first[t + 1] = max(cold, tank.low[t] - 2.0 * MARGIN_K)
        tank.first[t + 1] = min(tank.first[t + 1], hot)
        widest, jump = max(widest, hot - tank.first[t + 1]), max(jump, rise)
    tank.width[0] = max(widest / (CELLS - 2), jump / (GUARD - 8))


@njit(cache=True, nogil=True)
def _outside(tank: Tank, t: int, temp: float, fair: float) -> float:
    """Penalty of the tank temperature after step ``t``; above the band always at the fair weight."""
    return tank.weight[t] * max(tank.low[t] - temp, 0.0) + fair * max(temp - tank.high[t], 0.0)


@njit(cache=True, nogil=True)
def _at(tank: Tank, t: int, row: int, temp: float) -> float:
    """Value before step ``t`` at a temperature, linear between cells and beyond them."""
    at = (temp - tank.first[t]) / tank.width[0] + GUARD
    values = tank.rows[t, row]
    left = min(max(int(np.floor(at)), 0), values.shape[0] - 2)
    return values[left] + (at - left) * (values[left + 1] - values[left])


@njit(cache=True, nogil=True)
def _back(batch: Batch, i: int, fair: float, value: float, run_cost: float, tank: Tank) -> float:
    """Fill the rows; the value at the start."""
    steps, size = tank.cost.shape[0], tank.rows.shape[2]
    a = batch.tank[i, 0]
    for c in range(size):
        tank.rows[steps, :, c] = -value * (tank.first[steps] + (c - GUARD) * tank.width[0])
    for t in range(steps - 1, -1, -1):
        rise = batch.tank[i, 1] * batch.dhw_heat[i, t]
        for c in range(GUARD, GUARD + CELLS):
            temp = a * (tank.first[t] + (c - GUARD) * tank.width[0]) + batch.tank_w[i, t]
            idle = _outside(tank, t, temp, fair) + _at(tank, t + 1, 0, temp)
            charge = tank.cost[t] + _outside(tank, t, temp + rise, fair) + _at(tank, t + 1, 1, temp + rise)
            tank.rows[t, 0, c] = min(idle, charge + run_cost)
            tank.rows[t, 1, c] = min(idle, charge)
        for row in range(2):
            _guards(tank.rows[t, row])
    return min(_at(tank, 0, 0, batch.tank[i, 2]), _at(tank, 0, 1, batch.tank[i, 2]))


@njit(cache=True, nogil=True)
def _guards(row: Array) -> None:
    """Beyond the cells, linear on, but never better than at the edge: nothing is won out there."""
    low, high = GUARD, GUARD + CELLS - 1
    below, above = max(row[low] - row[low + 1], 0.0), max(row[high] - row[high - 1], 0.0)
    for g in range(1, GUARD + 1):
        row[low - g] = row[low] + g * below
        row[high + g] = row[high] + g * above


@njit(cache=True, nogil=True)
def _follow(batch: Batch, i: int, fair: float, run_cost: float, charging: int, tank: Tank, slots: Array) -> None:
    """Walk the value function from the exact start; fills ``slots`` (step,)."""
    temp, row = batch.tank[i, 2], charging
    for t in range(slots.shape[0]):
        rise = batch.tank[i, 1] * batch.dhw_heat[i, t]
        cool = batch.tank[i, 0] * temp + batch.tank_w[i, t]
        idle = _outside(tank, t, cool, fair) + _at(tank, t + 1, 0, cool)
        charge = tank.cost[t] + _outside(tank, t, cool + rise, fair) + _at(tank, t + 1, 1, cool + rise)
        slots[t] = charge + (run_cost if row == 0 else 0.0) < idle
        temp, row = (cool + rise, 1) if slots[t] else (cool, 0)


@njit(cache=True, nogil=True)
def plan_tank(batch: Batch, rules: Rules, i: int, scale: float, run_cost: float, tank: Tank, slots: Array) -> None:
    """Fill ``slots`` (step,) with the steps that charge the tank of home ``i``."""
    fair, value = rules.step_h * rules.dhw_penalty / scale, batch.tank[i, 3] / scale
    _lay(batch, i, tank)
    _back(batch, i, fair, value, run_cost, tank)
    _follow(batch, i, fair, run_cost, 0, tank, slots)


@njit(cache=True, nogil=True)
def _ask_dose(batch: Batch, i: int, begin: int, fair: float, tank: Tank) -> None:
    """Raise the band to the dose temperature in the steps from ``begin`` on."""
    for t in range(begin, begin + int(batch.dose[i, 2])):
        tank.low[t] = max(batch.tank_low[i, t], batch.dose[i, 1] + 0.05)
        tank.weight[t] = DOSE_WEIGHT * max(fair, 1.0)


@njit(cache=True, nogil=True)
def place_dose(batch: Batch, rules: Rules, i: int, scale: float, run_cost: float, tank: Tank) -> None:
    """Ask for the disinfection dose in the cheapest window before its deadline (tried every hour), if one is due."""
    deadline, steps = int(batch.dose[i, 0]), int(batch.dose[i, 2])
    open_tank(batch, rules, i, scale, tank)
    if deadline <= 0 or steps <= 0:
        return
    fair, value = rules.step_h * rules.dhw_penalty / scale, batch.tank[i, 3] / scale
    best, chosen, final = 1e300, max(deadline - steps, 0), max(min(deadline, tank.cost.shape[0]) - steps, 0)
    for begin in range(final % DOSE_STRIDE, final + 1, DOSE_STRIDE):
        open_tank(batch, rules, i, scale, tank)
        _ask_dose(batch, i, begin, fair, tank)
        _lay(batch, i, tank)
        found = _back(batch, i, fair, value, run_cost, tank)
        if found < best:
            best, chosen = found, begin
    open_tank(batch, rules, i, scale, tank)
    _ask_dose(batch, i, min(chosen, max(tank.cost.shape[0] - steps, 0)), fair, tank)
