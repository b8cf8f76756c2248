"""The two-mass building (2R2C) as a learned model: fit, discretise, and estimate the mass temperature.

Indoor air reacts within an hour, walls and floor within days. A plan that knows only one mass takes the quick droop of
the air for a cold house and swings the pump too far: in closed loop that cost more than prices gave. The fit is a
robust least squares over the whole block in half-hours (Gauss-Newton with damping), shrunk to the prior in log space;
what it minimises are errors about half a day ahead, so that a day with guests does not bend the walls. What it would
have been without a day follows from the last step's equations, so that every day can be forecast by a model of the
others.

Source of the structure: Bacher & Madsen, "Identifying suitable models for the heat dynamics of buildings", 2011.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from heatfleet.thermal import grey_box_kernel as kernel
from heatfleet.thermal.arrays import Array, stack
from heatfleet.thermal.grey_box_fit import SD, fit

NOISE_K = 0.15
HELD_NOISES, HELD_SD = 5.0, np.minimum(SD, 0.6)  # how a building that is to be moved only a little is held
HELD_SD[kernel.NEIGHBOUR] = 1e-4
FORECASTS_A_DAY, DAY_H, WARM_UP_DAYS = 2, 24.0, 3


@dataclass(frozen=True)
class TwoMass:
    """A batch of two-mass buildings; every field (home,), all positive but the last, which may be nothing."""

    ua_indoor_mass_kw_per_k: Array
    ua_indoor_outdoor_kw_per_k: Array
    ua_mass_outdoor_kw_per_k: Array
    capacity_indoor_kwh_per_k: Array
    capacity_mass_kwh_per_k: Array
    heat_to_indoor: Array
    solar_area_m2: Array
    gains_kw: Array
    ua_neighbour_kw_per_k: Array  # to rooms and ground of a steady temperature, whose warmth is in gains_kw; 0 = none


def ua_of(building: TwoMass) -> Array:
    """Heat loss to outdoors [kW/K], (home,): windows and air change beside mass and walls in series."""
    series = 1.0 / (1.0 / building.ua_indoor_mass_kw_per_k + 1.0 / building.ua_mass_outdoor_kw_per_k)
    return building.ua_indoor_outdoor_kw_per_k + series


def capacity_of(building: TwoMass) -> Array:
    """Heat capacity of air and mass [kWh/K], (home,)."""
    return building.capacity_indoor_kwh_per_k + building.capacity_mass_kwh_per_k


@dataclass(frozen=True)
class Past:
    """What was seen, (home, step); NaN where nothing was."""

    indoor_c: Array
    outdoor_c: Array
    ghi_kw_m2: Array
    heat_kw: Array
    step_h: float = 0.25


def prior_two_mass(ua_kw_per_k: Array, capacity_kwh_per_k: Array, gains_kw: Array) -> TwoMass:
    """Two masses from a typology's heat loss [kW/K] and capacity [kWh/K], (home,)."""
    ua, capacity = np.asarray(ua_kw_per_k, float), np.asarray(capacity_kwh_per_k, float)
    return TwoMass(
        ua_indoor_mass_kw_per_k=5.0 * ua,
        ua_indoor_outdoor_kw_per_k=0.45 * ua,
        ua_mass_outdoor_kw_per_k=0.62 * ua,
        capacity_indoor_kwh_per_k=0.12 * capacity,
        capacity_mass_kwh_per_k=0.88 * capacity,
        heat_to_indoor=np.full_like(ua, 0.45),
        solar_area_m2=np.full_like(ua, 3.0),
        gains_kw=np.asarray(gains_kw, float),
        ua_neighbour_kw_per_k=np.zeros_like(ua),
    )


def fit_two_mass(past: Past, prior: TwoMass, weight: Array | None = None, noise_k: Array | float = NOISE_K) -> TwoMass:
    """Fitted buildings (home,), shrunk to ``prior``, which those keep of which less than a day was seen.

    Heat, outdoor temperature and sun must be there in every step; the indoor temperature may have gaps. ``weight``
    (home, step) is what an error counts, 0 = not at all; ``noise_k`` (home,) the spread of errors to be expected.
    """
    weight = np.ones(past.indoor_c.shape) if weight is None else weight
    return _fitted(past, prior, (weight, noise_k, SD), [])[0]


def fit_without_days(
    past: Past, prior: TwoMass, weight: Array, noise_k: Array | float, begin: int
) -> tuple[TwoMass, TwoMass]:
    """The same, and for every forecast from ``begin`` on the building fitted without its day, (home, forecast)."""
    return _fitted(past, prior, (weight, noise_k, SD), starts(past, begin))


