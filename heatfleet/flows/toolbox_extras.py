"""What counts beside market prices and weather: sun from the roof, carbon that has a price, limits of the grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from heatfleet.domain.plans import PlanStep
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.flows.toolbox_carbon import carbon_cost, with_carbon, without_carbon
from heatfleet.flows.toolbox_homes import Loaded
from heatfleet.flows.toolbox_limits import limited, limits_kw
from heatfleet.flows.toolbox_outlook import Surroundings
from heatfleet.flows.toolbox_solar import covered_share, with_sun
from heatfleet.planning.state import Freedom, Horizon
from heatfleet.store.database import ReadTx
from heatfleet.thermal.arrays import Array


@dataclass(frozen=True)
class Extras:
    """Each (home, step), None where it concerns nobody."""

    sun: Array | None  # share of the heat pump's power that the roof gives
    carbon: Array | None  # [currency/kWh]
    limits: Array | None  # [kW], NaN = none

    def of(self, index: Array) -> Extras:
        """Only the homes of ``index``."""
        return Extras(*(None if values is None else values[index] for values in (self.sun, self.carbon, self.limits)))

    def priced(self, expected: Horizon) -> Horizon:
        """What is expected, at the price that counts."""
        return with_carbon(with_sun(expected, self.sun), self.carbon)

    def limited(self, freedom: Freedom) -> Freedom:
        """What may be done under the limits."""
        return limited(freedom, self.limits)

    def as_paid(self, plans: Sequence[tuple[PlanStep, ...]]) -> list[tuple[PlanStep, ...]]:
        """Each home's steps at the price that is paid, carbon taken out."""
        if self.carbon is None:
            return list(plans)
        return [without_carbon(steps, cost) for steps, cost in zip(plans, self.carbon, strict=True)]


async def extras(tx: ReadTx, loaded: Loaded, around: Surroundings, grid: TimeGrid, now: datetime) -> Extras:
    """What counts for the loaded pumps on ``grid``, as known at ``now``."""
    return Extras(
        sun=await covered_share(tx, loaded, around, now),
        carbon=await carbon_cost(tx, [loaded.sites[pump.id] for pump in loaded.pumps], grid),
        limits=await limits_kw(tx, [pump.id for pump in loaded.pumps], grid),
    )
