"""What every price source gives: the quarter-hours of one delivery day. Files and the synthetic fortnight are two."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.errors import TryAgain
from heatfleet.domain.market_day import delivery_grid
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.markets.prices_file import PriceFile, align_prices
from heatfleet.markets.synthetic import LABEL, synthetic_prices

INSTEAD = (
    "give --prices FILE, load a file with 'heatfleet prices import FILE' (SMARD export or start_utc,<ZONE>,…),"
    " or run 'heatfleet demo', which falls back to a synthetic fortnight"
)
NOT_PUBLISHED_S = 900.0


@dataclass(frozen=True)
class DayPrices:
    """Prices (step,) [currency/MWh] on the 92, 96 or 100 quarter-hours of a delivery day; NaN where not known."""

    zone: str
    grid: TimeGrid
    price_per_mwh: Floats
    source: str


class PriceSource(Protocol):
    """Anything that knows prices of whole delivery days."""

    @property
    def label(self) -> str:
        """What is printed with every figure made from it."""
        ...

    async def fetch(self, zone: str, day: date) -> DayPrices:
        """The prices of a delivery day; ``TryAgain`` (code ``not_published``, ``offline`` …) or ``Refused``."""
        ...


@dataclass(frozen=True)
class FilePrices:
    """A price file as a source; days it does not hold repeat those it holds."""

    file: PriceFile

    @property
    def label(self) -> str:
        """The file's name."""
        return f"file {self.file.source.file}"

    async def fetch(self, zone: str, day: date) -> DayPrices:
        """The day from the file, by the alignment rule."""
        grid = delivery_grid(day, zone)
        prices, _ = align_prices(self.file, zone, grid, allow_uncovered_before=grid.end_at)
        return DayPrices(zone, grid, prices, self.label)


@dataclass(frozen=True)
class SyntheticPrices:
    """The bundled fortnight as a source."""

    label: str = LABEL

    async def fetch(self, zone: str, day: date) -> DayPrices:
        """The day from the synthetic fortnight."""
        grid = delivery_grid(day, zone)
        return DayPrices(zone, grid, synthetic_prices(grid, zone), self.label)


def day_prices(zone: str, day: date, rows: Floats, source: str) -> DayPrices:
    """The rows of an answer on the day's quarter-hours; ``TryAgain`` when it holds none of them.

    Each of ``rows`` (row, 3) is a start [Unix s], how long it lasts [s] and the price [currency/MWh]; later rows win.
    """
    grid = delivery_grid(day, zone)
    steps = grid.start_at.timestamp() + np.arange(grid.count) * MTU.total_seconds()
    values = np.full(grid.count, np.nan)
    for start, length, value in rows:
        values[(steps >= start) & (steps < start + length)] = value
    if np.isnan(values).all():
        raise TryAgain(f"{source} has no prices of {zone} for {day} yet", after_s=NOT_PUBLISHED_S, code="not_published")
    return DayPrices(zone, grid, values, source)
