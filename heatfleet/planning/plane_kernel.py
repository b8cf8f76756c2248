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
    FAR,
    GUARD,
    ONE,
    UNIT,
    Grid,
    _advance,
    _decide,
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

    rows: Array  # (step+1, layer, mode, cell) float32, the value function
    moved: Array  # (layer, mode, cell) float32
    target: Array  # (mode, cell) float32
    base: Array  # (cell,) float32
    free: Array  # (step+1,) fast mode without heat [K]
    room: Array  # (2,) largest phi [K], and the distance of two layers


def plane_for(steps: int, modes: int, layers: int, cells: int) -> Plane:
    """Memory for homes of this size."""
    size = cells + 2 * GUARD
    return Plane(
        np.zeros((steps + 1, layers, modes, size), f4), np.zeros((layers, modes, size), f4),
        np.zeros((modes, size), f4), np.zeros(size, f4), np.zeros(steps + 1), np.zeros(2),
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
def lay_plane(home: Home, cells: int, grid: Grid, plane: Plane) -> None:
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
    _lay_widths(home, most, top, cells, grid)
    for t in range(steps + 1):
        grid.below[t] = grid.above[t] = GUARD


@njit(cache=True, nogil=True)
def _relay_plane(after: Array, moved: Array, ratio: float, used: int) -> None:
    """Layers on cells ``ratio`` times as wide, same first cell."""
    for i in range(after.shape[2]):
        at = (i - GUARD) * ratio + GUARD
        left = min(max(int(np.floor(at)), GUARD), GUARD + max(used - 2, 0))
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
        spacing, after = home.slow[0] * grid.width[t], plane.rows[t + 1]
        if abs(spacing / grid.width[t + 1] - 1.0) > 1e-6:
            _relay_plane(after, plane.moved, spacing / grid.width[t + 1], grid.used[t + 1])
            after = plane.moved
        skip = f4(BIG) if slots[t] else f4(0.0)
        for j in range(layers):
            _layer(home, grid, plane, after, t, j, slots[t], min_on, modes)
            _decide(plane.rows[t, j], plane.target, f4(start), skip, grid.used[t], min_on, min_off)
            for mode in range(modes):
                _extrapolate(plane.rows[t, j, mode], grid.used[t], GUARD, GUARD)


@njit(cache=True, nogil=True)
def _terminal(home: Home, grid: Grid, plane: Plane, steps: int, modes: int) -> None:
    """Minus the value of the heat stored at the end."""
    for j in range(plane.rows.shape[1]):
        phi = j * plane.room[1]
        for mode in range(modes):
            for i in range(grid.used[steps]):
                slow = grid.first[steps] + i * grid.width[steps] - phi
                worth = home.slow[3] * slow + home.fast[3] * (plane.free[steps] + phi)
                plane.rows[steps, j, mode, GUARD + i] = f4(-worth)
            _extrapolate(plane.rows[steps, j, mode], grid.used[steps], GUARD, GUARD)


@njit(cache=True, nogil=True)
def _layer(
    home: Home, grid: Grid, plane: Plane, after: Array, t: int, j: int, slot: bool, min_on: int, modes: int
) -> None:
    """``plane.target``: best cost of step ``t`` and all later ones from layer ``j``, by the run-mode after it."""
    used, actions, layers = grid.used[t], home.heat.shape[1], after.shape[0]
    phi, spacing = j * plane.room[1], home.slow[0] * grid.width[t]
    for mode in range(modes):
        for i in range(used):
            plane.target[mode, i] = FAR
    for k in range(actions):
        if k > 0 and slot != (k == actions - 1):
            continue
        heat = home.heat[t, k]
        landing = home.slow[0] * (grid.first[t] - phi) + home.slow_w[t] + home.slow[1] * heat
        rise = home.fast[0] * phi + home.fast[1] * heat
        landing += rise
        below = home.low[t] - landing - plane.free[t + 1]
        above = landing + plane.free[t + 1] - home.high[t]
        _fill_base(plane.base, f4(home.cost[t, k]), f4(home.penalty), f4(below), f4(above), f4(spacing), used)
        at = (landing - grid.first[t + 1]) / spacing
        left = min(max(int(np.floor(at)), -GUARD), plane.base.shape[0] - GUARD - 2 - used)
        up = min(max(rise / plane.room[1], 0.0), layers - 1.0)
        layer = min(int(up), layers - 2)
        weights = (f4(at - left), f4(up - layer))
        begin, end = (0, min_on) if k else (min_on, modes)
        for mode in range(begin, end):
            _stencil(
                plane.target[mode], plane.base, after[layer, mode], after[layer + 1, mode], GUARD + left, weights, used
            )


@njit(cache=True, nogil=True, fastmath=True)
def _stencil(
    out: Array, base: Array, lower: Array, upper: Array, offset: int, weights: tuple[float, float], used: int
) -> None:
    """Bellman backup with four taps: two cells of two layers."""
    share, up = weights
    a, b, c, d = (ONE - up) * (ONE - share), (ONE - up) * share, up * (ONE - share), up * share
    o = np.uint64(offset)
    for i in range(np.uint64(used)):
        value = base[i] + a * lower[o + i] + b * lower[o + i + UNIT] + c * upper[o + i] + d * upper[o + i + UNIT]
        out[i] = value if value < out[i] else out[i]


@njit(cache=True, nogil=True)
def _read(rows: Array, mode: int, at: float, up: float, used: int) -> float:
    """Value between cells and layers."""
    left = min(max(int(at), GUARD), GUARD + max(used - 2, 0))
    layer = min(max(int(up), 0), rows.shape[0] - 2)
    f, g = at - left, min(max(up - layer, 0.0), 1.0)
    lower = rows[layer, mode, left] + f * (rows[layer, mode, left + 1] - rows[layer, mode, left])
    upper = rows[layer + 1, mode, left] + f * (rows[layer + 1, mode, left + 1] - rows[layer + 1, mode, left])
    return lower + g * (upper - lower)


@njit(cache=True, nogil=True)
def _values(home: Home, grid: Grid, plane: Plane, t: int, x: Array, modes_after: tuple[int, int], out: Array) -> float:
    """Value of every action into ``out``: 0 leads to ``modes_after[0]``, others to ``[1]``; the fast mode's drift."""
    slow, fast = _drift(home, t, x)
    rows, free, used = plane.rows[t + 1], plane.free[t + 1], grid.used[t + 1]
    for k in range(out.shape[0]):
        y, f = slow + home.slow[1] * home.heat[t, k], fast + home.fast[1] * home.heat[t, k]
        indoor = y + f
        cost = home.cost[t, k] + home.penalty * (max(home.low[t] - indoor, 0.0) + max(indoor - home.high[t], 0.0))
        at = (indoor - free - grid.first[t + 1]) / grid.width[t + 1] + GUARD
        out[k] = cost + _read(rows, modes_after[0 if k == 0 else 1], at, (f - free) / plane.room[1], used)
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
