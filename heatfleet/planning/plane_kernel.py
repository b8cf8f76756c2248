"""The polish: the space-heating programme over both modes of a building whose air warms quicker than its mass.

Coordinates are sheared to (indoor, fast mode by heat): ``u = slow + phi`` with ``phi' = a_fast · phi + b_fast · heat``,
so that the comfort limit lies along the cells of ``u`` whatever ``phi`` is, every action still shifts all cells of a
``phi`` row by a constant, and interpolating between two ``phi`` rows never crosses the limit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from heatfleet.planning.arrays import BIG, Home
from heatfleet.planning.compiled import compiled, inlined
from heatfleet.planning.grid_kernel import CELLS, GUARD, Grid, heat_range, lay_widths
from heatfleet.planning.lanes import aligned, least, load, plus, same, store, times
from heatfleet.planning.space_kernel import (
    FAR,
    ONE,
    SIZE,
    _advance,
    _drift,
    blend,
    choose,
    extrapolate,
    f4,
    fill_base,
)  # fmt: skip
from heatfleet.thermal.arrays import Array

MARGIN_K = 1.0


class Plane(NamedTuple):
    """Memory of one thread; layers are rows of equal ``phi``."""

    rows: Array  # (step+1, layer, mode, GUARD + CELLS + GUARD) float32, the cost to come and the penalty of being there
    moved: Array  # (1, layer, mode, GUARD + CELLS + GUARD) float32
    turned: Array  # (1, 1, 2, CELLS) float32, as in ``space_kernel.Work``
    outside: Array  # (CELLS,) float32, penalty of the cells themselves
    left: Array  # (action,) int64, where cell 0 lands
    layer: Array  # (action,) int64, the lower of the two layers it lands between
    taps: Array  # (action, 3) float32: cost of the action, share of the next cell, and of the layer above
    free: Array  # (step+1,) fast mode without heat [K]
    room: Array  # (2,) largest phi [K], and the distance of two layers


def plane_for(steps: int, modes: int, actions: int, layers: int) -> Plane:
    """Memory for homes of this size."""
    return Plane(
        aligned(steps + 1, layers, modes, SIZE), aligned(1, layers, modes, SIZE), aligned(1, 1, 2, CELLS),
        aligned(CELLS), np.zeros(actions, np.int64), np.zeros(actions, np.int64),
        np.zeros((actions, 3), f4), np.zeros(steps + 1), np.zeros(2),
    )  # fmt: skip


@compiled
def swing_k(home: Home) -> float:
    """How far the fast mode may rise by heat [K]."""
    most = 0.0
    for t in range(home.heat.shape[0]):
        for k in range(home.heat.shape[1]):
            most = max(most, home.heat[t, k])
    return home.fast[1] * most / max(1.0 - home.fast[0], 1e-6)


@compiled
def lay_plane(home: Home, grid: Grid, plane: Plane, used_k: float) -> None:
    """Fill the grid of ``u`` (the reachable part of the band and its margin) and the layers of ``phi``."""
    steps, layers = home.heat.shape[0], plane.rows.shape[1]
    plane.room[0] = max(min(swing_k(home), used_k), 1e-3)
    plane.room[1] = plane.room[0] / (layers - 1)
    most, top = grid.room[0], grid.room[1]
    plane.free[0] = home.fast[2]
    cold, hot, phi = home.slow[2], home.slow[2], 0.0
    grid.first[0] = top[0] = cold
    for t in range(steps):
        least, full = heat_range(home, t)
        plane.free[t + 1] = home.fast[0] * plane.free[t] + home.fast_w[t]
        cold = home.slow[0] * cold + home.slow[1] * least + home.slow_w[t]
        hot = home.slow[0] * hot + home.slow[1] * full + home.slow_w[t]
        phi = home.fast[0] * phi + home.fast[1] * full
        highest, free = hot + phi, plane.free[t + 1]
        grid.first[t + 1] = max(cold, min(home.low[t] - free, highest) - MARGIN_K)
        top[t + 1] = max(min(highest, max(home.high[t] - free, cold) + MARGIN_K), grid.first[t + 1])
        heat = (home.slow[1] + home.fast[1]) * full
        most[t] = max(heat, (home.slow[0] - home.fast[0]) * plane.room[0]) / max(abs(home.slow[1]), 1e-9)
    lay_widths(home, most, top, grid)
    for t in range(1, steps + 1):
        limit = home.low[t - 1] - plane.free[t]  # the kink of the penalty lies on a cell: exact between cells
        grid.first[t] = limit - np.ceil((limit - grid.first[t]) / grid.width[t]) * grid.width[t]
    _lay_plane_guards(home, grid, plane)


@compiled
def _lay_plane_guards(home: Home, grid: Grid, plane: Plane) -> None:
    """How far beyond the cells a step may land, from the lowest layer without heat to the highest with all of it."""
    grid.below[0] = grid.above[0] = 1
    cooling = (home.fast[0] - home.slow[0]) * plane.room[0]
    for t in range(home.heat.shape[0]):
        spacing = home.slow[0] * grid.width[t]
        origin = home.slow[0] * grid.first[t] + home.slow_w[t] - grid.first[t + 1]
        low, high = origin, origin
        for k in range(home.heat.shape[1]):
            low = min(low, origin + (home.slow[1] + home.fast[1]) * home.heat[t, k])
            high = max(high, origin + (home.slow[1] + home.fast[1]) * home.heat[t, k])
        low, high = low + min(cooling, 0.0), high + max(cooling, 0.0)
        grid.below[t + 1] = min(max(-int(np.floor(low / spacing)), 1), GUARD)
        grid.above[t + 1] = min(max(int(np.floor(high / spacing)) + 2, 1), GUARD)


@compiled
def _relay_plane(after: Array, moved: Array, ratio: float) -> None:
    """Layers on cells ``ratio`` times as wide, same first cell."""
    for i in range(after.shape[2]):
        at = (i - GUARD) * ratio + GUARD
        left = min(max(int(np.floor(at)), GUARD), GUARD + CELLS - 2)
        share = f4(at - left)
        for j in range(after.shape[0]):
            for mode in range(after.shape[1]):
                value = after[j, mode, left]
                moved[j, mode, i] = value + share * (after[j, mode, left + 1] - value)


@compiled
def plane_backward(home: Home, grid: Grid, plane: Plane, slots: Array, start: float, min_on: int, min_off: int) -> None:
    """Fill ``plane.rows``: the cost still to come from every cell, layer, run-mode and step."""
    steps, layers, modes, rows = home.heat.shape[0], plane.rows.shape[1], min_on + min_off, plane.rows
    _terminal(home, grid, plane, steps, modes)
    for t in range(steps - 1, -1, -1):
        ratio, after, then = home.slow[0] * grid.width[t] / grid.width[t + 1], rows, (t + 1) * layers * modes
        if abs(ratio - 1.0) > 1e-6:
            _relay_plane(rows[t + 1], plane.moved[0], ratio)
            after, then = plane.moved, 0
        _be_outside(home, grid, plane, t)
        begin, end = 1, home.heat.shape[1] - 1
        if slots[t]:
            begin, end = end, end + 1
        for j in range(layers):
            now = (t * layers + j) * modes
            _land_layer(home, grid, plane, t, j, slots[t])
            for mode in range(modes):
                first, last = (begin, end) if mode < min_on else (0, 1)
                turns = mode in (0, min_on)
                out = plane.turned if turns else rows
                to = (CELLS if mode else 0) if turns else (now + mode - 1) * SIZE + GUARD
                _best_of_plane(out, to, plane, after, (then + mode) * SIZE, modes * SIZE, first, last)
            choose(rows, now, plane.turned, start, min_on - 1, modes - 1)
            for mode in range(modes):
                extrapolate(rows, (now + mode) * SIZE, grid.below[t], grid.above[t])


@compiled
def _terminal(home: Home, grid: Grid, plane: Plane, steps: int, modes: int) -> None:
    """Minus the value of the heat stored at the end, and the penalty of the last state."""
    _be_outside(home, grid, plane, steps)
    layers = plane.rows.shape[1]
    for j in range(layers):
        phi = j * plane.room[1]
        for mode in range(modes):
            for i in range(CELLS):
                slow = grid.first[steps] + i * grid.width[steps] - phi
                worth = home.slow[3] * slow + home.fast[3] * (plane.free[steps] + phi)
                plane.rows[steps, j, mode, GUARD + i] = plane.outside[i] - f4(worth)
            extrapolate(plane.rows, ((steps * layers + j) * modes + mode) * SIZE, grid.below[steps], grid.above[steps])


@inlined
def _land_layer(home: Home, grid: Grid, plane: Plane, t: int, j: int, slot: bool) -> None:
    """Cost of step ``t`` for each action, and where each lands from layer ``j``; in a forced slot all else is BIG."""
    charge, layers, phi = home.heat.shape[1] - 1, plane.rows.shape[1], j * plane.room[1]
    per_k, per_layer = 1.0 / (home.slow[0] * grid.width[t]), 1.0 / plane.room[1]
    lowest = home.slow[0] * (grid.first[t] - phi) + home.slow_w[t] - grid.first[t + 1]
    for k in range(charge + 1):
        rise = home.fast[0] * phi + home.fast[1] * home.heat[t, k]
        at, up = (lowest + home.slow[1] * home.heat[t, k] + rise) * per_k, min(max(rise * per_layer, 0.0), layers - 1.0)
        left, layer = min(max(int(np.floor(at)), -GUARD), GUARD - 2), min(int(up), layers - 2)
        plane.left[k], plane.layer[k] = GUARD + left, layer
        plane.taps[k, 0] = home.cost[t, k] + (BIG if slot and k == 0 else 0.0)
        plane.taps[k, 1], plane.taps[k, 2] = at - left, up - layer


@inlined
def _be_outside(home: Home, grid: Grid, plane: Plane, t: int) -> None:
    """The penalty of the cells before step ``t``, which is that of step ``t - 1``; none before the first step."""
    if t == 0:
        fill_base(plane.outside, 0, 0.0, 0.0, 0.0, 0.0, 0.0)
        return
    first = grid.first[t] + plane.free[t]
    fill_base(plane.outside, 0, 0.0, home.penalty, home.low[t - 1] - first, first - home.high[t - 1], grid.width[t])


@inlined
def _between(after: Array, m: int, n: int, low: Array, high: Array) -> Array:
    """A vector of what lies between two layers."""
    return plus(times(high, load(after, n)), times(low, load(after, m)))


@inlined
def _best_of_plane(out: Array, to: int, plane: Plane, after: Array, row: int, layer: int, begin: int, end: int) -> None:
    """As ``space_kernel._best_of``, between two layers; ``layer`` = elements from a layer to the next."""
    outside, a = plane.outside, same(FAR)
    b, c = a, a
    for k in range(begin, end):
        m = row + plane.layer[k] * layer + plane.left[k]
        n, f, g, cost = m + layer, plane.taps[k, 1], plane.taps[k, 2], same(plane.taps[k, 0])
        left, right, lower, upper = same(ONE - f), same(f), same(ONE - g), same(g)
        p = _between(after, m, n, lower, upper)
        q = _between(after, m + 16, n + 16, lower, upper)
        a = least(blend(cost, p, q, left, right), a)
        p = _between(after, m + 32, n + 32, lower, upper)
        b = least(blend(cost, q, p, left, right), b)
        q = _between(after, m + 48, n + 48, lower, upper)
        c = least(blend(cost, p, q, left, right), c)
    store(out, to, plus(a, load(outside, 0)))
    store(out, to + 16, plus(b, load(outside, 16)))
    store(out, to + 32, plus(c, load(outside, 32)))


@compiled
def _read(rows: Array, mode: int, at: float, up: float) -> float:
    """Value between cells and layers."""
    left = min(max(int(at), GUARD), GUARD + CELLS - 2)
    layer = min(max(int(up), 0), rows.shape[0] - 2)
    f, g = at - left, min(max(up - layer, 0.0), 1.0)
    lower = rows[layer, mode, left] + f * (rows[layer, mode, left + 1] - rows[layer, mode, left])
    upper = rows[layer + 1, mode, left] + f * (rows[layer + 1, mode, left + 1] - rows[layer + 1, mode, left])
    return lower + g * (upper - lower)


@compiled
def _values(home: Home, grid: Grid, plane: Plane, t: int, x: Array, modes_after: tuple[int, int], out: Array) -> float:
    """Value of every action into ``out``: 0 leads to ``modes_after[0]``, others to ``[1]``; the fast mode's drift."""
    slow, fast = _drift(home, t, x)
    rows, free = plane.rows[t + 1], plane.free[t + 1]
    for k in range(out.shape[0]):
        y, f = slow + home.slow[1] * home.heat[t, k], fast + home.fast[1] * home.heat[t, k]
        at = (y + f - free - grid.first[t + 1]) / grid.width[t + 1] + GUARD
        out[k] = home.cost[t, k] + _read(rows, modes_after[0 if k == 0 else 1], at, (f - free) / plane.room[1])
    return fast


