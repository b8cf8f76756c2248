"""States the planning problem: from learned models, prices, forecast, comfort and the present to a :class:`Problem`.

A steering state is a request to the pump's own controller, so its heat depends on how far the room is from the
setpoint. It is taken along a nominal trajectory: first the pump's own control, then, when a plan is handed in, the
trajectory of that plan.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.planning.problem import Problem, Solution, make_problem
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import CELLAR_C, ThermalModels

STATES = 4  # MIN, LOW, MID, MAX; action 4 charges the tank
MID = 2
HOT_WATER = 4
STEP_H = 0.25
DRAW_WINDOW_STEPS = 8
TANK_MARGIN_K = 1.0
MARGIN_MAX_K = 0.4
STORED_HEAT_WORTH = 0.9  # of mean price / mean COP: some of it is lost before it is used
MIN_OFF_HEAT_KW = 0.05


@dataclass(frozen=True)
class Horizon:
    """What is expected in each step; every field (home, step)."""

    price: Array  # [currency/kWh] as the owner pays it
    outdoor_c: Array
    ghi_kw_m2: Array
    quarter_of_day: Array  # int, 0..95 (local time)
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


@dataclass(frozen=True)
class Freedom:
    """What may be done."""

    delta_k: Array  # (home, 4) steering delta of MIN, LOW, MID, MAX
    states: Array  # (home, 4) bool: states that level and levers permit
    allowed: Array | None = None  # (home, step, 5) bool: pause, away, grid limit; None = everything
    dose_deadline_step: Array | None = None  # (home,) int; negative or beyond the horizon = no dose due
    dose_temp_c: Array | None = None
    dose_steps: Array | None = None
    max_starts_day: Array | None = None


@dataclass(frozen=True)
class Terms:
    """How the objective weighs."""

    comfort_price_h: float = 10.0  # a K·h outside the band costs this many mean kWh
    dhw_price_h: float = 4.0
    start_kwh: float = 0.25  # a compressor start costs this many mean kWh
    min_on_steps: int = 4
    min_off_steps: int = 4


def build_problem(
    models: ThermalModels, horizon: Horizon, present: Present, freedom: Freedom,
    terms: Terms = Terms(), seen: Solution | None = None,
) -> Problem:  # fmt: skip
    """The problem of these homes; ``seen`` is an earlier plan of the same horizon whose trajectory to linearise along.

    Sun and tank margins are the models'; the comfort band is narrowed by half the model's uncertainty, at most
    ``MARGIN_MAX_K``.
    """
    a, b = building_matrices(models)
    indoor = nominal_indoor(models, horizon, present, _deltas(freedom, horizon, seen), _hot_water(horizon, seen))
    heat, energy = state_response(models, horizon, present, freedom, indoor)
    mean_price = np.abs(horizon.price).mean(axis=1)
    return make_problem(
        step_h=STEP_H,
        comfort_penalty=terms.comfort_price_h * float(max(mean_price.mean(), 0.02)),
        dhw_penalty=terms.dhw_price_h * float(max(mean_price.mean(), 0.02)),
        min_on_steps=terms.min_on_steps,
        min_off_steps=terms.min_off_steps,
        price=horizon.price,
        space_heat=heat,
        space_energy=energy,
        a=a[:, None, None],
        b=b[:, None],
        w=free_drift(models, horizon)[:, :, None],
        x0=present.indoor_c[:, None],
        state_weight=np.ones((models.count, 1)),
        value_x=STORED_HEAT_WORTH * models.capacity_kwh_per_k * _heat_price(horizon, heat, energy),
        start_cost=terms.start_kwh * mean_price,
        **_band(models, horizon),
        **_tank(models, horizon, present, mean_price),
        **_limits(horizon, present, freedom),
    )


def building_matrices(models: ThermalModels) -> tuple[Array, Array]:
    """``a`` [-] and ``b`` [K/kW] of one step, each (home,): the exact discretisation of 1R1C."""
    a = np.exp(-STEP_H * models.ua_kw_per_k / models.capacity_kwh_per_k)
    return a, (1.0 - a) / models.ua_kw_per_k


def free_drift(models: ThermalModels, horizon: Horizon) -> Array:
    """``w`` [K], (home, step): what weather, sun and people add to the next indoor temperature."""
    a, b = building_matrices(models)
    gains = models.solar_gain_m2[:, None] * horizon.ghi_kw_m2 + models.internal_gain_kw[:, None]
    return (1.0 - a)[:, None] * horizon.outdoor_c + b[:, None] * gains


def nominal_indoor(models: ThermalModels, horizon: Horizon, present: Present, delta_k: Array, dhw: Array) -> Array:
    """Indoor temperature before each step (home, step) [°C] under the pump's own control steered by ``delta_k``.

    ``delta_k`` and ``dhw`` (bool: the tank is charged, no heat for the house) are (home, step).
    """
    a, b = building_matrices(models)
    drift, indoor = free_drift(models, horizon), np.empty(horizon.price.shape)
    now = present.indoor_c.copy()
    for t in range(indoor.shape[1]):
        indoor[:, t] = now
        step = (slice(None), slice(t, t + 1))
        below = (present.setpoint_c - now)[:, None]
        heat = models.heat_kw(delta_k[step], horizon.outdoor_c[step], below)[:, 0]
        now = a * now + b * np.where(dhw[:, t], 0.0, heat) + drift[:, t]
    return indoor


def state_response(
    models: ThermalModels, horizon: Horizon, present: Present, freedom: Freedom, indoor_c: Array
) -> tuple[Array, Array]:
    """Heat [kW] and electricity [kWh per step] of each steering state along ``indoor_c``, (home, step, 4)."""
    below = present.setpoint_c[:, None] - indoor_c
    heats = [models.heat_kw(freedom.delta_k[:, k : k + 1], horizon.outdoor_c, below) for k in range(STATES)]
    heats[0] = np.where(heats[0] < MIN_OFF_HEAT_KW, 0.0, heats[0])
    energies = [STEP_H * models.power_kw(heat, horizon.outdoor_c) for heat in heats]
    return np.stack(heats, axis=2), np.stack(energies, axis=2)


def _deltas(freedom: Freedom, horizon: Horizon, seen: Solution | None) -> Array:
    if seen is None:
        return np.repeat(freedom.delta_k[:, MID : MID + 1], horizon.price.shape[1], axis=1)
    state = np.minimum(seen.action, STATES - 1).astype(np.int64)
    return np.take_along_axis(freedom.delta_k, state, axis=1)


def _hot_water(horizon: Horizon, seen: Solution | None) -> Array:
    return np.zeros(horizon.price.shape, bool) if seen is None else seen.action == HOT_WATER


def _heat_price(horizon: Horizon, heat: Array, energy: Array) -> Array:
    """Mean price of a kWh of heat (home,): mean price over the COP of the owner's own setting."""
    cop = np.maximum(STEP_H * heat[:, :, MID].sum(1), 1e-3) / np.maximum(energy[:, :, MID].sum(1), 1e-3)
    return np.maximum(horizon.price.mean(axis=1), 0.0) / np.clip(cop, 1.3, 7.0)


