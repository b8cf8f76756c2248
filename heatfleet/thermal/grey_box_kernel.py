"""The compiled kernels of ``grey_box.py``: one home after the other, exactly discretised quarter-hours."""

from __future__ import annotations

import numpy as np
from numba import njit

from heatfleet.thermal.arrays import Array

PARAMETERS, FREE = 8, 10  # free: the logarithms of the parameters, then first air temperature and mass offset
NEIGHBOUR = 8  # index of the loss to what is steadily warm: taken as it is, not fitted
ITERATIONS = 12
SD = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.4, 0.6, 0.6, 0.3, 1.0])  # of the logarithms, and of the start [K]
FARTHEST = 1.1  # of the logarithm: no parameter moves beyond a third or three times its prior
ROBUST = 3.0  # noises beyond which an error pulls no harder: an open window is no property of the building
INDEPENDENT_H = 3.0  # neighbouring errors are alike: one in three hours is news
DELTA = np.array([0.01] * PARAMETERS + [0.05, 0.05])
HALVINGS = 6
PULL_PER_H = np.array([0.12, 0.08])  # of the error that the fit's air and mass take over: it looks half a day ahead
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


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def _predict(free: Array, u: Array, dt: float, fixed: Array, seen: Array, weight: Array, air: Array) -> None:
    """Indoor temperature of every set of ``free`` (10, set) into ``air`` (step, set); ``u`` (step, 3).

    ``fixed`` (3,): share of the error that air and mass take over in a step with a weight (0, 0 = open loop), and the
    loss to what is steadily warm.
    """
    sets = free.shape[1]
    m, x, y = np.empty((12, sets)), np.empty(sets), np.empty(sets)
    p = np.empty(PARAMETERS + 1)
    p[NEIGHBOUR] = fixed[2]
    for s in range(sets):
        p[:PARAMETERS] = np.exp(free[:PARAMETERS, s])
        one = step_matrix(p, dt)
        for i in range(6):
            m[i, s], m[6 + i, s] = one[0, i], one[1, i]
        x[s], y[s] = free[PARAMETERS, s], free[PARAMETERS, s] + free[PARAMETERS + 1, s]
    for k in range(u.shape[0]):
        t, g, q, z = u[k, 0], u[k, 1], u[k, 2], seen[k]
        pull_x = fixed[0] if weight[k] > 0.0 else 0.0
        pull_y = fixed[1] if weight[k] > 0.0 else 0.0
        for s in range(sets):
            xs, ys = x[s], y[s]
            new = m[0, s] * xs + m[1, s] * ys + m[2, s] * t + m[3, s] * g + m[4, s] * q + m[5, s]
            ys = m[6, s] * xs + m[7, s] * ys + m[8, s] * t + m[9, s] * g + m[10, s] * q + m[11, s]
            air[k, s] = new
            x[s], y[s] = new + pull_x * (z - new), ys + pull_y * (z - new)


@njit(cache=True)
def _loss(air: Array, free: Array, prior: Array, seen: Array, weight: Array, noise_k: float, dt: float) -> float:
    """Robust loss: squares up to ``ROBUST`` noises, then straight."""
    total = 0.0
    for k in range(seen.shape[0]):
        miss = abs(seen[k] - air[k]) / noise_k
        total += weight[k] * (miss * miss if miss < ROBUST else ROBUST * (2.0 * miss - ROBUST))
    total *= dt / INDEPENDENT_H
    for i in range(FREE):
        total += ((free[i] - prior[i]) / SD[i]) ** 2
    return total


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def _normal_equations(
    air: Array, free: Array, prior: Array, seen: Array, weight: Array, noise_k: float, dt: float
) -> tuple[Array, Array]:
    """Gauss-Newton matrix (10, 10) and right-hand side (10,)."""
    matrix, right, j = np.zeros((FREE, FREE)), np.zeros(FREE), np.empty(FREE)
    scale = dt / INDEPENDENT_H / (noise_k * noise_k)
    for k in range(seen.shape[0]):
        error = seen[k] - air[k, 0]
        w = weight[k] * scale * min(1.0, ROBUST * noise_k / max(abs(error), 1e-9))
        if w == 0.0:
            continue
        for i in range(FREE):
            j[i] = (air[k, i + 1] - air[k, 0]) / DELTA[i]
        for i in range(FREE):
            right[i] += w * j[i] * error
            for n in range(FREE):
                matrix[i, n] += w * j[i] * j[n]
    for i in range(FREE):
        matrix[i, i] += 1.0 / SD[i] ** 2
        right[i] -= (free[i] - prior[i]) / SD[i] ** 2
    return matrix, right


