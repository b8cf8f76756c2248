"""A SYNTHETIC year of air temperature for any dates: made by the formula below, measured nowhere.

Temperature [°C] = mean of the latitude + a wave over the year (coldest on 20 January) + a daily swing (coldest at 5,
larger in summer) + seeded spells of warm and cold weather that last some days. Windows that overlap agree.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.price_zones import zone_facts, zone_time
from heatfleet.domain.time_grid import TimeGrid

LABEL = "synthetic year"
MEAN_AT_50_C, MEAN_PER_DEGREE_C = 10.0, -0.6  # annual means: Rome 15, Berlin 9, Tallinn 5 °C
YEAR_WAVE_K, COLDEST_DAY, YEAR_DAYS = 9.0, 20.0, 365.25
SPELL_SD_K = 3.5
_SPELL = np.exp(-0.5 * (np.arange(-6, 7) / 2.0) ** 2)  # weights of the days before and after


def synthetic_year(grid: TimeGrid, zone: str, seed: int = 1) -> Floats:
    """Synthetic outdoor temperature of the zone's main city, (step,) [°C]."""
    facts, clock = zone_facts(zone), zone_time(zone)
    hours_ahead = np.array([(at.astimezone(clock).utcoffset() or timedelta()).total_seconds() / 3600 for at in grid])
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    days = (grid.start_at - epoch) / timedelta(days=1) + (np.arange(grid.count) * grid.step_h + hours_ahead) / 24.0
    season = np.cos(2 * np.pi * (days - COLDEST_DAY) / YEAR_DAYS)
    swing_k = 3.5 - 1.5 * season
    mean_c = MEAN_AT_50_C + MEAN_PER_DEGREE_C * (facts.latitude - 50.0)
    daily = -swing_k * np.cos(2 * np.pi * (days % 1.0 - 5.0 / 24.0))
    temp_c: Floats = mean_c - YEAR_WAVE_K * season + daily + _spells(days, seed)
    return temp_c


def _spells(days: Floats, seed: int) -> Floats:
    """Slow noise [K] at times in days, on straight lines between midnights."""
    first, last = int(np.floor(days.min())), int(np.floor(days.max())) + 1
    margin = len(_SPELL) // 2
    raw = [np.random.default_rng([seed, day, 0x594541]).normal() for day in range(first - margin, last + margin + 1)]
    smooth = np.convolve(raw, _SPELL / np.sqrt(np.sum(_SPELL**2)), mode="valid") * SPELL_SD_K
    between: Floats = np.interp(days, np.arange(first, last + 1), smooth)
    return between
