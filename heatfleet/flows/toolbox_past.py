"""What was seen of homes, as arrays: telemetry turned into heat and power per quarter-hour, and how a home stands now.

Learning looks at a fortnight of it, planning at the last two days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.levers import COOLING_LEVERS, Lever, levers_in_use, space_lever
from heatfleet.domain.readings import Channel, OperationalMode
from heatfleet.domain.tariff import DAY_STEPS
from heatfleet.domain.time_grid import MTU, STEP_H, TimeGrid, floor_mtu
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows.toolbox_homes import Loaded
from heatfleet.planning.hot_water import learned_hysteresis_k
from heatfleet.planning.mirror import is_day_of_cooling
from heatfleet.planning.state import Horizon, Present, resting_mass_c
from heatfleet.store import blocks, weather
from heatfleet.store.blocks import Block
from heatfleet.store.database import ReadTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.thermal import identify
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.block import Block as Seen
from heatfleet.thermal.block import Cooled, Swum
from heatfleet.thermal.grey_box import estimate_state
from heatfleet.thermal.model import ThermalModels

SG_BLOCKED, SG_RAISED = 1.0, 3.0
ENOUGH_STEPS = 24  # with an indoor temperature, for the model to have found the walls'


@dataclass(frozen=True)
class Past:
    """Telemetry of pumps (the step before the grid first), and the weather at each of them (home, step)."""

    block: Block
    outdoor_c: Array
    ghi_kw_m2: Array


def last_days(now: datetime, days: int) -> TimeGrid:
    """The quarter-hours of some days that have ended by ``now``."""
    return TimeGrid(floor_mtu(now) - timedelta(days=days), days * DAY_STEPS)


async def past(tx: ReadTx, loaded: Loaded, grid: TimeGrid) -> Past:
    """What was read of the loaded pumps on ``grid``."""
    longer = TimeGrid(grid.start_at - MTU, grid.count + 1)  # meters need the step before
    block = await blocks.block(tx, [pump.id for pump in loaded.pumps], longer)
    places = [outlook.place_of_site(loaded.sites[pump.id]) for pump in loaded.pumps]
    known = {place: await weather.weather_on(tx, place, grid) for place in sorted(set(places))}
    nothing = np.empty((0, grid.count))
    return Past(
        block,
        np.stack([known[place].temp_c for place in places]) if places else nothing,
        np.stack([known[place].ghi_kw_m2 for place in places]) if places else nothing,
    )


def seen(homes: Sequence[outlook.Home], past: Past) -> Seen:
    """Telemetry as learning wants it, (home, step); outdoors the weather's where the pump has no sensor."""
    channels = {channel: values[:, 1:] for channel, values in past.block.channels.items()}
    water, cooling, pool = shares = _shares(past.block)
    house = 1.0 - sum(shares)
    heat = _rate_kw(past.block.channels[Channel.HEAT_KWH])
    power = _rate_kw(past.block.channels[Channel.ENERGY_KWH])
    power = np.where(np.isnan(power), channels[Channel.POWER_KW], power)
    shift, blocked = _shifts(homes, channels)
    outdoor = channels[Channel.OUTDOOR_TEMP_C]
    target = [home.own.indoor_setpoint_c + home.policy.offset_k for home in homes]
    grid = TimeGrid(past.block.grid.at(1), power.shape[1])
    return Seen(
        indoor_c=channels[Channel.INDOOR_TEMP_C],
        outdoor_c=np.where(np.isnan(outdoor), past.outdoor_c, outdoor),
        ghi_kw_m2=past.ghi_kw_m2,
        space_heat_kw=np.where(blocked, np.nan, heat * house),
        space_power_kw=np.where(blocked, np.nan, power * house),
        dhw_heat_kw=heat * water,
        dhw_power_kw=power * water,
        tank_c=channels[Channel.DHW_TEMP_C],
        setpoint_c=np.repeat(np.array(target)[:, None], grid.count, axis=1),
        shift_k=shift,
        quarter_of_day=np.stack([outlook.quarters(home.site.price_zone, grid) for home in homes]),
        water_c=0.5 * (channels[Channel.FLOW_TEMP_C] + channels[Channel.RETURN_TEMP_C]),
        cooling=_cooled(homes, channels, power * cooling),
        pool=Swum(channels[Channel.POOL_TEMP_C], heat * pool, power * pool),
    )


