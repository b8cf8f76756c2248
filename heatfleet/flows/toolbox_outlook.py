"""What planning looks at, as arrays: prices as owners pay them, weather, comfort, what may be done, how homes stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from heatfleet.domain.alignment import Floats, instants
from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.disinfection import DOSE_EVERY, DOSE_SOON, can_disinfect, planned_by
from heatfleet.domain.levers import (
    DHW_LEVERS,
    STATES,
    Lever,
    OptimizationLevel,
    Ranges,
    SteeringState,
    allowed_states,
    levers_in_use,
    space_lever,
)
from heatfleet.domain.market_day import visible_until
from heatfleet.domain.places import place_or_city
from heatfleet.domain.policy import COLDER_THAN_OWN_K, Comfort, OwnSettings, Policy, comfort_at
from heatfleet.domain.pool import pool_raise_k
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.readings import MODES, Channel, OperationalMode
from heatfleet.domain.steering import moves_a_day
from heatfleet.domain.tariff import DAY_STEPS, Contract, carried_on, price_per_kwh
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.planning.pool import Swim
from heatfleet.planning.state import HOT_WATER, MID, Freedom, Horizon, Present
from heatfleet.store import prices, weather
from heatfleet.store.database import ReadTx
from heatfleet.store.sites import Site
from heatfleet.store.weather import WeatherOnGrid
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import BuildingFacts

HORIZON_STEPS = 144
STARTS_A_DAY = 12  # compressor starts a plan may ask for by blocking and letting go
BLOCK_DELTA_K = -20.0  # SG-Ready 1: no heat whatever the controller wants
RAISED_DELTA_K = 1.0  # SG-Ready 3: what it adds is the pump's own business; about a kelvin
LONG_AGO_STEPS = 16
SATURDAY = 5
MILD_C = 5.0
DESIGN_OUTDOOR_C = -10.0
MIN = 0


@dataclass(frozen=True)
class Surroundings:
    """Prices [currency/MWh] by zone, from a day before the grid on, and weather by place, all (step,)."""

    wholesale: Mapping[str, Floats]
    weather: Mapping[str, WeatherOnGrid]


@dataclass(frozen=True)
class Home:
    """One pump about to be planned."""

    policy: Policy
    abilities: Capabilities
    own: OwnSettings
    own_offset_k: float  # the owner's own curve offset
    site: Site
    values: Mapping[Channel, float]
    is_trading: bool = False  # its electricity is bought at the zone's price, whatever the owner's contract says
    state: SteeringState | None = None  # in force
    held_until: datetime | None = None  # before this the vendor takes no further change of the space-heating lever
    disinfection_last_at: datetime | None = None  # or since when the tank has been watched without one
    disinfection_every: timedelta = DOSE_EVERY
    max_power_kw: float | None = None  # what a limit of the grid leaves, none = no limit
    cools: bool = False  # today it cools, if anything

    @property
    def levers(self) -> Ranges:
        """Those that count today."""
        return levers_in_use(self.abilities.levers, self.cools)

    @property
    def may_move_rooms(self) -> bool:
        """Whether the owner lets us optimise what the rooms get today."""
        policy = self.policy
        return bool(policy.is_space_cooling_enabled if self.cools else policy.is_space_heating_enabled)

    @property
    def setpoint_c(self) -> float:
        """The owner's own for the rooms today, with the partner's shift."""
        own_c = self.own.cooling_setpoint_c if self.cools else self.own.indoor_setpoint_c
        return own_c + self.policy.offset_k


def place_of_site(site: Site) -> str:
    """The place whose weather counts for a site."""
    return place_or_city(site.latitude, site.longitude, site.price_zone)


async def surroundings(tx: ReadTx, sites: Sequence[Site], grid: TimeGrid, now: datetime) -> Surroundings:
    """What is known at ``now``: prices published by then and the newest forecast."""
    longer = TimeGrid(grid.start_at - DAY_STEPS * MTU, grid.count + DAY_STEPS)
    wholesale = {}
    for zone in sorted({site.price_zone for site in sites}):
        known = await prices.prices_on(tx, zone, longer)
        known[instants(longer) >= np.datetime64(visible_until(now, zone).replace(tzinfo=None), "s")] = np.nan
        wholesale[zone] = known
    places = sorted({place_of_site(site) for site in sites})
    return Surroundings(wholesale, {place: await weather.weather_on(tx, place, grid) for place in places})


def horizon(homes: Sequence[Home], around: Surroundings, grid: TimeGrid) -> Horizon:
    """What is expected, (home, step); NaN prices where a zone has none at all."""
    comfort = [_comfort(home, grid) for home in homes]
    outdoor = [_outdoor(home, around.weather[place_of_site(home.site)].temp_c) for home in homes]
    ghi = [np.nan_to_num(around.weather[place_of_site(home.site)].ghi_kw_m2) for home in homes]
    return Horizon(
        price=np.stack([_price(home, around, grid) for home in homes]),
        outdoor_c=np.stack(outdoor),
        ghi_kw_m2=np.stack(ghi),
        quarter_of_day=np.stack([quarters(home.site.price_zone, grid) for home in homes]),
        indoor_min_c=np.stack([c[0] for c in comfort]),
        indoor_max_c=np.stack([c[1] for c in comfort]),
        dhw_min_c=np.stack([c[2] for c in comfort]),
        dhw_max_c=np.stack([c[3] for c in comfort]),
    )


def _price(home: Home, around: Surroundings, grid: TimeGrid) -> Floats:
    """Prices (step,) [currency/kWh] as the owner pays them; the zone's where the pump takes part in trading."""
    site = home.site
    longer = TimeGrid(grid.start_at - DAY_STEPS * MTU, grid.count + DAY_STEPS)
    contract = None
    if site.energy_prices and not home.is_trading:
        contract = Contract.of(site.energy_prices, site.includes_everything, site.contract_type)
    paid = price_per_kwh(around.wholesale[site.price_zone], site.surcharge_per_kwh, contract, longer)
    return carried_on(paid)[DAY_STEPS:]


