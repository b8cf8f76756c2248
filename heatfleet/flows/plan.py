"""Waiting heat pumps are planned together: facts become a problem, its answer plans, unless policies moved on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.plans import Plan, PlanStep
from heatfleet.domain.time_grid import TimeGrid, floor_mtu
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows.toolbox_fleet import Tools, in_executor
from heatfleet.flows.toolbox_steering import lever_facts, own_settings
from heatfleet.planning.read_back import Marks, read_back
from heatfleet.planning.solve import solve
from heatfleet.planning.state import Freedom, Horizon, Present, build_problem
from heatfleet.store import baselines, heat_pumps, models, plans, pump_states, sites, telemetry
from heatfleet.store.baselines import Baseline
from heatfleet.store.database import FLEET
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.models import StoredModel
from heatfleet.store.sites import Site
from heatfleet.store.telemetry import Latest
from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.model import PRIOR, ThermalModels, prior

QUALITY = "fast"
PAGE = 500


@dataclass(frozen=True)
class _Loaded:
    """What the store knows of the pumps to plan, in their order."""

    pumps: list[HeatPump]
    latest: Mapping[UUID, Latest]
    baselines: Mapping[UUID, Sequence[Baseline]]
    models: Mapping[UUID, StoredModel]
    sites: Mapping[UUID, Site]


async def plan(tools: Tools, heat_pump_ids: Sequence[UUID]) -> list[UUID]:
    """The pumps that have a new plan; those not optimised, never read or without any price keep what they have."""
    now = tools.clock.fleet_now()
    grid = TimeGrid(floor_mtu(now), outlook.HORIZON_STEPS)
    async with tools.database.read(FLEET) as tx:
        loaded = await _load(tx, sorted(set(heat_pump_ids)))
        around = await outlook.surroundings(tx, [loaded.sites[p.id] for p in loaded.pumps], grid, now)
    homes = [_home(loaded, pump) for pump in loaded.pumps]
    if not homes:
        return []
    expected = outlook.horizon(homes, around, grid)
    priced = np.flatnonzero(~np.isnan(expected.price).any(axis=1))
    pumps, homes = [loaded.pumps[i] for i in priced], [homes[i] for i in priced]
    if not pumps:
        return []
    learned = _models(loaded, pumps, grid.start_at)
    paused = outlook.paused_steps(homes, grid)
    marks = Marks(paused=paused, away=outlook.away_steps(homes, grid), learning=_learning(learned, grid.count))
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


async def _load(tx: Any, ids: Sequence[UUID]) -> _Loaded:
    latest = await telemetry.latest(tx, ids)
    pumps = await pump_states.pumps(tx, ids)
    return _Loaded(
        pumps=[p for id_ in ids if (p := pumps.get(id_)) is not None and _may_plan(p, latest.get(id_))],
        latest=latest,
        baselines=await baselines.of_pumps(tx, ids),
        models=await models.in_force(tx, ids),
        sites=await sites.sites(tx, ids),
    )


def _may_plan(pump: HeatPump, latest: Latest | None) -> bool:
    is_ours = pump.deleted_at is None and pump.is_smart_optimization_active and pump.connection_id is not None
    return is_ours and latest is not None and latest.at is not None


def _home(loaded: _Loaded, pump: HeatPump) -> outlook.Home:
    abilities, values = Capabilities.from_json(pump.capabilities), loaded.latest[pump.id].values
    levers = lever_facts(loaded.baselines.get(pump.id, ()), (), values, abilities.levers)
    own = own_settings(levers, values)
    return outlook.Home(heat_pumps.policy_of(pump), abilities, own, loaded.sites[pump.id], values)


def _models(loaded: _Loaded, pumps: Sequence[HeatPump], now: datetime) -> ThermalModels:
    """The models in force; a prior from building facts for homes nobody has measured yet."""
    facts = outlook.building_facts([loaded.sites[p.id] for p in pumps], now.year)
    unknown = prior(facts, np.full(len(pumps), outlook.DESIGN_OUTDOOR_C))
    stored = [loaded.models.get(p.id) for p in pumps]
    return ThermalModels.from_dicts([unknown.to_dict(i) if m is None else m.parameters for i, m in enumerate(stored)])


def _learning(learned: ThermalModels, steps: int) -> Array:
    return np.repeat((learned.kind == PRIOR)[:, None], steps, axis=1)


def _version(loaded: _Loaded, pump: HeatPump) -> int:
    model = loaded.models.get(pump.id)
    return 0 if model is None else model.version
