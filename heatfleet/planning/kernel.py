"""The compiled planner: passes of tank and space-heating programme for each home, best plan kept by exact score."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from heatfleet.planning.arrays import Batch, Home, Rules, home_of
from heatfleet.planning.compiled import allocating, compiled
from heatfleet.planning.evaluate import STARTS_OVER, Best, consider
from heatfleet.planning.exchange_kernel import Touch, exchange
from heatfleet.planning.grid_kernel import Grid, lay_grid
from heatfleet.planning.plane_kernel import Plane, lay_plane, plane_backward, plane_walk, swing_k
from heatfleet.planning.space_kernel import Work, backward, walk
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


@allocating
def _first_mode(batch: Batch, rules: Rules, i: int) -> tuple[int, int]:
    """Run-mode before step 0, and how many steps the tank must wait until the pump may start."""
    lasted = batch.run[i, 1]
    if batch.run[i, 0] > 0:
        return min(lasted, rules.min_on) - 1, 0
    return rules.min_on + min(lasted, rules.min_off) - 1, max(rules.min_off - lasted, 0)


@allocating
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


@compiled
def _used_k(home: Home, nominal: Array) -> float:
    """How far heat raises the fast mode on the nominal trajectory, at most [K]."""
    free, most = home.fast[2], 0.0
    for t in range(home.heat.shape[0]):
        free = home.fast[0] * free + home.fast_w[t]
        most = max(most, nominal[t + 1] - free)
    return most


@allocating
def _blend(known: Array, new: Array, share: float) -> None:
    """Move the surcharge towards the newly seen loss."""
    for t in range(known.shape[0]):
        value = min(max(new[t], -LOST_MAX), LOST_MAX)
        known[t] += share * (value - known[t])


@allocating
def plan_homes(
    batch: Batch,
    rules: Rules,
    effort: Effort,
    memory: tuple[Grid, Work, Tank, Best, Plane, Touch],
    out: tuple[Array, Array],
) -> None:
    """Fill ``out`` = action (home, step) and scores (home, SCORES) of all homes, each by all its passes.

    One function on purpose: every further level would be compiled with all that is below it once more.
    """
    (grid, work, tank, best, plane, touch), steps = memory, out[0].shape[1]
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
            exchange(batch, rules, i, home, (effort.sweeps, effort.apart, effort.water_apart), best, touch)
        out[0][i], out[1][i] = best.action, best.score
