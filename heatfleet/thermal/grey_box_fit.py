"""The compiled fit of ``grey_box.py``, one home after the other, and what it would be without some of the days."""

from __future__ import annotations

import numpy as np
from numba import njit

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.grey_box_kernel import NEIGHBOUR, step_matrix

LOGS, GAINS, FREE = 8, 7, 11  # free: logarithms of eight parameters, loss next door, first air temperature, mass offset
AIR, OFFSET = 9, 10
ITERATIONS = 12
SD = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 0.4, 1.2, 0.6, 1.0, 0.3, 1.0])  # logarithms; next door by the whole loss; K
FARTHEST = np.array([1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 2.3, 1.1, 5.0, 1.1, 1.1])  # that they move from the prior
HEAT_TO_INDOOR, MOST_TO_INDOOR = 5, np.log(0.95)
GAINS_LEAST_KW = 0.02
ROBUST = 3.0  # noises beyond which an error pulls no harder: an open window is no property of the building
INDEPENDENT_H = 3.0  # neighbouring errors are alike: one in three hours is news
DELTA = np.array([0.01] * LOGS + [0.02, 0.05, 0.05])
PULL_PER_H = np.array([0.12, 0.08])  # of the error that the fit's air and mass take over: it looks half a day ahead


@njit(cache=True)
def _loss_kw_per_k(p: Array) -> float:
    return float(p[1] + 1.0 / (1.0 / p[0] + 1.0 / p[2]))


@njit(cache=True)
def _start(p: Array, seen: Array, home: Array) -> Array:
    """What is free (11,) at the prior ``p`` (9,)."""
    free = np.zeros(FREE)
    free[:LOGS], free[NEIGHBOUR], free[AIR] = np.log(p[:LOGS]), p[NEIGHBOUR] / home[0], seen[0]
    return free


@njit(cache=True)
def _put(p: Array, free: Array, home: Array) -> None:
    """Parameters ``p`` (9,) of what is free.

    ``home`` (3,): the prior's loss to outdoors and to next door [kW/K], and the mean room temperature. A loss to next
    door beyond the prior's is to something as warm as the room.
    """
    p[:LOGS], p[NEIGHBOUR] = np.exp(free[:LOGS]), free[NEIGHBOUR] * home[0]
    p[GAINS] = max(p[GAINS] + (p[NEIGHBOUR] - home[1]) * home[2], GAINS_LEAST_KW)


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def _predict(free: Array, u: Array, dt: float, home: Array, seen: Array, weight: Array, air: Array) -> None:
    """Indoor temperature of every set of ``free`` (11, set) into ``air`` (step, set); ``u`` (step, 3).

    In a step with a weight air and mass take over a share of the error.
    """
    sets = free.shape[1]
    m, x, y = np.empty((12, sets)), np.empty(sets), np.empty(sets)
    p = np.empty(LOGS + 1)
    for s in range(sets):
        _put(p, free[:, s], home)
        one = step_matrix(p, dt)
        for i in range(6):
            m[i, s], m[6 + i, s] = one[0, i], one[1, i]
        x[s], y[s] = free[AIR, s], free[AIR, s] + free[OFFSET, s]
    for k in range(u.shape[0]):
        t, g, q, z = u[k, 0], u[k, 1], u[k, 2], seen[k]
        pull_x = PULL_PER_H[0] * dt if weight[k] > 0.0 else 0.0
        pull_y = PULL_PER_H[1] * dt if weight[k] > 0.0 else 0.0
        for s in range(sets):
            xs, ys = x[s], y[s]
            new = m[0, s] * xs + m[1, s] * ys + m[2, s] * t + m[3, s] * g + m[4, s] * q + m[5, s]
            ys = m[6, s] * xs + m[7, s] * ys + m[8, s] * t + m[9, s] * g + m[10, s] * q + m[11, s]
            air[k, s] = new
            x[s], y[s] = new + pull_x * (z - new), ys + pull_y * (z - new)


@njit(cache=True)
def _loss(air: Array, off: Array, seen: Array, weight: Array, noise_k: float, dt: float) -> float:
    """Robust loss: squares up to ``ROBUST`` noises, then straight; ``off`` (11,) is how far from the prior [sd]."""
    total = 0.0
    for k in range(seen.shape[0]):
        miss = abs(seen[k] - air[k]) / noise_k
        total += weight[k] * (miss * miss if miss < ROBUST else ROBUST * (2.0 * miss - ROBUST))
    total *= dt / INDEPENDENT_H
    for i in range(FREE):
        total += off[i] ** 2
    return total


@njit(cache=True, fastmath={"contract", "reassoc", "nsz"})
def _normal_equations(air: Array, seen: Array, weight: Array, noise_k: float, dt: float) -> tuple[Array, Array]:
    """What the steps say, the prior aside: Gauss-Newton matrix (11, 11), its lower half, and right side (11,)."""
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
            for n in range(i + 1):
                matrix[i, n] += w * j[i] * j[n]
    return matrix, right


