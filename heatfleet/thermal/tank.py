"""The hot-water tank as a learned model: capacity, losses, and what is drawn when, with how unlucky it may get.

Draws are known per quarter-hour of the local day, workdays (slots 0..95) apart from Saturdays and Sundays (96..191).
They are what the tank lost beyond its own losses while its charges are taken out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.sensed import quantile

CELLAR_C = 18.0
QUARTERS_A_DAY, SLOTS = 96, 192
CAPACITY_RANGE = (0.08, 0.7)  # kWh/K: 70 to 600 litres
LOSS_RANGE = (0.4, 4.0)  # of the prior's
PRIOR_DAYS, PRIOR_NIGHTS, PRIOR_WINDOWS = 4.0, 6.0, 40.0
NIGHT = (1, 19)  # slots between which hardly anybody draws: a quarter past midnight to a quarter to five
CALM_QUANTILE, CHARGE_QUANTILE = 0.35, 0.3
CHARGE_KW, CHARGE_RISE_K = 0.2, 0.5
WINDOW_STEPS = 8  # how long an unlucky spell is looked at: two hours
EVENT_KWH = 0.6  # draws come in events of about this, so two hours vary by their mean times it
UNLUCKY_SDS = 1.3  # nine of ten
DRAW_RANGE_KWH = (-0.3, 4.0)  # of a quarter-hour: a little less than nothing is noise that the next takes back


@dataclass(frozen=True)
class Tank:
    """A batch of tanks; (home,), and per slot of workdays and weekends (home, 192) [kWh of heat]."""

    capacity_kwh_per_k: Array
    loss_kw_per_k: Array
    draw_kwh: Array  # mean of a quarter-hour
    unlucky_kwh: Array  # what the two hours from a slot on draw beyond their mean in the worst of ten
    own_hysteresis_k: Array  # how far below its setpoint the pump's own programme charges; 0 = hardly ever seen

    def matrices(self, draw_kwh: Array, step_h: float) -> tuple[Array, Array, Array]:
        """(a, b, w): T' = a T + b·heat + w for forecast draws (home, step); shapes (home,), (home,), (home, step)."""
        loss = self.loss_kw_per_k * step_h / self.capacity_kwh_per_k
        drop = draw_kwh / self.capacity_kwh_per_k[:, None]
        return 1.0 - loss, step_h / self.capacity_kwh_per_k, (loss * CELLAR_C)[:, None] - drop


def prior_tank(litres: Array, occupants: Array) -> Tank:
    """Tanks of a size [l] and a household (home,), well insulated, used in the morning and in the evening."""
    hour = (np.arange(QUARTERS_A_DAY) + 0.5) / 4.0
    shape = 0.15 + np.exp(-0.5 * ((hour - 7.3) / 1.0) ** 2) + 0.8 * np.exp(-0.5 * ((hour - 19.5) / 1.6) ** 2)
    draw = np.asarray(occupants, float)[:, None] * np.tile(1.5 * shape / shape.sum(), 2)
    litres = np.asarray(litres, float)
    return Tank(litres * 1.163e-3, 0.0012 + litres * 3.0e-6, draw, _unlucky_by_events(draw), np.zeros_like(litres))


def _unlucky_by_events(draw_kwh: Array) -> Array:
    """Where nobody has looked: events fall at random, so their variance is their mean times their size."""
    return UNLUCKY_SDS * np.sqrt(np.maximum(two_hours(draw_kwh), 0.0) * EVENT_KWH)


def two_hours(draw_kwh: Array) -> Array:
    """Mean draw of the two hours from each slot on, (home, 192); days go on with days of their kind."""
    days = draw_kwh.reshape(len(draw_kwh), 2, QUARTERS_A_DAY)
    wrapped = np.concatenate([days, days[:, :, : WINDOW_STEPS - 1]], axis=2)
    return np.lib.stride_tricks.sliding_window_view(wrapped, WINDOW_STEPS, axis=2).sum(axis=3).reshape(draw_kwh.shape)


def learn_tank(tank_c: Array, heat_kw: Array, slot: Array, prior: Tank, step_h: float = 0.25) -> Tank:
    """Capacity from charges, loss from quiet nights, draws from what else went missing; all shrunk to the prior.

    Parameters
    ----------
    tank_c, heat_kw : (home, step), NaN where nothing was seen. Without heat, rising steps are left out.
    slot : of each step (home, step) int.
    """
    rise, slot = np.diff(tank_c, axis=1), slot[:, 1:]
    unknown = np.isnan(heat_kw[:, 1:])
    heat = np.where(unknown & ~(rise > 0.2), 0.0, heat_kw[:, 1:] * step_h)
    capacity = _capacity(rise, np.where(unknown, np.nan, heat), prior)
    loss = _loss(tank_c, heat_kw, slot, capacity, prior)
    lost = loss[:, None] * (tank_c[:, 1:] - CELLAR_C) * step_h
    drawn = np.clip(heat - capacity[:, None] * rise - lost, *DRAW_RANGE_KWH)
    draw = _profile(drawn, slot, prior.draw_kwh)
    return Tank(capacity, loss, draw, _unlucky(drawn, slot, draw, prior), prior.own_hysteresis_k)


