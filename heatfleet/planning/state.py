"""States the planning problem: from learned models, prices, forecast, comfort and the present to a :class:`Problem`.

A steering state is a request to the pump's own controller, so its heat depends on how far the room is from the
setpoint. It is taken along a nominal trajectory: first the pump's own control, then, when a plan is handed in, the
trajectory of that plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.domain.disinfection import DOSE_STEPS, DOSE_TEMP_C
from heatfleet.planning.problem import Problem, Solution, make_problem
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.grey_box import Discrete, discretise
from heatfleet.thermal.model import ThermalModels

STATES = 4  # MIN, LOW, MID, MAX; action 4 charges the tank
MIN, LOW, MID, MAX = range(STATES)
HOT_WATER = 4
STEP_H = 0.25
TANK_MARGIN_K = 1.0
TANK_MARGIN_MAX_K = 4.0
UPPER_MARGIN_K = 0.3
MARGIN_RANGE_K = (0.15, 0.5)  # kept from the lower limit: what a sensor, a draught or a wrong model may take
STORED_HEAT_WORTH = 1.0  # of mean price / mean COP
IDLE_HEAT_KW = 0.05
UNSURE_K = 0.51  # worse than a home never measured: such a plan keeps close to the owner's setting
HABIT_TRUST, HABIT_MOVES_K = 0.7, 0.5
GRID_FLOOR_KW = 4.2  # no limit of the grid goes below this
DOSE_ABOVE_K = 2.0  # a tank with a dose to come may be this much warmer than the dose asks for
CYCLE_KWH, CYCLE_KWH_PER_SWING = 0.08, 0.6  # a start of a pump that cycles below its smallest output: wear, late heat
LARGEST_SWING = 0.5
MANY_STARTS_A_DAY = 5.0  # for the house under the pump's own control: here what is at stake weighs half


@dataclass(frozen=True)
class Horizon:
    """What is expected in each step; every field (home, step)."""

    price: Array  # [currency/kWh] as the owner pays it
    outdoor_c: Array
    ghi_kw_m2: Array
    quarter_of_day: Array  # int, local: 0..95 on workdays, 96..191 at weekends
    indoor_min_c: Array
    indoor_max_c: Array
    dhw_min_c: Array
    dhw_max_c: Array


@dataclass(frozen=True)
class Present:
    """How the homes stand before step 0; every field (home,)."""

    indoor_c: Array
    tank_c: Array
    setpoint_c: Array  # the owner's own room setpoint, the partner's offset included
    run_action: Array  # action in force: 0..3 = MIN..MAX, 4 = hot water
    run_steps: Array  # for how many steps the compressor request has been on (action > 0) or off
    mass_c: Array | None = None  # temperature of walls and floor; None = what goes with the room and the weather
    own_hysteresis_k: Array | None = None  # how far below its setpoint the pump's own programme charges; NaN = unknown


@dataclass(frozen=True)
class Freedom:
    """What may be done."""

    delta_k: Array  # (home, 4) steering delta of MIN, LOW, MID, MAX
    states: Array  # (home, 4) bool: states that level and levers permit
    allowed: Array | None = None  # (home, step, 5) bool: pause, away, grid limit; None = everything
    dose_deadline_step: Array | None = None  # (home,) int; negative or beyond the horizon = no dose due
    max_starts_day: Array | None = None
    max_moves_day: Array | None = None  # (home,) changes of steering state that the device takes in a day
    colder_than_own_k: Array | None = None  # (home,) or (home, step) most below the pump's own control; NaN = the band
    max_power_kw: Array | None = None  # (home,) or (home, step) what the grid lets the pump draw; NaN = no limit
    least_power_kw: float = GRID_FLOOR_KW  # no such limit goes below this
    can_boost: Array | None = None  # (home,) bool: a charge can be asked for; None = everywhere
    can_hold: Array | None = None  # (home,) bool: the tank's setpoint can be moved; None = everywhere


@dataclass(frozen=True)
class Terms:
    """How the objective weighs."""

    comfort_kwh_per_kh: float = 0.65  # a K·h outside the band costs this many mean kWh
    dhw_kwh_per_kh: float = 1.7
    start_kwh: float = 0.8  # a compressor start costs this many mean kWh, for wear
    min_on_steps: int = 1  # pumps keep their own minimum times
    min_off_steps: int = 1


@dataclass(frozen=True)
class _Building:
    """The building over one step: x' = a x + b·heat + drift; x = (air, mass)."""

    discrete: Discrete
    drift: Array  # (home, step, 2) [K]
    start_c: Array  # (home, 2)