def _cooled(homes: Sequence[outlook.Home], channels: Mapping[Channel, Array], power_kw: Array) -> Cooled:
    """What was seen of the cooling; a setpoint that is not told is taken not to have been moved."""
    own = np.array([[home.own.cooling_setpoint_c + home.policy.offset_k] for home in homes])
    moved = channels[Channel.COOLING_SETPOINT_C] - own
    return Cooled(power_kw, np.broadcast_to(own, moved.shape), np.nan_to_num(moved))


def cools_today(loaded: Loaded, past: Past, around: outlook.Surroundings) -> list[bool]:
    """Whether each loaded pump that is ours to cool with cools today, if it does anything for the rooms."""
    heated, cooled = (
        np.nan_to_num(past.block.shares[mode][:, -DAY_STEPS:]).sum(axis=1)
        for mode in (OperationalMode.HEATING, OperationalMode.COOLING)
    )
    expected = [around.weather[outlook.place_of_site(loaded.sites[pump.id])].temp_c for pump in loaded.pumps]
    outdoor_c = np.array([temp_c[:DAY_STEPS].mean() for temp_c in expected])
    days = is_day_of_cooling(heated, cooled, outdoor_c).tolist()
    return [_may_cool(pump) and day for pump, day in zip(loaded.pumps, days, strict=True)]


def _may_cool(pump: HeatPump) -> bool:
    levers = Capabilities.from_json(pump.capabilities).levers
    return bool(pump.is_space_cooling_enabled) and space_lever(levers_in_use(levers, cooling=True)) in COOLING_LEVERS


def estimated(present: Present, lately: Seen, learned: ThermalModels, expected: Horizon) -> Present:
    """``present`` with air and walls as the models find them from what was seen lately.

    Homes of which too little was seen keep the temperature read, and walls that go with it and the weather.
    """
    past = identify.past_of(lately, learned)
    enough = (~np.isnan(past.indoor_c)).sum(axis=1) >= ENOUGH_STEPS
    air_c, mass_c = estimate_state(past, learned.building).T
    return replace(
        present,
        indoor_c=np.where(enough, air_c, present.indoor_c),
        mass_c=np.where(enough, mass_c, resting_mass_c(learned, expected, present)),
    )


def hysteresis_k(past: Past, learned: ThermalModels) -> Array:
    """How far below its setpoint each pump's own programme charges the tank [K], (home,); NaN where hardly seen.

    As learned at night from a fortnight; before that as seen in ``past``.
    """
    known = learned.tank.own_hysteresis_k
    return np.where(known > 0.0, known, _seen_hysteresis_k(past))


def with_hysteresis(learned: ThermalModels, past: Past) -> ThermalModels:
    """The models with the pump's own programme as seen in ``past``, where it was."""
    seen_k = _seen_hysteresis_k(past)
    known = np.where(np.isnan(seen_k), learned.tank.own_hysteresis_k, seen_k)
    return replace(learned, tank=replace(learned.tank, own_hysteresis_k=known))


def _seen_hysteresis_k(past: Past) -> Array:
    channels = past.block.channels
    tank_c, setpoint_c, boost = (
        channels[channel][:, 1:] for channel in (Channel.DHW_TEMP_C, Channel.DHW_SETPOINT_C, Channel.DHW_BOOST)
    )
    return learned_hysteresis_k(tank_c, setpoint_c, _shares(past.block)[0] > 0.0, np.nan_to_num(boost) > 0.0)


def _shares(block: Block) -> tuple[Array, Array, Array]:
    """Shares of each step's power that went into tank, cooling and pool, from the operating mode.

    0 where it is not told: then all of it went into heating the house.
    """
    house, *others = (
        np.nan_to_num(block.shares[mode][:, 1:])
        for mode in (
            OperationalMode.HEATING, OperationalMode.HOT_WATER, OperationalMode.COOLING, OperationalMode.POOL_HEATING
        )
    )  # fmt: skip
    total = np.maximum(house + sum(others), 1e-9)
    water, cooling, pool = (share / total for share in others)
    return water, cooling, pool


def _rate_kw(meter_kwh: Array) -> Array:
    """Mean power [kW] of each step but the first from a meter read at its end; NaN over gaps and resets."""
    used = np.diff(meter_kwh, axis=1)
    return np.where(used < 0, np.nan, used) / STEP_H


def _shifts(homes: Sequence[outlook.Home], channels: Mapping[Channel, Array]) -> tuple[Array, Array]:
    """Steering shift in force [K], NaN where not told, and steps in which the pump was blocked, (home, step)."""
    shift = np.full(channels[Channel.INDOOR_TEMP_C].shape, np.nan)
    blocked = np.zeros(shift.shape, bool)
    for row, home in enumerate(homes):
        lever = space_lever(levers_in_use(home.abilities.levers, cooling=False))
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
