"""The hot-water tank as a learned model: capacity, losses and what is drawn at which time of day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array

CELLAR_C = 18.0
QUARTERS_A_DAY = 96
CAPACITY_RANGE = (0.08, 0.7)  # kWh/K: 70 to 600 litres
PRIOR_DAYS = 4.0


@dataclass(frozen=True)
class Tank:
    """A batch of tanks; (home,) and the mean draw of each quarter-hour of the local day (home, 96) [kWh of heat]."""

    capacity_kwh_per_k: Array
    loss_kw_per_k: Array
    draw_kwh: Array

    def matrices(self, draw_kwh: Array, step_h: float) -> tuple[Array, Array, Array]:
        """(a, b, w): T' = a T + b·heat + w for forecast draws (home, step); shapes (home,), (home,), (home, step)."""
        loss = self.loss_kw_per_k * step_h / self.capacity_kwh_per_k
        drop = draw_kwh / self.capacity_kwh_per_k[:, None]
        return 1.0 - loss, step_h / self.capacity_kwh_per_k, (loss * CELLAR_C)[:, None] - drop


def prior_tank(homes: int) -> Tank:
    """A 220-litre tank of a family of three, for each of ``homes``."""
    hour = (np.arange(QUARTERS_A_DAY) + 0.5) / 4.0
    shape = 0.15 + np.exp(-0.5 * ((hour - 7.3) / 1.0) ** 2) + 0.8 * np.exp(-0.5 * ((hour - 19.5) / 1.6) ** 2)
    return Tank(np.full(homes, 0.26), np.full(homes, 0.0018), np.tile(4.2 * shape / shape.sum(), (homes, 1)))


def learn_tank(tank_c: Array, heat_kw: Array, local_quarter: Array, prior: Tank, step_h: float = 0.25) -> Tank:
    """Capacity from charges and the daily draw profile from what went missing; shrunk to the prior.

    Parameters
    ----------
    tank_c, heat_kw : (home, step), NaN where nothing was seen.
    local_quarter : quarter of the local day of each step (step,).
    """
    rise, heat = np.diff(tank_c, axis=1), heat_kw[:, 1:] * step_h
    capacity = _capacity(rise, heat, prior)
    loss = prior.loss_kw_per_k[:, None] * (tank_c[:, 1:] - CELLAR_C) * step_h
    drawn = np.clip(heat - capacity[:, None] * rise - loss, -0.3, 4.0)
    return Tank(capacity, prior.loss_kw_per_k, _profile(drawn, local_quarter[1:], prior.draw_kwh))


def _capacity(rise: Array, heat: Array, prior: Tank) -> Array:
    """kWh/K (home,): the upper quartile of rise per heat is a charge that nobody drew from."""
    charging = (heat > 0.2) & (rise > 0.5)
    ratio = np.where(charging, heat / np.where(charging, rise, 1.0), np.nan)
    enough = charging.sum(axis=1) >= 10
    ratio = np.where(enough[:, None], ratio, prior.capacity_kwh_per_k[:, None])
    return np.clip(np.nanquantile(ratio, 0.3, axis=1), *CAPACITY_RANGE)


def _profile(drawn: Array, quarter: Array, prior_kwh: Array) -> Array:
    """Mean draw of each quarter of the day (home, 96) [kWh], smoothed over an hour and shrunk to the prior."""
    profile = np.empty_like(prior_kwh)
    for q in range(QUARTERS_A_DAY):
        seen = drawn[:, quarter == q]
        count = np.sum(~np.isnan(seen), axis=1)
        profile[:, q] = (np.nansum(seen, axis=1) + PRIOR_DAYS * prior_kwh[:, q]) / (count + PRIOR_DAYS)
    wrapped = np.concatenate([profile[:, -2:], profile, profile[:, :2]], axis=1)
    smooth = np.stack([wrapped[:, i : i + QUARTERS_A_DAY] for i in range(5)]).mean(axis=0)
    return np.maximum(smooth, 0.0)