@njit(cache=True)
def _fit_one(p: Array, seen: Array, weight: Array, u: Array, dt: float, noise_k: float) -> None:
    """Fit the first eight of ``p`` (9,) in place by damped Gauss-Newton."""
    prior = np.zeros(FREE)
    prior[:PARAMETERS], prior[PARAMETERS] = np.log(p[:PARAMETERS]), seen[0]
    free, sets, air = prior.copy(), np.empty((FREE, FREE + 1)), np.empty((seen.shape[0], FREE + 1))
    alone, tried = np.empty((FREE, 1)), np.empty((seen.shape[0], 1))
    damping, best, fixed = 0.3, np.inf, np.array([PULL_PER_H[0] * dt, PULL_PER_H[1] * dt, p[NEIGHBOUR]])
    for _ in range(ITERATIONS):
        for s in range(FREE + 1):
            sets[:, s] = free
            if s > 0:
                sets[s - 1, s] += DELTA[s - 1]
        _predict(sets, u, dt, fixed, seen, weight, air)
        best = _loss(air[:, 0], free, prior, seen, weight, noise_k, dt)
        matrix, right = _normal_equations(air, free, prior, seen, weight, noise_k, dt)
        improved = 0.0
        for _try in range(4):
            step = np.linalg.solve(matrix * (1.0 + damping * np.eye(FREE)), right)
            new = free + np.minimum(np.maximum(step, -0.7), 0.7)
            new = np.minimum(np.maximum(new, prior - FARTHEST), prior + FARTHEST)
            new[5] = min(new[5], np.log(0.95))
            alone[:, 0] = new
            _predict(alone, u, dt, fixed, seen, weight, tried)
            loss = _loss(tried[:, 0], new, prior, seen, weight, noise_k, dt)
            if loss < best:
                free, improved, damping = new, best - loss, max(0.2 * damping, 1e-3)
                break
            damping *= 5.0
        if improved < 3e-3 * best:
            break
    p[:PARAMETERS] = np.exp(free[:PARAMETERS])


@njit(cache=True, nogil=True)
def fit(parameters: Array, seen: Array, weight: Array, u: Array, dt: float, noise_k: Array) -> None:
    """Fit ``parameters`` (home, 9) in place; steps of ``weight`` 0 are not looked at, homes without any are left."""
    for home in range(seen.shape[0]):
        if np.sum(weight[home] > 0.0) * dt >= 24.0:
            since = slice(np.argmax(weight[home] > 0.0), seen.shape[1])
            _fit_one(parameters[home], seen[home, since], weight[home, since], u[home, since], dt, noise_k[home])


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
    for the present after at most ``warm_up`` steps.
    """
    begin, ahead, every = span
    homes, steps = seen.shape
    count = max(0, (steps - ahead - begin) // every + 1)
    squares, known, gain = np.zeros((homes, count)), np.zeros((homes, count)), CORRECTION_PER_H * dt
    for home in range(homes):
        m = step_matrix(parameters[home], dt)
        x = y = np.nan
        at = max(0, begin - warm_up)
        for n in range(count):
            start = begin + n * every
            for k in range(at, start):
                x, y = _observed(m, x, y, seen[home, k], u[home, k], gain)
            at = start
            if not np.isnan(x):
                window = slice(start, start + ahead)
                squares[home, n], known[home, n] = _forecast(m, x, y, seen[home, window], u[home, window])
    return squares, known
