"""Blocks of telemetry as arrays (home, step): what learning and reports work on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.compaction import CHANNELS, METERS, Samples
from heatfleet.domain.readings import MODES, Channel, OperationalMode
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store.database import ReadTx
from heatfleet.store.telemetry_history import packed_samples

_MEANS = tuple(channel for channel in Channel if channel not in (*METERS, Channel.MODE))
_SHARES = (
    OperationalMode.HEATING, OperationalMode.HOT_WATER, OperationalMode.COOLING, OperationalMode.POOL_HEATING
)  # fmt: skip


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
    meters = ", ".join(f"max({channel})" for channel in METERS)
    shares = ", ".join(f"avg((mode = {MODES.index(mode)})::int::real)" for mode in _SHARES)
    sql = f"""
        select heat_pump_id, floor(extract(epoch from at - $2) / $4)::int as step, {means}, {meters}, {shares}
        from telemetry where heat_pump_id = any($1) and at >= $2 and at < $3 group by 1, 2"""
    rows = await tx.fetch(sql, list(homes), grid.start_at, grid.end_at, grid.step.total_seconds())
    cube = np.full((len(_MEANS) + len(METERS) + len(_SHARES), len(homes), grid.count), np.nan)
    if rows:
        at_home = [homes[row[0]] for row in rows]
        at_step = [row[1] for row in rows]
        cube[:, at_home, at_step] = np.array([tuple(row)[2:] for row in rows], dtype=float).T
    packed = await packed_samples(tx, heat_pump_ids, grid.start_at, grid.end_at)
    for heat_pump_id, samples in packed.items():
        found, steps = _on_grid(samples, grid)
        row = cube[:, homes[heat_pump_id]]
        row[:, steps] = np.where(np.isnan(found), row[:, steps], found)
    channels = dict(zip((*_MEANS, *METERS), cube, strict=False))
    return Block(list(heat_pump_ids), grid, channels, dict(zip(_SHARES, cube[-len(_SHARES) :], strict=True)))


def _on_grid(samples: Samples, grid: TimeGrid) -> tuple[Floats, np.ndarray]:
    """What packed samples say of each step that has any, in the order of the cube, and which steps these are."""
    step_s = int(grid.step.total_seconds())
    steps, first = np.unique((samples.at_s - int(grid.start_at.timestamp())) // step_s, return_index=True)
    if samples.count == 0:
        return np.empty((len(_MEANS) + len(METERS) + len(_SHARES), 0)), steps
    mode = samples.values[CHANNELS.index(Channel.MODE)]
    shares = [np.where(np.isnan(mode), np.nan, mode == MODES.index(share)) for share in _SHARES]
    read = np.stack([*(samples.values[CHANNELS.index(channel)] for channel in (*_MEANS, *METERS)), *shares])
    known = ~np.isnan(read)
    counts = np.add.reduceat(known, first, axis=1, dtype=np.int64)
    sums = np.add.reduceat(np.where(known, read, 0.0), first, axis=1)
    found = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    meters = slice(len(_MEANS), len(_MEANS) + len(METERS))
    found[meters] = np.fmax.reduceat(read[meters], first, axis=1)
    return found, steps
