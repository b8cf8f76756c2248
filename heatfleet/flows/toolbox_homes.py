"""Heat pumps as homes: what planning and learning load of them, and the models in force."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import numpy as np

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.disinfection import dose_every
from heatfleet.domain.levers import Lever, LeverRange, SteeringState, levers_in_use, space_lever
from heatfleet.domain.situation import LeverFacts
from heatfleet.domain.steering import dwells_until
from heatfleet.flows.toolbox_levers import lever_facts, own_settings
from heatfleet.flows.toolbox_outlook import DESIGN_OUTDOOR_C, Home, building_facts
from heatfleet.store import baselines, heat_pumps, models, pump_states, sites, telemetry
from heatfleet.store.baselines import Baseline
from heatfleet.store.database import ReadTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.models import StoredModel
from heatfleet.store.sites import Site
from heatfleet.store.telemetry import Latest
from heatfleet.thermal.model import ThermalModels, prior


@dataclass(frozen=True)
class Loaded:
    """What the store knows of heat pumps, in their order."""

    pumps: list[HeatPump]
    latest: Mapping[UUID, Latest]
    baselines: Mapping[UUID, Sequence[Baseline]]
    models: Mapping[UUID, StoredModel]
    sites: Mapping[UUID, Site]
    last_doses: Mapping[UUID, datetime]


async def load(tx: ReadTx, ids: Sequence[UUID], *, only_optimised: bool) -> Loaded:
    """The living, connected pumps among ``ids`` that have been read."""
    latest = await telemetry.latest(tx, ids)
    pumps = await pump_states.pumps(tx, ids)
    found = [pump for id_ in ids if (pump := pumps.get(id_)) is not None and _is_read(pump, latest.get(id_))]
    return Loaded(
        pumps=[pump for pump in found if pump.is_smart_optimization_active or not only_optimised],
        latest=latest,
        baselines=await baselines.of_pumps(tx, ids),
        models=await models.in_force(tx, ids),
        sites=await sites.sites(tx, ids),
        last_doses=await telemetry.last_doses(tx, latest),
    )


def _is_read(pump: HeatPump, latest: Latest | None) -> bool:
    is_there = not pump.is_gone and pump.connection_id is not None
    return is_there and latest is not None and latest.at is not None


def home_of(loaded: Loaded, pump: HeatPump, cools: bool = False) -> Home:
    """One pump with its surroundings; ``cools`` = today it cools, if anything."""
    abilities, values = Capabilities.from_json(pump.capabilities), loaded.latest[pump.id].values
    levers = lever_facts(loaded.baselines.get(pump.id, ()), (), values, abilities.levers)
    offset, space = levers.get(Lever.CURVE_OFFSET_K), space_lever(levers_in_use(abilities.levers, cools))
    model = loaded.models.get(pump.id)
    return Home(
        policy=heat_pumps.policy_of(pump),
        abilities=abilities,
        own=own_settings(levers, values),
        own_offset_k=0.0 if offset is None else offset.own_value or 0.0,
        site=loaded.sites[pump.id],
        values=values,
        is_trading=pump.is_trading_enabled,
        state=None if pump.current_state is None else SteeringState(pump.current_state),
        held_until=None if space is None else _held_until(levers[space], abilities.levers[space]),
        disinfection_last_at=loaded.last_doses.get(pump.id),
        disinfection_every=dose_every(None if model is None else model.parameters["tank"]["capacity_kwh_per_k"]),
        cools=cools,
    )


def _held_until(facts: LeverFacts, limits: LeverRange) -> datetime | None:
    """Before when a plan keeps what is in force: the lever dwells, or the vendor has not yet carried the write out."""
    times = [at for at in (dwells_until(facts, limits), facts.settle_at) if at is not None]
    return max(times, default=None)


def models_of(loaded: Loaded, pumps: Sequence[HeatPump], now: datetime) -> ThermalModels:
    """The models in force; a prior from building facts for homes nobody has measured yet."""
    unknown = usual_models(loaded, pumps, now)
    stored = [loaded.models.get(p.id) for p in pumps]
    rows = [None if m is None or not ThermalModels.is_readable(m.parameters) else m.parameters for m in stored]
    return ThermalModels.from_dicts([unknown.to_dict(i) if row is None else row for i, row in enumerate(rows)])


def usual_models(loaded: Loaded, pumps: Sequence[HeatPump], now: datetime) -> ThermalModels:
    """What is usual for such homes, whatever was measured."""
    facts = building_facts([loaded.sites[p.id] for p in pumps], now.year)
    return prior(facts, np.full(len(pumps), DESIGN_OUTDOOR_C))
