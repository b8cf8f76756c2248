"""Prices per zone and quarter-hour, the same for all organisations; writing twice changes nothing."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec
import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import many

HOURLY = {"AT_HOURLY": "AT"}  # zone → the zone whose hourly means it is
_CHUNK = 20_000
_HOUR_S = 3600


class Listener(msgspec.Struct, frozen=True):
    """A heat pump whose plan depends on a zone's prices."""

    org_id: UUID
    id: UUID


async def save(
    tx: WriteTx, zone: str, starts: list[datetime], price_per_mwh: Floats, source: str, fetched_at: datetime
) -> int:
    """How many quarter-hours are new or changed; NaN prices are left out."""
    known = [(at, float(price)) for at, price in zip(starts, price_per_mwh, strict=True) if not np.isnan(price)]
    changed = 0
    for first in range(0, len(known), _CHUNK):
        chunk = known[first : first + _CHUNK]
        changed += await tx.execute(
            """insert into prices (zone, start_at, price_per_mwh, source, fetched_at)
               select $1, start_at, price, $4, $5 from unnest($2::timestamptz[], $3::float8[]) as given(start_at, price)
               on conflict (zone, start_at) do update
                 set price_per_mwh = excluded.price_per_mwh, source = excluded.source, fetched_at = excluded.fetched_at
                 where prices.price_per_mwh is distinct from excluded.price_per_mwh""",
            zone,
            [at for at, _ in chunk],
            [price for _, price in chunk],
            source,
            fetched_at,
        )
    return changed


async def prices_on(tx: ReadTx, zone: str, grid: TimeGrid) -> Floats:
    """Prices (step,) [currency/MWh] on a grid of quarter-hours; NaN where none is stored."""
    start_s, step_s = int(grid.start_at.timestamp()), int(grid.step.total_seconds())
    records = await tx.fetch(
        "select extract(epoch from start_at)::bigint, price_per_mwh from prices"
        " where zone = $1 and start_at >= to_timestamp($2) and start_at < to_timestamp($3)",
        HOURLY.get(zone, zone),
        start_s - start_s % _HOUR_S,  # whole hours, for hourly means
        -(-int(grid.end_at.timestamp()) // _HOUR_S) * _HOUR_S,
    )
    if not records:
        return np.full(grid.count, np.nan)
    at_s, price = np.array([(r[0], r[1]) for r in records], dtype=np.float64).T
    if zone in HOURLY:
        price = _hourly_means(at_s, price)
    prices = np.full(grid.count, np.nan)
    index = ((at_s - start_s) // step_s).astype(np.int64)
    inside = (index >= 0) & (index < grid.count)
    prices[index[inside]] = price[inside]
    return prices


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


def _hourly_means(at_s: Floats, price: Floats) -> Floats:
    """Prices (row,) replaced by the mean of their UTC hour."""
    _, which = np.unique(at_s // _HOUR_S, return_inverse=True)
    means: Floats = (np.bincount(which, weights=price) / np.bincount(which))[which]
    return means
