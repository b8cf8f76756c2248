"""The hot-water dynamic programme of one home: when to charge the tank, given what space heating would lose by it.

No dwell in here: inside the tank's programme it would plan overshoots of 20 K; the space-heating programme enforces it
jointly. Two rows (charging or not) so that going on with a charge may be cheaper than starting one. Cells shrink with
the tank (``width' = a · width``), so a backup is the same two-tap stencil as in the space-heating programme.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from heatfleet.planning.arrays import Batch, Rules
from heatfleet.thermal.arrays import Array

CELLS = 80
GUARD = 40
MARGIN_K = 5.0
DOSE_WEIGHT = 200.0
DOSE_STRIDE = 4
FAR = 1.0e12
UNIT = np.uint64(1)
EDGE = np.uint64(GUARD)


class Tank(NamedTuple):
    """One home's tank in units of its own dearest step, and the memory of its programme."""

    low: Array  # (step,) [°C]
    high: Array
    weight: Array  # (step,) penalty of a kelvin below ``low`` for one step
    cost: Array  # (step,) of charging
    rise: Array  # (step,) [K] by charging
    rows: Array  # (step+1, 2, cell) value function: after a step without charge, after a step with
    first: Array  # (step+1,) temperature of the first cell
    width: Array  # (step+1,) of a cell [K]


def tank_for(steps: int) -> Tank:
    """Memory for a horizon."""
    low, high, weight, cost, rise = np.zeros((5, steps))
    rows = np.zeros((steps + 1, 2, CELLS + 2 * GUARD))
    return Tank(low, high, weight, cost, rise, rows, np.zeros(steps + 1), np.zeros(steps + 1))


@njit(cache=True, nogil=True)
def open_tank(batch: Batch, rules: Rules, i: int, scale: float, tank: Tank) -> None:
    """Fill bands and weights of home ``i``."""
    tank.low[:] = batch.tank_low[i]
    tank.high[:] = batch.tank_high[i]
    tank.weight[:] = rules.step_h * rules.dhw_penalty / scale
    for t in range(tank.rise.shape[0]):
        tank.rise[t] = batch.tank[i, 1] * batch.dhw_heat[i, t]


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
    """Cells of each step: from the coldest reachable to a margin above the band."""
    steps, a = tank.cost.shape[0], batch.tank[i, 0]
    cold = hot = tank.first[0] = batch.tank[i, 2]
    width, shrink = 1e-3, 1.0
    for t in range(steps):
        rise = tank.rise[t]
        cold = a * cold + batch.tank_w[i, t]
        hot = max(a * hot + batch.tank_w[i, t] + rise, cold)
        hot = min(hot, max(max(tank.high[t], tank.low[t]) + MARGIN_K, cold) + rise)
        tank.first[t + 1] = min(max(cold, tank.low[t] - 2.0 * MARGIN_K), hot)
        width = max(width, max((hot - tank.first[t + 1]) / (CELLS - 2), rise / (GUARD - 8)) / shrink)
        shrink *= a
    for t in range(steps + 1):
        tank.width[t] = width
        width *= a


@njit(cache=True, nogil=True)
def _outside(temp: float, low: float, high: float, weight: float, fair: float) -> float:
    """Penalty of a tank temperature; above the band always at the fair weight."""
    return weight * max(low - temp, 0.0) + fair * max(temp - high, 0.0)


@njit(cache=True, nogil=True)
def _back(batch: Batch, i: int, fair: float, value: float, run_cost: float, tank: Tank) -> float:
    """Fill the rows; the value at the start."""
    steps, size, rows = tank.cost.shape[0], tank.rows.shape[2], tank.rows
    for c in range(size):
        rows[steps, :, c] = -value * (tank.first[steps] + (c - GUARD) * tank.width[steps])
    for t in range(steps - 1, -1, -1):
        landing = batch.tank[i, 0] * tank.first[t] + batch.tank_w[i, t]
        band = (tank.low[t], tank.high[t], tank.weight[t], fair)
        _backup(rows[t], rows[t + 1], (landing, tank.rise[t], tank.first[t + 1], tank.width[t + 1]), band,
                (tank.cost[t], run_cost))  # fmt: skip
        for row in range(2):
            _guards(rows[t, row])
    return min(rows[0, 0, GUARD], rows[0, 1, GUARD])


