"""When to heat the pool: in what rooms and tank leave over, and there where it is cheapest.

A pool is a house of one mass with a pump that is on or off, so the programme of the house plans it: a problem of its
own, in which quarter-hours that are taken are not allowed. It is never infeasible either: a pool that gets no turn
stays colder.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heatfleet.domain.plans import Outlook, PlanStep
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem, make_problem
from heatfleet.planning.solve import solve
from heatfleet.planning.state import STEP_H
from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.pool import Pool

COLD_KWH_PER_KH = 1.5  # a K·h below what is wanted costs this many mean kWh
START_KWH = 0.5  # of a run: wear, and a house pump's valve that turns
MIN_STEPS = 4  # an hour: nobody heats forty tons of water for a quarter of one
BELOW_K = 1.0  # the setpoint, a pool may be planned
OFF, ON, WATER = 0, 1, 2
OWN_HYSTERESIS_K = 1.0  # of the pump's own thermostat
BUSY_KW = 0.1


@dataclass(frozen=True)
class Swim:
    """What is known and wanted of pools; NaN where there is none or it is not ours."""

    pool_c: Array  # (home,) now
    setpoint_c: Array  # (home,) the owner's own
    raise_k: Array  # (home,) above it, a pool may be heated
    is_free: Array  # (home, step) bool: neither rooms nor tank nor anybody's limit stand in the way


@dataclass(frozen=True)
class PoolPlans:
    """What is planned for pools, (home, step); ``is_planned`` (home,), costs [currency]."""

    is_planned: Array
    heats: Array  # bool
    pool_c: Array  # after each step; NaN where not planned
    power_kw: Array  # on top of what rooms and tank take
    own_power_kw: Array  # the same if the pump's own thermostat had it
    stored_worth: Array  # (home,) of the heat left in the water at the end beyond what that leaves


def pool_plans(pools: Pool, price: Array, air: tuple[Array, Array], swim: Swim) -> PoolPlans:
    """The plans of all pools that are known and wanted; ``price`` [currency/kWh], air [°C] and sun (home, step)."""
    is_planned = np.isfinite(swim.pool_c) & np.isfinite(swim.setpoint_c) & np.isfinite(swim.raise_k)
    rows = np.flatnonzero(is_planned)
    nothing = np.zeros(price.shape)
    pool_c = np.full(price.shape, np.nan)
    plans = PoolPlans(is_planned, nothing > 0.0, pool_c, nothing.copy(), nothing.copy(), np.zeros(len(price)))
    if rows.size == 0:
        return plans
    problem = _problem(take(pools, rows), price[rows], (air[0][rows], air[1][rows]), take(swim, rows))
    action = solve(problem).action
    own = _own(problem, swim.setpoint_c[rows])
    found, alone = evaluate(problem, action), evaluate(problem, own)
    plans.heats[rows], plans.pool_c[rows] = action == ON, found.indoor
    power = problem.space_energy[:, :, ON] / STEP_H
    plans.power_kw[rows], plans.own_power_kw[rows] = power * (action == ON), power * (own == ON)
    plans.stored_worth[rows] = problem.value_x * (found.indoor[:, -1] - alone.indoor[:, -1])
    return plans


def _problem(pools: Pool, price: Array, air: tuple[Array, Array], swim: Swim) -> Problem:
    """Pools as houses of one mass without a tank; the step after the last is worth what an average kWh buys."""
    a, b, w = pools.matrices(*air, STEP_H)
    homes, steps = price.shape
    energy, none = np.zeros((homes, steps, 2)), np.zeros((homes, steps))
    energy[:, :, ON] = STEP_H * pools.energy_kw(air[0])
    heat = np.zeros_like(energy)
    heat[:, :, ON] = pools.heat_kw[:, None]
    mean, setpoint = np.abs(price).mean(axis=1), swim.setpoint_c[:, None]
    allowed = np.ones((homes, steps, 3), bool)
    allowed[:, :, ON], allowed[:, :, WATER] = swim.is_free, False
    kwh_per_kwh = energy[:, :, ON].mean(axis=1) / (STEP_H * pools.heat_kw)
    return make_problem(
        step_h=STEP_H,
        comfort_penalty=COLD_KWH_PER_KH * max(float(mean.mean()), 0.02),
        dhw_penalty=0.0,
        min_on_steps=MIN_STEPS,
        min_off_steps=MIN_STEPS,
        price=price,
        space_energy=energy,
        space_heat=heat,
        a=a[:, None, None],
        b=b[:, None],
        w=w[:, :, None],
        x0=swim.pool_c[:, None],
        indoor_min=none + setpoint - BELOW_K,
        indoor_max=none + setpoint + swim.raise_k[:, None],
        state_weight=np.ones((homes, 1)),
        value_x=np.maximum(price.mean(axis=1), 0.0) * kwh_per_kwh * pools.capacity_kwh_per_k,
        start_cost=START_KWH * mean,
        allowed=allowed,
        **_no_tank(homes, steps),
    )


def _no_tank(homes: int, steps: int) -> dict[str, Array]:
    one, none = np.ones(homes), np.zeros((homes, steps))
    return {
        "dhw_energy": none, "dhw_heat": none, "tank_a": one, "tank_b": 0.0 * one, "tank_w": none,
        "tank_min": 0.0 * one, "tank_max": 100.0 * one, "tank0": 50.0 * one, "value_tank": 0.0 * one,
    }  # fmt: skip


def _own(problem: Problem, setpoint_c: Array) -> Array:
    """What the pump's own thermostat would do, (home, step); it, too, only has what is left over."""
    action = np.zeros(problem.price.shape, np.int8)
    temp, heating = problem.x0[:, 0].copy(), np.zeros(problem.homes, bool)
    for t in range(problem.steps):
        heating = np.where(heating, temp < setpoint_c, temp < setpoint_c - OWN_HYSTERESIS_K)
        assert problem.allowed is not None
        on = heating & problem.allowed[:, t, ON]
        action[on, t] = ON
        heat = np.where(on, problem.space_heat[:, t, ON], 0.0)
        temp = problem.a[:, 0, 0] * temp + problem.b[:, 0] * heat + problem.w[:, t, 0]
    return action