@compiled
def plane_walk(home: Home, grid: Grid, plane: Plane, slots: Array, start: float, mode: int, min_on: int, min_off: int,
               nominal: Array, action: Array, lost: Array) -> None:  # fmt: skip
    """As ``space_kernel.walk``, on the plane."""
    charge, n = home.heat.shape[1] - 1, home.x0.shape[0]
    x, value = grid.room[6, :n], grid.room[7, : charge + 1]
    for j in range(n):
        x[j] = home.x0[j]
    full_on, full_off = min_on - 1, min_on + min_off - 1
    for t in range(action.shape[0]):
        may_stop, may_run = mode >= full_on, mode < min_on or mode == full_off
        idle = min(mode + 1, full_off) if mode >= min_on else min_on
        onward = min(mode + 1, full_on) if mode < min_on else 0
        fast = _values(home, grid, plane, t, x, (idle, onward), value)
        extra = 0.0 if mode < min_on else start
        k, running = 0, 1e18
        for other in range(1, charge):
            if may_run and value[other] < running:
                k, running = other, value[other]
        resting = value[0] if may_stop else 1e18
        lost[t] = value[charge] + extra - home.cost[t, charge] - min(running + extra, resting)
        if slots[t] and may_run:
            k, running = charge, value[charge]
            resting += BIG
        k, mode = (0, idle) if resting <= running + extra else (k, onward)
        _advance(home, t, k, x)
        nominal[t + 1] = fast + home.fast[1] * home.heat[t, k]
        action[t] = k
