"""What an owner pays for a kilowatt-hour: the energy contract where it says so, else wholesale price plus surcharge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

import numpy as np

from heatfleet.domain.alignment import Floats, as_instants, instants
from heatfleet.domain.errors import FieldError, Invalid
from heatfleet.domain.time_grid import TimeGrid

KWH_PER_MWH = 1000.0
DAY_STEPS = 96
SPOT_HOURLY: Final = "spot_hourly"
CONTRACT_TYPES: Final = (SPOT_HOURLY, "monthly", "yearly")
PRICES_MAX: Final = 10_000  # a year of hours


@dataclass(frozen=True)
class Contract:
    """An energy contract: prices [currency/kWh] and the instants from which they hold (one = constant).

    A price holds until the next; of a spot contract (``is_hourly``) for an hour at most.
    """

    prices: tuple[float, ...]
    from_at: tuple[datetime, ...]
    includes_everything: bool
    is_hourly: bool = False

    @classmethod
    def of(cls, entries: Sequence[Mapping[str, Any]], includes_everything: bool, kind: str = "") -> Contract:
        """From the stored entries ``{price, timestamp}`` and the contract's type."""
        parsed = [(datetime.fromisoformat(str(e["timestamp"])), float(e["price"])) for e in entries]
        ordered = sorted(parsed, key=lambda entry: entry[0])
        prices, from_at = tuple(price for _, price in ordered), tuple(at for at, _ in ordered)
        return cls(prices, from_at, includes_everything, kind == SPOT_HOURLY)


def check_prices(from_at: Sequence[datetime], name: str) -> None:
    """Nothing when the instants ascend and there are not too many; raises :class:`Invalid` naming each that does not.

    ``name`` is the list's name in the request's body.
    """
    if len(from_at) > PRICES_MAX:
        raise Invalid.field(name, f"has more than {PRICES_MAX} prices", "too_long")
    pairs = enumerate(pairwise(from_at), 1)
    wrong = [n for n, (before, after) in pairs if after <= before]
    if wrong:
        msg = "must be later than the one before"
        raise Invalid(*(FieldError(("body", name, n, "timestamp"), msg, "order") for n in wrong[:100]))


def price_per_kwh(
    wholesale_per_mwh: Floats, surcharge_per_kwh: float, contract: Contract | None, grid: TimeGrid
) -> Floats:
    """Prices (step,) [currency/kWh]: the contract's where it says what the owner pays in the end, else wholesale
    plus surcharge; NaN where the wholesale price is not known and no contract says it.
    """
    spot: Floats = wholesale_per_mwh / KWH_PER_MWH + surcharge_per_kwh
    if contract is None or not contract.includes_everything or not contract.prices:
        return spot
    if len(contract.prices) == 1:
        return np.full(grid.count, contract.prices[0])
    from_at, starts = as_instants(contract.from_at), instants(grid)
    index = np.searchsorted(from_at, starts, side="right") - 1
    holds, last = index >= 0, np.maximum(index, 0)
    if contract.is_hourly:
        holds &= starts < from_at[last] + np.timedelta64(1, "h")
    said: Floats = np.array(contract.prices)[last]
    return np.where(holds, said, spot)


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
