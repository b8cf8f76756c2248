"""What an owner pays for a kilowatt-hour: the energy contract where it says so, else wholesale price plus surcharge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from heatfleet.domain.alignment import Floats, as_instants, instants
from heatfleet.domain.time_grid import TimeGrid

KWH_PER_MWH = 1000.0
DAY_STEPS = 96


@dataclass(frozen=True)
class Contract:
    """An energy contract: prices [currency/kWh] and the instants from which they hold (one = constant)."""

    prices: tuple[float, ...]
    from_at: tuple[datetime, ...]
    includes_everything: bool

    @classmethod
    def of(cls, entries: Sequence[Mapping[str, Any]], includes_everything: bool) -> Contract:
        """From the stored entries ``{price, timestamp}``."""
        parsed = [(datetime.fromisoformat(str(e["timestamp"])), float(e["price"])) for e in entries]
        ordered = sorted(parsed, key=lambda entry: entry[0])
        return cls(tuple(price for _, price in ordered), tuple(at for at, _ in ordered), includes_everything)


def price_per_kwh(
    wholesale_per_mwh: Floats, surcharge_per_kwh: float, contract: Contract | None, grid: TimeGrid
) -> Floats:
    """Prices (step,) [currency/kWh]; NaN where the wholesale price is not known and no contract says it."""
    spot: Floats = wholesale_per_mwh / KWH_PER_MWH + surcharge_per_kwh
    if contract is None or not contract.includes_everything or not contract.prices:
        return spot
    if len(contract.prices) == 1:
        return np.full(grid.count, contract.prices[0])
    index = np.searchsorted(as_instants(contract.from_at), instants(grid), side="right") - 1
    said: Floats = np.array(contract.prices)[np.maximum(index, 0)]
    return np.where(index >= 0, said, spot)


def carried_on(prices: Floats) -> Floats:
    """Prices (step,) with unknown steps taken from the same time a day before, else from the nearest known one."""
    known = prices.copy()
    for step in range(DAY_STEPS, known.size):
        if np.isnan(known[step]):
            known[step] = known[step - DAY_STEPS]
    held = np.flatnonzero(~np.isnan(known))
    if held.size == 0:
        return known
    return np.interp(np.arange(known.size), held, known[held])
