"""Waiting heat pumps are planned together: facts become a problem, its answer plans, unless policies moved on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import numpy as np

from heatfleet.domain.levers import STATES, SteeringState
from heatfleet.domain.plans import Outlook, Plan, PlanStep
from heatfleet.domain.time_grid import TimeGrid, floor_mtu
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows import toolbox_past
from heatfleet.flows.toolbox_extras import Extras, extras
from heatfleet.flows.toolbox_fleet import Tools, in_executor
from heatfleet.flows.toolbox_homes import Loaded, home_of, load, models_of
from heatfleet.flows.toolbox_outlook import Home
from heatfleet.planning.budget import within_budget
from heatfleet.planning.counterfactual import outlooks, own_control
from heatfleet.planning.hot_water import judged, own_start_c, tank_plans, with_charges, without_charges
from heatfleet.planning.mirror import mirrored, steps_as_they_are
from heatfleet.planning.pool import PoolPlans, Swim, free_steps, pool_plans, with_pool
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.read_back import Marks, read_back
from heatfleet.planning.smooth import smooth
from heatfleet.planning.solve import solve
from heatfleet.planning.state import MID, Freedom, Horizon, Present, build_problem
from heatfleet.planning.thermostat import ended_when_full, left_alone
from heatfleet.store import plans, pump_states
from heatfleet.store.database import FLEET
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.block import Block
from heatfleet.thermal.model import ThermalModels

QUALITY = "fast"
PAGE = 500
LATELY_DAYS = 2  # from which the temperature of the walls is found


@dataclass(frozen=True)
class Asked:
    """All that is to be answered for some homes."""

    start_at: datetime
    horizon: Horizon
    present: Present
    freedom: Freedom
    lately: Block
    in_force: Array  # (home,) index of the steering state
    marks: Marks
    cools: Array  # (home,) bool: the rooms are cooled, if anything
    swim: Swim


async def plan(tools: Tools, heat_pump_ids: Sequence[UUID]) -> list[UUID]:
    """The pumps that have a new plan; those not optimised, never read or without any price keep what they have."""
    now = tools.clock.fleet_now()
    grid = TimeGrid(floor_mtu(now), outlook.HORIZON_STEPS)
    async with tools.database.read(FLEET) as tx:
        loaded = await load(tx, sorted(set(heat_pump_ids)), only_optimised=True)
        around = await outlook.surroundings(tx, [loaded.sites[p.id] for p in loaded.pumps], grid, now)
        past = await toolbox_past.past(tx, loaded, toolbox_past.last_days(now, LATELY_DAYS))
        extra = await extras(tx, loaded, around, grid, now)
    if not loaded.pumps:
        return []
    cools = toolbox_past.cools_today(loaded, past, around)
    homes = [home_of(loaded, pump, cool) for pump, cool in zip(loaded.pumps, cools, strict=True)]
    expected = extra.priced(outlook.horizon(homes, around, grid))
    priced = np.flatnonzero(~np.isnan(expected.price).any(axis=1))
    if not priced.size:
        return []
    lately = take(toolbox_past.seen(homes, past), priced)
    learned = models_of(loaded, loaded.pumps, now)
    hysteresis_k = toolbox_past.hysteresis_k(past, learned)[priced]
    pumps, homes = [loaded.pumps[i] for i in priced], [homes[i] for i in priced]
    extra = extra.of(priced)
    asked = _with_extras(_asked(pumps, homes, grid, take(expected, priced), lately), extra)
    asked = replace(asked, present=replace(asked.present, own_hysteresis_k=hysteresis_k))
    answers = await in_executor(tools, answer, learned.of(priced), asked)
    found = zip(pumps, extra.as_paid([steps for steps, _ in answers]), answers, strict=True)
    made = {
        pump.id: Plan(steps, now, _version(loaded, pump), pump.policy_version, beside)
        for pump, steps, (_, beside) in found
    }
    async with tools.database.write(FLEET) as tx:
        return await plans.replace(tx, made)


async def plan_all(tools: Tools) -> int:
    """How many pumps of the whole fleet have a new plan."""
    planned, last = 0, None
    while ids := await _page(tools, last):
        planned += len(await plan(tools, ids))
        last = ids[-1]
    return planned


async def _page(tools: Tools, after: UUID | None) -> list[UUID]:
    async with tools.database.read(FLEET) as tx:
        return await pump_states.optimised(tx, after, PAGE)


def _asked(pumps: Sequence[HeatPump], homes: Sequence[Home], grid: TimeGrid, expected: Horizon, lately: Block) -> Asked:
    paused = outlook.paused_steps(homes, grid)
    return Asked(
        start_at=grid.start_at,
        horizon=expected,
        present=outlook.present(homes),
        freedom=outlook.freedom(homes, paused, grid),
        lately=lately,
        in_force=np.array([_state(pump) for pump in pumps]),
        cools=np.array([home.cools for home in homes]),
        swim=outlook.swim(homes, paused),
        marks=Marks(paused=paused, away=_away(homes, grid), grid_limit=outlook.limited_steps(homes, grid)),
    )


def _away(homes: Sequence[Home], grid: TimeGrid) -> Array:
    """Steps (home, step) in which an absence lowers what is wanted: it asks nothing of a cooling."""
    heats: Array = np.array([[not home.cools] for home in homes])
    return np.logical_and(outlook.away_steps(homes, grid), heats)


def _with_extras(asked: Asked, extra: Extras) -> Asked:
    """The same with what the roof gives and what the grid allows."""
    marks = asked.marks
    if extra.sun is not None:
        marks = replace(marks, sun=extra.sun > 0.0)
    if extra.limits is not None:
        marks = replace(marks, grid_limit=~np.isnan(extra.limits))
    return replace(asked, freedom=extra.limited(asked.freedom), marks=marks)


def _state(pump: HeatPump) -> int:
    """Index of the steering state in force; MID, the pump's own control, while it is not steered."""
    return MID if pump.current_state is None else STATES.index(SteeringState(pump.current_state))


