"""The default building: a plain least squares on hours, and what it says of opened windows.

It is hardly shrunk, and translated into a building of one mass that may lean on something of a steady temperature next
door: it knows nothing of walls, nor of what is usual, so that it is right also for homes that are like no typology.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heatfleet.thermal.arrays import Array, means, take
from heatfleet.thermal.grey_box import Past, TwoMass, capacity_of, starts, ua_of
from heatfleet.thermal.response import ridge
from heatfleet.thermal.sensed import HOUR

PRIOR_SD = 0.5  # relative
A_HOUR_RANGE = (0.9, 0.9998)
STIFF, WINDOWS_SHARE = 40.0, 0.45
WINDOW_K, WINDOW_SPREADS = 0.35, 5.0  # a room that cools this much in an hour beyond what is usual has a window open
CLOSED_AFTER = 3  # hours until it is as before
NOISE_K = 0.1
SD = np.array([1.0, 1.0, 0.5, 50.0, 50.0])  # of last hour, outdoor; of heat, sun, gains relative: 50 is no prior
OUTDOOR_LEAST = 0.2  # of what a room loses: less is no house
HEAT_RANGE = (0.3, 3.0)  # of what the prior warms by a kWh
SOLAR_LEAST_M2, GAINS_LEAST_KW = 0.1, 0.02
PART_HOURS = 12  # of which two are a day to be left out
ALONE = np.array(
    [[-1, 0, 0, 0, -1], [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]
)


def closed_steps(past: Past, prior: TwoMass, weight: Array) -> Array:
    """Steps (home, step), bool, in which no window seems to be open: the room does not cool beyond what is usual.

    Usual is ``T(h+1) - T(h) = loss·(outdoor - T) + gain·heat + sun·ghi + rest``, fitted with ``weight`` (home, step).
    """
    indoor, outdoor, ghi, heat = (_hours(v) for v in (past.indoor_c, past.outdoor_c, past.ghi_kw_m2, past.heat_kw))
    change, before = np.diff(indoor, axis=1), indoor[:, :-1]
    x = np.stack([outdoor[:, :-1] - before, heat[:, :-1], ghi[:, :-1], np.ones_like(before)], axis=2)
    centre = np.stack([ua_of(prior), np.ones(len(x)), prior.solar_area_m2, prior.gains_kw], axis=1)
    centre = centre / capacity_of(prior)[:, None]
    sd = PRIOR_SD * np.abs(centre) + 1e-6
    found = ridge(x, change, np.isfinite(change), centre, sd, _spread(change), _hours(weight)[:, 1:])
    return _as_steps(_closed(change - (x @ found[:, :, None])[:, :, 0]), past.indoor_c.shape[1])


def fit_plain(past: Past, prior: TwoMass, weight: Array) -> TwoMass:
    """Buildings of one mass that forecast as ``T(h+1) = a·T + b·heat + c·outdoor + d·sun + e`` does, (home,).

    ``T`` is what was read at the end of an hour, the rest its means; only ``b`` is held near ``prior``. What ``a`` and
    ``c`` leave over of one goes to what is steadily warm next door; where that is no house, there is nothing next door.
    Hours of ``weight`` (home, step) 0 or unknown are left out.
    """
    return _buildings(_products(past, weight).sum(axis=1), prior)


def fit_plain_without_days(past: Past, prior: TwoMass, weight: Array, begin: int) -> tuple[TwoMass, TwoMass]:
    """The same, and for every forecast from ``begin`` on the building fitted without its day, (home, forecast)."""
    products = _products(past, weight)
    first = np.array(starts(past, begin)) // (PART_HOURS * HOUR)
    everything = products.sum(axis=1)
    without = everything[:, None] - products[:, first] - products[:, first + 1]
    homes, parts = without.shape[:2]
    each = _buildings(
        without.reshape(homes * parts, *without.shape[2:]), take(prior, np.repeat(np.arange(homes), parts))
    )
    return _buildings(everything, prior), TwoMass(**{n: v.reshape(homes, parts) for n, v in vars(each).items()})


def _products(past: Past, weight: Array) -> Array:
    """Sums of products of last hour, outdoor, heat, sun, one and this hour, in noises, (home, part, 6, 6)."""
    columns = (_hours(v) for v in (past.outdoor_c, past.heat_kw, past.ghi_kw_m2, weight))
    outdoor, heat, sun, share = columns
    after = past.indoor_c[:, HOUR - 1 :: HOUR][:, : outdoor.shape[1]]
    before = np.concatenate([np.full((len(after), 1), np.nan), after[:, :-1]], axis=1)
    rows = np.stack([before, outdoor, heat, sun, np.ones_like(sun), after], axis=2)
    counts = np.where(np.isfinite(before) & np.isfinite(after), share, 0.0)
    rows = np.where(counts[:, :, None] > 0.0, rows, 0.0)
    weighed = rows * (counts / NOISE_K**2)[:, :, None]
    missing = -rows.shape[1] % PART_HOURS
    parts = (np.pad(v, ((0, 0), (0, missing), (0, 0))).reshape(len(v), -1, PART_HOURS, 6) for v in (weighed, rows))
    weighed, rows = parts
    products: Array = np.swapaxes(weighed, 2, 3) @ rows
    return products


def _buildings(products: Array, prior: TwoMass) -> TwoMass:
    """Buildings (home,) of sums of products (home, 6, 6)."""
    ua, capacity = ua_of(prior), capacity_of(prior)
    usual = [capacity - ua, ua, np.ones_like(ua), prior.solar_area_m2, prior.gains_kw]
    centre = np.stack(usual, axis=1) / capacity[:, None]
    sd = SD * np.column_stack([np.ones((len(ua), 2)), centre[:, 2:]])
    found = _solved(products[:, :5, :5], products[:, :5, 5], centre, sd)
    a = np.clip(found[:, 0], *A_HOUR_RANGE)
    right = products[:, 1:5, 5] - a[:, None] * products[:, 1:5, 0]
    rest = _solved(products[:, 1:5, 1:5], right, centre[:, 1:], sd[:, 1:])
    found = np.where((a == found[:, 0])[:, None], found, np.column_stack([a, rest]))
    apart = ALONE.T @ products @ ALONE
    alone = _solved(apart[:, :4, :4], apart[:, :4, 4], centre[:, 1:], sd[:, 1:])
    loss = np.clip(alone[:, 0], 1.0 - A_HOUR_RANGE[1], 1.0 - A_HOUR_RANGE[0])
    lost = 1.0 - found[:, 0]
    is_house = (found[:, 1] <= lost) & (found[:, 1] >= OUTDOOR_LEAST * lost) & (found[:, 4] >= 0.0)
    return _plain(np.where(is_house[:, None], found, np.column_stack([1.0 - loss, loss, alone[:, 1:]])), prior)


def _solved(matrix: Array, right: Array, centre: Array, sd: Array) -> Array:
    """Coefficients (home, n) of sums of products, with a normal prior of ``centre`` and ``sd`` (home, n)."""
    held = 1.0 / np.square(sd)
    with_prior = matrix + held[:, :, None] * np.eye(matrix.shape[1])
    solved: Array = np.linalg.solve(with_prior, (right + held * centre)[:, :, None])[:, :, 0]
    return solved


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
    return means(values[:, : values.shape[1] // HOUR * HOUR], HOUR)