def refine(past: Past, building: TwoMass, weight: Array, noise_k: Array | float) -> TwoMass:
    """The buildings moved a little by a fit of which they are the prior; what is next door is not touched."""
    return _fitted(past, building, (weight, HELD_NOISES * noise_k, HELD_SD), [])[0]


def starts(past: Past, begin: int) -> range:
    """Steps from ``begin`` on at which forecasts of a day start."""
    day = round(DAY_H / past.step_h)
    return range(begin, past.indoor_c.shape[1] - day + 1, day // FORECASTS_A_DAY)


def _fitted(
    past: Past, prior: TwoMass, how: tuple[Array, Array | float, Array], left_out: Sequence[int]
) -> tuple[TwoMass, TwoMass]:
    """``how``: weight (home, step), noise [K] (home,) and the spread of what is free (11,)."""
    weight, noise_k, sd = how
    known, odd = ~np.isnan(past.indoor_c), past.indoor_c.shape[1] % 2
    weights = np.where(known, weight, 0.0)[:, odd:]
    seen, u = np.where(known, past.indoor_c, 0.0)[:, odd:], _inputs(past)[:, odd:]
    parameters, noise = stack(prior), np.full(len(seen), noise_k, float)
    seen, weights = np.ascontiguousarray(seen[:, 1::2]), np.ascontiguousarray(weights[:, 1::2])
    first = (np.array(left_out, int) - odd) // 2
    halves = np.column_stack([first, first + round(0.5 * DAY_H / past.step_h)])
    without = np.empty((len(seen), len(first), parameters.shape[1]))
    mean = 0.5 * (u[:, ::2] + u[:, 1::2])
    fit(parameters, without, seen, weights, mean, 2.0 * past.step_h, noise, sd, halves)
    return unstack(parameters), unstack(without)


def unstack(parameters: Array) -> TwoMass:
    """Buildings of parameters (..., 9)."""
    return TwoMass(*(parameters[..., i].copy() for i in range(len(fields(TwoMass)))))


def _inputs(past: Past) -> Array:
    return np.ascontiguousarray(np.stack([past.outdoor_c, past.ghi_kw_m2, past.heat_kw], axis=2), dtype=float)


def estimate_state(past: Past, model: TwoMass) -> Array:
    """Air and mass temperature now [°C], (home, 2): the model run through the past and pulled to what was measured."""
    return kernel.observe(stack(model), np.ascontiguousarray(past.indoor_c, float), _inputs(past), past.step_h)


def forecast_errors(past: Past, model: TwoMass, begin: int) -> Array:
    """Root mean square 24-h-ahead open-loop error [K] of each forecast from ``begin`` on, (home, forecast).

    Forecasts start every twelve hours from what the model, pulled to the measurements so far, takes for the present.
    NaN where less than an hour of the day was seen. ``model``: one for each home, (home,), or for each forecast too.
    """
    ahead = round(DAY_H / past.step_h)
    seen, parameters = np.ascontiguousarray(past.indoor_c, float), stack(model)
    if parameters.ndim == 2:
        parameters = parameters[:, None, :]
    span = (begin, ahead, ahead // FORECASTS_A_DAY)
    squares, count = kernel.forecast_errors(parameters, seen, _inputs(past), past.step_h, span, WARM_UP_DAYS * ahead)
    return np.where(count * past.step_h >= 1.0, np.sqrt(squares / np.maximum(count, 1.0)), np.nan)


@dataclass(frozen=True)
class Discrete:
    """x' = a x + b·heat + outdoor·T_out + sun·GHI + constant, for one step; x = (air, mass) [°C]."""

    a: Array  # (home, 2, 2)
    b: Array  # (home, 2), K per kW
    outdoor: Array  # (home, 2)
    sun: Array  # (home, 2), K per kW/m²
    constant: Array  # (home, 2), K

    def disturbance(self, outdoor_c: Array, ghi_kw_m2: Array) -> Array:
        """w (home, step, 2) [K] for forecasts (home, step)."""
        return (
            self.outdoor[:, None, :] * outdoor_c[:, :, None]
            + self.sun[:, None, :] * ghi_kw_m2[:, :, None]
            + self.constant[:, None, :]
        )


def discretise(model: TwoMass, step_h: float = 0.25) -> Discrete:
    """The exact step response of the linear building over ``step_h`` [h]."""
    m = kernel.step_matrices(stack(model), step_h)
    return Discrete(m[:, :, :2], m[:, :, 4], m[:, :, 2], m[:, :, 3], m[:, :, 5])
