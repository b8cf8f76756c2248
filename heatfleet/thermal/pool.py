"""A swimming pool as a learned model: one body of water that loses heat to the air and is warmed by sun and pump."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array, means
from heatfleet.thermal.response import COP_HIGHEST, COP_LOWEST, ridge

KWH_PER_K_M3 = 1.163
SPELL_STEPS = 12  # means over three hours: a pool moves by tenths of a kelvin in that time
LEAST_SPELLS = 16
RISE_NOISE_K_PER_H = 0.03
SD = np.array([0.6, 0.6, 0.8])  # of what warms and cools it, relative to the prior
SMALLEST = 0.1  # of the prior: no pool loses nothing
RUNNING_KW, LEAST_RUNNING_STEPS = 0.05, 12
PRIOR_M3, PRIOR_LOSS_KW_PER_K, PRIOR_SUN_M2 = 40.0, 0.35, 18.0  # 8 m by 4 m, mostly covered


@dataclass(frozen=True)
class Pool:
    """A batch of pools; every field (home,)."""

    capacity_kwh_per_k: Array
    loss_kw_per_k: Array  # to the air outdoors
    solar_m2: Array
    heat_kw: Array  # what the pump gives it
    cop_foot: Array  # COP at 0 °C outdoors
    cop_outdoor_per_k: Array

    def matrices(self, outdoor_c: Array, ghi_kw_m2: Array, step_h: float) -> tuple[Array, Array, Array]:
        """(a, b, w): T' = a T + b·heat + w in the weather (home, step); shapes (home,), (home,), (home, step)."""
        rate = step_h / self.capacity_kwh_per_k
        loss = rate * self.loss_kw_per_k
        return 1.0 - loss, rate, loss[:, None] * outdoor_c + (rate * self.solar_m2)[:, None] * ghi_kw_m2

    def energy_kw(self, outdoor_c: Array) -> Array:
        """Electric power [kW] while it is heated, (home, step)."""
        cop = self.cop_foot[:, None] + self.cop_outdoor_per_k[:, None] * outdoor_c
        return self.heat_kw[:, None] / np.clip(cop, COP_LOWEST, COP_HIGHEST)


def prior_pool(heat_kw: Array) -> Pool:
    """A usual pool behind a pump of a largest heat [kW], (home,)."""
    one = np.ones_like(heat_kw)
    return Pool(
        capacity_kwh_per_k=PRIOR_M3 * KWH_PER_K_M3 * one,
        loss_kw_per_k=PRIOR_LOSS_KW_PER_K * one,
        solar_m2=PRIOR_SUN_M2 * one,
        heat_kw=0.9 * heat_kw,
        cop_foot=4.1 * one,  # hplib's generic map at 33 °C of water
        cop_outdoor_per_k=0.12 * one,
    )


def learn_pool(pool_c: Array, heat_kw: Array, power_kw: Array, air: tuple[Array, Array], prior: Pool) -> Pool:
    """Pools fitted to what was seen, shrunk to ``prior``, which those keep of which little was.

    Parameters
    ----------
    pool_c : water temperature [°C], (home, step), NaN where not read.
    heat_kw, power_kw : into the pool, and the pump's for it [kW], (home, step); heat NaN where no meter tells.
    air : outdoor temperature [°C] and sun [kW/m²], each (home, step).
    """
    outdoor_c, ghi = air
    power = np.nan_to_num(power_kw)
    heat = np.where(np.isnan(heat_kw), power * prior.heat_kw[:, None] / prior.energy_kw(outdoor_c), heat_kw)
    temp, warm, air_c, ghi = (_spells(v) for v in (pool_c, heat, outdoor_c, ghi))
    if temp.shape[1] < 3:
        return prior
    rise = (temp[:, 2:] - temp[:, :-2]) / (2.0 * SPELL_STEPS * 0.25)
    x = np.stack([warm, air_c - temp, ghi], axis=2)
    x = 0.25 * x[:, :-2] + 0.5 * x[:, 1:-1] + 0.25 * x[:, 2:]  # what lies between the middles of two spells
    capacity = prior.capacity_kwh_per_k
    centre = np.stack([1.0 / capacity, prior.loss_kw_per_k / capacity, prior.solar_m2 / capacity], axis=1)
    use = np.isfinite(rise)
    found = ridge(x, rise, use, centre, SD * centre, np.full(len(rise), RISE_NOISE_K_PER_H))
    found = np.where((use.sum(axis=1) >= LEAST_SPELLS)[:, None], np.maximum(found, SMALLEST * centre), centre)
    per_kwh, cooling, sun = found.T
    return Pool(1.0 / per_kwh, cooling / per_kwh, sun / per_kwh, *_pump(heat, power, air, prior))


def _pump(heat: Array, power: Array, air: tuple[Array, Array], prior: Pool) -> tuple[Array, Array, Array]:
    """Heat [kW] and COP line of the pump while it heats the pool."""
    running = power > RUNNING_KW
    count = running.sum(axis=1)
    enough = count >= LEAST_RUNNING_STEPS
    # a quarter-hour in which it only ran for some minutes gives less than it can
    most = np.where(running, heat, 0.0).max(axis=1, initial=0.0)
    full = running & (heat > 0.7 * most[:, None])
    mean = np.where(full, heat, 0.0).sum(axis=1) / np.maximum(full.sum(axis=1), 1)
    x = np.stack([np.ones_like(air[0]), air[0]], axis=2)
    cop = np.clip(heat / np.where(full, power, 1.0), COP_LOWEST, COP_HIGHEST)
    centre = np.stack([prior.cop_foot, prior.cop_outdoor_per_k], axis=1)
    line = ridge(x, cop, full, centre, np.tile([1.0, 0.04], (len(heat), 1)), np.full(len(heat), 0.5))
    return np.where(enough, mean, prior.heat_kw), line[:, 0], line[:, 1]


def _spells(values: Array) -> Array:
    """Means over ``SPELL_STEPS`` (home, spell); NaN where one of them is."""
    steps = values.shape[1] // SPELL_STEPS * SPELL_STEPS
    return means(values[:, values.shape[1] - steps :], SPELL_STEPS)