@njit(cache=True, nogil=True, fastmath=True)
def _backup(
    rows: Array, after: Array, place: tuple[float, float, float, float], band: tuple[float, float, float, float],
    costs: tuple[float, float],
) -> None:  # fmt: skip
    """One Bellman backup: each cell lands a constant number of cells away, idle or charging."""
    landing, rise, first, width = place
    low, high, weight, fair = band
    idle_at, charge_at = (landing - first) / width, (landing + rise - first) / width
    idle_left = min(max(int(np.floor(idle_at)), -GUARD), GUARD - 2)
    charge_left = min(max(int(np.floor(charge_at)), -GUARD), GUARD - 2)
    f, g = idle_at - idle_left, charge_at - charge_left
    m, n = np.uint64(GUARD + idle_left), np.uint64(GUARD + charge_left)
    for c in range(np.uint64(CELLS)):
        temp = landing + float(c) * width
        cold, hot = low - temp, temp - high
        idle = weight * (cold if cold > 0.0 else 0.0) + fair * (hot if hot > 0.0 else 0.0)
        idle += (1.0 - f) * after[0, m + c] + f * after[0, m + c + UNIT]
        cold, hot = cold - rise, hot + rise
        charge = costs[0] + weight * (cold if cold > 0.0 else 0.0) + fair * (hot if hot > 0.0 else 0.0)
        charge += (1.0 - g) * after[1, n + c] + g * after[1, n + c + UNIT]
        begin = charge + costs[1]
        rows[0, c + EDGE] = idle if idle < begin else begin
        rows[1, c + EDGE] = idle if idle < charge else charge


@njit(cache=True, nogil=True)
def _guards(row: Array) -> None:
    """Beyond the cells, linear on, but never better than at the edge: nothing is won out there."""
    low, high = GUARD, GUARD + CELLS - 1
    below, above = max(row[low] - row[low + 1], 0.0), max(row[high] - row[high - 1], 0.0)
    for g in range(1, GUARD + 1):
        row[low - g] = row[low] + g * below
        row[high + g] = row[high] + g * above


@njit(cache=True, nogil=True)
def _at(tank: Tank, t: int, row: int, temp: float) -> float:
    """Value before step ``t`` at a temperature, linear between cells and beyond them."""
    at = (temp - tank.first[t]) / tank.width[t] + GUARD
    left = min(max(int(at), 0), tank.rows.shape[2] - 2)
    value = tank.rows[t, row, left]
    return value + (at - left) * (tank.rows[t, row, left + 1] - value)


@njit(cache=True, nogil=True)
def _follow(batch: Batch, i: int, fair: float, run_cost: float, tank: Tank, slots: Array) -> None:
    """Walk the value function from the exact start; fills ``slots`` (step,)."""
    temp, row = batch.tank[i, 2], 0
    for t in range(slots.shape[0]):
        low, high, weight = tank.low[t], tank.high[t], tank.weight[t]
        cool = batch.tank[i, 0] * temp + batch.tank_w[i, t]
        warm = cool + tank.rise[t]
        idle = _outside(cool, low, high, weight, fair) + _at(tank, t + 1, 0, cool)
        charge = tank.cost[t] + _outside(warm, low, high, weight, fair) + _at(tank, t + 1, 1, warm)
        slots[t] = charge + (run_cost if row == 0 else 0.0) < idle
        temp, row = (warm, 1) if slots[t] else (cool, 0)


@njit(cache=True, nogil=True)
def plan_tank(batch: Batch, rules: Rules, i: int, scale: float, run_cost: float, tank: Tank, slots: Array) -> None:
    """Fill ``slots`` (step,) with the steps that charge the tank of home ``i``."""
    fair, value = rules.step_h * rules.dhw_penalty / scale, batch.tank[i, 3] / scale
    _lay(batch, i, tank)
    _back(batch, i, fair, value, run_cost, tank)
    _follow(batch, i, fair, run_cost, tank, slots)


@njit(cache=True, nogil=True)
def _ask_dose(batch: Batch, i: int, begin: int, fair: float, tank: Tank) -> None:
    """Raise the band to the dose temperature in the steps from ``begin`` on."""
    for t in range(begin, min(begin + int(batch.dose[i, 2]), tank.low.shape[0])):
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
    final = max(min(deadline, tank.cost.shape[0]) - steps, 0)
    best, chosen = 1e300, final
    for begin in range(final % DOSE_STRIDE, final + 1, DOSE_STRIDE):
        open_tank(batch, rules, i, scale, tank)
        _ask_dose(batch, i, begin, fair, tank)
        _lay(batch, i, tank)
        found = _back(batch, i, fair, value, run_cost, tank)
        if found < best:
            best, chosen = found, begin
    open_tank(batch, rules, i, scale, tank)
    _ask_dose(batch, i, chosen, fair, tank)
