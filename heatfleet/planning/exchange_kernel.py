"""The last touch: actions of two steps are exchanged, or one is raised and another lowered, while the plan gets better.

The programmes before it see the house between cells; this sees it exactly. What a change does to the indoor and tank
temperature is its heat times a known response, so a try costs some vectors over the steps; most are not even tried,
because what they save is less than nothing and there is no discomfort to win.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from heatfleet.planning.arrays import Batch, Home, Rules
from heatfleet.planning.lanes import LANES, aligned, load, minus, most, plus, same, times, total
from heatfleet.thermal.arrays import Array

WORTH_IT = 1e-4  # of the dearest step: less is lost in single precision
FAR_BELOW = -1.0e6


class Touch(NamedTuple):
    """Memory of one thread; ``size`` = steps, up to whole vectors."""

    cold: Array  # (size,) float32, how far the indoor temperature is below its band [K], negative inside
    hot: Array  # above
    tank_cold: Array
    tank_hot: Array
    response: Array  # (2·size,) float32, of the indoor temperature to a kilowatt [K/kW], nothing before the middle
    kept: Array  # (2·size,) float32, of a kelvin in the tank
    net: Array  # (step, action) cost of an action less the value of its heat at the end
    rise: Array  # (step,) of the tank by a charge [K]
    rest: Array  # (vectors + 1,) penalty from a vector on


def touch_for(steps: int, actions: int) -> Touch:
    """Memory for homes of this size."""
    size = -(-steps // LANES) * LANES
    rows = [aligned(size) for _ in range(4)]
    for row in rows:
        row[:] = FAR_BELOW
    return Touch(
        *rows, aligned(2 * size), aligned(2 * size), np.zeros((steps, actions)), np.zeros(steps),
        np.zeros(size // LANES + 1),
    )  # fmt: skip


@njit(cache=True, nogil=True, _nrt=False)
def open_touch(batch: Batch, i: int, home: Home, touch: Touch) -> None:
    """Fill what does not depend on the plan of home ``i``."""
    steps, charge, size = home.heat.shape[0], home.heat.shape[1] - 1, touch.cold.shape[0]
    slow, fast, tank = home.slow[1], home.fast[1], 1.0
    for n in range(size):
        touch.response[size + n], touch.kept[size + n] = slow + fast, tank
        if n < steps:
            t = steps - 1 - n
            worth = home.slow[3] * slow + home.fast[3] * fast
            touch.rise[t] = batch.tank[i, 1] * batch.dhw_heat[i, t]
            for k in range(charge + 1):
                touch.net[t, k] = home.cost[t, k] - worth * home.heat[t, k]
            touch.net[t, charge] -= batch.tank[i, 3] / home.scale * touch.rise[t] * tank
        slow, fast, tank = home.slow[0] * slow, home.fast[0] * fast, batch.tank[i, 0] * tank


@njit(cache=True, nogil=True, _nrt=False)
def see_plan(batch: Batch, rules: Rules, i: int, home: Home, indoor: Array, tank: Array, touch: Touch) -> None:
    """Fill what depends on the trajectories (step,) of the plan."""
    size, weight = touch.cold.shape[0], rules.step_h * rules.dhw_penalty / home.scale
    for t in range(indoor.shape[0]):
        touch.cold[t], touch.hot[t] = batch.low[i, t] - indoor[t], indoor[t] - batch.high[i, t]
        touch.tank_cold[t], touch.tank_hot[t] = batch.tank_low[i, t] - tank[t], tank[t] - batch.tank_high[i, t]
    none = same(0.0)
    for n in range(size - LANES, -1, -LANES):
        house = total(plus(most(load(touch.cold, n), none), most(load(touch.hot, n), none)))
        water = total(plus(most(load(touch.tank_cold, n), none), most(load(touch.tank_hot, n), none)))
        touch.rest[n // LANES] = touch.rest[n // LANES + 1] + home.penalty * house + weight * water


@njit(cache=True, nogil=True, _nrt=False, forceinline=True)
def _outside(cold: Array, hot: Array, response: Array, t: int, by: float, u: int, also: float) -> float:
    """Kelvins outside the band, summed from step ``t`` on, if ``by`` more comes in at ``t`` and ``also`` at ``u``."""
    size, none, sum_ = cold.shape[0], same(0.0), same(0.0)
    first, second = same(by), same(also)
    for n in range(t - t % LANES, size, LANES):
        change = plus(
            times(first, load(response, size + n - t)), times(second, load(response, size + n - u))
        )
        sum_ = plus(sum_, most(minus(load(cold, n), change), none))
        sum_ = plus(sum_, most(plus(load(hot, n), change), none))
    return total(sum_)


@njit(cache=True, nogil=True, _nrt=False, forceinline=True)
def gain(home: Home, touch: Touch, water: float, action: Array, t: int, x: int, u: int, y: int) -> float:
    """What is won when step ``t`` does ``x`` and the later step ``u`` does ``y`` instead; nothing when it cannot be
    much. Starts and dwell are not looked at."""
    a, b, net = action[t], action[u], touch.net
    saved = net[t, a] - net[t, x] + net[u, b] - net[u, y]
    discomfort = touch.rest[t // LANES]
    if saved + discomfort < WORTH_IT:
        return 0.0
    charge, heat = home.heat.shape[1] - 1, home.heat
    by, also = heat[t, x] - heat[t, a], heat[u, y] - heat[u, b]
    saved += discomfort - home.penalty * _outside(touch.cold, touch.hot, touch.response, t, by, u, also)
    if saved < WORTH_IT:
        return 0.0
    by = touch.rise[t] * ((1.0 if x == charge else 0.0) - (1.0 if a == charge else 0.0))
    also = touch.rise[u] * ((1.0 if y == charge else 0.0) - (1.0 if b == charge else 0.0))
    return saved - water * _outside(touch.tank_cold, touch.tank_hot, touch.kept, t, by, u, also)


@njit(cache=True, nogil=True, _nrt=False)
def _begins(action: Array, t: int) -> int:
    """The first step of the run that ``t`` belongs to."""
    on = action[t] > 0
    while t > 0 and (action[t - 1] > 0) == on:
        t -= 1
    return t


@njit(cache=True, nogil=True, _nrt=False)
def runs_hold(batch: Batch, rules: Rules, i: int, action: Array, t: int) -> bool:
    """Whether the runs around step ``t`` last as long as they must; the last may be open."""
    steps, begin = action.shape[0], _begins(action, t)
    if begin > 0:
        begin = _begins(action, begin - 1)
    while begin <= t + 1 and begin < steps:
        on, end = action[begin] > 0, begin
        while end < steps and (action[end] > 0) == on:
            end += 1
        before = batch.run[i, 1] if begin == 0 and on == (batch.run[i, 0] > 0) else 0
        if begin == 0 and before == 0 and batch.run[i, 1] < (rules.min_off if on else rules.min_on):
            return False
        if end < steps and end - begin + before < (rules.min_on if on else rules.min_off):
            return False
        begin = end
    return True
