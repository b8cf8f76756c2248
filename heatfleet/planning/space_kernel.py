"""The space-heating dynamic programme of one home: a backward min-plus stencil and an exact forward walk.

The value function lies over the slow mode of the building, one row per run-mode (on for 1..min_on steps, off for
1..min_off steps). Cells shrink with the mode (``width' = a · width``), so that every action shifts all cells by the
same constant and a backup is a two-tap stencil without gathers. The fast mode follows a nominal trajectory plus the
action's own response within the step; the caller iterates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from heatfleet.planning.arrays import BIG, Home
from heatfleet.thermal.arrays import Array

GUARD = 40  # cells kept on both sides, filled by linear extrapolation
REGRID = 0.6  # cells may shrink to this share before they are laid out anew
f4 = np.float32
FAR = f4(1.0e9)
ONE = f4(1.0)


class Grid(NamedTuple):
    """Cells of the slow mode before each step: first cell and width [K], how many are used; (step+1,)."""

    first: Array
    width: Array
    count: Array


class Work(NamedTuple):
    """Memory of one thread."""

    rows: Array  # (step+1, mode, cell) float32, the value function
    moved: Array  # (mode, cell) float32, a row laid on other cells
    target: Array  # (mode, cell) float32, best continuation into each mode
    base: Array  # (action, cell) float32, cost of the step itself
    shift: Array  # (action,) int64
    share: Array  # (action,) float32


def work_for(steps: int, modes: int, actions: int, cells: int) -> Work:
    """Memory for homes of this size."""
    size = cells + 2 * GUARD
    return Work(
        np.zeros((steps + 1, modes, size), f4), np.zeros((modes, size), f4), np.zeros((modes, size), f4),
        np.zeros((actions, size), f4), np.zeros(actions, np.int64), np.zeros(actions, f4),
    )  # fmt: skip


def grid_for(steps: int) -> Grid:
    """An empty grid."""
    return Grid(np.zeros(steps + 1), np.zeros(steps + 1), np.zeros(steps + 1, np.int64))


@njit(cache=True, nogil=True)
def _heat_range(home: Home, t: int) -> tuple[float, float]:
    """Least and most allowed heat of step ``t`` [kW]."""
    low, high = 1e9, -1e9
    for k in range(home.heat.shape[1]):
        if home.allowed[t, k]:
            low, high = min(low, home.heat[t, k]), max(high, home.heat[t, k])
    if high < low:
        for k in range(home.heat.shape[1]):
            low, high = min(low, home.heat[t, k]), max(high, home.heat[t, k])
    return low, high


@njit(cache=True, nogil=True)
def lay_grid(home: Home, nominal: Array, margin_k: float, cells: int, grid: Grid) -> None:
    """Fill ``grid`` with the states that are reachable and worth a look.

    Below, a state is worth a look when full heat still reaches the band; above, when it cools down into it in time;
    both ± ``margin_k`` [K].
    """
    steps = home.heat.shape[0]
    a, b = home.slow[0], home.slow[1]
    coldest, hottest = np.empty(steps + 1), np.empty(steps + 1)
    least, most = np.empty(steps), np.empty(steps)
    coldest[0] = hottest[0] = home.slow[2]
    for t in range(steps):
        least[t], most[t] = _heat_range(home, t)
        coldest[t + 1] = a * coldest[t] + b * least[t] + home.slow_w[t]
        hottest[t + 1] = a * hottest[t] + b * most[t] + home.slow_w[t]
    need, top = np.empty(steps + 1), np.empty(steps + 1)
    need[steps], top[steps] = -1e9, 1e9
    for t in range(steps - 1, -1, -1):
        need[t + 1] = max(home.low[t] - nominal[t + 1], need[t + 1])
        top[t + 1] = min(home.high[t] - nominal[t + 1], top[t + 1])
        need[t] = (need[t + 1] - home.slow_w[t] - b * most[t]) / a
        top[t] = (top[t + 1] - home.slow_w[t] - b * least[t]) / a
    for t in range(steps + 1):
        low = max(coldest[t], min(need[t], hottest[t]) - margin_k)
        if t:
            low = max(low, a * grid.first[t - 1] + home.slow_w[t - 1] + b * least[t - 1])
        grid.first[t] = low
        top[t] = max(min(hottest[t], max(top[t], coldest[t]) + margin_k), low)
    _lay_widths(home, most, top, cells, grid)


@njit(cache=True, nogil=True)
def _lay_widths(home: Home, most: Array, top: Array, cells: int, grid: Grid) -> None:
    """Cell widths: shrinking with the mode inside a segment, wide enough for window and largest shift."""
    steps, a = home.heat.shape[0], home.slow[0]
    begin = 0
    while begin <= steps:
        end, shrink = begin, 1.0
        width = 1e-4
        while end <= steps and shrink >= REGRID:
            width = max(width, (top[end] - grid.first[end]) / (cells - 1.5) / shrink)
            if end < steps:
                width = max(width, abs(home.slow[1] * most[end]) / (GUARD - 4.0) / shrink)
            end += 1
            shrink *= a
        shrink = 1.0
        for t in range(begin, end):
            grid.width[t] = width * shrink
            grid.count[t] = min(cells, int((top[t] - grid.first[t]) / grid.width[t]) + 2)
            shrink *= a
        begin = end


@njit(cache=True, nogil=True)
def backward(
    home: Home, grid: Grid, work: Work, nominal: Array, slots: Array, start: float, min_on: int, min_off: int
) -> None:
    """Fill ``work.rows``: the cost still to come from every cell, run-mode and step. ``slots`` (step,) are forced."""
    steps = home.heat.shape[0]
    rows = work.rows
    for i in range(grid.count[steps]):
        value = -home.slow[3] * (grid.first[steps] + i * grid.width[steps])
        for mode in range(min_on + min_off):
            rows[steps, mode, GUARD + i] = f4(value)
    for mode in range(min_on + min_off):
        _extrapolate(rows[steps, mode], grid.count[steps])
    for t in range(steps - 1, -1, -1):
        spacing = home.slow[0] * grid.width[t]
        after = rows[t + 1]
        if abs(spacing / grid.width[t + 1] - 1.0) > 1e-6:
            _relay(after, work.moved, spacing / grid.width[t + 1], grid.count[t + 1])
            after = work.moved
        _land(home, grid, work, nominal, t, spacing)
        _continue(work, after, slots[t], grid.count[t], min_on, min_off)
        _decide(rows[t], work.target, f4(start), f4(BIG) if slots[t] else f4(0.0), grid.count[t], min_on, min_off)


@njit(cache=True, nogil=True, fastmath=True)
def _extrapolate(row: Array, count: int) -> None:
    """Fill both guards linearly from the outermost cells; below, being colder is never better."""
    low, high = GUARD, GUARD + count - 1
    edge, top = row[low], row[high]
    below = max(edge - row[low + 1], f4(0.0)) if count > 1 else f4(0.0)
    above = top - row[high - 1] if count > 1 else f4(0.0)
    for i in range(GUARD):
        row[i] = edge + f4(GUARD - i) * below
    for i in range(high + 1, row.shape[0]):
        row[i] = top + f4(i - high) * above


@njit(cache=True, nogil=True)
def _relay(source: Array, out: Array, ratio: float, count: int) -> None:
    """Rows on cells ``ratio`` times as wide, same first cell."""
    size = source.shape[1]
    for i in range(size):
        at = (i - GUARD) * ratio + GUARD
        left = min(max(int(np.floor(at)), 0), size - 2)
        share = f4(at - left)
        for mode in range(source.shape[0]):
            out[mode, i] = source[mode, left] + share * (source[mode, left + 1] - source[mode, left])


@njit(cache=True, nogil=True, fastmath=True)
def _land(home: Home, grid: Grid, work: Work, nominal: Array, t: int, spacing: float) -> None:
    """Cost of step ``t`` for each action and cell, and where each action lands."""
    last = t == home.heat.shape[0] - 1
    size, lowest = work.base.shape[1], home.slow[0] * grid.first[t] + home.slow_w[t]
    for k in range(home.heat.shape[1]):
        landing = lowest + home.slow[1] * home.heat[t, k]
        at = (landing - grid.first[t + 1]) / spacing
        left = int(np.floor(at))
        work.share[k] = f4(at - left)
        work.shift[k] = min(max(left, -GUARD), size - GUARD - 2 - grid.count[t])
        fast = home.fast[0] * nominal[t] + home.fast[1] * home.heat[t, k] + home.fast_w[t]
        cost = f4(home.cost[t, k] - (home.fast[3] * fast if last else 0.0))
        below, above = f4(home.low[t] - landing - fast), f4(landing + fast - home.high[t])
        step, weight, row = f4(spacing), f4(home.penalty), work.base[k]
        for i in range(grid.count[t]):
            way = f4(i) * step
            row[i] = cost + weight * (max(below - way, f4(0.0)) + max(above + way, f4(0.0)))


@njit(cache=True, nogil=True, fastmath=True)
def _stencil(out: Array, base: Array, row: Array, share: float, count: int) -> None:
    """``out = min(out, base + (1-share)·row[i] + share·row[i+1])``: the whole Bellman backup."""
    rest = ONE - share
    for i in range(count):
        value = base[i] + rest * row[i] + share * row[i + 1]
        out[i] = value if value < out[i] else out[i]


@njit(cache=True, nogil=True, fastmath=True)
def _continue(work: Work, after: Array, slot: bool, count: int, min_on: int, min_off: int) -> None:
    """``work.target[mode]``: best cost of this step and all later ones when the step ends in ``mode``."""
    last = work.base.shape[0] - 1
    begin, end = (last, last + 1) if slot else (1, last)
    for mode in range(min_on + min_off):
        out = work.target[mode]
        for i in range(count):
            out[i] = FAR
        low, high = (begin, end) if mode < min_on else (0, 1)
        for k in range(low, high):
            row = after[mode, GUARD + work.shift[k] :]
            _stencil(out, work.base[k], row, work.share[k], count)


@njit(cache=True, nogil=True, fastmath=True)
def _decide(rows: Array, target: Array, start: float, skip: float, count: int, min_on: int, min_off: int) -> None:
    """Rows before the step from the continuations after it; being off in a forced slot costs ``skip``."""
    full_on, full_off = min_on - 1, min_on + min_off - 1
    for mode in range(min_on - 1):
        for i in range(count):
            rows[mode, GUARD + i] = target[mode + 1, i]
    for mode in range(min_on, full_off):
        for i in range(count):
            rows[mode, GUARD + i] = target[mode + 1, i] + skip
    for i in range(count):
        rows[full_on, GUARD + i] = min(target[full_on, i], target[min_on, i] + skip)
        rows[full_off, GUARD + i] = min(target[full_off, i] + skip, target[0, i] + start)
    for mode in range(min_on + min_off):
        _extrapolate(rows[mode], count)


@njit(cache=True, nogil=True)
def _drift(home: Home, t: int, x: Array) -> tuple[float, float]:
    """Slow and fast mode after step ``t`` without heat, from the true state ``x`` (n,)."""
    slow = fast = 0.0
    for j in range(x.shape[0]):
        after = home.w[t, j]
        for m in range(x.shape[0]):
            after += home.a[j, m] * x[m]
        slow += home.rows[0, j] * after
        fast += home.rows[1, j] * after
    return slow, fast


@njit(cache=True, nogil=True)
def _advance(home: Home, t: int, k: int, x: Array) -> None:
    """Move the true state one step on."""
    old, heat = x[0], home.heat[t, k]
    for j in range(x.shape[0]):
        after = home.b[j] * heat + home.w[t, j] + home.a[j, 0] * old
        x[j] = after + (home.a[j, 1] * x[1] if x.shape[0] == 2 else 0.0)


@njit(cache=True, nogil=True)
def _look_ahead(home: Home, grid: Grid, t: int, x: Array, here: Array, at: Array) -> tuple[float, float]:
    """Cost of each action now into ``here`` (action,), its place in the next rows into ``at``; the drift."""
    slow, fast = _drift(home, t, x)
    to_slow, to_fast, first, per_k = home.slow[1], home.fast[1], grid.first[t + 1], 1.0 / grid.width[t + 1]
    heat, cost, low, high, penalty = home.heat[t], home.cost[t], home.low[t], home.high[t], home.penalty
    worth = home.fast[3] if t == home.heat.shape[0] - 1 else 0.0
    for k in range(here.shape[0]):
        y, f = slow + to_slow * heat[k], fast + to_fast * heat[k]
        here[k] = cost[k] + penalty * (max(low - y - f, 0.0) + max(y + f - high, 0.0)) - worth * f
        at[k] = (y - first) * per_k + GUARD
    return slow, fast


@njit(cache=True, nogil=True)
def _read(row: Array, at: float) -> float:
    """Value of a row between its cells."""
    left = min(max(int(at), 0), row.shape[0] - 2)
    return row[left] + (at - left) * (row[left + 1] - row[left])


@njit(cache=True, nogil=True)
def _cheapest(here: Array, at: Array, row: Array, begin: int, end: int) -> tuple[int, float]:
    """The best action among ``begin..end-1`` when all lead to the same row, and its value."""
    action, best = begin, 1e18
    for k in range(begin, end):
        value = here[k] + _read(row, at[k])
        if value < best:
            action, best = k, value
    return action, best


@njit(cache=True, nogil=True)
def walk(home: Home, grid: Grid, rows: Array, slots: Array, start: float, mode: int, min_on: int, min_off: int,
         nominal: Array, action: Array, lost: Array) -> None:  # fmt: skip
    """Follow the value function from the true start: fills ``action``, the fast mode in ``nominal``, and ``lost``.

    ``lost`` (step,) is what space heating loses if this step charges the tank: the value of charging here minus the
    best value without, evaluated in forced slots too (otherwise a surcharge would be zero exactly there).
    """
    x, charge = home.x0.copy(), home.heat.shape[1] - 1
    here, at = np.empty(charge + 1), np.empty(charge + 1)
    full_on, full_off = min_on - 1, min_on + min_off - 1
    for t in range(action.shape[0]):
        _, fast = _look_ahead(home, grid, t, x, here, at)
        may_stop, may_run = mode >= full_on, mode < min_on or mode == full_off
        idle = min(mode + 1, full_off) if mode >= min_on else min_on
        onward = min(mode + 1, full_on) if mode < min_on else 0
        extra = 0.0 if mode < min_on else start
        k, running = _cheapest(here, at, rows[t + 1, onward], 1, charge) if may_run else (0, 1e18)
        resting = here[0] + _read(rows[t + 1, idle], at[0]) if may_stop else 1e18
        charging = here[charge] + _read(rows[t + 1, onward], at[charge]) + extra
        lost[t] = charging - home.cost[t, charge] - min(running + extra, resting)
        if slots[t] and may_run:
            k, running = charge, charging - extra
            resting += BIG
        k, mode = (0, idle) if resting <= running + extra else (k, onward)
        _advance(home, t, k, x)
        nominal[t + 1] = fast + home.fast[1] * home.heat[t, k]
        action[t] = k