def with_pool(
    steps: tuple[PlanStep, ...], outlook: Outlook, plans: PoolPlans, home: int
) -> tuple[tuple[PlanStep, ...], Outlook]:
    """The plan of one home and what it comes to, with its pool."""
    if not plans.is_planned[home]:
        return steps, outlook
    columns = (plans.heats[home], plans.pool_c[home], plans.power_kw[home], plans.own_power_kw[home])
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    cost, own_cost = (sum(step.price * STEP_H * row[i] for step, row in zip(steps, rows, strict=True)) for i in (2, 3))
    with_it = tuple(_with_pool(step, *row) for step, row in zip(steps, rows, strict=True))
    return with_it, outlook._replace(
        cost=outlook.cost + cost,
        own_cost=outlook.own_cost + own_cost,
        stored_worth=outlook.stored_worth + float(plans.stored_worth[home]),
    )


def _with_pool(step: PlanStep, heats: bool, pool_c: float, power_kw: float, own_kw: float) -> PlanStep:
    own = None if step.own is None else step.own._replace(power_kw=step.own.power_kw + own_kw)
    return replace(step, power_kw=step.power_kw + power_kw, pool_heating=heats, pool_temp_c=pool_c, own=own)


def free_steps(problem: Problem, action: Array) -> Array:
    """Steps (home, step) in which a plan uses the pump for neither rooms nor tank."""
    heat = np.abs(np.concatenate([problem.space_heat, problem.dhw_heat[:, :, None]], axis=2))
    used = np.take_along_axis(heat, action[:, :, None].astype(np.int64), axis=2)[:, :, 0]
    free: Array = used < BUSY_KW
    return free
