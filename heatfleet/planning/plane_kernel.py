"""The polish: the space-heating programme over both modes of a building whose air warms quicker than its mass.

Coordinates are sheared to (indoor, fast mode by heat): ``u = slow + phi`` with ``phi' = a_fast · phi + b_fast · heat``,
so that the comfort limit lies along the cells of ``u`` whatever ``phi`` is, every action still shifts all cells of a
``phi`` row by a constant, and interpolating between two ``phi`` rows never crosses the limit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from heatfleet.planning.arrays import BIG, Home
from heatfleet.planning.space_kernel import (
    CELLS,
    COUNT,
    FAR,
    GUARD,
    ONE,
    UNIT,
    Grid,
    _advance,
    _choose,
    _drift,
    _extrapolate,
    _fill_base,
    _heat_range,
    _lay_widths,
    f4,
)  # fmt: skip
from heatfleet.thermal.arrays import Array

MARGIN_K = 1.0


class Plane(NamedTuple):
    """Memory of one thread; layers are rows of equal ``phi``."""

    rows: Array  # (step+1, layer, mode, GUARD + CELLS + GUARD) float32, the value function
    moved: Array  # (layer, mode, GUARD + CELLS + GUARD) float32
    turned: Array  # (2, CELLS) float32, as in ``space_kernel.Work``
    base: Array  # (action, CELLS) float32
    left: Array  # (action,) uint64, where cell 0 lands
    layer: Array  # (action,) int64, the lower of the two layers it lands between
    taps: Array  # (action, 4) float32, weights of the four points around the landing
    free: Array  # (step+1,) fast mode without heat [K]
    room: Array  # (2,) largest phi [K], and the distance of two layers


def plane_for(steps: int, modes: int, actions: int, layers: int) -> Plane:
    """Memory for homes of this size."""
    size = CELLS + 2 * GUARD
    return Plane(
        np.zeros((steps + 1, layers, modes, size), f4), np.zeros((layers, modes, size), f4), np.zeros((2, CELLS), f4),
        np.zeros((actions, CELLS), f4), np.zeros(actions, np.uint64), np.zeros(actions, np.int64),
        np.zeros((actions, 4), f4), np.zeros(steps + 1), np.zeros(2),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def swing_k(home: Home) -> float:
    """How far the fast mode may rise by heat [K]."""
    most = 0.0
    for t in range(home.heat.shape[0]):
        for k in range(home.heat.shape[1]):
            most = max(most, home.heat[t, k])
    return home.fast[1] * most / max(1.0 - home.fast[0], 1e-6)


@njit(cache=True, nogil=True)
def lay_plane(home: Home, grid: Grid, plane: Plane) -> None:
    """Fill the grid of ``u`` (the reachable part of the band and its margin) and the layers of ``phi``."""
    steps, layers = home.heat.shape[0], plane.rows.shape[1]
    plane.room[0] = max(swing_k(home), 1e-3)
    plane.room[1] = plane.room[0] / (layers - 1)
    most, top = np.zeros(steps), np.empty(steps + 1)
    plane.free[0] = home.fast[2]
    cold, hot, phi = home.slow[2], home.slow[2], 0.0
    grid.first[0] = top[0] = cold
    for t in range(steps):
        least, full = _heat_range(home, t)
        plane.free[t + 1] = home.fast[0] * plane.free[t] + home.fast_w[t]
        cold = home.slow[0] * cold + home.slow[1] * least + home.slow_w[t]
        hot = home.slow[0] * hot + home.slow[1] * full + home.slow_w[t]
        phi = home.fast[0] * phi + home.fast[1] * full
        highest, free = hot + phi, plane.free[t + 1]
        grid.first[t + 1] = max(cold, min(home.low[t] - free, highest) - MARGIN_K)
        top[t + 1] = max(min(highest, max(home.high[t] - free, cold) + MARGIN_K), grid.first[t + 1])
        heat = (home.slow[1] + home.fast[1]) * full
        most[t] = max(heat, (home.slow[0] - home.fast[0]) * plane.room[0]) / max(abs(home.slow[1]), 1e-9)
    _lay_widths(home, most, top, grid)
    _lay_plane_guards(home, grid, plane)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def plane_backward(home: Home, grid: Grid, plane: Plane, slots: Array, start: float, min_on: int, min_off: int) -> None:
    """Fill ``plane.rows``: the cost still to come from every cell, layer, run-mode and step."""
    steps, layers, modes = home.heat.shape[0], plane.rows.shape[1], min_on + min_off
    _terminal(home, grid, plane, steps, modes)
    for t in range(steps - 1, -1, -1):
        ratio, after = home.slow[0] * grid.width[t] / grid.width[t + 1], plane.rows[t + 1]
        if abs(ratio - 1.0) > 1e-6:
            _relay_plane(after, plane.moved, ratio)
            after = plane.moved
        begin, end = 1, home.heat.shape[1] - 1
        if slots[t]:
            begin, end = end, end + 1
        for j in range(layers):
            rows = plane.rows[t, j]
            _land_layer(home, grid, plane, t, j, slots[t])
            for mode in range(min_on):
                row = plane.turned[0] if mode == 0 else rows[mode - 1, GUARD : GUARD + CELLS]
                _best_of_plane(row, plane, after, mode, begin, end)
            for mode in range(min_on, modes):
                row = plane.turned[1] if mode == min_on else rows[mode - 1, GUARD : GUARD + CELLS]
                _best_of_plane(row, plane, after, mode, 0, 1)
            _choose(rows, plane.turned, f4(start), min_on - 1, modes - 1)
            for mode in range(modes):
                _extrapolate(rows[mode], grid.below[t], grid.above[t])


@njit(cache=True, nogil=True)
def _terminal(home: Home, grid: Grid, plane: Plane, steps: int, modes: int) -> None:
    """Minus the value of the heat stored at the end."""
    for j in range(plane.rows.shape[1]):
        phi = j * plane.room[1]
        for mode in range(modes):
            for i in range(CELLS):
                slow = grid.first[steps] + i * grid.width[steps] - phi
                worth = home.slow[3] * slow + home.fast[3] * (plane.free[steps] + phi)
                plane.rows[steps, j, mode, GUARD + i] = f4(-worth)
            _extrapolate(plane.rows[steps, j, mode], grid.below[steps], grid.above[steps])


@njit(cache=True, nogil=True, forceinline=True)
def _land_layer(home: Home, grid: Grid, plane: Plane, t: int, j: int, slot: bool) -> None:
    """As ``space_kernel._land``, from layer ``j``."""
    charge, layers, phi = home.heat.shape[1] - 1, plane.rows.shape[1], j * plane.room[1]
    spacing, free = home.slow[0] * grid.width[t], plane.free[t + 1]
    lowest, per_k, per_layer = home.slow[0] * (grid.first[t] - phi) + home.slow_w[t], 1.0 / spacing, 1.0 / plane.room[1]
    for k in range(charge + 1):
        if k > 0 and slot != (k == charge):
            continue
        rise = home.fast[0] * phi + home.fast[1] * home.heat[t, k]
        landing = lowest + home.slow[1] * home.heat[t, k] + rise
        at, up = (landing - grid.first[t + 1]) * per_k, min(max(rise * per_layer, 0.0), layers - 1.0)
        left, layer = min(max(int(np.floor(at)), -GUARD), GUARD - 2), min(int(up), layers - 2)
        f, g = f4(at - left), f4(up - layer)
        plane.left[k], plane.layer[k] = np.uint64(GUARD + left), layer
        taps = plane.taps[k]
        taps[0], taps[1], taps[2], taps[3] = (ONE - g) * (ONE - f), (ONE - g) * f, g * (ONE - f), g * f
        indoor = landing + free
        cost = home.cost[t, k] + (BIG if slot and k == 0 else 0.0)
        _fill_base(plane.base[k], f4(cost), f4(home.penalty), f4(home.low[t] - indoor), f4(indoor - home.high[t]),
                   f4(spacing))  # fmt: skip


@njit(cache=True, nogil=True, fastmath=True, forceinline=True)
def _best_of_plane(out: Array, plane: Plane, after: Array, mode: int, begin: int, end: int) -> None:
    """As ``space_kernel._best_of``, with four taps: two cells of two layers."""
    for i in range(COUNT):
        out[i] = FAR
    for k in range(begin, end):
        lower, upper = after[plane.layer[k], mode], after[plane.layer[k] + 1, mode]
        base, m = plane.base[k], plane.left[k]
        a, b, c, d = plane.taps[k, 0], plane.taps[k, 1], plane.taps[k, 2], plane.taps[k, 3]
        for i in range(COUNT):
            value = base[i] + a * lower[m + i] + b * lower[m + i + UNIT] + c * upper[m + i] + d * upper[m + i + UNIT]
            out[i] = value if value < out[i] else out[i]


@njit(cache=True, nogil=True)
def _read(rows: Array, mode: int, at: float, up: float) -> float:
    """Value between cells and layers."""
    left = min(max(int(at), GUARD), GUARD + CELLS - 2)
    layer = min(max(int(up), 0), rows.shape[0] - 2)
    f, g = at - left, min(max(up - layer, 0.0), 1.0)
    lower = rows[layer, mode, left] + f * (rows[layer, mode, left + 1] - rows[layer, mode, left])
    upper = rows[layer + 1, mode, left] + f * (rows[layer + 1, mode, left + 1] - rows[layer + 1, mode, left])
    return lower + g * (upper - lower)


@njit(cache=True, nogil=True)
def _values(home: Home, grid: Grid, plane: Plane, t: int, x: Array, modes_after: tuple[int, int], out: Array) -> float:
    """Value of every action into ``out``: 0 leads to ``modes_after[0]``, others to ``[1]``; the fast mode's drift."""
    slow, fast = _drift(home, t, x)
    rows, free = plane.rows[t + 1], plane.free[t + 1]
    for k in range(out.shape[0]):
        y, f = slow + home.slow[1] * home.heat[t, k], fast + home.fast[1] * home.heat[t, k]
        indoor = y + f
        cost = home.cost[t, k] + home.penalty * (max(home.low[t] - indoor, 0.0) + max(indoor - home.high[t], 0.0))
        at = (indoor - free - grid.first[t + 1]) / grid.width[t + 1] + GUARD
        out[k] = cost + _read(rows, modes_after[0 if k == 0 else 1], at, (f - free) / plane.room[1])
    return fast


@njit(cache=True, nogil=True)
def plane_walk(home: Home, grid: Grid, plane: Plane, slots: Array, start: float, mode: int, min_on: int, min_off: int,
               nominal: Array, action: Array, lost: Array) -> None:  # fmt: skip
    """As ``space_kernel.walk``, on the plane."""
    x, charge = home.x0.copy(), home.heat.shape[1] - 1
    value = np.empty(charge + 1)
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
