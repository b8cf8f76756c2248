"""Carbon intensity of electricity per price zone and quarter-hour, where somebody has imported it."""

from __future__ import annotations

from heatfleet.domain.alignment import Floats
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store import zone_values
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.zone_values import Given, Kind

_CARBON = Kind("carbon", "g_per_kwh")


async def save(tx: WriteTx, zone: str, given: Given) -> int:
    """How many quarter-hours [g/kWh] are new or changed; NaN values are left out."""
    return await zone_values.save(tx, _CARBON, zone, given)


async def carbon_on(tx: ReadTx, zone: str, grid: TimeGrid) -> Floats:
    """Intensities (step,) [g/kWh] on a grid of quarter-hours; NaN where none is stored."""
    return await zone_values.values_on(tx, _CARBON, zone, grid)