def _band(models: ThermalModels, horizon: Horizon) -> dict[str, Array]:
    """The comfort band, narrowed by model uncertainty, never inside out."""
    wide = horizon.indoor_max_c - horizon.indoor_min_c
    margin = np.minimum(np.clip(0.5 * models.uncertainty_k, 0.0, MARGIN_MAX_K)[:, None], 0.4 * wide)
    return {"indoor_min": horizon.indoor_min_c + margin, "indoor_max": horizon.indoor_max_c - 0.5 * margin}


def _tank(models: ThermalModels, horizon: Horizon, present: Present, mean_price: Array) -> dict[str, Array]:
    """Tank dynamics with mean draws; the lower limit is raised by what an unlucky two hours may draw on top."""
    a = np.exp(-STEP_H * models.tank_ua_kw_per_k / models.tank_capacity_kwh_per_k)
    draw = np.take_along_axis(models.draw_kwh, horizon.quarter_of_day, axis=1)
    extra = np.take_along_axis(np.maximum(models.draw_high_kwh - models.draw_kwh, 0.0), horizon.quarter_of_day, axis=1)
    surplus_k = np.sqrt(DRAW_WINDOW_STEPS) * extra / models.tank_capacity_kwh_per_k[:, None]
    room = np.maximum(horizon.dhw_max_c - horizon.dhw_min_c, 0.0)
    margin = np.minimum(TANK_MARGIN_K + np.minimum(surplus_k, 3.0), 0.5 * room)
    heat = models.dhw_heat_kw[:, None] * np.clip(1.0 + 0.012 * (horizon.outdoor_c + 7.0), 0.6, 1.3)
    cop = models.dhw_cop(horizon.outdoor_c)
    return {
        "tank_a": a,
        "tank_b": (1.0 - a) / models.tank_ua_kw_per_k,
        "tank_w": (1.0 - a)[:, None] * CELLAR_C - draw / models.tank_capacity_kwh_per_k[:, None],
        "tank_min": horizon.dhw_min_c + margin,
        "tank_max": np.maximum(horizon.dhw_max_c, horizon.dhw_min_c + margin),
        "tank0": present.tank_c,
        "dhw_heat": heat,
        "dhw_energy": STEP_H * (heat / cop + models.standby_kw[:, None]),
        "value_tank": STORED_HEAT_WORTH * models.tank_capacity_kwh_per_k * mean_price / cop.mean(axis=1),
    }


def _limits(horizon: Horizon, present: Present, freedom: Freedom) -> dict[str, Array]:
    """Allowed actions, the run before step 0, and the dose where one is due within the horizon."""
    homes, steps = horizon.price.shape
    allowed = np.ones((homes, steps, STATES + 1), bool) if freedom.allowed is None else freedom.allowed.copy()
    allowed[:, :, :STATES] &= freedom.states[:, None, :]
    values = {"allowed": allowed, "run_action0": present.run_action, "run_steps0": present.run_steps}
    if freedom.max_starts_day is not None:
        values["max_starts_day"] = freedom.max_starts_day
    if freedom.dose_deadline_step is not None:
        due = (freedom.dose_deadline_step > 0) & (freedom.dose_deadline_step <= steps)
        values["dose_deadline_step"] = np.where(due, freedom.dose_deadline_step, -1)
        values["dose_temp"] = np.full(homes, 60.0) if freedom.dose_temp_c is None else freedom.dose_temp_c
        values["dose_steps"] = np.full(homes, 3) if freedom.dose_steps is None else freedom.dose_steps
    return values
