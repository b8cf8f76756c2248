"""What a roof leaves over: learned from measured export and sun, so that it can be expected with the weather forecast.

What is left for the heat pump is what was exported plus what it drew itself, and grows with the sun along a straight
line; the rest of the household is what the line begins below. Arrays are (home, step) on quarter-hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.response import ridge

DAYLIGHT_KW_M2 = 0.03
LEAST_STEPS = 72  # of daylight with a measured export: about three days
LEAST_EXPLAINED = 0.4  # of its variance, by the sun: a shaded or a feathered roof is not foreseen
CENTRE, SD, NOISE_KW = (4.0, -0.5), (4.0, 1.0), 0.8  # kW per kW/m², kW
RUNNING_KW, USUAL_KW = 0.3, 1.5


@dataclass(frozen=True)
class Surplus:
    """A batch of roofs; every field (home,)."""

    per_sun_m2: Array  # kW per kW/m²
    base_kw: Array  # negative: what the household takes
    is_known: Array  # bool
    pump_kw: Array  # what the heat pump draws when it runs

    def expected_kw(self, ghi_kw_m2: Array) -> Array:
        """What is left for the heat pump [kW], (home, step); nothing where it was never learned."""
        left = self.per_sun_m2[:, None] * ghi_kw_m2 + self.base_kw[:, None]
        return np.where(self.is_known[:, None], np.maximum(left, 0.0), 0.0)

    def covered_share(self, ghi_kw_m2: Array, least_kw: Array) -> Array:
        """Share of the heat pump's power that the roof is expected to give, (home, step) in 0..1.

        Nothing where less than ``least_kw`` (home,) is left.
        """
        left = self.expected_kw(ghi_kw_m2)
        return np.where(left >= np.maximum(least_kw, 1e-3)[:, None], np.minimum(left / self.pump_kw[:, None], 1.0), 0.0)


def learn_surplus(export_kw: Array, power_kw: Array, ghi_kw_m2: Array) -> Surplus:
    """Roofs fitted to what was seen, NaN where nothing was; export [kW], the pump's power [kW], sun [kW/m²]."""
    left = export_kw + np.nan_to_num(power_kw)
    use = np.isfinite(left) & (np.nan_to_num(ghi_kw_m2) > DAYLIGHT_KW_M2)
    x = np.stack([np.nan_to_num(ghi_kw_m2), np.ones_like(left)], axis=2)
    homes = len(left)
    found = ridge(x, left, use, np.tile(CENTRE, (homes, 1)), np.tile(SD, (homes, 1)), np.full(homes, NOISE_KW))
    rest = left - (x @ found[:, :, None])[:, :, 0]
    explained = 1.0 - _variance(rest, use) / np.maximum(_variance(left, use), 1e-9)
    running = np.nan_to_num(power_kw) > RUNNING_KW
    mean_kw = np.where(running, np.nan_to_num(power_kw), 0.0).sum(axis=1) / np.maximum(running.sum(axis=1), 1)
    return Surplus(
        per_sun_m2=np.maximum(found[:, 0], 0.0),
        base_kw=found[:, 1],
        is_known=(use.sum(axis=1) >= LEAST_STEPS) & (explained >= LEAST_EXPLAINED),
        pump_kw=np.where(running.any(axis=1), mean_kw, USUAL_KW),
    )


def _variance(values: Array, use: Array) -> Array:
    """Of the values in use, (home,)."""
    count, v = np.maximum(use.sum(axis=1), 1), np.where(use, values, 0.0)
    mean = v.sum(axis=1) / count
    variance: Array = (np.where(use, v - mean[:, None], 0.0) ** 2).sum(axis=1) / count
    return variance