def build_problem(
    models: ThermalModels, horizon: Horizon, present: Present, freedom: Freedom,
    terms: Terms = Terms(), seen: Solution | None = None,
) -> Problem:  # fmt: skip
    """The problem of these homes; ``seen`` is an earlier plan of the same horizon whose trajectory to linearise along.

    The comfort band is narrowed by the model's uncertainty, and where nobody set a band, it begins at most
    ``Freedom.colder_than_own_k`` below what the pump's own control holds.
    """
    building = _building(models, horizon, present)
    shift_k, dhw = _steered(freedom, horizon, seen)
    above_own_k = nominal_trajectory(models, horizon, present, building, shift_k, dhw)
    heat, energy = state_response(models, horizon, freedom, above_own_k)
    mean_price = np.abs(horizon.price).mean(axis=1)
    fleet_price = max(float(mean_price.mean()), 0.02)
    worth = _worth_of_heat(horizon, heat, energy)
    capacity = models.capacity_kwh_per_k
    tank = _tank(models, horizon, present, worth, dose_is_due(freedom, horizon))
    return make_problem(
        step_h=STEP_H,
        comfort_penalty=terms.comfort_kwh_per_kh * fleet_price,
        dhw_penalty=terms.dhw_kwh_per_kh * fleet_price,
        min_on_steps=terms.min_on_steps,
        min_off_steps=terms.min_off_steps,
        price=horizon.price,
        space_heat=heat,
        space_energy=energy,
        a=building.discrete.a,
        b=building.discrete.b,
        w=building.drift,
        x0=building.start_c,
        state_weight=np.stack([models.building.capacity_indoor_kwh_per_k, models.building.capacity_mass_kwh_per_k], 1)
        / capacity[:, None],
        value_x=worth * capacity,
        start_cost=terms.start_kwh * own_rarity(models, horizon) * mean_price,
        **_band(models, horizon, present, freedom),
        **tank,
        **_limits(models, horizon, present, freedom, (heat, np.dstack([energy, tank["dhw_energy"]]))),
    )


def _building(models: ThermalModels, horizon: Horizon, present: Present) -> _Building:
    discrete = discretise(models.building, STEP_H)
    drift = discrete.disturbance(horizon.outdoor_c, horizon.ghi_kw_m2)
    mass_c = resting_mass_c(models, horizon, present) if present.mass_c is None else present.mass_c
    return _Building(discrete, drift, np.stack([present.indoor_c, mass_c], axis=1))


def resting_mass_c(models: ThermalModels, horizon: Horizon, present: Present) -> Array:
    """Temperature of the mass [°C], (home,), that goes with the room, the weather and the owner's own control."""
    b, outdoor = models.building, horizon.outdoor_c[:, : min(16, horizon.outdoor_c.shape[1])].mean(axis=1)
    heat = models.response.heat_kw(outdoor, present.indoor_c - present.setpoint_c, 0.0)
    inwards = b.ua_indoor_mass_kw_per_k * present.indoor_c + b.ua_mass_outdoor_kw_per_k * outdoor
    total = b.ua_indoor_mass_kw_per_k + b.ua_mass_outdoor_kw_per_k
    return (inwards + (1.0 - b.heat_to_indoor) * heat) / total


def nominal_trajectory(
    models: ThermalModels, horizon: Horizon, present: Present, building: _Building, shift_k: Array, dhw: Array
) -> Array:
    """Room temperature above the owner's setpoint before each step [K], (home, step), steered by ``shift_k``.

    ``shift_k`` and ``dhw`` (bool: the tank is charged, no heat for the house) are (home, step).
    """
    x: Array = building.start_c.copy()
    above: Array = np.empty(horizon.price.shape)
    for t in range(above.shape[1]):
        above[:, t] = x[:, 0] - present.setpoint_c
        heat = models.response.heat_kw(horizon.outdoor_c[:, t], above[:, t], shift_k[:, t])
        heat = np.where(dhw[:, t], 0.0, heat)
        x = np.einsum("hij,hj->hi", building.discrete.a, x) + building.discrete.b * heat[:, None] + building.drift[:, t]
    return above


def state_response(
    models: ThermalModels, horizon: Horizon, freedom: Freedom, above_own_k: Array
) -> tuple[Array, Array]:
    """Heat [kW] and electricity [kWh per step] of each steering state along a trajectory, (home, step, 4)."""
    outdoor = horizon.outdoor_c[:, :, None]
    heat = models.response.heat_kw(outdoor, above_own_k[:, :, None], freedom.delta_k[:, None, :])
    heat = np.where(heat < IDLE_HEAT_KW, 0.0, heat)
    power = models.response.energy_kw(heat, outdoor) + models.response.standby_kw[:, None, None]
    cycle_kwh = CYCLE_KWH + CYCLE_KWH_PER_SWING * start_weight(models, horizon)
    return heat, STEP_H * (power + cycle_kwh[:, None, None] * models.response.cycles_per_h(heat))


