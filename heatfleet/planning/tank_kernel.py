"""The hot-water dynamic programme of one home: when to charge the tank, given what space heating would lose by it.

No dwell in here: inside the tank's programme it would plan overshoots of 20 K; the space-heating programme enforces it
jointly. Two rows (charging or not) so that going on with a charge may be cheaper than starting one. Cells shrink with
the tank (``width' = a · width``), so a backup is the same two-tap stencil as in the space-heating programme.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from heatfleet.planning.arrays import Batch, Rules
from heatfleet.planning.compiled import compiled, inlined
from heatfleet.planning.lanes import LANES, aligned, least, load, minus, most, peek, plus, same, store, times
from heatfleet.thermal.arrays import Array

CELLS = 80
GUARD = 48
SIZE = CELLS + 2 * GUARD
MARGIN_K = 5.0
DOSE_WEIGHT = 200.0
DOSE_STRIDE = 4
FAR = 1.0e12
RAMP = np.arange(CELLS).astype(np.float32)


class Tank(NamedTuple):
    """One home's tank in units of its own dearest step, and the memory of its programme."""

    low: Array  # (step,) [°C]
    high: Array
    weight: Array  # (step,) penalty of a kelvin below ``low`` for one step
    cost: Array  # (step,) of charging
    rise: Array  # (step,) [K] by charging
    rows: Array  # (step+1, 2, GUARD + CELLS + GUARD) float32, cost to come: after no charge, after one
    first: Array  # (step+1,) temperature of the first cell
    width: Array  # (step+1,) of a cell [K]


def tank_for(steps: int) -> Tank:
    """Memory for a horizon."""
    low, high, weight, cost, rise = np.zeros((5, steps))
    return Tank(low, high, weight, cost, rise, aligned(steps + 1, 2, SIZE), np.zeros(steps + 1), np.zeros(steps + 1))


@compiled
def open_tank(batch: Batch, rules: Rules, i: int, scale: float, tank: Tank) -> None:
    """Fill bands and weights of home ``i``."""
    for t in range(tank.rise.shape[0]):
        tank.low[t], tank.high[t] = batch.tank_low[i, t], batch.tank_high[i, t]
        tank.weight[t] = rules.step_h * rules.dhw_penalty / scale
        tank.rise[t] = batch.tank[i, 1] * batch.dhw_heat[i, t]


@compiled
def charge_costs(batch: Batch, i: int, scale: float, lost: Array, locked: int, tank: Tank) -> bool:
    """Cost of charging in each step, forbidden and locked steps far too dear; False when there is nothing to plan."""
    last, any_heat = batch.energy.shape[2] - 1, False
    for t in range(tank.cost.shape[0]):
        usable = batch.allowed[i, t, last] and batch.dhw_heat[i, t] > 0.0 and t >= locked
        any_heat = any_heat or usable
        own = batch.price[i, t] * batch.energy[i, t, last] / scale
        tank.cost[t] = own + lost[t] if usable else FAR
    return any_heat and batch.tank[i, 1] > 0.0


@compiled
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


@compiled
def _outside(temp: float, low: float, high: float, weight: float, fair: float) -> float:
    """Penalty of a tank temperature; above the band always at the fair weight."""
    return weight * max(low - temp, 0.0) + fair * max(temp - high, 0.0)


@compiled
def _back(batch: Batch, i: int, fair: float, value: float, run_cost: float, tank: Tank) -> float:
    """Fill the rows; the value at the start."""
    steps, rows = tank.cost.shape[0], tank.rows
    for c in range(SIZE):
        rows[steps, 0, c] = rows[steps, 1, c] = -value * (tank.first[steps] + (c - GUARD) * tank.width[steps])
    for t in range(steps - 1, -1, -1):
        landing = batch.tank[i, 0] * tank.first[t] + batch.tank_w[i, t]
        idle_at = (landing - tank.first[t + 1]) / tank.width[t + 1]
        charge_at = (landing + tank.rise[t] - tank.first[t + 1]) / tank.width[t + 1]
        band = (tank.low[t] - landing, landing - tank.high[t], tank.weight[t], fair)
        _backup(rows, 2 * t * SIZE, (idle_at, charge_at), band, (tank.rise[t], tank.width[t + 1]),
                (tank.cost[t], run_cost))  # fmt: skip
    return min(rows[0, 0, GUARD], rows[0, 1, GUARD])


