"""A SYNTHETIC winter fortnight of weather: made by the formula below, measured nowhere.

Temperature [°C] at local hour h, fortnight day d: a mild first week sinking into a frost around day 9, a daily swing of
±2 K (coldest at 6, warmest at 14) and slow seeded noise, kept within −6 … 10 °C. Irradiance [kW/m²]: half a sine from
8:15 to 16:45, up to 0.30, times the clearness of the day (clear in the frost). It repeats every 14 days of local time.
"""

from __future__ import annotations

import numpy as np

from heatfleet.domain.alignment import FORTNIGHT_STEPS, Floats, fortnight_steps
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.time_grid import TimeGrid

LABEL = "synthetic winter fortnight"
RANGE_C = (-6.0, 10.0)
_SEED = 20240116
_SUNRISE_H, _SUNSET_H = 8.25, 16.75
_PEAK_KW_M2 = 0.30
_FROST_DAY, _FROST_WIDTH_D = 9.3, 2.0


def synthetic_weather(grid: TimeGrid, zone: str) -> tuple[Floats, Floats]:
    """Synthetic temperature (step,) [°C] and irradiance (step,) [kW/m²] for any grid, in the zone's local time."""
    position = fortnight_steps(grid, zone_time(zone))
    temp_c, ghi_kw_m2 = _fortnight()
    return temp_c[position], ghi_kw_m2[position]


def _fortnight() -> tuple[Floats, Floats]:
    step = np.arange(FORTNIGHT_STEPS)
    day, hour = step / 96.0, (step % 96) / 4.0
    frost = np.exp(-0.5 * ((((day - _FROST_DAY) + 7.0) % 14.0 - 7.0) / _FROST_WIDTH_D) ** 2)
    clear = 0.25 + 0.6 * frost
    swing = (1.0 + frost) * np.cos(2 * np.pi * (hour - 14.0) / 24.0)
    temp_c = np.clip(6.6 - 9.6 * frost + swing + _slow_noise(), *RANGE_C)
    sun = np.sin(np.pi * np.clip((hour - _SUNRISE_H) / (_SUNSET_H - _SUNRISE_H), 0.0, 1.0))
    return np.round(temp_c, 2), np.round(_PEAK_KW_M2 * sun * clear, 4)


def _slow_noise() -> Floats:
    """Seeded noise (step,) [K] made of whole waves per fortnight, so that it closes on itself."""
    rng = np.random.default_rng(_SEED)
    phase = 2 * np.pi * np.arange(FORTNIGHT_STEPS) / FORTNIGHT_STEPS
    waves = [(k, 1.1 / k**0.5, rng.uniform(0, 2 * np.pi)) for k in (3, 5, 8, 11, 17)]
    noise: Floats = np.sum([size * np.sin(k * phase + shift) for k, size, shift in waves], axis=0)
    return noise
