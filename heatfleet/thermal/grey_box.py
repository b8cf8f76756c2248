"""The two-mass building (2R2C) as a learned model: fit, discretise, and estimate the mass temperature.

Indoor air reacts within an hour, walls and floor within days. A plan that knows only one mass takes the quick droop of
the air for a cold house and swings the pump too far: in closed loop that cost more than prices gave. The fit is a
robust least squares over the whole block in half-hours (Gauss-Newton with damping), shrunk to the prior in log space;
what it minimises are errors about half a day ahead, so that a day with guests does not bend the walls.

Source of the structure: Bacher & Madsen, "Identifying suitable models for the heat dynamics of buildings", 2011.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from heatfleet.thermal import grey_box_kernel as kernel
from heatfleet.thermal.arrays import Array, stack

NOISE_K = 0.15
FORECASTS_A_DAY = 4


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
    known = ~np.isnan(past.indoor_c)
    weights = np.where(known, 1.0 if weight is None else weight, 0.0)[:, past.indoor_c.shape[1] % 2 :]
    seen = np.where(known, past.indoor_c, 0.0)[:, past.indoor_c.shape[1] % 2 :]
    u = _inputs(past)[:, past.indoor_c.shape[1] % 2 :]
    parameters, noise = stack(prior), np.full(len(seen), noise_k, float)
    seen, weights = np.ascontiguousarray(seen[:, 1::2]), np.ascontiguousarray(weights[:, 1::2])
    halves = 0.5 * (u[:, ::2] + u[:, 1::2])
    kernel.fit(parameters, seen, weights, halves, 2.0 * past.step_h, noise)
    return TwoMass(*(parameters[:, i].copy() for i in range(len(fields(TwoMass)))))


def _inputs(past: Past) -> Array:
    return np.ascontiguousarray(np.stack([past.outdoor_c, past.ghi_kw_m2, past.heat_kw], axis=2), dtype=float)


def estimate_state(past: Past, model: TwoMass) -> Array:
    """Air and mass temperature now [°C], (home, 2): the model run through the past and pulled to what was measured."""
    return kernel.observe(stack(model), np.ascontiguousarray(past.indoor_c, float), _inputs(past), past.step_h)


def forecast_errors(past: Past, model: TwoMass, begin: int) -> Array:
    """Root mean square 24-h-ahead open-loop error [K] of each forecast from ``begin`` on, (home, forecast).

    Forecasts start every six hours from what the model, pulled to the measurements so far, takes for the present. NaN
    where less than an hour of the day was seen.
    """
    ahead = round(24.0 / past.step_h)
    seen = np.ascontiguousarray(past.indoor_c, float)
    squares, count = kernel.forecast_errors(
        stack(model), seen, _inputs(past), past.step_h, (begin, ahead, ahead // FORECASTS_A_DAY), 3 * ahead
    )
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
