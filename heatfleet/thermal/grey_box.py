"""The two-mass building (2R2C) as a learned model: fit, discretise, and estimate the mass temperature.

Indoor air reacts within an hour, walls and floor within days. A plan that knows only one mass takes the quick droop of
the air for a cold house and swings the pump too far: in closed loop that cost more than prices gave. The fit is an
output-error least squares over the whole block (Gauss-Newton with damping), shrunk to the prior in log space, one home
after the other in numba.

Source of the structure: Bacher & Madsen, "Identifying suitable models for the heat dynamics of buildings", 2011.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numba import njit

from heatfleet.thermal.arrays import Array, stack

SUBSTEPS = 3
ITERATIONS = 14
PRIOR_SD = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.4, 0.6, 0.6])  # of the logarithm of each field
FARTHEST = 1.1  # of the logarithm: no parameter moves beyond a third or three times its prior
NOISE_K = 0.12
CORRECTION_PER_H = np.array([1.2, 0.25])  # observer: how quickly air and mass follow the measured indoor temperature


@dataclass(frozen=True)
class TwoMass:
    """A batch of two-mass buildings; every field (home,), all positive."""

    ua_indoor_mass_kw_per_k: Array
    ua_indoor_outdoor_kw_per_k: Array
    ua_mass_outdoor_kw_per_k: Array
    capacity_indoor_kwh_per_k: Array
    capacity_mass_kwh_per_k: Array
    heat_to_indoor: Array
    solar_area_m2: Array
    gains_kw: Array


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
    )


@njit(cache=True)
def _advance(p: Array, air: float, mass: float, u: Array, dt: float) -> tuple[float, float]:
    """Air and mass temperature [°C] after ``dt`` [h]; ``u`` = outdoor [°C], sun [kW/m²], heat [kW]."""
    sub = dt / SUBSTEPS
    for _ in range(SUBSTEPS):
        between = p[0] * (mass - air)
        d_air = (between + p[1] * (u[0] - air) + p[5] * u[2] + 0.3 * p[6] * u[1] + p[7]) / p[3]
        d_mass = (-between + p[2] * (u[0] - mass) + (1.0 - p[5]) * u[2] + 0.7 * p[6] * u[1]) / p[4]
        air, mass = air + sub * d_air, mass + sub * d_mass
    return air, mass


@njit(cache=True)
def _predict(p: Array, air: float, mass: float, u: Array, dt: float, out: Array) -> None:
    """Open-loop indoor temperature into ``out`` (step,); ``u`` (step, 3)."""
    for k in range(u.shape[0]):
        air, mass = _advance(p, air, mass, u[k], dt)
        out[k] = air


@njit(cache=True)
def _loss(p: Array, prior: Array, seen: Array, start: Array, u: Array, dt: float, out: Array) -> float:
    _predict(p, start[0], start[0] + start[1], u, dt, out)
    total = 0.0
    for k in range(seen.shape[0]):
        if not np.isnan(seen[k]):
            total += ((out[k] - seen[k]) / NOISE_K) ** 2
    total /= 12.0  # neighbouring errors are alike: about one independent error every three hours
    for i in range(8):
        total += (np.log(p[i] / prior[i]) / PRIOR_SD[i]) ** 2
    return total + (start[1] / 1.0) ** 2


@njit(cache=True)
def _normal_equations(
    p: Array, prior: Array, seen: Array, start: Array, u: Array, dt: float, base: Array
) -> tuple[Array, Array]:
    """Gauss-Newton matrix (9, 9) and right-hand side (9,) in log parameters and the first mass offset."""
    n, weight = seen.shape[0], 1.0 / (12.0 * NOISE_K * NOISE_K)
    jacobian, shifted = np.zeros((9, n)), np.empty(n)
    for i in range(9):
        q, s = p.copy(), start.copy()
        if i < 8:
            q[i] *= 1.01
        else:
            s[1] += 0.05
        _predict(q, s[0], s[0] + s[1], u, dt, shifted)
        jacobian[i] = (shifted - base) / (0.00995033 if i < 8 else 0.05)
    matrix, right = np.zeros((9, 9)), np.zeros(9)
    for k in range(n):
        if np.isnan(seen[k]):
            continue
        error = seen[k] - base[k]
        for i in range(9):
            right[i] += weight * jacobian[i, k] * error
            for j in range(i + 1):
                matrix[i, j] += weight * jacobian[i, k] * jacobian[j, k]
    for i in range(9):
        for j in range(i):
            matrix[j, i] = matrix[i, j]
        if i < 8:
            matrix[i, i] += 1.0 / PRIOR_SD[i] ** 2
            right[i] -= np.log(p[i] / prior[i]) / PRIOR_SD[i] ** 2
        else:
            matrix[i, i] += 1.0
            right[i] -= start[1]
    return matrix, right


@njit(cache=True)
def _fit_one(p: Array, seen: Array, u: Array, dt: float) -> float:
    """Fit ``p`` (8,) in place; the root mean square error [K]."""
    prior, start, base = p.copy(), np.zeros(2), np.empty(seen.shape[0])
    for k in range(seen.shape[0]):
        if not np.isnan(seen[k]):
            start[0] = seen[k]
            break
    damping, best = 1.0, _loss(p, prior, seen, start, u, dt, base)
    for _ in range(ITERATIONS):
        matrix, right = _normal_equations(p, prior, seen, start, u, dt, base)
        for i in range(9):
            matrix[i, i] *= 1.0 + damping
        step = np.linalg.solve(matrix, right)
        q, s = p * np.exp(np.clip(step[:8], -0.5, 0.5)), start.copy()
        q = np.minimum(np.maximum(q, prior * np.exp(-FARTHEST)), prior * np.exp(FARTHEST))
        q[5] = min(q[5], 0.95)
        s[1] += min(max(step[8], -1.0), 1.0)
        loss = _loss(q, prior, seen, s, u, dt, base)
        if loss < best:
            improved = best - loss
            p[:], start, best, damping = q, s, loss, damping * 0.3
            if improved < 1e-3 * best:
                break
        else:
            damping *= 4.0
            _predict(p, start[0], start[0] + start[1], u, dt, base)
    _predict(p, start[0], start[0] + start[1], u, dt, base)
    return np.sqrt(np.nanmean((base - seen) ** 2))


@njit(cache=True, nogil=True)
def _fit(parameters: Array, seen: Array, u: Array, dt: float) -> Array:
    error = np.full(seen.shape[0], np.nan)
    for home in range(seen.shape[0]):
        if np.sum(~np.isnan(seen[home])) >= 96:
            error[home] = _fit_one(parameters[home], seen[home], u[home], dt)
    return error


def fit_two_mass(past: Past, prior: TwoMass) -> tuple[TwoMass, Array]:
    """Fitted buildings and the open-loop error over the block [K], (home,); NaN and the prior where too little is seen.

    Heat, outdoor temperature and sun must be there in every step of a home that is to be fitted
    (``fill_gaps`` of the caller); the indoor temperature may have gaps.
    """
    parameters = stack(prior)
    error = _fit(parameters, np.ascontiguousarray(past.indoor_c, float), _inputs(past), past.step_h)
    return TwoMass(*(parameters[:, i].copy() for i in range(len(fields(TwoMass))))), error


def _inputs(past: Past) -> Array:
    return np.ascontiguousarray(np.stack([past.outdoor_c, past.ghi_kw_m2, past.heat_kw], axis=2), dtype=float)


@njit(cache=True, nogil=True)
def _observe(parameters: Array, seen: Array, u: Array, dt: float, gain: Array) -> Array:
    state = np.empty((seen.shape[0], 2))
    for home in range(seen.shape[0]):
        air = mass = np.nan
        for k in range(seen.shape[1]):
            if np.isnan(air):
                air = mass = seen[home, k]
                continue
            air, mass = _advance(parameters[home], air, mass, u[home, k], dt)
            error = seen[home, k] - air
            if not np.isnan(error):
                air, mass = air + min(gain[0] * dt, 1.0) * error, mass + gain[1] * dt * error
        state[home, 0], state[home, 1] = air, mass
    return state


def estimate_state(past: Past, model: TwoMass) -> Array:
    """Air and mass temperature now [°C], (home, 2): the model run through the past and pulled to what was measured."""
    seen = np.ascontiguousarray(past.indoor_c, float)
    return _observe(stack(model), seen, _inputs(past), past.step_h, CORRECTION_PER_H)


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


def discretise(model: TwoMass, step_h: float = 0.25, parts: int = 60) -> Discrete:
    """The exact step response of the linear building over ``step_h`` [h] (by many small steps)."""
    m = model
    n, dt = len(m.gains_kw), step_h / parts
    rate = np.zeros((n, 2, 2))
    rate[:, 0, 0] = -(m.ua_indoor_mass_kw_per_k + m.ua_indoor_outdoor_kw_per_k) / m.capacity_indoor_kwh_per_k
    rate[:, 0, 1] = m.ua_indoor_mass_kw_per_k / m.capacity_indoor_kwh_per_k
    rate[:, 1, 0] = m.ua_indoor_mass_kw_per_k / m.capacity_mass_kwh_per_k
    rate[:, 1, 1] = -(m.ua_indoor_mass_kw_per_k + m.ua_mass_outdoor_kw_per_k) / m.capacity_mass_kwh_per_k
    inputs = np.zeros((n, 2, 4))  # heat, outdoor, sun, constant
    for row, capacity in enumerate((m.capacity_indoor_kwh_per_k, m.capacity_mass_kwh_per_k)):
        share = m.heat_to_indoor if row == 0 else 1.0 - m.heat_to_indoor
        outside = m.ua_indoor_outdoor_kw_per_k if row == 0 else m.ua_mass_outdoor_kw_per_k
        sun = (0.3 if row == 0 else 0.7) * m.solar_area_m2
        gains = m.gains_kw if row == 0 else 0.0 * m.gains_kw
        inputs[:, row] = np.stack([share, outside, sun, gains], axis=1) / capacity[:, None]
    a, g = np.tile(np.eye(2), (n, 1, 1)), np.zeros((n, 2, 4))
    one = np.eye(2) + dt * rate
    for _ in range(parts):
        a, g = one @ a, one @ g + dt * inputs
    return Discrete(a, g[:, :, 0], g[:, :, 1], g[:, :, 2], g[:, :, 3])
