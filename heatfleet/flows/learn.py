"""At night every home is learnt anew from a fortnight of telemetry; what forecasts better becomes a new version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import numpy as np

from heatfleet.domain.levers import Lever, space_lever
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.readings import Channel, OperationalMode
from heatfleet.domain.time_grid import MTU, STEP_H, TimeGrid, floor_mtu
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows.toolbox_fleet import Tools, in_executor
from heatfleet.flows.toolbox_homes import Loaded, home_of, load, models_of
from heatfleet.store import blocks, models, pump_states, weather
from heatfleet.store.blocks import Block
from heatfleet.store.database import FLEET, ReadTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.models import NewModel
from heatfleet.thermal import identify
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import ThermalModels

DAYS = 14
DAY_STEPS = 96
PAGE = 200
FIRST_HOUR, NIGHT_HOURS = 1, 4
SG_BLOCKED, SG_RAISED = 1.0, 3.0


@dataclass(frozen=True)
class _Past:
    """What was seen of the pumps, and the sun at each of them (home, step)."""

    block: Block
    ghi_kw_m2: Array


async def learn_tonight(tools: Tools) -> int:
    """How many homes whose turn it is in this hour of their night have a new model."""
    learnt, last = 0, None
    while ids := await _page(tools, last):
        last = ids[-1]
        async with tools.database.read(FLEET) as tx:
            pumps = await pump_states.pumps(tx, ids)
        learnt += len(await learn(tools, [pump.id for pump in pumps.values() if _is_due(tools, pump)]))
    return learnt


async def _page(tools: Tools, after: UUID | None) -> list[UUID]:
    async with tools.database.read(FLEET) as tx:
        return await pump_states.connected(tx, after, PAGE)


def _is_due(tools: Tools, pump: HeatPump) -> bool:
    """Homes take turns over the small hours of their own night."""
    local = tools.clock.fleet_now().astimezone(zone_time(pump.price_zone))
    return local.hour == FIRST_HOUR + pump.id.int % NIGHT_HOURS


async def learn(tools: Tools, heat_pump_ids: Sequence[UUID]) -> list[UUID]:
    """The homes with a new model in force."""
    now = tools.clock.fleet_now()
    end_at = floor_mtu(now)
    grid = TimeGrid(end_at - timedelta(days=DAYS), DAYS * DAY_STEPS)
    async with tools.database.read(FLEET) as tx:
        loaded = await load(tx, sorted(set(heat_pump_ids)), only_optimised=False)
        past = await _past(tx, loaded, grid)
    if not loaded.pumps:
        return []
    in_force = models_of(loaded, loaded.pumps, now)
    seen = _seen(loaded, past)
    found = await in_executor(tools, identify.learn, seen, in_force)
    new = _new_models(loaded, in_force, found, now)
    async with tools.database.write(FLEET) as tx:
        await models.add(tx, new)
    return [model.heat_pump_id for model in new]


def _new_models(loaded: Loaded, before: ThermalModels, after: ThermalModels, now: object) -> list[NewModel]:
    """The models that changed: what was not seen enough stays as it was, without a version."""
    new = []
    for i, pump in enumerate(loaded.pumps):
        parameters, error = after.to_dict(i), float(after.error_24h_k[i])
        if parameters != before.to_dict(i):
            error_k = None if np.isnan(error) else error
            new.append(NewModel(pump.id, pump.org_id, str(after.kind[i]), parameters, error_k, now))  # type: ignore[arg-type]
    return new


async def _past(tx: ReadTx, loaded: Loaded, grid: TimeGrid) -> _Past:
    longer = TimeGrid(grid.start_at - MTU, grid.count + 1)  # meters need the step before
    block = await blocks.block(tx, [pump.id for pump in loaded.pumps], longer)
    places = [outlook.place_of_site(loaded.sites[pump.id]) for pump in loaded.pumps]
    ghi = {place: (await weather.weather_on(tx, place, grid)).ghi_kw_m2 for place in set(places)}
    empty = np.full((len(places), grid.count), np.nan)
    return _Past(block, np.stack([ghi[place] for place in places]) if places else empty)


def _seen(loaded: Loaded, past: _Past) -> identify.Block:
    """Telemetry as the learner wants it, (home, step)."""
    channels = {channel: values[:, 1:] for channel, values in past.block.channels.items()}
    homes = [home_of(loaded, pump) for pump in loaded.pumps]
    water = _water_share(past.block)
    heat = _rate_kw(past.block.channels[Channel.HEAT_KWH])
    power = _rate_kw(past.block.channels[Channel.ENERGY_KWH])
    power = np.where(np.isnan(power), channels[Channel.POWER_KW], power)
    shift, blocked = _shifts(homes, channels)
    steps = power.shape[1]
    target = [home.own.indoor_setpoint_c + home.policy.offset_k for home in homes]
    grid = TimeGrid(past.block.grid.at(1), steps)
    return identify.Block(
        indoor_c=channels[Channel.INDOOR_TEMP_C],
        outdoor_c=channels[Channel.OUTDOOR_TEMP_C],
        ghi_kw_m2=past.ghi_kw_m2,
        space_heat_kw=np.where(blocked, np.nan, heat * (1.0 - water)),
        space_power_kw=np.where(blocked, np.nan, power * (1.0 - water)),
        dhw_heat_kw=heat * water,
        dhw_power_kw=power * water,
        tank_c=channels[Channel.DHW_TEMP_C],
        setpoint_c=np.repeat(np.array(target)[:, None], steps, axis=1),
        shift_k=shift,
        quarter_of_day=np.stack([outlook.quarters(home.site.price_zone, grid) for home in homes]),
    )


def _water_share(block: Block) -> Array:
    """Share of each step's heat that went into the tank, from the operating mode; 0 where it is not told."""
    water = np.nan_to_num(block.shares[OperationalMode.HOT_WATER][:, 1:])
    house = np.nan_to_num(block.shares[OperationalMode.HEATING][:, 1:])
    share: Array = water / np.maximum(water + house, 1e-9)
    return share


def _rate_kw(meter_kwh: Array) -> Array:
    """Mean power [kW] of each step but the first from a meter read at its end; NaN over gaps and resets."""
    used = np.diff(meter_kwh, axis=1)
    return np.where(used < 0, np.nan, used) / STEP_H


def _shifts(homes: Sequence[outlook.Home], channels: Mapping[Channel, Array]) -> tuple[Array, Array]:
    """Steering shift in force [K], NaN where not told, and steps in which the pump was blocked, (home, step)."""
    shift = np.full(channels[Channel.INDOOR_TEMP_C].shape, np.nan)
    blocked = np.zeros(shift.shape, bool)
    for row, home in enumerate(homes):
        lever = space_lever(home.abilities.levers)
        if lever is None:
            continue
        value = channels[Channel(lever.value)][row]
        if lever is Lever.SG_READY_STATE:
            blocked[row] = value < SG_BLOCKED + 0.5
            raised = np.where(value >= SG_RAISED - 0.5, outlook.RAISED_DELTA_K, 0.0)
            shift[row] = np.where(blocked[row], outlook.BLOCK_DELTA_K, raised)
        else:
            own = home.own.indoor_setpoint_c if lever is Lever.INDOOR_SETPOINT_C else home.own_offset_k
            shift[row] = value - own - home.policy.offset_k
    return shift, blocked