@inlined
def _worth(rows: Array, row: int, at: float, cold: Array, hot: Array, weights: tuple[Array, Array], c: int) -> Array:
    """What follows ``at`` cells on, between two cells, plus the penalty there."""
    left = min(max(int(np.floor(at)), -GUARD), GUARD - 2)
    m, f = row + GUARD + left + c, np.float32(at - left)
    after = plus(times(same(f), load(rows, m + 1)), times(same(np.float32(1.0) - f), load(rows, m)))
    none = same(0.0)
    return plus(times(weights[0], most(cold, none)), plus(times(weights[1], most(hot, none)), after))


@compiled
def _backup(rows: Array, row: int, at: tuple[float, float], band: tuple[float, float, float, float],
            steps_k: tuple[float, float], costs: tuple[float, float]) -> None:  # fmt: skip
    """One Bellman backup into the two rows from element ``row`` on: each cell lands a constant number of cells away,
    ``at`` cells when idle and when charging; ``band`` = distances of cell 0 to the limits, and their weights."""
    weights, (rise, width) = (same(band[2]), same(band[3])), steps_k
    go_on, begin, warmer = same(costs[0]), same(costs[1]), same(rise)
    for c in range(0, CELLS, LANES):
        way = times(load(RAMP, c), same(width))
        cold, hot = minus(same(band[0]), way), plus(same(band[1]), way)
        idle = _worth(rows, row + 2 * SIZE, at[0], cold, hot, weights, c)
        charge = plus(go_on, _worth(rows, row + 3 * SIZE, at[1], minus(cold, warmer), plus(hot, warmer), weights, c))
        store(rows, row + GUARD + c, least(idle, plus(charge, begin)))
        store(rows, row + SIZE + GUARD + c, least(idle, charge))
    _guards(rows, row)
    _guards(rows, row + SIZE)


@inlined
def _guards(rows: Array, row: int) -> None:
    """Beyond the cells, linear on, but never better than at the edge: nothing is won out there."""
    low, high, none = row + GUARD, row + GUARD + CELLS - 1, np.float32(0.0)
    first, last = peek(rows, low), peek(rows, high)
    below, above = max(first - peek(rows, low + 1), none), max(last - peek(rows, high - 1), none)
    for g in range(0, GUARD, LANES):
        way = load(RAMP, g)
        store(rows, high + 1 + g, plus(same(last + above), times(way, same(above))))
        store(rows, row + g, plus(same(first + np.float32(GUARD) * below), times(way, same(-below))))


@compiled
def _at(tank: Tank, t: int, row: int, temp: float) -> float:
    """Value before step ``t`` at a temperature, linear between cells and beyond them."""
    at = (temp - tank.first[t]) / tank.width[t] + GUARD
    left = min(max(int(at), 0), tank.rows.shape[2] - 2)
    value = tank.rows[t, row, left]
    return value + (at - left) * (tank.rows[t, row, left + 1] - value)


@compiled
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


@compiled
def plan_tank(batch: Batch, rules: Rules, i: int, scale: float, run_cost: float, tank: Tank, slots: Array) -> None:
    """Fill ``slots`` (step,) with the steps that charge the tank of home ``i``."""
    fair, value = rules.step_h * rules.dhw_penalty / scale, batch.tank[i, 3] / scale
    _lay(batch, i, tank)
    _back(batch, i, fair, value, run_cost, tank)
    _follow(batch, i, fair, run_cost, tank, slots)


@compiled
def _ask_dose(batch: Batch, i: int, begin: int, fair: float, tank: Tank) -> None:
    """Raise the band to the dose temperature in the steps from ``begin`` on."""
    for t in range(begin, min(begin + int(batch.dose[i, 2]), tank.low.shape[0])):
        tank.low[t] = max(batch.tank_low[i, t], batch.dose[i, 1] + 0.05)
        tank.weight[t] = DOSE_WEIGHT * max(fair, 1.0)


@compiled
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
