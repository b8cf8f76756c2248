"""Prices per zone and quarter-hour, the same for all organisations; writing twice changes nothing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.domain.alignment import Floats
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store import zone_values
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import many
from heatfleet.store.zone_values import HOURLY, Given, Kind

_PRICES = Kind("prices", "price_per_mwh")


class Listener(msgspec.Struct, frozen=True):
    """A heat pump whose plan depends on a zone's prices."""

    org_id: UUID
    id: UUID


async def save(
    tx: WriteTx, zone: str, starts: list[datetime], price_per_mwh: Floats, source: str, fetched_at: datetime
) -> int:
    """How many quarter-hours are new or changed; NaN prices are left out."""
    return await zone_values.save(tx, _PRICES, zone, Given(starts, price_per_mwh, source, fetched_at))


async def prices_on(tx: ReadTx, zone: str, grid: TimeGrid) -> Floats:
    """Prices (step,) [currency/MWh] on a grid of quarter-hours; NaN where none is stored."""
    return await zone_values.values_on(tx, _PRICES, zone, grid)


async def source_on(tx: ReadTx, zone: str, grid: TimeGrid) -> list[str]:
    """Where the prices on a grid come from: the names of their sources, in alphabetical order."""
    records = await tx.fetch(
        "select distinct source from prices where zone = $1 and start_at >= $2 and start_at < $3 order by source",
        HOURLY.get(zone, zone),
        grid.start_at,
        grid.end_at,
    )
    return [record[0] for record in records]


async def known_until(tx: ReadTx, zone: str) -> datetime | None:
    """Start of the last quarter-hour stored for a zone, or None."""
    found: datetime | None = await tx.value("select max(start_at) from prices where zone = $1", HOURLY.get(zone, zone))
    return found


async def listeners(tx: ReadTx, zone: str) -> list[Listener]:
    """The heat pumps steered by the prices of ``zone`` (fleet-wide: the caller's scope decides which are seen)."""
    zones = [zone, *(hourly for hourly, base in HOURLY.items() if base == zone)]
    records = await tx.fetch(
        "select org_id, id from heat_pumps where price_zone = any($1) and deleted_at is null"
        " and is_smart_optimization_active and connection_id is not null order by id",
        zones,
    )
    return many(Listener, records)


async def zones_in_use(tx: ReadTx) -> list[str]:
    """The zones whose prices the connected heat pumps need, in alphabetical order."""
    records = await tx.fetch(
        "select distinct price_zone from heat_pumps where deleted_at is null and connection_id is not null"
    )
    return sorted({HOURLY.get(record[0], record[0]) for record in records})
