"""Photovoltaic roofs of virtual homes, and the electricity that their people use.

No heat depends on either, so they stand beside the simulation, with generators of their own: no other number of a seed
depends on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array

SHARE_WITH_ROOF = 0.25
PEAK_KW = (4.0, 12.0)
YIELD = (0.75, 0.95)  # of the peak at 1 kW/m² of global horizontal irradiance: inverter, warmth, dirt, tilt
USE_PER_GAIN = (0.8, 1.4)
BURSTS_SHAPE = 3.0


@dataclass(frozen=True)
class Roofs:
    """Of a batch of homes; every field (home,)."""

    roof_kw_per_kw_m2: Array  # 0 = no roof
    use_per_gain: Array  # electricity of the household per internal gain: about as much warms the rooms

    def export_kw(self, ghi_kw_m2: Array, gains_kw: Array, power_kw: Array, rng: np.random.Generator) -> Array:
        """Power fed into the grid [kW], negative = taken from it, (home,).

        Parameters
        ----------
        gains_kw : internal gains [kW] of people and appliances; appliances come and go around them, by ``rng``.
        power_kw : what the heat pump draws [kW].
        """
        bursts = rng.gamma(BURSTS_SHAPE, 1.0 / BURSTS_SHAPE, len(gains_kw))
        exported: Array = self.roof_kw_per_kw_m2 * ghi_kw_m2 - self.use_per_gain * gains_kw * bursts - power_kw
        return exported


def draw_roofs(count: int, seed: int) -> Roofs:
    """About every fourth home has a roof of 4 to 12 kW at its peak; deterministic by ``seed``."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x524F4F46]))
    has_roof = rng.random(count) < SHARE_WITH_ROOF
    roof_kw_per_kw_m2 = rng.uniform(*PEAK_KW, count) * rng.uniform(*YIELD, count)
    return Roofs(np.where(has_roof, roof_kw_per_kw_m2, 0.0), rng.uniform(*USE_PER_GAIN, count))