def drawn_kwh(tank: Tank, tank_c: Array, heat_kw: Array, step_h: float) -> Array:
    """What was drawn in each step (home, step) [kWh] of tanks read in every one; nothing in the first."""
    lost = tank.loss_kw_per_k[:, None] * (tank_c - CELLAR_C) * step_h
    rise = np.diff(tank_c, axis=1, prepend=tank_c[:, :1])
    drawn = np.clip(heat_kw * step_h - tank.capacity_kwh_per_k[:, None] * rise - lost, *DRAW_RANGE_KWH)
    drawn[:, :1] = 0.0
    return drawn


def _capacity(rise: Array, heat: Array, prior: Tank) -> Array:
    """kWh/K (home,): the lower third of heat per rise is a charge that nobody drew from."""
    charging = (heat > CHARGE_KW) & (rise > CHARGE_RISE_K)
    ratio = np.where(charging, heat / np.where(charging, rise, 1.0), np.nan)
    enough = charging.sum(axis=1) >= 10
    return np.clip(
        np.where(enough, quantile(ratio, [CHARGE_QUANTILE])[:, 0], prior.capacity_kwh_per_k), *CAPACITY_RANGE
    )


def _loss(tank_c: Array, heat_kw: Array, slot: Array, capacity: Array, prior: Tank) -> Array:
    """kW/K (home,) from the calmer third of the nights in which nothing was charged."""
    length = NIGHT[1] - NIGHT[0]
    if slot.shape[1] <= length:
        return prior.loss_kw_per_k
    charged = np.cumsum(np.nan_to_num(heat_kw) > 0.05, axis=1)
    begin, end = tank_c[:, 1:-length], tank_c[:, 1 + length :]
    calm = (slot[:, :-length] % QUARTERS_A_DAY == NIGHT[0]) & (charged[:, 1 + length :] == charged[:, 1:-length])
    calm &= np.isfinite(begin + end) & (begin > CELLAR_C + 15.0)
    rate = capacity[:, None] * (begin - end) / (0.25 * length) / np.where(calm, 0.5 * (begin + end) - CELLAR_C, 1.0)
    nights = calm.sum(axis=1)
    found = np.where(nights > 0, quantile(np.where(calm, rate, np.nan), [CALM_QUANTILE])[:, 0], prior.loss_kw_per_k)
    shrunk = (nights * found + PRIOR_NIGHTS * prior.loss_kw_per_k) / (nights + PRIOR_NIGHTS)
    return np.clip(shrunk, LOSS_RANGE[0] * prior.loss_kw_per_k, LOSS_RANGE[1] * prior.loss_kw_per_k)


def _by_slot(values: Array, slot: Array) -> tuple[Array, Array]:
    """Sum and number of the known values in each slot, (home, 192)."""
    homes, known = len(values), np.isfinite(values)
    index = np.arange(homes)[:, None] * SLOTS + slot
    total = np.bincount(index.ravel(), np.where(known, values, 0.0).ravel(), homes * SLOTS)
    count = np.bincount(index.ravel(), known.ravel(), homes * SLOTS)
    return total.reshape(homes, SLOTS), count.reshape(homes, SLOTS)


def _profile(drawn: Array, slot: Array, prior_kwh: Array) -> Array:
    """Mean draw of each slot [kWh], smoothed over an hour: each kind of day shrunk to all days, those to the prior."""
    total, count = (v.reshape(-1, 2, QUARTERS_A_DAY) for v in _by_slot(drawn, slot))
    before = prior_kwh.reshape(-1, 2, QUARTERS_A_DAY)
    every = (total.sum(axis=1, keepdims=True) + PRIOR_DAYS * before) / (count.sum(axis=1, keepdims=True) + PRIOR_DAYS)
    profile = (total + PRIOR_DAYS * every) / (count + PRIOR_DAYS)
    wrapped = np.concatenate([profile[:, :, -2:], profile, profile[:, :, :2]], axis=2)
    smooth = np.lib.stride_tricks.sliding_window_view(wrapped, 5, axis=2).mean(axis=3)
    return np.maximum(smooth, 0.0).reshape(prior_kwh.shape)


def _unlucky(drawn: Array, slot: Array, draw_kwh: Array, prior: Tank) -> Array:
    """Nine of ten two-hour draws stay this much above their mean [kWh] at most, (home, 192)."""
    if drawn.shape[1] < WINDOW_STEPS:
        return prior.unlucky_kwh
    sums = np.lib.stride_tricks.sliding_window_view(drawn, WINDOW_STEPS, axis=1).sum(axis=2)
    slots = slot[:, : sums.shape[1]]
    rest = sums - np.take_along_axis(two_hours(draw_kwh), slots, axis=1)
    total, count = (v.reshape(-1, 2, QUARTERS_A_DAY) for v in _by_slot(rest**2, slots))
    around = [
        np.roll(v, n, axis=2)
        for v in (total.sum(1, keepdims=True), count.sum(1, keepdims=True))
        for n in (-6, -3, 0, 3, 6)
    ]
    squares, windows = sum(around[:5]), sum(around[5:])
    before = (_unlucky_by_events(draw_kwh).reshape(-1, 2, QUARTERS_A_DAY) / UNLUCKY_SDS) ** 2
    variance = (squares + PRIOR_WINDOWS * before) / (windows + PRIOR_WINDOWS)
    return UNLUCKY_SDS * np.sqrt(variance).reshape(draw_kwh.shape)
