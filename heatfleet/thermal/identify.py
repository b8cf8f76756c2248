"""Learns homes from what was seen: several candidates per home, the one that forecasts unseen days best is kept.

Candidates are the model in force, an hourly least squares shrunk to it, and the two-mass grey box. A new building is
accepted only where its 24-h-ahead open-loop error on the last days, which it never saw, is smaller than that of the
model in force. Gaps, frozen and coarse sensors and homes without any reading are survived: those keep what they have.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.grey_box import Past, TwoMass, discretise, estimate_state, fit_two_mass
from heatfleet.thermal.model import GREY_BOX, OLS, ThermalModels, choose
from heatfleet.thermal.response import Response, Seen, learn_response, ridge
from heatfleet.thermal.tank import Tank, learn_tank

S = TypeVar("S", TwoMass, Response, Tank)
STEP_H = 0.25
HOUR, DAY = 4, 96
HELD_OUT_DAYS = 2
LEAST_DAYS = 4
FROZEN_STEPS = 36 * HOUR  # a sensor that says the same for a day and a half says nothing
LEAST_SEEN = 0.5  # share of the steps
A_HOUR_RANGE = (0.9, 0.9998)
BETTER = 0.98  # of the error in force, so that noise does not swap models
CLEARLY_BETTER = 0.85  # an hourly fit forecasts a day as well but knows nothing of the first hour
ORIGINS_A_DAY = 4
UNCERTAINTY_RANGE = (0.1, 1.0)


@dataclass(frozen=True)
class Block:
    """Telemetry of homes on a grid of quarter-hours, (home, step); NaN where nothing is known.

    Without a heat meter ``space_heat_kw`` and ``dhw_heat_kw`` are NaN and follow from power and the COP in force.
    """

    indoor_c: Array
    outdoor_c: Array
    ghi_kw_m2: Array
    space_heat_kw: Array
    space_power_kw: Array
    dhw_heat_kw: Array
    dhw_power_kw: Array
    tank_c: Array
    setpoint_c: Array  # the owner's own
    shift_k: Array  # steering shift in force
    quarter_of_day: Array  # (home, step) int, local
    water_above_room_k: Array | None = None  # mean of flow and return minus indoors; None = never read


def learn(block: Block, in_force: ThermalModels) -> ThermalModels:
    """Models to put in force: buildings that forecast better than those in force, responses and tanks shrunk to them.

    About 10 ms a home for a fortnight, nearly all of it the grey box.
    """
    block = _usable(block, in_force)
    building, kind, error = _learn_building(block, in_force)
    measured = ~np.isnan(error)
    uncertainty = np.where(measured, np.clip(1.3 * error, *UNCERTAINTY_RANGE), in_force.uncertainty_k)
    return ThermalModels(
        building=building,
        response=_learn_response(block, in_force.response),
        tank=_learn_tank(block, in_force.tank),
        error_24h_k=np.where(measured, error, in_force.error_24h_k),
        uncertainty_k=uncertainty,
        kind=kind,
    )


def _usable(block: Block, models: ThermalModels) -> Block:
    """Frozen sensors out, weather without holes, heat from power where there is no heat meter."""
    outdoor = _filled(block.outdoor_c, 5.0)
    heat, power = block.space_heat_kw, block.space_power_kw
    by_cop = np.maximum(power - models.response.standby_kw[:, None], 0.0) * _cop(models.response, power, outdoor)
    dhw = np.where(
        np.isnan(block.dhw_heat_kw), block.dhw_power_kw * _dhw_cop(models.response, outdoor), block.dhw_heat_kw
    )
    return replace(
        block,
        indoor_c=without_frozen(block.indoor_c),
        tank_c=without_frozen(block.tank_c),
        outdoor_c=outdoor,
        ghi_kw_m2=np.maximum(_filled(block.ghi_kw_m2, 0.0), 0.0),
        space_heat_kw=np.where(np.isnan(heat), by_cop, heat),
        dhw_heat_kw=dhw,
        shift_k=np.nan_to_num(block.shift_k),
        water_above_room_k=np.full(heat.shape, np.nan)
        if block.water_above_room_k is None
        else block.water_above_room_k,
    )


def _cop(response: Response, power_kw: Array, outdoor_c: Array) -> Array:
    """COP at a measured power: one fixed-point step from the smallest output."""
    low = np.maximum(np.nan_to_num(power_kw) * 3.0, response.heat_min_kw[:, None])
    return low / np.maximum(response.energy_kw(low, outdoor_c), 1e-6)


def _dhw_cop(response: Response, outdoor_c: Array) -> Array:
    return response.dhw_heat_kw[:, None] / np.maximum(response.dhw_energy_kw(outdoor_c), 1e-6)


def without_frozen(values: Array) -> Array:
    """The values with runs of ``FROZEN_STEPS`` and more equal ones taken as missing, (home, step)."""
    steps = values.shape[1]
    new = np.ones(values.shape, bool)
    new[:, 1:] = (values[:, 1:] != values[:, :-1]) & ~(np.isnan(values[:, 1:]) & np.isnan(values[:, :-1]))
    index = np.broadcast_to(np.arange(steps), values.shape)
    begin = np.maximum.accumulate(np.where(new, index, 0), axis=1)
    last = np.ones(values.shape, bool)
    last[:, :-1] = new[:, 1:]
    end = np.minimum.accumulate(np.where(last, index, steps - 1)[:, ::-1], axis=1)[:, ::-1]
    return np.where(end - begin + 1 >= FROZEN_STEPS, np.nan, values)


def _filled(values: Array, otherwise: float) -> Array:
    """Gaps filled on straight lines; ``otherwise`` where a home has nothing."""
    out, index = np.array(values, float), np.arange(values.shape[1])
    for row in np.flatnonzero(np.isnan(out).any(axis=1)):
        known = ~np.isnan(out[row])
        out[row] = np.interp(index, index[known], out[row, known]) if known.any() else otherwise
    return out


def _share_seen(values: Array) -> Array:
    return np.mean(~np.isnan(values), axis=1) if values.shape[1] else np.zeros(len(values))


def _learn_response(block: Block, in_force: Response) -> Response:
    """Responses of the homes with at least a day of heat and room temperature; the others keep theirs."""
    steps = block.indoor_c.shape[1]
    index = np.flatnonzero(np.minimum(_share_seen(block.indoor_c), _share_seen(block.space_heat_kw)) * steps >= DAY)
    if not index.size:
        return in_force
    b, prior = take(block, index), take(in_force, index)
    assert b.water_above_room_k is not None
    seen = Seen(
        b.outdoor_c, b.ghi_kw_m2, b.indoor_c - b.setpoint_c, b.shift_k, b.space_heat_kw, b.space_power_kw,
        np.nan_to_num(b.dhw_heat_kw), np.nan_to_num(b.dhw_power_kw), b.water_above_room_k,
    )  # fmt: skip
    learned = learn_response(seen, prior)
    finite = np.logical_and.reduce([np.isfinite(v) for v in vars(learned).values()])
    return _put(in_force, index, choose(finite, learned, prior))


def _learn_building(block: Block, in_force: ThermalModels) -> tuple[TwoMass, Array, Array]:
    """Building, kind and 24-h-ahead error on the held-out days of each home."""
    days = block.indoor_c.shape[1] // DAY
    error = np.full(in_force.count, np.nan)
    heat_seen = _share_seen(block.space_heat_kw) >= LEAST_SEEN
    fit = np.flatnonzero((_share_seen(block.indoor_c) >= LEAST_SEEN) & heat_seen)
    if days < LEAST_DAYS or not fit.size:
        return in_force.building, in_force.kind, error
    some = in_force.of(fit)
    past = _past(block, fit, some)
    cut = past.indoor_c.shape[1] - HELD_OUT_DAYS * DAY
    train = _window(past, 0, cut)
    best, kind, lowest = some.building, some.kind.copy(), error_24h(past, some.building, cut)
    error[fit] = lowest
    grey_box, _ = fit_two_mass(train, some.building)
    candidates = ((OLS, CLEARLY_BETTER, fit_hourly(train, best)), (GREY_BOX, BETTER, grey_box))
    for name, enough, candidate in candidates:
        found = error_24h(past, candidate, cut)
        better = found < enough * lowest
        best, lowest = choose(better, candidate, best), np.where(better, found, lowest)
        kind = np.where(better, name, kind)
    error[fit] = lowest
    everyone, kinds = _put(in_force.building, fit, best), in_force.kind.copy()
    kinds[fit] = kind
    return everyone, kinds, error


def _put(everyone: S, index: Array, some: S) -> S:
    """The struct of all homes with the homes of ``index`` replaced."""
    values = {name: value.copy() for name, value in vars(everyone).items()}
    for name, value in values.items():
        value[index] = getattr(some, name)
    return type(everyone)(**values)


def _past(block: Block, homes: Array, models: ThermalModels) -> Past:
    """What was seen of these homes; heat missing for a while is what the pump's own controller would have given."""
    pick = take(block, homes)
    own = models.response.heat_kw(pick.outdoor_c, np.nan_to_num(pick.indoor_c - pick.setpoint_c), pick.shift_k)
    heat = np.where(np.isnan(pick.space_heat_kw), own, pick.space_heat_kw)
    return Past(pick.indoor_c, pick.outdoor_c, pick.ghi_kw_m2, heat)


