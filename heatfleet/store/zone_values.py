"""Values per zone and quarter-hour, the same for all organisations; writing twice changes nothing."""

from __future__ import annotations

from datetime import datetime

import msgspec
import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store.database import ReadTx, WriteTx

HOURLY = {"AT_HOURLY": "AT"}  # zone → the zone whose hourly means it is
_CHUNK = 20_000
_HOUR_S = 3600


class Kind(msgspec.Struct, frozen=True):
    """Which table, and the column that holds the value."""

    table: str
    column: str


class Given(msgspec.Struct, frozen=True):
    """Values of a zone: starts of quarter-hours, as many values, where they come from and since when they are here."""

    starts: list[datetime]
    values: Floats
    source: str
    fetched_at: datetime


async def save(tx: WriteTx, kind: Kind, zone: str, given: Given) -> int:
    """How many quarter-hours are new or changed; NaN values are left out."""
    known = [(at, float(v)) for at, v in zip(given.starts, given.values, strict=True) if not np.isnan(v)]
    changed = 0
    for first in range(0, len(known), _CHUNK):
        chunk = known[first : first + _CHUNK]
        changed += await tx.execute(
            f"""insert into {kind.table} (zone, start_at, {kind.column}, source, fetched_at)
               select $1, start_at, given, $4, $5 from unnest($2::timestamptz[], $3::float8[]) as g(start_at, given)
               on conflict (zone, start_at) do update
                 set {kind.column} = excluded.{kind.column}, source = excluded.source, fetched_at = excluded.fetched_at
                 where {kind.table}.{kind.column} is distinct from excluded.{kind.column}""",
            zone,
            [at for at, _ in chunk],
            [value for _, value in chunk],
            given.source,
            given.fetched_at,
        )
    return changed


async def values_on(tx: ReadTx, kind: Kind, zone: str, grid: TimeGrid) -> Floats:
    """Values (step,) on a grid of quarter-hours; NaN where none is stored."""
    start_s, step_s = int(grid.start_at.timestamp()), int(grid.step.total_seconds())
    records = await tx.fetch(
        f"select extract(epoch from start_at)::bigint, {kind.column} from {kind.table}"
        " where zone = $1 and start_at >= to_timestamp($2) and start_at < to_timestamp($3)",
        HOURLY.get(zone, zone),
        start_s - start_s % _HOUR_S,  # whole hours, for hourly means
        -(-int(grid.end_at.timestamp()) // _HOUR_S) * _HOUR_S,
    )
    if not records:
        return np.full(grid.count, np.nan)
    at_s, value = np.array([(r[0], r[1]) for r in records], dtype=np.float64).T
    if zone in HOURLY:
        value = _hourly_means(at_s, value)
    values = np.full(grid.count, np.nan)
    index = ((at_s - start_s) // step_s).astype(np.int64)
    inside = (index >= 0) & (index < grid.count)
    values[index[inside]] = value[inside]
    return values


def _hourly_means(at_s: Floats, value: Floats) -> Floats:
    """Values (row,) replaced by the mean of their UTC hour."""
    _, which = np.unique(at_s // _HOUR_S, return_inverse=True)
    means: Floats = (np.bincount(which, weights=value) / np.bincount(which))[which]
    return means
