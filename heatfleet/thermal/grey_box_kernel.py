"""The compiled kernels of ``grey_box.py`` but its fit: one home after the other, exactly discretised quarter-hours."""

from __future__ import annotations

import numpy as np
from numba import njit

from heatfleet.thermal.arrays import Array

NEIGHBOUR = 8  # index of the loss to what is steadily warm
HALVINGS = 6
CORRECTION_PER_H = np.array([1.2, 0.25])  # observer: how quickly air and mass follow the measured indoor temperature


@njit(cache=True)
def step_matrix(p: Array, dt: float) -> Array:
    """A step of ``dt`` [h], (2, 6): what air and mass before, outdoor temperature, sun, heat and a constant bring.

    By doubling a second-order step of ``dt / 2**HALVINGS``.
    """
    rate, inputs = np.zeros((2, 2)), np.zeros((2, 4))
    rate[0, 0], rate[0, 1] = -(p[0] + p[1] + p[NEIGHBOUR]) / p[3], p[0] / p[3]
    rate[1, 0], rate[1, 1] = p[0] / p[4], -(p[0] + p[2]) / p[4]
    inputs[0, 0], inputs[0, 1], inputs[0, 2], inputs[0, 3] = p[1] / p[3], 0.3 * p[6] / p[3], p[5] / p[3], p[7] / p[3]
    inputs[1, 0], inputs[1, 1], inputs[1, 2] = p[2] / p[4], 0.7 * p[6] / p[4], (1.0 - p[5]) / p[4]
    h = dt / 2.0**HALVINGS
    a00, a01 = 1.0 + h * rate[0, 0] + 0.5 * h * h * (rate[0, 0] ** 2 + rate[0, 1] * rate[1, 0]), 0.0
    a01 = h * rate[0, 1] + 0.5 * h * h * (rate[0, 0] + rate[1, 1]) * rate[0, 1]
    a10 = h * rate[1, 0] + 0.5 * h * h * (rate[0, 0] + rate[1, 1]) * rate[1, 0]
    a11 = 1.0 + h * rate[1, 1] + 0.5 * h * h * (rate[1, 1] ** 2 + rate[0, 1] * rate[1, 0])
    out = np.empty((2, 6))
    for i in range(4):
        x, y = inputs[0, i], inputs[1, i]
        out[0, 2 + i] = h * (x + 0.5 * h * (rate[0, 0] * x + rate[0, 1] * y))
        out[1, 2 + i] = h * (y + 0.5 * h * (rate[1, 0] * x + rate[1, 1] * y))
    for _ in range(HALVINGS):
        for i in range(2, 6):
            x, y = out[0, i], out[1, i]
            out[0, i], out[1, i] = x + a00 * x + a01 * y, y + a10 * x + a11 * y
        a00, a01, a10, a11 = (
            a00 * a00 + a01 * a10, a01 * (a00 + a11), a10 * (a00 + a11), a11 * a11 + a01 * a10
        )  # fmt: skip
    out[0, 0], out[0, 1], out[1, 0], out[1, 1] = a00, a01, a10, a11
    return out


@njit(cache=True, nogil=True)
def step_matrices(parameters: Array, dt: float) -> Array:
    """The step of every home (home, 2, 6)."""
    out = np.empty((parameters.shape[0], 2, 6))
    for home in range(parameters.shape[0]):
        out[home] = step_matrix(parameters[home], dt)
    return out


@njit(cache=True)
def _follow(m: Array, x: float, y: float, u: Array) -> tuple[float, float]:
    """Air and mass after a step."""
    return (
        m[0, 0] * x + m[0, 1] * y + (m[0, 2] * u[0] + m[0, 3] * u[1] + m[0, 4] * u[2] + m[0, 5]),
        m[1, 0] * x + m[1, 1] * y + (m[1, 2] * u[0] + m[1, 3] * u[1] + m[1, 4] * u[2] + m[1, 5]),
    )


@njit(cache=True)
def _observed(m: Array, x: float, y: float, z: float, u: Array, gain: Array) -> tuple[float, float]:
    """Air and mass after a step at whose end ``z`` was measured (NaN = nothing was)."""
    if np.isnan(x):
        return z, z
    x, y = _follow(m, x, y, u)
    if np.isnan(z):
        return x, y
    return x + gain[0] * (z - x), y + gain[1] * (z - x)


@njit(cache=True, nogil=True)
def observe(parameters: Array, seen: Array, u: Array, dt: float) -> Array:
    """Air and mass temperature at the end (home, 2)."""
    state, gain = np.empty((seen.shape[0], 2)), CORRECTION_PER_H * dt
    for home in range(seen.shape[0]):
        m = step_matrix(parameters[home], dt)
        x = y = np.nan
        for k in range(seen.shape[1]):
            x, y = _observed(m, x, y, seen[home, k], u[home, k], gain)
        state[home, 0], state[home, 1] = x, y
    return state


@njit(cache=True)
def _forecast(m: Array, x: float, y: float, seen: Array, u: Array) -> tuple[float, float]:
    """Sum of squared open-loop errors [K²] and how many."""
    squares = count = 0.0
    for n in range(seen.shape[0]):
        x, y = _follow(m, x, y, u[n])
        if not np.isnan(seen[n]):
            squares += (seen[n] - x) ** 2
            count += 1.0
    return squares, count


@njit(cache=True, nogil=True)
def forecast_errors(
    parameters: Array, seen: Array, u: Array, dt: float, span: tuple[int, int, int], warm_up: int
) -> tuple[Array, Array]:
    """Sum of squared open-loop errors [K²] and how many, (home, forecast).

    ``span``: a forecast of ``ahead`` steps starts every ``every`` steps from ``begin`` on, from what the observer takes
    for the present after at most ``warm_up`` steps. ``parameters``: one model for all forecasts of a home (home, 1, 9),
    or one for each (home, forecast, 9).
    """
    begin, ahead, every = span
    homes, steps = seen.shape
    count = max(0, (steps - ahead - begin) // every + 1)
    squares, known, gain = np.zeros((homes, count)), np.zeros((homes, count)), CORRECTION_PER_H * dt
    for home in range(homes):
        m = step_matrix(parameters[home, 0], dt)
        x = y = np.nan
        at = max(0, begin - warm_up)
        for n in range(count):
            start = begin + n * every
            if n > 0 and parameters.shape[1] > 1:
                m = step_matrix(parameters[home, n], dt)
                x, y, at = np.nan, np.nan, max(0, start - warm_up)
            for k in range(at, start):
                x, y = _observed(m, x, y, seen[home, k], u[home, k], gain)
            at = start
            if not np.isnan(x):
                window = slice(start, start + ahead)
                squares[home, n], known[home, n] = _forecast(m, x, y, seen[home, window], u[home, window])
    return squares, known
