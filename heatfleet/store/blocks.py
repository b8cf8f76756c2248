"""Blocks of telemetry as arrays (home, step): what learning and reports work on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.readings import MODES, Channel, OperationalMode
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store.database import ReadTx

_METERS = (Channel.ENERGY_KWH, Channel.HEAT_KWH)
_MEANS = tuple(channel for channel in Channel if channel not in (*_METERS, Channel.MODE))
_SHARES = (OperationalMode.HEATING, OperationalMode.HOT_WATER)


class Block(msgspec.Struct, frozen=True):
    """Telemetry of homes on a grid, every array (home, step), NaN where nothing was read.

    Means over the step, meters at the step's last reading, shares of time by operating mode.
    """

    heat_pump_ids: list[UUID]
    grid: TimeGrid
    channels: dict[Channel, Floats]
    shares: dict[OperationalMode, Floats]


async def block(tx: ReadTx, heat_pump_ids: Sequence[UUID], grid: TimeGrid) -> Block:
    """What was read of these pumps on ``grid``."""
    homes = {id_: row for row, id_ in enumerate(heat_pump_ids)}
    means = ", ".join(f"avg({channel})" for channel in _MEANS)
    meters = ", ".join(f"max({channel})" for channel in _METERS)
    shares = ", ".join(f"avg((mode = {MODES.index(mode)})::int::real)" for mode in _SHARES)
    sql = f"""
        select heat_pump_id, floor(extract(epoch from at - $2) / $4)::int as step, {means}, {meters}, {shares}
        from telemetry where heat_pump_id = any($1) and at >= $2 and at < $3 group by 1, 2"""
    rows = await tx.fetch(sql, list(homes), grid.start_at, grid.end_at, grid.step.total_seconds())
    cube = np.full((len(_MEANS) + len(_METERS) + len(_SHARES), len(homes), grid.count), np.nan)
    if rows:
        at_home = [homes[row[0]] for row in rows]
        at_step = [row[1] for row in rows]
        cube[:, at_home, at_step] = np.array([tuple(row)[2:] for row in rows], dtype=float).T
    channels = dict(zip((*_MEANS, *_METERS), cube, strict=False))
    return Block(list(heat_pump_ids), grid, channels, dict(zip(_SHARES, cube[-len(_SHARES) :], strict=True)))