def answer(learned: ThermalModels, asked: Asked) -> list[tuple[tuple[PlanStep, ...], Outlook]]:
    """The plans of these homes: solved once along the pump's own control, once more along the plan found, calmed.

    Tanks are planned by themselves, pools in what is left. Each plan stands beside the owner's own control over the
    same time.
    """
    present = toolbox_past.estimated(asked.present, asked.lately, learned, asked.horizon)
    tanks = tank_plans(learned, asked.horizon, present, asked.freedom)
    facts = (*mirrored(learned, asked.horizon, present, asked.cools), asked.freedom)
    along_own = build_problem(*facts)
    first = with_charges(solve(without_charges(along_own, tanks), QUALITY), tanks)
    problem = judged(build_problem(*facts, seen=first), tanks)
    found = with_charges(_calmed(without_charges(problem, tanks), asked), tanks)
    problem = ended_when_full(problem, found.action, tanks.charge_to_c)
    alone = left_alone(along_own, asked.horizon.dhw_max_c, own_start_c(asked.horizon, present))
    along_alone = build_problem(*facts, seen=alone)
    own = own_control(ended_when_full(along_alone, alone.action, asked.horizon.dhw_max_c), alone)
    steps = read_back(problem, found, asked.start_at, asked.marks, own, tanks, asked.in_force)
    answers = list(zip(steps, outlooks(problem, found, own), strict=True))
    return _whole(answers, asked, _pools(learned, asked, problem, found))


def _pools(learned: ThermalModels, asked: Asked, problem: Problem, found: Solution) -> PoolPlans:
    """The plans of the pools in what ``found`` leaves, within the grid's limits."""
    power_kw = learned.pool.energy_kw(asked.horizon.outdoor_c)
    is_free, most_kw = asked.swim.is_free & free_steps(problem, found.action), asked.freedom.max_power_kw
    if most_kw is not None:  # NaN = no limit
        is_free &= ~(power_kw > (most_kw if most_kw.ndim == 2 else most_kw[:, None]))
    swim = replace(asked.swim, is_free=is_free)
    return pool_plans(learned.pool, asked.horizon.price, (asked.horizon.outdoor_c, asked.horizon.ghi_kw_m2), swim)


def _whole(
    answers: list[tuple[tuple[PlanStep, ...], Outlook]], asked: Asked, pools: PoolPlans
) -> list[tuple[tuple[PlanStep, ...], Outlook]]:
    """The answers of cooling homes in true temperatures, those with a pool with it."""
    true = [steps_as_they_are(*one) if cools else one for one, cools in zip(answers, asked.cools, strict=True)]
    return [with_pool(*one, pools, home) for home, one in enumerate(true)]


def _calmed(problem: Problem, asked: Asked) -> Solution:
    """The solution of the problem with no more changes of state than they are worth, and the device takes."""
    found = smooth(problem, solve(problem, QUALITY), asked.in_force)
    if asked.freedom.max_moves_day is None:
        return found
    return within_budget(problem, found, asked.in_force, asked.freedom.max_moves_day)


def _version(loaded: Loaded, pump: HeatPump) -> int:
    model = loaded.models.get(pump.id)
    return 0 if model is None else model.version
