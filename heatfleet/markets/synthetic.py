"""A SYNTHETIC winter fortnight of quarter-hour prices: made by the formula below, measured nowhere.

It is bundled so that the demo runs with no file and no network; every figure made from it says "synthetic".
Price [currency/MWh] at local time of day h, fortnight day d:

    86 · weekend(d) · (1 + 0.45·bell(h; 8, 1.6) + 0.60·bell(h; 18.5, 2.0) − 0.32·bell(h; 3, 2.6) − 0.15·bell(h; 13, 2))
       − 58·wind(d + h/24) + ramp + noise

with ``weekend`` 0.82/0.74, wind spells around days 2.5, 6.3 and 12.9 (the last one deep enough for negative night
hours), a saw-tooth inside each hour where the day ramps, and seeded noise. It repeats every 14 days of local time.
"""

from __future__ import annotations

import numpy as np

from heatfleet.domain.alignment import FORTNIGHT_STEPS, Floats, fortnight_steps
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.time_grid import TimeGrid

LABEL = "synthetic winter fortnight"
_SEED = 20240115
_SPELLS = ((2.5, 0.7, 0.75), (6.3, 0.5, 0.75), (12.9, 0.65, 1.3))  # day, width [d], strength
_WEEKEND = {5: 0.82, 6: 0.74}


def synthetic_prices(grid: TimeGrid, zone: str) -> Floats:
    """Synthetic prices (step,) [currency/MWh] for any grid: periodic by fortnight, in the zone's local time."""
    return _fortnight()[fortnight_steps(grid, zone_time(zone))]


def wind(day: Floats) -> Floats:
    """Strength (step,) of the synthetic wind at fortnight day ``day`` (step,); 1 is a windy day."""
    distance = [((day - at + 7.0) % 14.0 - 7.0, width, strength) for at, width, strength in _SPELLS]
    total: Floats = np.sum([strength * np.exp(-0.5 * (x / width) ** 2) for x, width, strength in distance], axis=0)
    return total


def _fortnight() -> Floats:
    step = np.arange(FORTNIGHT_STEPS)
    day, hour = step / 96.0, (step % 96) / 4.0
    weekend = np.array([_WEEKEND.get(int(d) % 7, 1.0) for d in day])
    shape = (
        1.0 + 0.45 * _bell(hour, 8, 1.6) + 0.60 * _bell(hour, 18.5, 2.0) - 0.32 * _bell(hour, 3, 2.6)
    ) - 0.15 * _bell(hour, 13, 2)
    slope = np.gradient(shape) * 4.0
    ramp = 18.0 * slope * (step % 4 - 1.5)
    noise = np.random.default_rng(_SEED).normal(0.0, 2.5, FORTNIGHT_STEPS)
    price: Floats = np.round(86.0 * weekend * shape - 58.0 * wind(day) + ramp + noise, 2)
    return price


def _bell(hour: Floats, at: float, width: float) -> Floats:
    """A bump (step,) around hour ``at`` of the day, across midnight."""
    distance = (hour - at + 12.0) % 24.0 - 12.0
    bump: Floats = np.exp(-0.5 * (distance / width) ** 2)
    return bump
