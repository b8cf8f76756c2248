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

from heatfleet.planning.arrays import BIG, Home
from heatfleet.planning.compiled import compiled, inlined
from heatfleet.planning.grid_kernel import CELLS, GUARD, Grid
from heatfleet.planning.lanes import LANES, after_first, aligned, least, load, most, peek, plus, same, store, times
from heatfleet.thermal.arrays import Array

f4 = np.float32
FAR, ZERO, ONE = f4(1.0e9), f4(0.0), f4(1.0)
SIZE = CELLS + 2 * GUARD
RAMP = np.arange(CELLS).astype(f4)


class Work(NamedTuple):
    """Memory of one thread."""

    rows: Array  # (step+1, mode, GUARD + CELLS + GUARD) float32, the value function
    moved: Array  # (1, mode, GUARD + CELLS + GUARD) float32, rows laid on other cells
    turned: Array  # (1, 2, CELLS) float32, best continuation when the step begins a run: on, off
    base: Array  # (action, CELLS) float32, cost of the step itself
    left: Array  # (action,) int64, the first cell after the step that cell 0 lands on
    share: Array  # (action,) float32, of the cell after it


def work_for(steps: int, modes: int, actions: int) -> Work:
    """Memory for homes of this size."""
    return Work(
        aligned(steps + 1, modes, SIZE), aligned(1, modes, SIZE), aligned(1, 2, CELLS), aligned(actions, CELLS),
        np.zeros(actions, np.int64), np.zeros(actions, f4),
    )  # fmt: skip


@compiled
def backward(
    home: Home, grid: Grid, work: Work, nominal: Array, slots: Array, start: float, min_on: int, min_off: int
) -> None:
    """Fill ``work.rows``: the cost still to come from every cell, run-mode and step. ``slots`` (step,) are forced."""
    steps, modes, rows = home.heat.shape[0], min_on + min_off, work.rows
    for mode in range(modes):
        for i in range(CELLS):
            rows[steps, mode, GUARD + i] = f4(-home.slow[3] * (grid.first[steps] + i * grid.width[steps]))
        extrapolate(rows, (steps * modes + mode) * SIZE, grid.below[steps], grid.above[steps])
    for t in range(steps - 1, -1, -1):
        ratio, after, then, now = home.slow[0] * grid.width[t] / grid.width[t + 1], rows, (t + 1) * modes, t * modes
        if abs(ratio - 1.0) > 1e-6:
            _relay(rows[t + 1], work.moved[0], ratio)
            after, then = work.moved, 0
        _land(home, grid, work, nominal, t, slots[t])
        begin, end = 1, home.heat.shape[1] - 1
        if slots[t]:
            begin, end = end, end + 1
        for mode in range(modes):
            first, last = (begin, end) if mode < min_on else (0, 1)
            turns = mode in (0, min_on)
            out = work.turned if turns else rows
            to = (CELLS if mode else 0) if turns else (now + mode - 1) * SIZE + GUARD
            _best_of(out, to, work, after, (then + mode) * SIZE, first, last)
        choose(rows, now, work.turned, start, min_on - 1, modes - 1)
        for mode in range(modes):
            extrapolate(rows, (now + mode) * SIZE, grid.below[t], grid.above[t])


@inlined
def extrapolate(rows: Array, row: int, below: int, above: int) -> None:
    """Fill at least ``below`` and ``above`` cells beyond those of the row that begins at element ``row`` linearly;
    below, being colder is never better."""
    low, high = row + GUARD, row + GUARD + CELLS - 1
    value = peek(rows, low)
    slope = max(value - peek(rows, low + 1), ZERO)
    way = plus(same(value + f4(LANES) * slope), times(load(RAMP, 0), same(-slope)))
    for i in range(0, below, LANES):
        store(rows, low - LANES - i, plus(way, same(f4(i) * slope)))
    value = peek(rows, high)
    slope = value - peek(rows, high - 1)
    way = plus(same(value + slope), times(load(RAMP, 0), same(slope)))
    for i in range(0, above, LANES):
        store(rows, high + 1 + i, plus(way, same(f4(i) * slope)))


@compiled
def _relay(source: Array, out: Array, ratio: float) -> None:
    """Rows on cells ``ratio`` times as wide, same first cell."""
    for i in range(source.shape[1]):
        at = (i - GUARD) * ratio + GUARD
        left = min(max(int(np.floor(at)), GUARD), GUARD + CELLS - 2)
        share = f4(at - left)
        for mode in range(source.shape[0]):
            out[mode, i] = source[mode, left] + share * (source[mode, left + 1] - source[mode, left])


