"""At night every home is learnt anew from a fortnight of telemetry; what forecasts better becomes a new version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import numpy as np

from heatfleet.flows import toolbox_past
from heatfleet.flows.toolbox_fleet import Tools, in_executor
from heatfleet.flows.toolbox_homes import Loaded, home_of, load, models_of, usual_models
from heatfleet.flows.toolbox_nights import in_turn
from heatfleet.store import models
from heatfleet.store.database import FLEET
from heatfleet.store.models import NewModel
from heatfleet.thermal import identify
from heatfleet.thermal.model import ThermalModels

DAYS = 14


async def learn_tonight(tools: Tools) -> int:
    """How many homes whose turn it is in this hour of their night have a new model."""
    learnt = 0
    async for pumps in in_turn(tools):
        learnt += len(await learn(tools, [pump.id for pump in pumps]))
    return learnt


async def learn(tools: Tools, heat_pump_ids: Sequence[UUID]) -> list[UUID]:
    """The homes with a new model in force."""
    now = tools.clock.fleet_now()
    async with tools.database.read(FLEET) as tx:
        loaded = await load(tx, sorted(set(heat_pump_ids)), only_optimised=False)
        past = await toolbox_past.past(tx, loaded, toolbox_past.last_days(now, DAYS))
    if not loaded.pumps:
        return []
    in_force, usual = models_of(loaded, loaded.pumps, now), usual_models(loaded, loaded.pumps, now)
    seen = toolbox_past.seen([home_of(loaded, pump) for pump in loaded.pumps], past)
    found = await in_executor(tools, identify.learn, seen, in_force, usual.building)
    new = _new_models(loaded, in_force, toolbox_past.with_hysteresis(found, past), now)
    async with tools.database.write(FLEET) as tx:
        await models.add(tx, new)
    return [model.heat_pump_id for model in new]


def _new_models(loaded: Loaded, before: ThermalModels, after: ThermalModels, now: datetime) -> list[NewModel]:
    """The models that changed: what was not seen enough stays as it was, without a version."""
    new = []
    for i, pump in enumerate(loaded.pumps):
        parameters, error = after.to_dict(i), float(after.error_24h_k[i])
        if parameters != before.to_dict(i):
            error_k = None if np.isnan(error) else error
            new.append(NewModel(pump.id, pump.org_id, str(after.kind[i]), parameters, error_k, now))
    return new
