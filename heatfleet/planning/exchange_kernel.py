"""The last touch: actions of two steps are exchanged, or one is raised and another lowered, while the plan gets better.

The programmes before it see the house between cells; this sees it exactly. What a change does to the indoor and tank
temperature is its heat times a known response, so a try costs some vectors over the steps; most are not even tried,
because what they save is less than nothing and there is no discomfort to win.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from heatfleet.planning.arrays import Batch, Home, Rules
from heatfleet.planning.compiled import compiled, inlined
from heatfleet.planning.evaluate import Best, consider, score
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
    action: Array  # (step,) int8, the plan that is changed


def touch_for(steps: int, actions: int) -> Touch:
    """Memory for homes of this size."""
    size = -(-steps // LANES) * LANES
    inside = [aligned(size) for _ in range(4)]
    for row in inside:
        row[:] = FAR_BELOW
    cold, hot, tank_cold, tank_hot = inside
    return Touch(
        cold, hot, tank_cold, tank_hot, aligned(2 * size), aligned(2 * size), np.zeros((steps, actions)),
        np.zeros(steps), np.zeros(size // LANES + 1), np.zeros(steps, np.int8),
    )  # fmt: skip


@compiled
def _open(batch: Batch, i: int, home: Home, touch: Touch) -> None:
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


@compiled
def _see(batch: Batch, rules: Rules, i: int, home: Home, indoor: Array, tank: Array, touch: Touch) -> None:
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


@inlined
def _outside(cold: Array, hot: Array, response: Array, t: int, by: float, u: int, also: float) -> float:
    """Kelvins outside the band, summed from step ``t`` on, if ``by`` more comes in at ``t`` and ``also`` at ``u``."""
    size, none, sum_ = cold.shape[0], same(0.0), same(0.0)
    first, second = same(by), same(also)
    for n in range(t - t % LANES, size, LANES):
        change = plus(times(first, load(response, size + n - t)), times(second, load(response, size + n - u)))
        sum_ = plus(sum_, most(minus(load(cold, n), change), none))
        sum_ = plus(sum_, most(plus(load(hot, n), change), none))
    return total(sum_)


@inlined
def _gain(home: Home, touch: Touch, water: float, action: Array, t: int, x: int, u: int, y: int) -> float:
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


@compiled
def _begins(action: Array, t: int) -> int:
    """The first step of the run that ``t`` belongs to."""
    on = action[t] > 0
    while t > 0 and (action[t - 1] > 0) == on:
        t -= 1
    return t


@compiled
def _runs_hold(batch: Batch, rules: Rules, i: int, action: Array, t: int) -> bool:
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


@compiled
def _take(batch: Batch, rules: Rules, i: int, home: Home, action: Array, best: Best, touch: Touch,
          t: int, x: int, u: int, y: int) -> bool:  # fmt: skip
    """Let step ``t`` do ``x`` and step ``u`` do ``y``; undone, and False, when that is not better after all."""
    a, b = action[t], action[u]
    action[t], action[u] = x, y
    holds = (x > 0) == (a > 0) or _runs_hold(batch, rules, i, action, t)
    holds = holds and ((y > 0) == (b > 0) or _runs_hold(batch, rules, i, action, u))
    if holds and consider(batch, rules, i, home.scale, action, best):
        _see(batch, rules, i, home, best.indoor, best.tank, touch)
        return True
    action[t], action[u] = a, b
    return False


@inlined
def _moved(move: int, a: int, b: int, charge: int) -> tuple[int, int]:
    """What two steps that do ``a`` and ``b`` do after a move: exchanged; one raised and the other lowered; then the
    first on its own, any action. The same as before when there is no such move."""
    if move == 0:
        return b, a
    if move > 2:
        return move - 3, b
    x, y = a + 2 * move - 3, b - 2 * move + 3
    if max(a, b) == charge or min(x, y) < 0 or max(x, y) == charge:
        return a, b
    return x, y


@inlined
def _moves(t: int, u: int, apart: int, actions: int) -> int:
    """How many moves of steps ``t`` and ``u`` are tried; beyond ``apart`` only the exchange."""
    if u == t + 1:
        return 3 + actions
    return 3 if u <= t + apart else 1


@compiled
def exchange(batch: Batch, rules: Rules, i: int, home: Home, limits: tuple[int, int, int], best: Best,
             touch: Touch) -> None:  # fmt: skip
    """Make the best plan better by moves of two steps each, all of them tried in a sweep.

    ``limits`` = most sweeps, how far apart the steps may be, and how far where one of them charges the tank.
    """
    (sweeps, apart, water_apart), action = limits, touch.action
    steps, charge, water = action.shape[0], home.heat.shape[1] - 1, rules.step_h * rules.dhw_penalty / home.scale
    for t in range(steps):
        action[t] = best.action[t]
    _open(batch, i, home, touch)
    score(batch, rules, i, action, best.trial, best.indoor, best.tank)
    _see(batch, rules, i, home, best.indoor, best.tank, touch)
    for _ in range(sweeps):
        before = best.rank[0]
        for t in range(steps - 1):
            for u in range(t + 1, min(t + max(apart, water_apart) + 1, steps)):
                if u > t + (water_apart if action[t] == charge or action[u] == charge else apart):
                    continue
                for move in range(_moves(t, u, apart, charge + 1)):
                    x, y = _moved(move, action[t], action[u], charge)
                    if x == action[t] and y == action[u]:
                        continue
                    if _gain(home, touch, water, action, t, x, u, y) >= WORTH_IT:
                        _take(batch, rules, i, home, action, best, touch, t, x, u, y)
        if best.rank[0] >= before:
            break
