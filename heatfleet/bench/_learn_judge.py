"""Forecasts of a day held out: ours, the grey box alone, a plain hourly regression and "as warm as now"."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.block import Block
from heatfleet.thermal.grey_box import discretise, estimate_state, fit_two_mass
from heatfleet.thermal.identify import past_of
from heatfleet.thermal.model import ThermalModels

HOUR, DAY, EVERY, OBSERVED = 4, 96, 24, 3 * 96
A_HOUR_RANGE = (0.9, 0.9998)


def origins(begin: int, end: int) -> range:
    """Steps at which forecasts start."""
    return range(begin, end - DAY + 1, EVERY)


def by_model(block: Block, truth_c: Array, models: ThermalModels, begin: int) -> Array:
    """Root mean square 24-h-ahead error [K] at full hours, (home,), of learned models from ``begin`` on."""
    past, discrete = past_of(block, models), discretise(models.building)
    drift = discrete.disturbance(past.outdoor_c, past.ghi_kw_m2)
    squares = []
    for origin in origins(begin, truth_c.shape[1]):
        window = slice(max(0, origin - OBSERVED), origin)
        before = replace(past, **{n: getattr(past, n)[:, window] for n in vars(past) if n != "step_h"})
        x = estimate_state(before, models.building)
        for t in range(origin, origin + DAY):
            x = np.einsum("hij,hj->hi", discrete.a, x) + discrete.b * past.heat_kw[:, t, None] + drift[:, t]
            if t % HOUR == HOUR - 1:
                squares.append((x[:, 0] - truth_c[:, t]) ** 2)
    error: Array = np.sqrt(np.nanmean(squares, axis=0))
    return error


def by_grey_box(seen: Block, in_force: ThermalModels) -> ThermalModels:
    """The grey box of everything seen, accepted blindly."""
    return replace(in_force, building=fit_two_mass(past_of(seen, in_force), in_force.building))


def by_persistence(block: Block, truth_c: Array, begin: int) -> Array:
    """The same error of "as warm as last read", (home,); without a room sensor, "as asked for"."""
    last = np.where(np.isfinite(block.indoor_c), block.indoor_c, np.nan)
    for t in range(1, last.shape[1]):
        last[:, t] = np.where(np.isnan(last[:, t]), last[:, t - 1], last[:, t])
    last = np.where(np.isnan(last), block.setpoint_c, last)
    squares = [
        (truth_c[:, t] - last[:, origin - 1]) ** 2
        for origin in origins(begin, truth_c.shape[1])
        for t in range(origin + HOUR - 1, origin + DAY, HOUR)
    ]
    error: Array = np.sqrt(np.nanmean(squares, axis=0))
    return error


def by_hourly_regression(block: Block, truth_c: Array, begin: int) -> Array:
    """The same error of a plain least squares on hours, (home,): no prior, no masses; NaN where it cannot be fitted.

    ``T(h+1) = a·T + b·heat + c·outdoor + d·sun + e`` with ``a`` kept within bounds; power where heat is not metered.
    """
    return np.array([_one_home(block, truth_c, begin, home) for home in range(len(truth_c))])


def _one_home(block: Block, truth_c: Array, begin: int, home: int) -> float:
    heat = block.space_heat_kw if np.isfinite(block.space_heat_kw[home]).any() else block.space_power_kw
    x = np.stack([_hours(v[home]) for v in (heat, block.outdoor_c, block.ghi_kw_m2)], axis=1)
    x = np.column_stack([_filled(x), np.ones(len(x))])
    room, truth, first = block.indoor_c[home, HOUR - 1 :: HOUR], truth_c[home, HOUR - 1 :: HOUR], begin // HOUR
    known = np.isfinite(room[: first - 1]) & np.isfinite(room[1:first])
    if known.sum() < 48:
        return float("nan")
    a, rest = _regression(room[: first - 1][known], x[1:first][known], room[1:first][known])
    held, squares = _filled(room[:, None])[:, 0], []
    for origin in range(first, len(room) - 24 + 1, EVERY // HOUR):
        t = held[origin - 1]
        for hour in range(origin, origin + 24):
            t = a * t + x[hour] @ rest
            squares.append((t - truth[hour]) ** 2)
    return float(np.sqrt(np.nanmean(squares)))


def _regression(before: Array, x: Array, after: Array) -> tuple[float, Array]:
    found = np.linalg.lstsq(np.column_stack([before, x]), after, rcond=None)[0]
    a = float(np.clip(found[0], *A_HOUR_RANGE))
    return a, found[1:] if a == found[0] else np.linalg.lstsq(x, after - a * before, rcond=None)[0]


def _hours(values: Array) -> Array:
    means: Array = values[: len(values) // HOUR * HOUR].reshape(-1, HOUR).mean(axis=1)
    return means


def _filled(columns: Array) -> Array:
    """Each column with its last known value carried on; zero before the first."""
    out = columns.copy()
    for t in range(len(out)):
        out[t] = np.where(np.isnan(out[t]), out[t - 1] if t else 0.0, out[t])
    return out
