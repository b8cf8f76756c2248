"""Irradiance where no measurement is given: pvlib's clear sky times a seeded cloud factor (an estimate, flagged so).

Source: Haurwitz clear-sky model and solar position of pvlib. Solar position is computed once per place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from heatfleet.thermal.arrays import Array


def clear_sky_kw_m2(times: Sequence[datetime], latitude: float, longitude: float) -> Array:
    """Clear-sky global horizontal irradiance [kW/m²] at ``times`` (aware), shape (step,)."""
    import pandas as pd
    from pvlib import clearsky, solarposition

    index = pd.DatetimeIndex(list(times))
    position = solarposition.get_solarposition(index, latitude, longitude)
    ghi = clearsky.haurwitz(position["apparent_zenith"])["ghi"].to_numpy()
    return np.nan_to_num(ghi) / 1000.0


def estimated_ghi_kw_m2(times: Sequence[datetime], latitude: float, longitude: float, seed: int = 0) -> Array:
    """Estimated global horizontal irradiance [kW/m²], shape (step,): clear sky × a daily cloud factor 0.15–0.95.

    The factor of a day depends only on ``seed`` and the date, so windows that overlap agree.
    """
    days = np.array([t.toordinal() for t in times])
    factors = {int(d): _cloud_factor(seed, int(d)) for d in np.unique(days)}
    return clear_sky_kw_m2(times, latitude, longitude) * np.array([factors[int(d)] for d in days])


def _cloud_factor(seed: int, day: int) -> float:
    rng = np.random.default_rng(np.random.SeedSequence([seed, day, 0x534B59]))
    return float(np.clip(rng.beta(1.1, 1.5), 0.15, 0.95))
