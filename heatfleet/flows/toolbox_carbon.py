"""Carbon as a second price: what emissions of a kilowatt-hour count where an organisation gives them a price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from heatfleet.domain.plans import PlanStep
from heatfleet.domain.tariff import DAY_STEPS, carried_on
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.planning.state import Horizon
from heatfleet.store import carbon
from heatfleet.store.database import ReadTx
from heatfleet.store.sites import Site
from heatfleet.thermal.arrays import Array

G_PER_KG = 1000.0


async def carbon_cost(tx: ReadTx, sites: Sequence[Site], grid: TimeGrid) -> Array | None:
    """What emissions of a kilowatt-hour cost at each site [currency/kWh], (site, step); None where nobody asks.

    Unknown steps emit what the same time did a day before; nothing where nothing is known of the zone.
    """
    zones = {site.price_zone for site in sites if site.carbon_price_per_kg > 0.0}
    if not zones:
        return None
    longer = TimeGrid(grid.start_at - DAY_STEPS * MTU, grid.count + DAY_STEPS)
    emitted = {zone: np.nan_to_num(carried_on(await carbon.carbon_on(tx, zone, longer))[DAY_STEPS:]) for zone in zones}
    nothing = np.zeros(grid.count)
    rows = [emitted.get(site.price_zone, nothing) * site.carbon_price_per_kg / G_PER_KG for site in sites]
    return np.stack(rows)


def with_carbon(expected: Horizon, cost: Array | None) -> Horizon:
    """What is expected, with the price of carbon on top of the price."""
    return expected if cost is None else replace(expected, price=expected.price + cost)


def without_carbon(steps: Sequence[PlanStep], cost: Array) -> tuple[PlanStep, ...]:
    """The steps with the price that is paid, the ``cost`` (step,) of carbon taken out."""
    return tuple(replace(step, price=step.price - float(c)) for step, c in zip(steps, cost, strict=True))