@njit(cache=True)
def _solve(matrix: Array, right: Array, damping: float) -> Array:
    """The solution (n,) of a positive definite system, given by its lower half, its diagonal raised by a share."""
    size = right.size
    low, x = np.zeros((size, size)), np.empty(size)
    for i in range(size):
        rest = right[i]
        for n in range(i + 1):
            value = matrix[i, n] * (1.0 + damping if i == n else 1.0)
            for k in range(n):
                value -= low[i, k] * low[n, k]
            low[i, n] = np.sqrt(max(value, 1e-12)) if i == n else value / low[n, n]
        for k in range(i):
            rest -= low[i, k] * x[k]
        x[i] = rest / low[i, i]
    for i in range(size - 1, -1, -1):
        for k in range(i + 1, size):
            x[i] -= low[k, i] * x[k]
        x[i] /= low[i, i]
    return x


@njit(cache=True)
def _moved(free: Array, step: Array, prior: Array) -> Array:
    new = free + np.minimum(np.maximum(step, -0.7), 0.7)
    new = np.minimum(np.maximum(new, prior - FARTHEST), prior + FARTHEST)
    new[HEAT_TO_INDOOR], new[NEIGHBOUR] = min(new[HEAT_TO_INDOOR], MOST_TO_INDOOR), max(new[NEIGHBOUR], 0.0)
    return new


@njit(cache=True)
def _with_prior(matrix: Array, right: Array, off: Array, sd: Array) -> None:
    """Adds to the equations what the prior says, ``off`` (11,) away from it."""
    for i in range(FREE):
        matrix[i, i] += 1.0 / sd[i] ** 2
        right[i] -= off[i] / sd[i] ** 2


@njit(cache=True)
def _around(free: Array) -> Array:
    """Sets (11, 12): what is free, and the same with one after the other moved a little."""
    sets = np.empty((FREE, FREE + 1))
    for s in range(FREE + 1):
        sets[:, s] = free
        if s > 0:
            sets[s - 1, s] += DELTA[s - 1]
    return sets


@njit(cache=True)
def _fit_one(
    p: Array,
    without: Array,
    seen: Array,
    weight: Array,
    u: Array,
    dt: float,
    noise_k: float,
    sd: Array,
    left_out: Array,
) -> None:
    """Fit ``p`` (9,) in place by damped Gauss-Newton, and ``without`` (part, 9) the same without some steps each.

    The latter from the last step's equations, less those of the steps left out, whose first and end are ``left_out``.
    """
    room = np.sum(seen * weight) / np.sum(weight)
    home = np.array([_loss_kw_per_k(p), p[NEIGHBOUR], room])
    prior = _start(p, seen, home)
    free, at, air = prior.copy(), prior.copy(), np.empty((seen.shape[0], FREE + 1))
    alone, tried = np.empty((FREE, 1)), np.empty((seen.shape[0], 1))
    matrix, right, damping = np.zeros((FREE, FREE)), np.zeros(FREE), 0.3
    for _ in range(ITERATIONS):
        at[:] = free
        _predict(_around(at), u, dt, home, seen, weight, air)
        best = _loss(air[:, 0], (at - prior) / sd, seen, weight, noise_k, dt)
        matrix, right = _normal_equations(air, seen, weight, noise_k, dt)
        _with_prior(matrix, right, at - prior, sd)
        improved = 0.0
        for _try in range(4):
            alone[:, 0] = _moved(at, _solve(matrix, right, damping), prior)
            _predict(alone, u, dt, home, seen, weight, tried)
            loss = _loss(tried[:, 0], (alone[:, 0] - prior) / sd, seen, weight, noise_k, dt)
            if loss < best:
                free, improved, damping = alone[:, 0].copy(), best - loss, max(0.2 * damping, 1e-3)
                break
            damping *= 5.0
        if improved < 3e-3 * best:
            break
    _put(p, free, home)
    for n in range(left_out.shape[0]):
        steps = slice(left_out[n, 0], left_out[n, 1])
        less, pull = _normal_equations(air[steps], seen[steps], weight[steps], noise_k, dt)
        _put(without[n], _moved(at, _solve(matrix - less, right - pull, 0.0), prior), home)


@njit(cache=True, nogil=True)
def fit(
    parameters: Array,
    without: Array,
    seen: Array,
    weight: Array,
    u: Array,
    dt: float,
    noise_k: Array,
    sd: Array,
    left_out: Array,
) -> None:
    """Fit ``parameters`` (home, 9) in place, and ``without`` (home, part, 9), that each do without some steps.

    Steps of ``weight`` 0 are not looked at, homes without a day of others are left; ``left_out`` (part, 2).
    """
    for home in range(seen.shape[0]):
        without[home] = parameters[home]
        if np.sum(weight[home] > 0.0) * dt >= 24.0:
            first = np.argmax(weight[home] > 0.0)
            since, parts = slice(first, seen.shape[1]), np.maximum(left_out - first, 0)
            _fit_one(
                parameters[home], without[home], seen[home, since], weight[home, since], u[home, since], dt,
                noise_k[home], sd, parts,
            )  # fmt: skip