@inlined
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
        work.left[k], work.share[k] = GUARD + left, f4(at - left)
        fast = kept + home.fast[1] * home.heat[t, k]
        cost = home.cost[t, k] - worth * fast + (BIG if slot and k == 0 else 0.0)
        indoor = landing + fast
        fill_base(work.base, k, cost, home.penalty, home.low[t] - indoor, indoor - home.high[t], spacing)


@inlined
def fill_base(base: Array, k: int, cost: float, weight: float, below: float, above: float, step: float) -> None:
    """Cost of action ``k`` plus the penalty where it lands; ``below``, ``above`` = distances to the band at cell 0."""
    none, slope = same(ZERO), same(weight)
    for i in range(0, CELLS, LANES):
        way = load(RAMP, i)
        cold = most(plus(same(below), times(way, same(-step))), none)
        hot = most(plus(same(above), times(way, same(step))), none)
        store(base, k * CELLS + i, plus(same(cost), times(slope, plus(cold, hot))))


@inlined
def blend(cost: Array, here: Array, next_: Array, left: Array, right: Array) -> Array:
    """Cost of the step, plus what follows it between the cells of ``here`` and those one further on."""
    return plus(times(right, after_first(here, next_)), plus(times(left, here), cost))


@inlined
def _best_of(out: Array, to: int, work: Work, after: Array, row: int, begin: int, end: int) -> None:
    """Best cost of this step by actions ``begin..end-1`` and of all later ones that follow the row ``after``.

    Written to ``out`` from element ``to`` on. Three vectors are the 48 cells: they stay in registers.
    """
    base, a = work.base, same(FAR)
    b, c = a, a
    for k in range(begin, end):
        left, right, m, at = same(ONE - work.share[k]), same(work.share[k]), row + work.left[k], k * CELLS
        p, q = load(after, m), load(after, m + 16)
        a = least(blend(load(base, at), p, q, left, right), a)
        p = load(after, m + 32)
        b = least(blend(load(base, at + 16), q, p, left, right), b)
        q = load(after, m + 48)
        c = least(blend(load(base, at + 32), p, q, left, right), c)
    store(out, to, a)
    store(out, to + 16, b)
    store(out, to + 32, c)


@inlined
def choose(rows: Array, row: int, turned: Array, start: float, full_on: int, full_off: int) -> None:
    """The two run-modes that may turn: go on as the mode before would have to, or begin a run of the other kind.

    The rows of the other modes are there already: they have no choice but the next mode. ``row`` is that of mode 0.
    """
    price, to_on, to_off = same(start), (row + full_on) * SIZE + GUARD, (row + full_off) * SIZE + GUARD
    for i in range(0, CELLS, LANES):
        begun, ended = load(turned, i), load(turned, CELLS + i)
        on = begun if full_on == 0 else load(rows, to_on - SIZE + i)
        off = ended if full_off == full_on + 1 else load(rows, to_off - SIZE + i)
        store(rows, to_on + i, least(on, ended))
        store(rows, to_off + i, least(off, plus(begun, price)))


@compiled
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


@compiled
def _advance(home: Home, t: int, k: int, x: Array) -> None:
    """Move the true state one step on."""
    old, heat = x[0], home.heat[t, k]
    for j in range(x.shape[0]):
        after = home.b[j] * heat + home.w[t, j] + home.a[j, 0] * old
        x[j] = after + (home.a[j, 1] * x[1] if x.shape[0] == 2 else 0.0)


@compiled
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


@compiled
def _read(row: Array, at: float) -> float:
    """Value of a row between its cells, linear on beyond them."""
    left = min(max(int(at), GUARD), GUARD + CELLS - 2)
    return row[left] + (at - left) * (row[left + 1] - row[left])


@compiled
def _cheapest(here: Array, at: Array, row: Array, begin: int, end: int) -> tuple[int, float]:
    """The best action among ``begin..end-1`` when all lead to the same row, and its value."""
    action, best = begin, 1e18
    for k in range(begin, end):
        value = here[k] + _read(row, at[k])
        if value < best:
            action, best = k, value
    return action, best


@compiled
def walk(home: Home, grid: Grid, rows: Array, slots: Array, start: float, mode: int, min_on: int, min_off: int,
         nominal: Array, action: Array, lost: Array) -> None:  # fmt: skip
    """Follow the value function from the true start: fills ``action``, the fast mode in ``nominal``, and ``lost``.

    ``lost`` (step,) is what space heating loses if this step charges the tank: the value of charging here minus the
    best value without, evaluated in forced slots too (otherwise a surcharge would be zero exactly there).
    """
    charge, n = home.heat.shape[1] - 1, home.x0.shape[0]
    x, here, at = grid.room[6, :n], grid.room[7, : charge + 1], grid.room[8, : charge + 1]
    for j in range(n):
        x[j] = home.x0[j]
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
