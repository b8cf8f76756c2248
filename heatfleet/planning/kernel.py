"""The compiled planner: passes of tank and space-heating programme for each home, best plan kept by exact score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from heatfleet.planning.arrays import Batch, Home, Rules, home_of
from heatfleet.planning.evaluate import SCORES, STARTS_OVER, ranking, score
from heatfleet.planning.exchange_kernel import WORTH_IT, Touch, gain, open_touch, runs_hold, see_plan
from heatfleet.planning.plane_kernel import Plane, lay_plane, plane_backward, plane_walk, swing_k
from heatfleet.planning.space_kernel import Grid, Work, backward, lay_grid, walk
from heatfleet.planning.tank_kernel import Tank, charge_costs, place_dose, plan_tank
from heatfleet.thermal.arrays import Array

MARGIN_K = 0.75
LOST_MAX = 200.0
RUN_COST = 0.02


class Effort(NamedTuple):
    """How hard to try."""

    passes: int
    polish: int  # passes over both modes, for two-mass buildings
    layers: int
    reach: float  # how far the polish looks, as a share of the fast mode's rise so far
    sweeps: int  # of exchanges at the end
    apart: int  # steps between what is exchanged
    water_apart: int  # the same where one of them charges the tank
    swing_k: float  # polished where heat moves the fast mode by more than this


class Best(NamedTuple):
    """The best plan of one home so far, and room to score another."""

    action: Array  # (step,) int8
    score: Array  # (SCORES,)
    rank: Array  # (1,)
    trial: Array  # (SCORES,)
    indoor: Array  # (step,)
    tank: Array  # (step,)


def best_for(steps: int) -> Best:
    """Nothing found yet."""
    return Best(
        np.zeros(steps, np.int8), np.zeros(SCORES), np.zeros(1), np.zeros(SCORES), np.zeros(steps), np.zeros(steps)
    )


@njit(cache=True, nogil=True, _nrt=False)
def consider(batch: Batch, rules: Rules, i: int, scale: float, action: Array, best: Best) -> bool:
    """Keep ``action`` when it scores better than the best so far; whether it did."""
    score(batch, rules, i, action, best.trial, best.indoor, best.tank)
    rank = ranking(best.trial, scale)
    if rank >= best.rank[0]:
        return False
    best.rank[0] = rank
    for t in range(action.shape[0]):
        best.action[t] = action[t]
    for j in range(SCORES):
        best.score[j] = best.trial[j]
    return True


@njit(cache=True, nogil=True)
def _first_mode(batch: Batch, rules: Rules, i: int) -> tuple[int, int]:
    """Run-mode before step 0, and how many steps the tank must wait until the pump may start."""
    lasted = batch.run[i, 1]
    if batch.run[i, 0] > 0:
        return min(lasted, rules.min_on) - 1, 0
    return rules.min_on + min(lasted, rules.min_off) - 1, max(rules.min_off - lasted, 0)


@njit(cache=True, nogil=True)
def _steady_fast_mode(home: Home, nominal: Array) -> None:
    """First guess of the fast mode: heat that would hold the lower part of the band for ever."""
    nominal[0] = home.fast[2]
    for t in range(home.heat.shape[0]):
        target = home.low[t] + 0.2 * (home.high[t] - home.low[t])
        most = 0.0
        for k in range(home.heat.shape[1]):
            most = max(most, home.heat[t, k])
        gain = home.slow[1] / max(1.0 - home.slow[0], 1e-6) + home.fast[1] / max(1.0 - home.fast[0], 1e-6)
        free = home.slow_w[t] / max(1.0 - home.slow[0], 1e-6) + home.fast_w[t] / max(1.0 - home.fast[0], 1e-6)
        heat = min(max((target - free) / max(gain, 1e-9), 0.0), most)
        nominal[t + 1] = home.fast[0] * nominal[t] + home.fast[1] * heat + home.fast_w[t]


@njit(cache=True, nogil=True, _nrt=False)
def _used_k(home: Home, nominal: Array) -> float:
    """How far heat raises the fast mode on the nominal trajectory, at most [K]."""
    free, most = home.fast[2], 0.0
    for t in range(home.heat.shape[0]):
        free = home.fast[0] * free + home.fast_w[t]
        most = max(most, nominal[t + 1] - free)
    return most


@njit(cache=True, nogil=True)
def _blend(known: Array, new: Array, share: float) -> None:
    """Move the surcharge towards the newly seen loss."""
    for t in range(known.shape[0]):
        value = min(max(new[t], -LOST_MAX), LOST_MAX)
        known[t] += share * (value - known[t])


@njit(cache=True, nogil=True, _nrt=False)
def _take(batch: Batch, rules: Rules, i: int, home: Home, action: Array, best: Best, touch: Touch,
          t: int, x: int, u: int, y: int) -> bool:  # fmt: skip
    """Let step ``t`` do ``x`` and step ``u`` do ``y``; undone, and False, when that is not better after all."""
    a, b = action[t], action[u]
    action[t], action[u] = x, y
    if (x > 0) == (a > 0) or runs_hold(batch, rules, i, action, t):
        if (y > 0) == (b > 0) or runs_hold(batch, rules, i, action, u):
            if consider(batch, rules, i, home.scale, action, best):
                see_plan(batch, rules, i, home, best.indoor, best.tank, touch)
                return True
    action[t], action[u] = a, b
    return False


@njit(cache=True, nogil=True, _nrt=False)
def exchange(batch: Batch, rules: Rules, i: int, home: Home, effort: Effort, action: Array, best: Best,
             touch: Touch) -> None:  # fmt: skip
    """Make the best plan better by exchanges between steps up to ``effort.apart`` apart, in some sweeps."""
    steps, charge, water = action.shape[0], home.heat.shape[1] - 1, rules.step_h * rules.dhw_penalty / home.scale
    for t in range(steps):
        action[t] = best.action[t]
    open_touch(batch, i, home, touch)
    score(batch, rules, i, action, best.trial, best.indoor, best.tank)
    see_plan(batch, rules, i, home, best.indoor, best.tank, touch)
    for _ in range(effort.sweeps):
        before = best.rank[0]
        for t in range(steps - 1):
            for u in range(t + 1, steps):
                moves = 3 + (charge + 1 if u == t + 1 else 0)  # beside exchanges, each step on its own
                if u > t + effort.apart:
                    moves = 1 if u <= t + effort.water_apart and (action[t] == charge or action[u] == charge) else 0
                for move in range(moves):
                    a, b = action[t], action[u]
                    x, y = b, a
                    if move == 1 or move == 2:
                        x, y = a + 2 * move - 3, b - 2 * move + 3
                        if max(a, b) == charge or min(x, y) < 0 or max(x, y) == charge:
                            continue
                    elif move > 2:
                        x, y = move - 3, b
                    if a != x and gain(home, touch, water, action, t, x, u, y) >= WORTH_IT:
                        _take(batch, rules, i, home, action, best, touch, t, x, u, y)
        if best.rank[0] >= before:
            break


@njit(cache=True, nogil=True)
def plan_homes(
    batch: Batch, rules: Rules, effort: Effort, memory: tuple[Grid, Work, Tank, Best, Plane], out: tuple[Array, Array]
) -> None:
    """Fill ``out`` = action (home, step) and scores (home, SCORES) of all homes, each by all its passes.

    One function on purpose: every further level would be compiled with all that is below it once more.
    """
    grid, work, tank, best, plane, touch = memory
    steps = out[0].shape[1]
    nominal, surcharge, lost = np.zeros(steps + 1), np.zeros(steps), np.zeros(steps)
    slots, action = np.zeros(steps, np.bool_), np.zeros(steps, np.int8)
    for i in range(out[0].shape[0]):
        home = home_of(batch, rules, i)
        mode, locked = _first_mode(batch, rules, i)
        surcharge[:], slots[:], action[:], best.rank[0] = 0.0, False, 0, 1e300
        _steady_fast_mode(home, nominal)
        start = batch.start[i, 0] / home.scale
        run_cost = RUN_COST + 0.5 * start  # a charge on its own makes the pump change over twice
        has_tank = charge_costs(batch, i, home.scale, surcharge, locked, tank)
        if has_tank:
            place_dose(batch, rules, i, home.scale, run_cost, tank)
        polish = effort.polish if home.x0.shape[0] == 2 and swing_k(home) >= effort.swing_k else 0
        for p in range(effort.passes + polish):
            if has_tank:
                charge_costs(batch, i, home.scale, surcharge, locked, tank)
                plan_tank(batch, rules, i, home.scale, run_cost, tank, slots)
            if p < effort.passes:
                lay_grid(home, nominal, MARGIN_K, grid)
                backward(home, grid, work, nominal, slots, start, rules.min_on, rules.min_off)
                walk(home, grid, work.rows, slots, start, mode, rules.min_on, rules.min_off, nominal, action, lost)
            else:
                lay_plane(home, grid, plane, effort.reach * _used_k(home, nominal))
                plane_backward(home, grid, plane, slots, start, rules.min_on, rules.min_off)
                plane_walk(home, grid, plane, slots, start, mode, rules.min_on, rules.min_off, nominal, action, lost)
            consider(batch, rules, i, home.scale, action, best)
            _blend(surcharge, lost, 1.0 if p == 0 else 0.5)
            if best.trial[STARTS_OVER] > 0:
                start = 2.0 * start + 0.5
        if effort.sweeps > 0:
            exchange(batch, rules, i, home, effort, action, best, touch)
        out[0][i], out[1][i] = best.action, best.score