def start_weight(models: ThermalModels, horizon: Horizon) -> Array:
    """How much more a start must cost than its wear, (home,), from 0 to ``LARGEST_SWING``.

    Pumps are to start no more often than under their own control. Where prices lie far from their mean, relative to
    it, a plan would buy starts with them; where the pump's own control starts often anyway, there is room for that.
    """
    mean = np.maximum(np.abs(horizon.price.mean(axis=1)), 1e-6)
    weight: Array = np.minimum(horizon.price.std(axis=1) / mean, LARGEST_SWING) * own_rarity(models, horizon)
    return weight


def own_rarity(models: ThermalModels, horizon: Horizon) -> Array:
    """How rarely the pump's own control would start in the coming weather, (home,): 1 = it runs through."""
    above_own_k = habit_above_own_k(models, horizon)[:, None]
    heat = models.response.heat_kw(horizon.outdoor_c, above_own_k, 0.0)
    starts_a_day = 24.0 * models.response.cycles_per_h(heat).mean(axis=1)
    rarity: Array = 1.0 / (1.0 + np.square(starts_a_day / MANY_STARTS_A_DAY))
    return rarity


def _steered(freedom: Freedom, horizon: Horizon, seen: Solution | None) -> tuple[Array, Array]:
    """Shift [K] and whether the tank is charged, (home, step), of the plan in hand; MID throughout without one."""
    if seen is None:
        shift = np.repeat(freedom.delta_k[:, MID : MID + 1], horizon.price.shape[1], axis=1)
        return shift, np.zeros(horizon.price.shape, bool)
    state = np.where(seen.action == HOT_WATER, MID, seen.action).astype(np.int64)
    return np.take_along_axis(freedom.delta_k, state, axis=1), seen.action == HOT_WATER


def _worth_of_heat(horizon: Horizon, heat: Array, energy: Array) -> Array:
    """What a stored kWh of heat is worth at the end [currency/kWh], (home,): mean price over the COP of MID."""
    cop = np.maximum(STEP_H * heat[:, :, MID].sum(1), 1e-3) / np.maximum(energy[:, :, MID].sum(1), 1e-3)
    return STORED_HEAT_WORTH * np.maximum(horizon.price.mean(axis=1), 0.0) / np.clip(cop, 1.3, 7.0)


def _band(models: ThermalModels, horizon: Horizon, present: Present, freedom: Freedom) -> dict[str, Array]:
    """The comfort band, its lower end raised by model uncertainty and fitted to what people are used to."""
    wide = horizon.indoor_max_c - horizon.indoor_min_c
    margin = np.minimum(np.clip(0.08 + 1.2 * models.uncertainty_k, *MARGIN_RANGE_K)[:, None], 0.4 * wide)
    low = horizon.indoor_min_c + margin
    if freedom.colder_than_own_k is not None:
        habit_c = (present.setpoint_c + habit_above_own_k(models, horizon))[:, None]
        colder_k = _per_step(freedom.colder_than_own_k, horizon)
        not_colder = np.minimum(habit_c - colder_k, horizon.indoor_max_c - 0.3 * wide)
        low = np.fmax(low, not_colder)
    return {"indoor_min": low, "indoor_max": horizon.indoor_max_c - np.minimum(UPPER_MARGIN_K, 0.2 * wide)}


def habit_above_own_k(models: ThermalModels, horizon: Horizon) -> Array:
    """Where the pump's own control would hold the room above the owner's setpoint in the coming weather [K], (home,).

    What was seen, moved by what the learned curve does not make up for: set too flat, it lets a room cool in a frost.
    """
    r, ua = models.response, models.ua_kw_per_k
    colder = horizon.outdoor_c.mean(axis=1) - r.habit_outdoor_c
    sunnier = (horizon.ghi_kw_m2.mean(axis=1) - r.habit_ghi_kw_m2) * models.building.solar_area_m2
    moved = ((r.outdoor_kw_per_k + ua) * colder + sunnier) / (ua - r.indoor_kw_per_k)
    settled: Array = r.habit_above_own_k + np.clip(HABIT_TRUST * moved, -HABIT_MOVES_K, HABIT_MOVES_K)
    return settled


def dose_is_due(freedom: Freedom, horizon: Horizon) -> Array:
    """Whether a disinfection must be complete within the horizon, (home,) bool."""
    return due_within(freedom.dose_deadline_step, horizon.price)


