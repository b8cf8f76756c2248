"""The cells of the space-heating programme: which states of the slow mode are worth a look, step by step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from heatfleet.planning.arrays import Home
from heatfleet.planning.compiled import compiled
from heatfleet.thermal.arrays import Array

CELLS = 48
GUARD = 48  # cells kept on both sides, filled by linear extrapolation
REGRID = 0.6  # cells may shrink to this share before they are laid out anew


class Grid(NamedTuple):
    """Cells of the slow mode before each step, (step+1,): the first and their width [K], and how many more on each
    side the step before may land in."""

    first: Array
    width: Array
    below: Array
    above: Array
    room: Array  # (9, step+1 or more) for intermediate results


def grid_for(steps: int, actions: int) -> Grid:
    """An empty grid."""
    below, above = np.zeros(steps + 1, np.int64), np.zeros(steps + 1, np.int64)
    return Grid(np.zeros(steps + 1), np.zeros(steps + 1), below, above, np.zeros((9, max(steps + 1, actions, 2))))


@compiled
def heat_range(home: Home, t: int) -> tuple[float, float]:
    """Least and most allowed heat of step ``t`` [kW]."""
    low, high = 1e9, -1e9
    for k in range(home.heat.shape[1]):
        if home.allowed[t, k]:
            low, high = min(low, home.heat[t, k]), max(high, home.heat[t, k])
    if high < low:
        for k in range(home.heat.shape[1]):
            low, high = min(low, home.heat[t, k]), max(high, home.heat[t, k])
    return low, high


@compiled
def lay_grid(home: Home, nominal: Array, margin_k: float, grid: Grid) -> None:
    """Fill ``grid`` with the states that are reachable and worth a look.

    Below, a state is worth a look when full heat still reaches the band; above, when it cools down into it in time;
    both ± ``margin_k`` [K].
    """
    steps = home.heat.shape[0]
    a, b = home.slow[0], home.slow[1]
    room = grid.room
    coldest, hottest, least, most, need, top = room[0], room[1], room[2], room[3], room[4], room[5]
    coldest[0] = hottest[0] = home.slow[2]
    for t in range(steps):
        least[t], most[t] = heat_range(home, t)
        coldest[t + 1] = a * coldest[t] + b * least[t] + home.slow_w[t]
        hottest[t + 1] = a * hottest[t] + b * most[t] + home.slow_w[t]
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
    lay_widths(home, most, top, grid)
    _lay_guards(home, grid)


@compiled
def lay_widths(home: Home, most: Array, top: Array, grid: Grid) -> None:
    """Cell widths: shrinking with the mode inside a segment, wide enough for window and largest shift."""
    steps, a = home.heat.shape[0], home.slow[0]
    begin = 0
    while begin <= steps:
        end, shrink = begin, 1.0
        width = 1e-4
        while end <= steps and shrink >= REGRID:
            width = max(width, (top[end] - grid.first[end]) / (CELLS - 2.5) / shrink)
            if end < steps:
                width = max(width, abs(home.slow[1] * most[end]) / (GUARD - 4.0) / shrink)
            end += 1
            shrink *= a
        shrink = 1.0
        for t in range(begin, end):
            grid.width[t] = width * shrink
            shrink *= a
        begin = end


@compiled
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
