"""Learns homes from what was seen: several candidates per home, the one that forecasts unseen days best is kept.

Candidates are the model in force, the two-mass grey box shrunk to what is usual, and a plain regression on hours,
hardly shrunk, for homes like no typology. Each is judged by its 24-h-ahead open-loop errors, fitted without the day in
question; the winner is fitted to all days. Gaps, frozen and coarse sensors, opened windows and homes without any
reading are survived. Without a room sensor the room is felt through the heating water, without that the building's loss
follows from heat and weather.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from heatfleet.thermal.arrays import Array, choose, put, take
from heatfleet.thermal.block import Block
from heatfleet.thermal.cooling import cold_kw, learn_cooling
from heatfleet.thermal.grey_box import (
    NOISE_K,
    Past,
    TwoMass,
    fit_without_days,
    forecast_errors,
    refine,
    starts,
    ua_of,
)
from heatfleet.thermal.hourly import closed_steps, fit_plain_without_days
from heatfleet.thermal.model import GREY_BOX, OLS, PRIOR, ThermalModels
from heatfleet.thermal.pool import Pool, learn_pool
from heatfleet.thermal.response import Response, Seen, learn_response
from heatfleet.thermal.sensed import filled, quantile, room_from_water, share_seen, without_frozen
from heatfleet.thermal.tank import Tank, learn_tank

HOUR, DAY = 4, 96
LEAST_DAYS, LEAST_TANK_DAYS, JUDGED_DAYS = 4, 2, 7
LEAST_SEEN, LEAST_FELT = 0.5, 0.08  # share of the steps with a room temperature, read or felt through the water
HALF_LIFE_DAYS = 10.0  # readings of a fortnight ago count little more than a third of today's: seasons drift
JUDGED = ("kind", "error_24h_k", "uncertainty_k")
BETTER = 0.98  # of the error in force, so that noise does not swap models
PLAIN_DAYS = 2.0  # by this share of the days seen all others have to be better than the plain regression (see _best)
MOST_OF_THE_HEAT = 0.6
FELT_NOISE_K = 0.3
BY_HEAT_METER = (
    "heat_min_kw", "cop_foot", "cop_outdoor_per_k", "cop_heat_per_kw", "dhw_heat_kw", "dhw_cop_foot",
    "dhw_cop_outdoor_per_k", "standby_kw",
)  # fmt: skip
UNCERTAINTY_RANGE = (0.1, 1.0)
UNLUCKY = 0.9  # the quantile of the errors of forecasts that uncertainty means
LEAST_FORECASTS, UNLUCKY_RATIO = 5, 1.3  # fewer forecasts have no such quantile; what it usually is of the mean error
ROOMLESS_K = 0.6  # nobody knows how warm it is: worse than a home never measured
COLD_ENOUGH_K, BALANCE_RANGE = 5.0, (0.4, 2.5)
FELT_MORE_K = 0.25  # what a room nobody measures may differ on top


@dataclass(frozen=True, kw_only=True)
class _Usable(Block):
    """A block without holes but in what was seen of room, tank, heat and power."""

    water_c: Array
    is_felt: Array  # (home,) bool: no room sensor, indoor_c is felt through the water
    is_metered: Array  # (home,) bool: its heat was measured, so that its COP can be


def learn(block: Block, in_force: ThermalModels, usual: TwoMass | None = None) -> ThermalModels:
    """Models to put in force: buildings that forecast better, responses and tanks shrunk to those in force.

    Buildings are shrunk to what is ``usual``, never to what the same days taught before (None = those in force).
    """
    seen = _usable(block, in_force)
    found = _learn_building(seen, in_force, in_force.building if usual is None else usual)
    roomless = _is_roomless(seen)
    return replace(
        found,
        building=_by_balance(seen, found.building, roomless & (found.kind == PRIOR)),
        response=_learn_response(seen, in_force.response),
        tank=_learn_tank(seen, in_force.tank),
        cooling=_learn_cooling(seen, in_force),
        pool=_learn_pool(seen, in_force),
        uncertainty_k=np.where(roomless, np.maximum(found.uncertainty_k, ROOMLESS_K), found.uncertainty_k),
    )


def _usable(block: Block, models: ThermalModels) -> _Usable:
    """Frozen sensors out, weather without holes, heat from power and rooms from water where nothing measures them."""
    outdoor = filled(block.outdoor_c, 5.0)
    heat, power = block.space_heat_kw, block.space_power_kw
    by_cop = np.maximum(power - models.response.standby_kw[:, None], 0.0) * _cop(models.response, power, outdoor)
    heat = np.where(np.isnan(heat), by_cop, heat)
    by_cop = block.dhw_power_kw * _dhw_cop(models.response, outdoor)
    dhw = np.where(np.isnan(block.dhw_heat_kw), by_cop, block.dhw_heat_kw)
    water = np.full(heat.shape, np.nan) if block.water_c is None else block.water_c
    indoor = without_frozen(block.indoor_c)
    felt = share_seen(indoor) < LEAST_FELT
    if felt.any():
        indoor[felt] = room_from_water(water[felt], heat[felt], dhw[felt], block.setpoint_c[felt])
    given = {
        "indoor_c": indoor, "tank_c": without_frozen(block.tank_c), "outdoor_c": outdoor,
        "ghi_kw_m2": np.maximum(filled(block.ghi_kw_m2, 0.0), 0.0), "space_heat_kw": heat, "dhw_heat_kw": dhw,
        "shift_k": np.nan_to_num(block.shift_k), "water_c": water,
    }  # fmt: skip
    return _Usable(**(vars(block) | given), is_felt=felt, is_metered=share_seen(block.space_heat_kw) > 0.0)


def _cop(response: Response, power_kw: Array, outdoor_c: Array) -> Array:
    """COP at a measured power: one fixed-point step from the smallest output."""
    low = np.maximum(np.nan_to_num(power_kw) * 3.0, response.heat_min_kw[:, None])
    return low / np.maximum(response.energy_kw(low, outdoor_c), 1e-6)


def _dhw_cop(response: Response, outdoor_c: Array) -> Array:
    return response.dhw_heat_kw[:, None] / np.maximum(response.dhw_energy_kw(outdoor_c), 1e-6)


def _learn_response(block: _Usable, in_force: Response) -> Response:
    """Responses of the homes with at least a day of heat; the others keep theirs. A room nobody knows is as asked."""
    index = _those(share_seen(block.space_heat_kw) * block.indoor_c.shape[1] >= DAY)
    if index is None:
        return in_force
    b, prior = take(block, index), take(in_force, index)
    room_c = np.where(b.is_felt[:, None], b.setpoint_c, b.indoor_c)
    seen = Seen(
        b.outdoor_c, b.ghi_kw_m2, room_c - b.setpoint_c, b.shift_k, b.space_heat_kw, b.space_power_kw,
        np.nan_to_num(b.dhw_heat_kw), np.nan_to_num(b.dhw_power_kw), b.water_c - room_c,
    )  # fmt: skip
    learned = learn_response(seen, prior)
    unmetered = {name: np.where(b.is_metered, getattr(learned, name), getattr(prior, name)) for name in BY_HEAT_METER}
    learned = replace(learned, **unmetered)
    finite = np.logical_and.reduce([np.isfinite(v) for v in vars(learned).values()])
    return put(in_force, index, choose(finite, learned, prior))


def _learn_cooling(block: _Usable, in_force: ThermalModels) -> Response:
    """The cooling, in the mirror, of the homes that cooled; the one in force elsewhere."""
    if block.cooling is None:
        return in_force.cooling
    seen, air = block.cooling, (block.outdoor_c, block.ghi_kw_m2)
    return learn_cooling(block.indoor_c, seen.setpoint_c, seen.shift_k, air, seen.power_kw, in_force.cooling)


def _learn_pool(block: _Usable, in_force: ThermalModels) -> Pool:
    """Pools of the homes whose pool was seen; the ones in force elsewhere."""
    if block.pool is None:
        return in_force.pool
    seen, air = block.pool, (block.outdoor_c, block.ghi_kw_m2)
    return learn_pool(seen.pool_c, seen.heat_kw, seen.power_kw, air, in_force.pool)


def _learn_building(block: _Usable, in_force: ThermalModels, usual: TwoMass) -> ThermalModels:
    """The models in force with the best building of each home, its kind, 24-h-ahead error and uncertainty."""
    found, steps = in_force, block.indoor_c.shape[1]
    days = _days_seen(block)
    for some_days in np.unique(days[days >= LEAST_DAYS]):
        index = _those(days == some_days)
        assert index is not None
        part, models = take(block, index), in_force.of(index)
        past = _part(_past(part, models), np.s_[:, steps - some_days * DAY :])
        best = _best(past, models, take(usual, index), part.is_felt)
        judged = {name: getattr(found, name).copy() for name in JUDGED}
        for name, values in judged.items():
            values[index] = getattr(best, name)
        found = replace(found, building=put(found.building, index, best.building), **judged)
    return found


def _days_seen(block: _Usable) -> Array:
    """Whole days (home,) since the room was first known, 0 where room or heat were missing too often since then."""
    known, steps = np.isfinite(block.indoor_c), block.indoor_c.shape[1]
    span = np.where(known.any(axis=1), steps - np.argmax(known, axis=1), 0)
    enough = known.sum(axis=1) >= np.where(block.is_felt, LEAST_FELT, LEAST_SEEN) * span
    enough &= np.isfinite(block.space_heat_kw).sum(axis=1) >= LEAST_SEEN * span
    return np.where(enough, span // DAY, 0)


def _best(past: Past, in_force: ThermalModels, usual: TwoMass, is_felt: Array) -> ThermalModels:
    """The models with the buildings that best forecast days they were not fitted to.

    Such days lie between days like them, while those to come may be others: on recorded houses whatever knew more than
    the plain regression did far worse there. So it has to be the better by ``PLAIN_DAYS`` as a share of the days seen.
    """
    days, noise_k = past.indoor_c.shape[1] // DAY, np.where(is_felt, FELT_NOISE_K, NOISE_K)
    begin = max(DAY // 2, (days - JUDGED_DAYS) * DAY)
    weight = _weight(past, usual)
    judged = replace(past, indoor_c=np.where(weight > 0.0, past.indoor_c, np.nan))
    missed = forecast_errors(judged, in_force.building, begin)
    best = _as_found(in_force, missed, is_felt)

    building, without = fit_without_days(past, usual, weight, noise_k, begin)
    by_grey_box = forecast_errors(judged, without, begin)
    rival = _rival(in_force, building, GREY_BOX, by_grey_box, is_felt)
    wins = rival.error_24h_k < BETTER * best.error_24h_k
    best, missed = _either(wins, rival, best), np.where(wins[:, None], by_grey_box, missed)

    building, without = fit_plain_without_days(past, usual, weight, begin)
    by_plain, least = forecast_errors(judged, without, begin), 1.0 + PLAIN_DAYS / days
    rival = _rival(in_force, building, OLS, by_plain, is_felt)
    told = _is_told(past, begin)
    by_plain, missed = np.where(told, by_plain, np.nan), np.where(told, missed, np.nan)
    plain = (rival.error_24h_k < least * best.error_24h_k) | (_error(by_plain) < least * _error(missed))
    best, some = _either(plain, rival, best), _those(plain)
    if some is None:
        return best
    refined = refine(_part(past, some), take(building, some), weight[some], noise_k[some])
    return replace(best, building=put(best.building, some, refined))


def _is_told(past: Past, begin: int) -> Array:
    """Forecasts (home, forecast) of days that hold less than most of the heat seen: what it does, the others tell."""
    first, until = np.array(starts(past, begin)), np.pad(np.cumsum(np.abs(past.heat_kw), axis=1), ((0, 0), (1, 0)))
    told: Array = until[:, first + DAY] - until[:, first] <= MOST_OF_THE_HEAT * until[:, -1:]
    return told


def _as_found(in_force: ThermalModels, forecasts: Array, is_felt: Array) -> ThermalModels:
    """The models in force as found now, or as found when they were made: they may have seen the days since."""
    now = _rival(in_force, in_force.building, PRIOR, forecasts, is_felt)
    uncertainty = np.where(np.isnan(in_force.error_24h_k), now.uncertainty_k, in_force.uncertainty_k)
    return replace(
        in_force,
        error_24h_k=np.fmax(now.error_24h_k, in_force.error_24h_k),
        uncertainty_k=np.maximum(uncertainty, now.uncertainty_k),
    )


def _rival(models: ThermalModels, building: TwoMass, kind: str, forecasts: Array, is_felt: Array) -> ThermalModels:
    """The models with another building, whose forecasts missed by ``forecasts`` (home, forecast) [K]."""
    error, uncertainty = _error(forecasts), _uncertainty(forecasts, is_felt)
    uncertainty = np.where(np.isnan(error), models.uncertainty_k, uncertainty)
    kinds = np.full_like(models.kind, kind)
    return replace(models, building=building, kind=kinds, error_24h_k=error, uncertainty_k=uncertainty)


def _either(which: Array, a: ThermalModels, b: ThermalModels) -> ThermalModels:
    """The building of ``a`` and what goes with it where ``which`` (home,) says so, else that of ``b``."""
    judged = {name: np.where(which, getattr(a, name), getattr(b, name)) for name in JUDGED}
    return replace(b, building=choose(which, a.building, b.building), **judged)


def _weight(past: Past, prior: TwoMass) -> Array:
    """What a step counts (home, step): less the older it is, nothing while a window is open."""
    age_days = np.arange(past.indoor_c.shape[1])[::-1] / DAY
    weight = np.broadcast_to(0.5 ** (age_days / HALF_LIFE_DAYS), past.indoor_c.shape)
    return np.where(closed_steps(past, prior, weight), weight, 0.0)


def _is_roomless(block: _Usable) -> Array:
    """Homes (home,) whose heat was seen for days, their rooms not, neither by a sensor nor through the water."""
    heat_days = share_seen(block.space_heat_kw) * block.indoor_c.shape[1] / DAY
    return (share_seen(block.indoor_c) < LEAST_FELT) & (heat_days >= LEAST_DAYS)


def _by_balance(block: _Usable, building: TwoMass, homes: Array) -> TwoMass:
    """Buildings of ``homes`` (home,) scaled to lose what heat, people and sun gave, taking rooms to be as asked for."""
    seen = homes[:, None] & np.isfinite(block.space_heat_kw)
    gain = block.space_heat_kw + building.gains_kw[:, None] + building.solar_area_m2[:, None] * block.ghi_kw_m2
    given = np.where(seen, gain, 0.0).sum(axis=1)
    lost = np.where(seen, block.setpoint_c - block.outdoor_c, 0.0).sum(axis=1) * ua_of(building)
    days, cold = seen.sum(axis=1) / DAY, lost > COLD_ENOUGH_K * seen.sum(axis=1) * ua_of(building)
    ratio = np.clip(given / np.where(cold, lost, 1.0), *BALANCE_RANGE)
    scale = np.where(cold & homes, (days * ratio + LEAST_DAYS) / (days + LEAST_DAYS), 1.0)
    sizes = [name for name in vars(building) if name.startswith(("ua_", "capacity_"))]
    return replace(building, **{name: getattr(building, name) * scale for name in sizes})


def _error(forecasts: Array) -> Array:
    """Root mean square [K] over the forecasts of each home, (home,); NaN where there was none."""
    count = np.isfinite(forecasts).sum(axis=1)
    total = np.where(np.isfinite(forecasts), forecasts, 0.0) ** 2
    return np.where(count > 0, np.sqrt(total.sum(axis=1) / np.maximum(count, 1)), np.nan)


def _uncertainty(forecasts: Array, is_felt: Array) -> Array:
    """What planning keeps away from limits [K], (home,): an unlucky forecast's error, more for a room only felt."""
    count = np.isfinite(forecasts).sum(axis=1)
    unlucky = quantile(forecasts, [UNLUCKY])[:, 0]
    found = np.where(count >= LEAST_FORECASTS, unlucky, UNLUCKY_RATIO * _error(forecasts))
    found = found + np.where(is_felt, FELT_MORE_K, 0.0)
    return np.clip(found, *UNCERTAINTY_RANGE)


