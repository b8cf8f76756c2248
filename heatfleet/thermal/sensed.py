"""What sensors say made fit for learning: frozen ones out, gaps known, the room felt through the heating water.

Everything is (home, step) on quarter-hours, NaN where nothing is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from heatfleet.thermal.arrays import Array

HOUR = 4
FROZEN_STEPS = 36 * HOUR  # a sensor that says the same for a day and a half says nothing
PROBE_STEPS = FROZEN_STEPS // 4
FROZEN_COARSE_STEPS = 96 * HOUR  # one that only knows half degrees may well
COARSE_K = 0.3
RUNNING_KW, STEADY = 0.05, 0.2
EMITTER_KW_PER_K, EMITTER_SD = 0.4, 0.5  # a house of 6 kW at -10 °C with water of 36 °C; relative
ROOM_SD_K, WATER_NOISE_K = 0.3, 1.2  # of the mean room around the setpoint; of an hour's water, off alike for days
ROOM_RANGE_K = 4.0
LEAST_STEADY = 48


def without_frozen(values: Array) -> Array:
    """The values with runs of equal ones of a day and a half (coarse sensors: four days) and more as missing."""
    out, rows = values.copy(), np.flatnonzero(_may_be_frozen(values))
    out[rows] = _runs_out(values[rows])
    return out


def _may_be_frozen(values: Array) -> Array:
    """A cheap look: a long run shows equal values also at every ninth hour."""
    same = values[:, PROBE_STEPS::PROBE_STEPS] == values[:, :-PROBE_STEPS:PROBE_STEPS]
    return (same[:, :-2] & same[:, 1:-1] & same[:, 2:]).any(axis=1)


def _runs_out(values: Array) -> Array:
    steps = values.shape[1]
    change = np.abs(np.diff(values, axis=1))
    smallest = np.where(change > 1e-6, change, np.inf).min(axis=1, initial=np.inf)
    is_coarse = (smallest > COARSE_K) & np.isfinite(smallest)
    new = np.ones(values.shape, bool)
    new[:, 1:] = (change != 0.0) & ~(np.isnan(values[:, 1:]) & np.isnan(values[:, :-1]))
    index = np.broadcast_to(np.arange(steps), values.shape)
    begin = np.maximum.accumulate(np.where(new, index, 0), axis=1)
    last = np.ones(values.shape, bool)
    last[:, :-1] = new[:, 1:]
    end = np.minimum.accumulate(np.where(last, index, steps - 1)[:, ::-1], axis=1)[:, ::-1]
    longest = np.where(is_coarse, FROZEN_COARSE_STEPS, FROZEN_STEPS)[:, None]
    return np.where(end - begin + 1 >= longest, np.nan, values)


def filled(values: Array, otherwise: float) -> Array:
    """Gaps filled on straight lines; ``otherwise`` where a home has nothing."""
    out, index = np.array(values, float), np.arange(values.shape[1])
    for row in np.flatnonzero(np.isnan(out).any(axis=1)):
        known = ~np.isnan(out[row])
        out[row] = np.interp(index, index[known], out[row, known]) if known.any() else otherwise
    return out


def share_seen(values: Array) -> Array:
    """Share of the steps with a value, (home,)."""
    return np.mean(~np.isnan(values), axis=1) if values.shape[1] else np.zeros(len(values))


def room_from_water(water_c: Array, space_heat_kw: Array, dhw_heat_kw: Array, setpoint_c: Array) -> Array:
    """Room temperature [°C] felt through the heating water, where the pump has heated the house steadily for an hour.

    Emitters give ``heat = emitter · (water - room)``, so hours of little and of much heat tell emitter and mean room
    apart: a line through water over heat, shrunk to a room at the setpoint and an emitter of ``EMITTER_KW_PER_K``.
    """
    heat, use = _steady(np.nan_to_num(space_heat_kw), np.nan_to_num(dhw_heat_kw))
    use &= np.isfinite(water_c)
    heat, above = np.where(use, heat, 0.0), np.where(use, water_c - setpoint_c, 0.0)
    centre, weight = 1.0 / EMITTER_KW_PER_K, 1.0 / (HOUR * WATER_NOISE_K**2)
    rest = above - heat * centre
    m00, m01 = weight * use.sum(axis=1) + 1.0 / ROOM_SD_K**2, weight * heat.sum(axis=1)
    m11 = weight * (heat**2).sum(axis=1) + 1.0 / (EMITTER_SD * centre) ** 2
    right = weight * rest.sum(axis=1), weight * (heat * rest).sum(axis=1)
    slope = centre + (m00 * right[1] - m01 * right[0]) / (m00 * m11 - m01**2)
    room = water_c - slope[:, None] * heat
    fine = use & (np.abs(room - setpoint_c) < ROOM_RANGE_K) & (use.sum(axis=1) >= LEAST_STEADY)[:, None]
    return np.where(fine, room, np.nan)


def _steady(heat_kw: Array, dhw_heat_kw: Array) -> tuple[Array, Array]:
    """Mean heat of the last hour, and whether it was steady with no hot water in the last two."""
    steps = heat_kw.shape[1]
    mean, use = np.zeros(heat_kw.shape), np.zeros(heat_kw.shape, bool)
    if steps < 2 * HOUR:
        return mean, use
    last = np.lib.stride_tricks.sliding_window_view(heat_kw, HOUR, axis=1)
    water = np.lib.stride_tricks.sliding_window_view(dhw_heat_kw > RUNNING_KW, 2 * HOUR, axis=1).any(axis=2)
    mean[:, HOUR - 1 :] = last.mean(axis=2)
    low, high = last.min(axis=2), last.max(axis=2)
    use[:, HOUR - 1 :] = (low > RUNNING_KW) & (high - low < STEADY * mean[:, HOUR - 1 :])
    use[:, 2 * HOUR - 1 :] &= ~water
    use[:, : 2 * HOUR - 1] = False
    return mean, use


def quantile(values: Array, q: Sequence[float]) -> Array:
    """Quantiles of what is known in each row, (home, q), as the nearest values; NaN where nothing is."""
    known = np.isfinite(values)
    some = known.any(axis=0)
    if not some.any():
        return np.full((len(values), len(q)), np.nan)
    ordered, count = np.sort(values[:, some], axis=1), known.sum(axis=1)
    at = np.clip(np.round(np.array(q) * (count[:, None] - 1)).astype(int), 0, ordered.shape[1] - 1)
    return np.take_along_axis(ordered, at, axis=1)