def past_of(block: Block, models: ThermalModels) -> Past:
    """What was seen of all homes, without holes except in the indoor temperature, (home, step)."""
    return _past(_usable(block, models), np.arange(models.count), models)


def _window(past: Past, begin: int, end: int) -> Past:
    part = np.s_[:, begin:end]
    return Past(past.indoor_c[part], past.outdoor_c[part], past.ghi_kw_m2[part], past.heat_kw[part])


def error_24h(past: Past, building: TwoMass, begin: int) -> Array:
    """Root mean square of the 24-h-ahead open-loop error [K] from ``begin`` on, (home,); NaN where nothing was seen.

    Forecasts start every six hours from what the model, pulled to the measurements so far, takes for the present.
    """
    steps, discrete = past.indoor_c.shape[1], discretise(building, STEP_H)
    drift = discrete.disturbance(past.outdoor_c, past.ghi_kw_m2)
    squares, count = np.zeros(len(past.indoor_c)), np.zeros(len(past.indoor_c))
    for origin in range(begin, steps - DAY + 1, DAY // ORIGINS_A_DAY):
        x = estimate_state(_window(past, max(0, origin - 3 * DAY), origin), building)
        for t in range(origin, origin + DAY):
            x = np.einsum("hij,hj->hi", discrete.a, x) + discrete.b * past.heat_kw[:, t, None] + drift[:, t]
            miss = x[:, 0] - past.indoor_c[:, t]
            squares += np.nan_to_num(miss) ** 2
            count += ~np.isnan(miss)
    return np.where(count >= HOUR, np.sqrt(squares / np.maximum(count, 1)), np.nan)


def fit_hourly(past: Past, prior: TwoMass) -> TwoMass:
    """Buildings from a least squares on hourly data, shrunk to ``prior`` and with its shares between air and mass.

    ``T(h+1) - T(h) = loss·(outdoor - T) + gain·heat + sun·ghi + rest`` with loss in (1 - 0.9998, 1 - 0.9), gains > 0.
    """
    indoor, outdoor, ghi, heat = (_hours(v) for v in (past.indoor_c, past.outdoor_c, past.ghi_kw_m2, past.heat_kw))
    change, before = np.diff(indoor, axis=1), indoor[:, :-1]
    x = np.stack([outdoor[:, :-1] - before, heat[:, :-1], ghi[:, :-1], np.ones_like(before)], axis=2)
    ua, capacity = _whole(prior)
    centre = np.stack([ua / capacity, 1.0 / capacity, prior.solar_area_m2 / capacity, prior.gains_kw / capacity], 1)
    noise = np.maximum(np.nan_to_num(np.nanstd(_or_zero(change), axis=1)), 0.02)
    found = ridge(x, change, np.ones(change.shape, bool), centre, 0.5 * np.abs(centre) + 1e-6, noise)
    loss = np.clip(found[:, 0], 1.0 - A_HOUR_RANGE[1], 1.0 - A_HOUR_RANGE[0])
    gain = np.clip(found[:, 1], 0.3 / capacity, 3.0 / capacity)
    scale_c, scale_ua = 1.0 / (gain * capacity), loss / gain / ua
    return replace(
        prior,
        **{name: getattr(prior, name) * scale_ua for name in vars(prior) if name.startswith("ua_")},
        **{name: getattr(prior, name) * scale_c for name in vars(prior) if name.startswith("capacity_")},
        solar_area_m2=np.maximum(found[:, 2] / gain, 0.1),
        gains_kw=np.maximum(found[:, 3] / gain, 0.02),
    )


def _or_zero(values: Array) -> Array:
    """Rows without any number as zeros, so that statistics over them are quiet."""
    return np.where(np.all(np.isnan(values), axis=1, keepdims=True), 0.0, values)


def _whole(building: TwoMass) -> tuple[Array, Array]:
    """Heat loss [kW/K] and capacity [kWh/K] of the whole building, (home,)."""
    series = 1.0 / (1.0 / building.ua_indoor_mass_kw_per_k + 1.0 / building.ua_mass_outdoor_kw_per_k)
    return (
        building.ua_indoor_outdoor_kw_per_k + series,
        building.capacity_indoor_kwh_per_k + building.capacity_mass_kwh_per_k,
    )


def _hours(values: Array) -> Array:
    """Means over the hours (home, hour); NaN where a quarter is missing."""
    hours = values.shape[1] // HOUR
    return values[:, : hours * HOUR].reshape(len(values), hours, HOUR).mean(axis=2)


def _learn_tank(block: Block, in_force: Tank) -> Tank:
    """Tanks from charges and drops, home groups by local time; the ones in force where nothing was seen."""
    usable = (_share_seen(block.tank_c) > LEAST_SEEN) & (_share_seen(block.dhw_heat_kw) > LEAST_SEEN)
    if block.tank_c.shape[1] <= DAY:
        return in_force
    for quarters in np.unique(block.quarter_of_day[usable], axis=0):
        index = np.flatnonzero(usable & (block.quarter_of_day == quarters).all(axis=1))
        part = learn_tank(block.tank_c[index], block.dhw_heat_kw[index], quarters, take(in_force, index), STEP_H)
        in_force = _put(in_force, index, part)
    return in_force