def _outdoor(home: Home, temp_c: Floats) -> Floats:
    """The forecast; where it has holes the nearest hours, where there is none the pump's own sensor."""
    known = np.flatnonzero(~np.isnan(temp_c))
    if known.size == 0:
        return np.full(temp_c.size, home.values.get(Channel.OUTDOOR_TEMP_C, MILD_C))
    return np.interp(np.arange(temp_c.size), known, temp_c[known])


@lru_cache(maxsize=64)
def quarters(zone: str, grid: TimeGrid) -> Array:
    """Local quarter-hour of the day (step,), at weekends from 96 on; exact also where the clock changes."""
    local = zone_time(zone)
    starts = [at.astimezone(local) for at in grid]
    return np.array([at.hour * 4 + at.minute // 15 + (DAY_STEPS if at.weekday() >= SATURDAY else 0) for at in starts])


def _comfort(home: Home, grid: TimeGrid) -> Array:
    """Indoor and hot-water bands (4, step): lowest and highest indoors, lowest and highest in the tank."""
    normal, gone, away = _comforts(home, grid)
    return np.where(away, np.array([limits_c(gone)]).T, np.array([limits_c(normal)]).T)


def _comforts(home: Home, grid: TimeGrid) -> tuple[Comfort, Comfort, Array]:
    """What is wanted while somebody is in and while nobody is, and the steps (step,) without anybody."""
    always = replace(home.policy, away_mode_start=None, away_mode_end=None)
    normal = comfort_at(always, home.own, grid.start_at, home.cools)
    away = _inside(grid, home.policy.away_mode_start, home.policy.away_mode_end)
    if not home.policy.is_away_mode_enabled or home.policy.away_mode_start is None:
        return normal, normal, np.zeros(grid.count, bool)
    return normal, comfort_at(home.policy, home.own, home.policy.away_mode_start, home.cools), away


def limits_c(comfort: Comfort) -> list[float]:
    """Lowest and highest indoors, lowest and highest in the tank."""
    return [comfort.indoor_min_c, comfort.indoor_max_c, comfort.dhw_min_c, comfort.dhw_max_c]


def _inside(grid: TimeGrid, start_at: datetime | None, end_at: datetime | None) -> Array:
    """Steps (step,) that begin inside a time; none when it has no ends."""
    steps = np.zeros(grid.count, bool)
    if start_at is not None and end_at is not None:
        first, last = grid.index(start_at + MTU - timedelta(microseconds=1)), grid.index(end_at - MTU) + 1
        steps[max(first, 0) : max(last, 0)] = True
    return steps


def paused_steps(homes: Sequence[Home], grid: TimeGrid) -> Array:
    """Steps (home, step) in which a pause is in force."""
    long_ago = grid.start_at - timedelta(days=1)
    untils = [h.policy.pause_power_until if h.policy.is_pause_power_active else None for h in homes]
    return np.stack([_inside(grid, long_ago, until) for until in untils])


def away_steps(homes: Sequence[Home], grid: TimeGrid) -> Array:
    """Steps (home, step) in which somebody is away."""
    ends = [
        (h.policy.away_mode_start, h.policy.away_mode_end) if h.policy.is_away_mode_enabled else (None, None)
        for h in homes
    ]
    return np.stack([_inside(grid, *end) for end in ends])


def limited_steps(homes: Sequence[Home], grid: TimeGrid) -> Array:
    """Steps (home, step) in which a limit of the grid is in force."""
    limited = np.array([home.max_power_kw is not None for home in homes])
    return np.repeat(limited[:, None], grid.count, axis=1)


def freedom(homes: Sequence[Home], paused: Array, grid: TimeGrid) -> Freedom:
    """What may be done: levels and levers, uses the owner lets us optimise, pauses; ``paused`` is (home, step).

    And what must be: the disinfections that are due.
    """
    dose_by = np.array([_dose_step(home, grid) for home in homes])
    allowed = np.stack([_allowed_steps(home, grid, *both) for home, *both in zip(homes, paused, dose_by, strict=True)])
    deltas = np.array([[delta_k(home.policy, home.levers, state) for state in STATES] for home in homes])
    habit = [np.nan if home.policy.is_heating_policy_enabled else COLDER_THAN_OWN_K for home in homes]
    power = [np.nan if home.max_power_kw is None else home.max_power_kw for home in homes]
    return Freedom(
        deltas,
        np.ones((len(homes), len(STATES)), bool),
        allowed,
        dose_deadline_step=dose_by,
        max_starts_day=np.full(len(homes), STARTS_A_DAY),
        max_moves_day=np.array([_moves_a_day(home.levers) for home in homes]),
        colder_than_own_k=np.where(away_steps(homes, grid), np.nan, np.array(habit)[:, None]),
        max_power_kw=np.array(power),
        can_boost=np.array([Lever.DHW_BOOST in home.abilities.levers for home in homes]),
        can_hold=np.array([Lever.DHW_SETPOINT_C in home.abilities.levers for home in homes]),
    )


def _allowed_steps(home: Home, grid: TimeGrid, paused: Array, dose_by: int) -> Array:
    """Actions (step, 5) permitted to one home; ``paused`` is (step,), a dose must be complete by step ``dose_by``."""
    allowed = np.tile(_allowed(home), (grid.count, 1))
    if home.held_until is not None:
        in_force = STATES.index(home.state or SteeringState.MID)
        held = max(-((grid.start_at - home.held_until) // MTU), 0)
        allowed[:held, :HOT_WATER] = _only(in_force if allowed[0, in_force] else MID)[:HOT_WATER]
    allowed[paused] = _only(MIN if home.may_move_rooms else MID)
    before = np.arange(grid.count) < dose_by
    in_time = before & ~paused
    enough = in_time.sum() >= DOSE_SOON // MTU
    allowed[in_time if enough else before, HOT_WATER] = True
    return allowed


def _moves_a_day(levers: Ranges) -> int:
    """How often a day the lever that carries the steering state may be moved."""
    lever = space_lever(levers)
    return 0 if lever is None else moves_a_day(levers[lever])


def _dose_step(home: Home, grid: TimeGrid) -> int:
    """The step before which a disinfection must be complete; negative while none is due, or it is not ours to give."""
    is_ours = bool(home.policy.is_hot_water_heating_enabled) and home.abilities.has_hot_water
    by = planned_by(home.disinfection_last_at, grid.start_at, home.disinfection_every)
    return grid.index(by) if by is not None and is_ours and can_disinfect(home.abilities.levers) else -1


def _only(action: int) -> Array:
    only: Array = np.arange(HOT_WATER + 1) == action
    return only


def _allowed(home: Home) -> Array:
    """Actions (5,) permitted by level, levers and uses."""
    states = allowed_states(home.policy.optimization_level, home.levers)
    if not home.may_move_rooms:
        states = (SteeringState.MID,)
    can_move = any(lever in home.abilities.levers for lever in DHW_LEVERS) and home.abilities.has_hot_water
    may_move = can_move and bool(home.policy.is_hot_water_heating_enabled)
    return np.array([*(state in states for state in STATES), may_move])


def delta_k(policy: Policy, levers: Ranges, state: SteeringState) -> float:
    """What a state asks of the pump's own controller [K]."""
    if space_lever(levers) is Lever.SG_READY_STATE:
        return {SteeringState.MIN: BLOCK_DELTA_K, SteeringState.MAX: RAISED_DELTA_K}.get(state, 0.0)
    level = OptimizationLevel.MAX if policy.is_pause_power_active else policy.optimization_level
    return policy.deltas.delta_k(state, level)


def present(homes: Sequence[Home]) -> Present:
    """How the homes stand now; what is not read is taken to be as the owner set it."""
    setpoint = np.array([home.setpoint_c for home in homes])
    indoor = [home.values.get(Channel.INDOOR_TEMP_C) for home in homes]
    tank = [home.values.get(Channel.DHW_TEMP_C, home.own.dhw_setpoint_c - 2.0) for home in homes]
    return Present(
        indoor_c=np.array([s if value is None else value for value, s in zip(indoor, setpoint, strict=True)]),
        tank_c=np.array(tank),
        setpoint_c=setpoint,
        run_action=np.array([_action(home) for home in homes]),
        run_steps=np.full(len(homes), LONG_AGO_STEPS),
    )


def swim(homes: Sequence[Home], paused: Array) -> Swim:
    """What is known and wanted of the pools that are ours to plan; ``paused`` is (home, step)."""
    nan = float("nan")
    ours = [bool(h.policy.is_pool_heating_enabled) and Lever.POOL_SETPOINT_C in h.abilities.levers for h in homes]
    known = [h.values.get(Channel.POOL_TEMP_C, nan) if is_ours else nan for h, is_ours in zip(homes, ours, strict=True)]
    return Swim(
        pool_c=np.array(known),
        setpoint_c=np.array([home.own.pool_setpoint_c for home in homes]),
        raise_k=np.array([pool_raise_k(home.policy) for home in homes]),
        is_free=~paused,
    )


def _action(home: Home) -> int:
    """The action in force, from the operating mode."""
    mode = home.values.get(Channel.MODE)
    rooms = (OperationalMode.HEATING, OperationalMode.COOLING, OperationalMode.DEFROST)
    by_mode = dict.fromkeys(rooms, MID) | {OperationalMode.HOT_WATER: HOT_WATER}
    return 0 if mode is None else by_mode.get(MODES[round(mode)], 0)


def building_facts(sites: Sequence[Site], year: int) -> BuildingFacts:
    """What is known of the buildings, NaN where nothing."""
    nan = float("nan")
    return BuildingFacts(
        area_m2=np.array([nan if s.area_m2 is None else s.area_m2 for s in sites]),
        year_built=np.array([nan if s.age_years is None else float(year - s.age_years) for s in sites]),
        occupants=np.array([nan if s.occupants is None else float(s.occupants) for s in sites]),
        tank_litres=np.full(len(sites), nan),
        property_type=np.array([s.property_type or "" for s in sites]),
    )