def _those(wanted: Array) -> Array | slice | None:
    """Index of the homes wanted (home,): all of them without copying; None = none of them."""
    if wanted.all() and wanted.size:
        return slice(None)
    return np.flatnonzero(wanted) if wanted.any() else None


def _past(block: _Usable, models: ThermalModels) -> Past:
    """What was seen of homes; heat missing for long is what the pump's own controller would have given."""
    heat, missing = block.space_heat_kw, np.isnan(block.space_heat_kw)
    if missing.any():
        above = np.nan_to_num(block.indoor_c - block.setpoint_c)
        own = models.response.heat_kw(block.outdoor_c, above, block.shift_k)
        heat = np.where(_is_near_known(heat), filled(heat, 0.0), own)
    if block.cooling is not None:
        heat = heat - cold_kw(block.cooling.power_kw, block.outdoor_c, models.cooling)
    return Past(block.indoor_c, block.outdoor_c, block.ghi_kw_m2, heat)


def _is_near_known(values: Array) -> Array:
    """Steps (home, step) that are known or at most half an hour from one that is."""
    known = np.isfinite(values)
    near = known.copy()
    for n in (1, 2):
        near[:, n:] |= known[:, :-n]
        near[:, :-n] |= known[:, n:]
    return near


def past_of(block: Block, models: ThermalModels) -> Past:
    """What was seen of all homes, without holes except in the indoor temperature, (home, step)."""
    return _past(_usable(block, models), models)


def _part(past: Past, index: Any) -> Past:
    return Past(past.indoor_c[index], past.outdoor_c[index], past.ghi_kw_m2[index], past.heat_kw[index])


def error_24h(past: Past, building: TwoMass, begin: int) -> Array:
    """Root mean square of the 24-h-ahead open-loop error [K] from ``begin`` on, (home,); NaN where nothing was seen."""
    return _error(forecast_errors(past, building, begin))


def _learn_tank(block: _Usable, in_force: Tank) -> Tank:
    """Tanks of the homes whose tank was seen; the ones in force elsewhere."""
    index = _those(np.isfinite(block.tank_c).sum(axis=1) >= LEAST_TANK_DAYS * DAY)
    if index is None:
        return in_force
    b, prior = take(block, index), take(in_force, index)
    return put(in_force, index, learn_tank(b.tank_c, b.dhw_heat_kw, b.quarter_of_day, prior))
