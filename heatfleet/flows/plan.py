"""Waiting heat pumps are planned together: facts become a problem, its answer plans, unless policies moved on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import numpy as np

from heatfleet.domain.plans import Plan, PlanStep
from heatfleet.domain.time_grid import TimeGrid, floor_mtu
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows.toolbox_fleet import Tools, in_executor
from heatfleet.flows.toolbox_homes import Loaded, home_of, load, models_of
from heatfleet.planning.read_back import Marks, read_back
from heatfleet.planning.solve import solve
from heatfleet.planning.state import Freedom, Horizon, Present, build_problem
from heatfleet.store import plans, pump_states
from heatfleet.store.database import FLEET
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.thermal.arrays import take
from heatfleet.thermal.model import ThermalModels

QUALITY = "fast"
PAGE = 500


async def plan(tools: Tools, heat_pump_ids: Sequence[UUID]) -> list[UUID]:
    """The pumps that have a new plan; those not optimised, never read or without any price keep what they have."""
    now = tools.clock.fleet_now()
    grid = TimeGrid(floor_mtu(now), outlook.HORIZON_STEPS)
    async with tools.database.read(FLEET) as tx:
        loaded = await load(tx, sorted(set(heat_pump_ids)), only_optimised=True)
        around = await outlook.surroundings(tx, [loaded.sites[p.id] for p in loaded.pumps], grid, now)
    homes = [home_of(loaded, pump) for pump in loaded.pumps]
    if not homes:
        return []
    expected = outlook.horizon(homes, around, grid)
    priced = np.flatnonzero(~np.isnan(expected.price).any(axis=1))
    pumps, homes = [loaded.pumps[i] for i in priced], [homes[i] for i in priced]
    if not pumps:
        return []
    learned = models_of(loaded, pumps, now)
    paused = outlook.paused_steps(homes, grid)
    marks = Marks(paused=paused, away=outlook.away_steps(homes, grid))
    asked = (take(expected, priced), outlook.present(homes), outlook.freedom(homes, paused))
    steps = await in_executor(tools, answer, learned, asked, grid.start_at, marks)
    made = {
        pump.id: Plan(one, now, _version(loaded, pump), pump.policy_version)
        for pump, one in zip(pumps, steps, strict=True)
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


def answer(
    learned: ThermalModels, asked: tuple[Horizon, Present, Freedom], start_at: datetime, marks: Marks
) -> list[tuple[PlanStep, ...]]:
    """The plans of these homes: solved once along the pump's own control, once more along the plan found."""
    first = solve(build_problem(learned, *asked), QUALITY)
    problem = build_problem(learned, *asked, seen=first)
    return read_back(problem, solve(problem, QUALITY), start_at, marks)


def _version(loaded: Loaded, pump: HeatPump) -> int:
    model = loaded.models.get(pump.id)
    return 0 if model is None else model.version
