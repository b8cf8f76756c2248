"""The default building: a batched least squares on hourly means, and what it says of opened windows.

Beside it the plain regression, hardly shrunk, as a building of one mass: for homes that are like no typology, as an
empty house that cools down, or one whose warmth comes from next door.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.grey_box import Past, TwoMass, capacity_of, ua_of
from heatfleet.thermal.response import ridge
from heatfleet.thermal.sensed import HOUR

PRIOR_SD = 0.5  # relative
A_HOUR_RANGE = (0.9, 0.9998)
STIFF, WINDOWS_SHARE = 40.0, 0.45
WINDOW_K, WINDOW_SPREADS = 0.35, 5.0  # a room that cools this much in an hour beyond what is usual has a window open
CLOSED_AFTER = 3  # hours until it is as before
PLAIN_NOISE_K = 0.1
PLAIN_SD = np.array([1.0, 1.0, 0.5, 50.0, 50.0])  # of last hour, outdoor; of heat, sun, gains relative: 50 is no prior
OUTDOOR_LEAST = 0.2  # of what a room loses: less is no house
HEAT_RANGE = (0.3, 3.0)  # of what the prior warms by a kWh
SOLAR_LEAST_M2, GAINS_LEAST_KW = 0.1, 0.02


def fit_hourly(past: Past, prior: TwoMass, weight: Array | None = None) -> tuple[TwoMass, Array]:
    """Buildings from a least squares on hourly data, shrunk to ``prior`` and with its shares between air and mass.

    ``T(h+1) - T(h) = loss·(outdoor - T) + gain·heat + sun·ghi + rest`` with loss in (1 - 0.9998, 1 - 0.9), gains > 0.
    Hours of ``weight`` (home, step) 0 or unknown are left out. Second comes which steps had no window open (bool).
    """
    indoor, outdoor, ghi, heat = (_hours(v) for v in (past.indoor_c, past.outdoor_c, past.ghi_kw_m2, past.heat_kw))
    change, before = np.diff(indoor, axis=1), indoor[:, :-1]
    x = np.stack([outdoor[:, :-1] - before, heat[:, :-1], ghi[:, :-1], np.ones_like(before)], axis=2)
    ua, capacity = ua_of(prior), capacity_of(prior)
    centre = np.stack([ua / capacity, 1.0 / capacity, prior.solar_area_m2 / capacity, prior.gains_kw / capacity], 1)
    noise, sd = _spread(change), PRIOR_SD * np.abs(centre) + 1e-6
    known = np.isfinite(change)
    share = np.ones(change.shape) if weight is None else _hours(weight)[:, 1:]
    found = ridge(x, change, known, centre, sd, noise, share)
    rest = change - (x @ found[:, :, None])[:, :, 0]
    closed = _closed(rest)
    found = ridge(x, change, known & closed, centre, sd, _spread(np.where(closed, rest, np.nan)), share)
    return _building(found, prior, ua, capacity), _as_steps(closed, past.indoor_c.shape[1])


def _building(found: Array, prior: TwoMass, ua: Array, capacity: Array) -> TwoMass:
    loss = np.clip(found[:, 0], 1.0 - A_HOUR_RANGE[1], 1.0 - A_HOUR_RANGE[0])
    gain = np.clip(found[:, 1], HEAT_RANGE[0] / capacity, HEAT_RANGE[1] / capacity)
    scale_c, scale_ua = 1.0 / (gain * capacity), loss / gain / ua
    return replace(
        prior,
        **{name: getattr(prior, name) * scale_ua for name in vars(prior) if name.startswith("ua_")},
        **{name: getattr(prior, name) * scale_c for name in vars(prior) if name.startswith("capacity_")},
        solar_area_m2=np.maximum(found[:, 2] / gain, SOLAR_LEAST_M2),
        gains_kw=np.maximum(found[:, 3] / gain, GAINS_LEAST_KW),
    )


def fit_plain(past: Past, prior: TwoMass, weight: Array) -> TwoMass:
    """Buildings of one mass that forecast as ``T(h+1) = a·T + b·heat + c·outdoor + d·sun + e`` does, (home,).

    ``T`` is what was read at the end of an hour, the rest its means; only ``b`` is held near ``prior``. What ``a`` and
    ``c`` leave over of one goes to what is steadily warm next door; where that is no house, there is nothing next door.
    """
    outdoor, sun, heat, share = (_hours(v)[:, 1:] for v in (past.outdoor_c, past.ghi_kw_m2, past.heat_kw, weight))
    end = past.indoor_c[:, HOUR - 1 :: HOUR]
    before, after, one = end[:, :-1], end[:, 1:], np.ones_like(outdoor)
    ua, capacity = ua_of(prior), capacity_of(prior)
    gains = [np.ones_like(ua), prior.solar_area_m2, prior.gains_kw]
    centre = np.stack([capacity - ua, ua, *gains], axis=1) / capacity[:, None]
    sd = PLAIN_SD * np.column_stack([np.ones((len(ua), 2)), centre[:, 2:]])

    def fit(x: Array, y: Array, first: int) -> Array:
        noise = np.full(len(y), PLAIN_NOISE_K)
        return ridge(x, y, np.isfinite(y), centre[:, first:], sd[:, first:], noise, share)

    found = fit(np.stack([before, outdoor, heat, sun, one], axis=2), after, 0)
    a = np.clip(found[:, 0], *A_HOUR_RANGE)
    rest = fit(np.stack([outdoor, heat, sun, one], axis=2), after - a[:, None] * before, 1)
    found = np.where((a == found[:, 0])[:, None], found, np.column_stack([a, rest]))
    alone = fit(np.stack([outdoor - before, heat, sun, one], axis=2), after - before, 1)
    loss = np.clip(alone[:, 0], 1.0 - A_HOUR_RANGE[1], 1.0 - A_HOUR_RANGE[0])
    lost = 1.0 - found[:, 0]
    is_house = (found[:, 1] <= lost) & (found[:, 1] >= OUTDOOR_LEAST * lost) & (found[:, 4] >= 0.0)
    return _plain(np.where(is_house[:, None], found, np.column_stack([1.0 - loss, loss, alone[:, 1:]])), prior)


def _plain(found: Array, prior: TwoMass) -> TwoMass:
    """The coefficients (home, 5) of the last hour, outdoor, heat, sun and the constant as a building of one mass."""
    ua, capacity, a = ua_of(prior), capacity_of(prior), found[:, 0]
    heat = np.clip(found[:, 2], HEAT_RANGE[0] / capacity, HEAT_RANGE[1] / capacity)
    larger, lossier = (1.0 - a) / -np.log(a) / heat / capacity, found[:, 1] / heat / ua
    scaled = replace(
        prior,
        **{name: getattr(prior, name) * lossier for name in vars(prior) if name.startswith("ua_")},
        **{name: getattr(prior, name) * larger for name in vars(prior) if name.startswith("capacity_")},
        solar_area_m2=np.maximum(found[:, 3] / heat, SOLAR_LEAST_M2),
        gains_kw=np.maximum(found[:, 4] / heat, GAINS_LEAST_KW),
    )
    next_door = np.maximum((1.0 - a - found[:, 1]) / heat, 0.0)
    return as_one_mass(replace(scaled, ua_neighbour_kw_per_k=next_door))


def as_one_mass(building: TwoMass) -> TwoMass:
    """The building with air and walls so close that they are one, as the regression has it."""
    ua = ua_of(building)
    between, walls = STIFF * ua, (1.0 - WINDOWS_SHARE) * ua
    return replace(
        building,
        ua_indoor_mass_kw_per_k=between,
        ua_indoor_outdoor_kw_per_k=WINDOWS_SHARE * ua,
        ua_mass_outdoor_kw_per_k=1.0 / (1.0 / walls - 1.0 / between),
    )


def _spread(values: Array) -> Array:
    """Standard deviation of what is known, (home,), at least 0.02."""
    known = np.isfinite(values)
    count, v = np.maximum(known.sum(axis=1), 1), np.where(known, values, 0.0)
    mean = v.sum(axis=1) / count
    return np.maximum(np.sqrt(np.maximum((v**2).sum(axis=1) / count - mean**2, 0.0)), 0.02)


def _closed(rest: Array) -> Array:
    """Hours (home, hour) but those in which the room cooled beyond reason, and some after."""
    opened = np.nan_to_num(rest) < -np.maximum(WINDOW_K, WINDOW_SPREADS * 0.6 * _spread(rest))[:, None]
    closed = ~opened
    for after in range(1, CLOSED_AFTER + 1):
        closed[:, after:] &= ~opened[:, :-after]
    return closed


def _as_steps(hours: Array, steps: int) -> Array:
    """Changes between hours as quarter-hours of the later hour (home, step)."""
    out = np.ones((len(hours), steps), bool)
    inner = np.repeat(hours, HOUR, axis=1)
    out[:, HOUR : HOUR + inner.shape[1]] = inner
    return out


def _hours(values: Array) -> Array:
    """Means over the hours (home, hour); NaN where a quarter is missing."""
    hours = values.shape[1] // HOUR
    return values[:, : hours * HOUR].reshape(len(values), hours, HOUR).mean(axis=2)
