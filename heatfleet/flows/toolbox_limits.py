"""Limits of the grid as planning sees them, (home, step) [kW]."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import numpy as np

from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.planning.state import Freedom
from heatfleet.store import grid_limits
from heatfleet.store.database import ReadTx
from heatfleet.thermal.arrays import Array


async def limits_kw(tx: ReadTx, heat_pump_ids: Sequence[UUID], grid: TimeGrid) -> Array | None:
    """What the grid lets each heat pump draw, NaN = no limit; None where no limit is in sight.

    A limit holds for the whole of the quarter-hours in which it begins and ends.
    """
    shares = await grid_limits.in_time(tx, heat_pump_ids, grid.start_at, grid.end_at)
    if not shares:
        return None
    rows = {id_: row for row, id_ in enumerate(heat_pump_ids)}
    limits = np.full((len(rows), grid.count), np.nan)
    for share in shares:
        first, last = grid.index(share.starts_at), -((grid.start_at - share.ends_at) // MTU)
        part = np.s_[rows[share.heat_pump_id], max(first, 0) : max(last, 0)]
        limits[part] = np.fmin(limits[part], share.limit_w / 1000.0)
    return limits


def limited(freedom: Freedom, limits: Array | None) -> Freedom:
    """What may be done under limits (home, step); their floors are already in them."""
    if limits is None:
        return freedom
    return replace(freedom, max_power_kw=limits, least_power_kw=0.0)
