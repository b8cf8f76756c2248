"""The space-heating dynamic programme of one home: a backward min-plus stencil and an exact forward walk.

The value function lies over the slow mode of the building, one row per run-mode (on for 1..min_on steps, off for
1..min_off steps). Cells shrink with the mode (``width' = a · width``), so that every action shifts all cells by the
same constant and a backup is a two-tap stencil without gathers. Their number is a constant, so that a row is whole
vectors to the compiler. The fast mode follows a nominal trajectory plus the action's own response within the step; the
caller iterates.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from heatfleet.planning.arrays import BIG, Home
from heatfleet.thermal.arrays import Array

CELLS = 64
GUARD = 40  # cells kept on both sides, filled by linear extrapolation
REGRID = 0.6  # cells may shrink to this share before they are laid out anew
f4 = np.float32
FAR, ZERO, ONE = f4(1.0e9), f4(0.0), f4(1.0)
UNIT, COUNT, EDGE = np.uint64(1), np.uint64(CELLS), np.uint64(GUARD)
RAMP = np.arange(CELLS).astype(f4)


class Grid(NamedTuple):
    """Cells of the slow mode before each step, (step+1,): the first and their width [K], and how many more on each
    side the step before may land in."""

    first: Array
    width: Array
    below: Array
    above: Array


class Work(NamedTuple):
    """Memory of one thread."""

    rows: Array  # (step+1, mode, GUARD + CELLS + GUARD) float32, the value function
    moved: Array  # (mode, GUARD + CELLS + GUARD) float32, rows laid on other cells
    turned: Array  # (2, CELLS) float32, best continuation when the step begins a run: on, off
    base: Array  # (action, CELLS) float32, cost of the step itself
    left: Array  # (action,) uint64, the first cell after the step that cell 0 lands on
    share: Array  # (action,) float32, of the cell after it


def work_for(steps: int, modes: int, actions: int) -> Work:
    """Memory for homes of this size."""
    size = CELLS + 2 * GUARD
    return Work(
        np.zeros((steps + 1, modes, size), f4), np.zeros((modes, size), f4), np.zeros((2, CELLS), f4),
        np.zeros((actions, CELLS), f4), np.zeros(actions, np.uint64), np.zeros(actions, f4),
    )  # fmt: skip


def grid_for(steps: int) -> Grid:
    """An empty grid."""
    counts = [np.zeros(steps + 1, np.int64) for _ in range(2)]
    return Grid(np.zeros(steps + 1), np.zeros(steps + 1), *counts)


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
def lay_grid(home: Home, nominal: Array, margin_k: float, grid: Grid) -> None:
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
    _lay_widths(home, most, top, grid)
    _lay_guards(home, grid)


@njit(cache=True, nogil=True)
def _lay_widths(home: Home, most: Array, top: Array, grid: Grid) -> None:
    """Cell widths: shrinking with the mode inside a segment, wide enough for window and largest shift."""
    steps, a = home.heat.shape[0], home.slow[0]
    begin = 0
    while begin <= steps:
        end, shrink = begin, 1.0
        width = 1e-4
        while end <= steps and shrink >= REGRID:
            width = max(width, (top[end] - grid.first[end]) / (CELLS - 1.5) / shrink)
            if end < steps:
                width = max(width, abs(home.slow[1] * most[end]) / (GUARD - 4.0) / shrink)
            end += 1
            shrink *= a
        shrink = 1.0
        for t in range(begin, end):
            grid.width[t] = width * shrink
            shrink *= a
        begin = end


@njit(cache=True, nogil=True)
def _lay_guards(home: Home, grid: Grid) -> None:
    """How far beyond the cells a step may land."""
    grid.below[0] = grid.above[0] = 1
    for t in range(home.heat.shape[0]):
        spacing = home.slow[0] * grid.width[t]
        origin = home.slow[0] * grid.first[t] + home.slow_w[t] - grid.first[t + 1]
        low, high = origin, origin
        for k in range(home.heat.shape[1]):
            low = min(low, origin + home.slow[1] * home.heat[t, k])
            high = max(high, origin + home.slow[1] * home.heat[t, k])
        grid.below[t + 1] = min(max(-int(np.floor(low / spacing)), 1), GUARD)
        grid.above[t + 1] = min(max(int(np.floor(high / spacing)) + 2, 1), GUARD)


@njit(cache=True, nogil=True)
def backward(
    home: Home, grid: Grid, work: Work, nominal: Array, slots: Array, start: float, min_on: int, min_off: int
) -> None:
    """Fill ``work.rows``: the cost still to come from every cell, run-mode and step. ``slots`` (step,) are forced."""
    steps, modes, rows = home.heat.shape[0], min_on + min_off, work.rows
    for mode in range(modes):
        for i in range(CELLS):
            rows[steps, mode, GUARD + i] = f4(-home.slow[3] * (grid.first[steps] + i * grid.width[steps]))
        _extrapolate(rows[steps, mode], grid.below[steps], grid.above[steps])
    for t in range(steps - 1, -1, -1):
        ratio, after = home.slow[0] * grid.width[t] / grid.width[t + 1], rows[t + 1]
        if abs(ratio - 1.0) > 1e-6:
            _relay(after, work.moved, ratio)
            after = work.moved
        _land(home, grid, work, nominal, t, slots[t])
        begin, end = 1, home.heat.shape[1] - 1
        if slots[t]:
            begin, end = end, end + 1
        for mode in range(min_on):
            row = work.turned[0] if mode == 0 else rows[t, mode - 1, GUARD : GUARD + CELLS]
            _best_of(row, work, after[mode], begin, end)
        for mode in range(min_on, modes):
            row = work.turned[1] if mode == min_on else rows[t, mode - 1, GUARD : GUARD + CELLS]
            _best_of(row, work, after[mode], 0, 1)
        _choose(rows[t], work.turned, f4(start), min_on - 1, modes - 1)
        for mode in range(modes):
            _extrapolate(rows[t, mode], grid.below[t], grid.above[t])


@njit(cache=True, nogil=True, forceinline=True)
def _extrapolate(row: Array, below: int, above: int) -> None:
    """Fill ``below`` and ``above`` cells beyond the cells linearly; below, being colder is never better."""
    low, high = GUARD, GUARD + CELLS - 1
    slope = max(row[low] - row[low + 1], ZERO)
    for i in range(1, below + 1):
        row[low - i] = row[low] + f4(i) * slope
    slope = row[high] - row[high - 1]
    for i in range(1, above + 1):
        row[high + i] = row[high] + f4(i) * slope


@njit(cache=True, nogil=True)
def _relay(source: Array, out: Array, ratio: float) -> None:
    """Rows on cells ``ratio`` times as wide, same first cell."""
    for i in range(source.shape[1]):
        at = (i - GUARD) * ratio + GUARD
        left = min(max(int(np.floor(at)), GUARD), GUARD + CELLS - 2)
        share = f4(at - left)
        for mode in range(source.shape[0]):
            out[mode, i] = source[mode, left] + share * (source[mode, left + 1] - source[mode, left])


@njit(cache=True, nogil=True, forceinline=True)
def _land(home: Home, grid: Grid, work: Work, nominal: Array, t: int, slot: bool) -> None:
    """Cost of step ``t`` for each action and cell, and where each action lands; in a forced slot all else is BIG."""
    last, charge = t == home.heat.shape[0] - 1, home.heat.shape[1] - 1
    lowest, spacing = home.slow[0] * grid.first[t] + home.slow_w[t], home.slow[0] * grid.width[t]
    per_k, worth = 1.0 / spacing, home.fast[3] if last else 0.0
    kept = home.fast[0] * nominal[t] + home.fast_w[t]
    for k in range(charge + 1):
        if k > 0 and slot != (k == charge):
            continue
        landing = lowest + home.slow[1] * home.heat[t, k]
        at = (landing - grid.first[t + 1]) * per_k
        left = min(max(int(np.floor(at)), -GUARD), GUARD - 2)
        work.left[k], work.share[k] = np.uint64(GUARD + left), f4(at - left)
        fast = kept + home.fast[1] * home.heat[t, k]
        cost = home.cost[t, k] - worth * fast + (BIG if slot and k == 0 else 0.0)
        indoor = landing + fast
        _fill_base(work.base[k], f4(cost), f4(home.penalty), f4(home.low[t] - indoor), f4(indoor - home.high[t]),
                   f4(spacing))  # fmt: skip


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _fill_base(row: Array, cost: float, weight: float, below: float, above: float, step: float) -> None:
    """Cost of an action plus the penalty where it lands; ``below``, ``above`` = distances to the band at cell 0."""
    for i in range(COUNT):
        way = RAMP[i] * step
        cold, hot = below - way, above + way
        row[i] = cost + weight * ((cold if cold > ZERO else ZERO) + (hot if hot > ZERO else ZERO))


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _best_of(out: Array, work: Work, after: Array, begin: int, end: int) -> None:
    """Best cost of this step by actions ``begin..end-1`` and of all later ones that follow the row ``after``."""
    base, left, share = work.base, work.left, work.share
    for i in range(COUNT):
        out[i] = FAR
    for k in range(begin, end - 1, 2):
        f, g, m, n = share[k], share[k + 1], left[k], left[k + 1]
        e, h = ONE - f, ONE - g
        for i in range(COUNT):
            one = base[k, i] + e * after[m + i] + f * after[m + i + UNIT]
            two = base[k + 1, i] + h * after[n + i] + g * after[n + i + UNIT]
            best = one if one < two else two
            out[i] = best if best < out[i] else out[i]
    if (end - begin) % 2:
        f, m = share[end - 1], left[end - 1]
        e = ONE - f
        for i in range(COUNT):
            one = base[end - 1, i] + e * after[m + i] + f * after[m + i + UNIT]
            out[i] = one if one < out[i] else out[i]


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _choose(rows: Array, turned: Array, start: float, full_on: int, full_off: int) -> None:
    """The two run-modes that may turn: go on as the mode before would have to, or begin a run of the other kind.

    The rows of the other modes are there already: they have no choice but the next mode.
    """
    for i in range(COUNT):
        begun, ended = turned[0, i], turned[1, i]
        on = begun if full_on == 0 else rows[full_on - 1, EDGE + i]
        off = ended if full_off == full_on + 1 else rows[full_off - 1, EDGE + i]
        begun += start
        rows[full_on, EDGE + i] = on if on < ended else ended
        rows[full_off, EDGE + i] = off if off < begun else begun


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
    """Value of a row between its cells, linear on beyond them."""
    left = min(max(int(at), GUARD), GUARD + CELLS - 2)
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