def due_within(deadline_step: Array | None, price: Array) -> Array:
    """Homes (home,) bool whose deadline is within the steps of ``price`` (home, step); None = there is none."""
    if deadline_step is None:
        return np.zeros(len(price), bool)
    due: Array = (deadline_step > 0) & (deadline_step <= price.shape[1])
    return due


def _per_step(value: Array, horizon: Horizon) -> Array:
    """A value (home,) or (home, step) as (home, step)."""
    return np.broadcast_to(value if value.ndim == 2 else value[:, None], horizon.price.shape)


def _tank(models: ThermalModels, horizon: Horizon, present: Present, worth: Array, has_dose: Array) -> dict[str, Array]:
    """Tank dynamics with mean draws; the lower limit is raised by what an unlucky two hours may draw on top.

    A tank with a dose to come may be as warm as the dose makes it, also while it cools down: no price is put on that.
    """
    draw = np.take_along_axis(models.tank.draw_kwh, horizon.quarter_of_day, axis=1)
    a, b, w = models.tank.matrices(draw, STEP_H)
    extra = np.take_along_axis(models.unlucky_draw_kwh(), horizon.quarter_of_day, axis=1)
    surplus_k = np.minimum(TANK_MARGIN_K + extra / models.tank.capacity_kwh_per_k[:, None], TANK_MARGIN_MAX_K)
    low = horizon.dhw_min_c + np.minimum(surplus_k, 0.5 * np.maximum(horizon.dhw_max_c - horizon.dhw_min_c, 0.0))
    power = models.response.dhw_energy_kw(horizon.outdoor_c) + models.response.standby_kw[:, None]
    high = np.where(has_dose[:, None], np.maximum(horizon.dhw_max_c, DOSE_TEMP_C + DOSE_ABOVE_K), horizon.dhw_max_c)
    return {
        "tank_a": a,
        "tank_b": b,
        "tank_w": w,
        "tank_min": low,
        "tank_max": np.maximum(high, low),
        "tank0": present.tank_c,
        "dhw_heat": np.repeat(models.response.dhw_heat_kw[:, None], horizon.price.shape[1], axis=1),
        "dhw_energy": STEP_H * power,
        "value_tank": worth * models.tank.capacity_kwh_per_k,
    }


def _leave_what_changes_nothing(allowed: Array, heat: Array) -> None:
    """Forbid states that give the very heat of MID where that may be asked for, as all do on a warm day."""
    for state in range(STATES):
        if state != MID:
            allowed[:, :, state] &= ~(allowed[:, :, MID] & (heat[:, :, state] == heat[:, :, MID]))


def _keep_calm(allowed: Array, uncertainty_k: Array) -> None:
    """Where the model is not to be trusted, nothing farther from the owner's setting than LOW, if there is a choice."""
    unsure = uncertainty_k > UNSURE_K
    for state in (MIN, MAX):
        allowed[unsure, :, state] &= ~allowed[unsure, :, MID]


def _within_power(allowed: Array, power_kw: Array, most_kw: Array, floor_kw: float) -> None:
    """Forbid actions expected to draw more than ``most_kw`` (home, step); the least that was allowed always stays."""
    power = np.where(allowed, power_kw, np.inf)
    most = np.maximum(np.fmax(most_kw, floor_kw), power.min(axis=2))
    allowed &= ~(power_kw > np.where(np.isnan(most_kw), np.inf, most)[:, :, None] + 1e-9)


def _limits(
    models: ThermalModels, horizon: Horizon, present: Present, freedom: Freedom, used: tuple[Array, Array]
) -> dict[str, Array]:
    """Allowed actions, the run before step 0, and the dose where one is due.

    ``used`` = heat [kW] (home, step, 4) and energy [kWh] (home, step, 5) of each step.
    """
    heat, energy = used
    homes, steps = horizon.price.shape
    allowed = np.ones((homes, steps, STATES + 1), bool) if freedom.allowed is None else freedom.allowed.copy()
    allowed[:, :, :STATES] &= freedom.states[:, None, :]
    _keep_calm(allowed, models.uncertainty_k)
    _leave_what_changes_nothing(allowed, heat)
    if freedom.max_power_kw is not None:
        _within_power(allowed, energy / STEP_H, _per_step(freedom.max_power_kw, horizon), freedom.least_power_kw)
    values = {"allowed": allowed, "run_action0": present.run_action, "run_steps0": present.run_steps}
    if freedom.max_starts_day is not None:
        values["max_starts_day"] = freedom.max_starts_day
    if freedom.dose_deadline_step is not None:
        values["dose_deadline_step"] = np.where(dose_is_due(freedom, horizon), freedom.dose_deadline_step, -1)
        values["dose_temp"] = np.full(homes, DOSE_TEMP_C)
        values["dose_steps"] = np.full(homes, DOSE_STEPS)
    return values
