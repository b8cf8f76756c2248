"""Telemetry of the past, wherever it lies: rows of the last days, packed days before, both as one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from heatfleet.domain.compaction import CHANNELS, METERS, Samples, joined, merged, no_samples, unpack
from heatfleet.store.database import ReadTx

COLUMNS = ", ".join(channel.value for channel in CHANNELS)
DAY_S = 86_400


def samples_of(rows: Sequence[Iterable[Any]]) -> Samples:
    """Rows of (seconds since 1970, estimated, modelled, every channel) as samples, in their order."""
    table = np.array([tuple(row) for row in rows], dtype=float).reshape(len(rows), 3 + len(CHANNELS)).T
    at_s, estimated, modelled = table[:3].astype(np.int64)
    return Samples(at_s, table[3:], estimated, modelled)


SAMPLE = f"floor(extract(epoch from at))::float8, estimated, modelled, {COLUMNS}"


# A column at a time as the bytes of its numbers: a tenth of the time that rows of values take. One query, so that
# what is packed in this moment is seen once.
_SENT = ", ".join(
    f"string_agg(float8send(coalesce({name}, 'NaN')), '')"
    if channel in METERS
    else f"string_agg(float4send(coalesce({name}, 'NaN')), '')"
    for channel, name in ((channel, channel.value) for channel in CHANNELS)
)
_COLUMNWISE = f"""
select (select array_agg(data) from telemetry_packed
    where org_id = $1 and heat_pump_id = $2 and day >= $5 and day <= $6),
  string_agg(int8send(floor(extract(epoch from at))::int8), ''), string_agg(int4send(estimated), ''),
  string_agg(int4send(modelled), ''), {_SENT}
from (select * from telemetry where org_id = $1 and heat_pump_id = $2 and at >= $3 and at < $4 order by at) t"""


def _columnwise(row: Sequence[bytes]) -> Samples:
    at_s, estimated, modelled = (np.frombuffer(row[i], f">i{8 if i == 0 else 4}").astype(np.int64) for i in range(3))
    values = [
        np.frombuffer(sent, ">f8" if channel in METERS else ">f4")
        for channel, sent in zip(CHANNELS, row[3:], strict=True)
    ]
    return Samples(at_s, np.array(values, dtype=float), estimated, modelled)


async def samples(tx: ReadTx, org_id: UUID, heat_pump_id: UUID, start_at: datetime, end_at: datetime) -> Samples:
    """What was read of one pump from ``start_at`` to before ``end_at``, in order of time."""
    days = start_at.astimezone(UTC).date(), end_at.astimezone(UTC).date()
    row = await tx.row(_COLUMNWISE, org_id, heat_pump_id, start_at, end_at, *days)
    assert row is not None
    packed, *columns = row
    rows = _columnwise(columns) if columns[0] else no_samples()
    if not packed:
        return rows
    found = merged(joined([unpack(data) for data in packed]), rows)
    return found.take((found.at_s >= start_at.timestamp()) & (found.at_s < end_at.timestamp()))


async def packed_samples(
    tx: ReadTx, heat_pump_ids: Sequence[UUID], start_at: datetime, end_at: datetime
) -> Mapping[UUID, Samples]:
    """Packed samples of those pumps that have some from ``start_at`` to before ``end_at``."""
    last = end_at - timedelta(microseconds=1)
    rows = await tx.fetch(
        "select heat_pump_id, data from telemetry_packed where heat_pump_id = any($1) and day between $2 and $3",
        list(heat_pump_ids), start_at.astimezone(UTC).date(), last.astimezone(UTC).date(),
    )  # fmt: skip
    days: dict[UUID, list[Samples]] = {}
    for heat_pump_id, data in rows:
        days.setdefault(heat_pump_id, []).append(unpack(data))
    found = {id_: joined(parts) for id_, parts in days.items()}
    span = start_at.timestamp(), end_at.timestamp()
    return {id_: one.take((one.at_s >= span[0]) & (one.at_s < span[1])) for id_, one in found.items()}


async def rolled(
    tx: ReadTx, org_id: UUID, heat_pump_id: UUID, table: str, start_at: datetime, end_at: datetime
) -> Samples:
    """The rows of ``telemetry_hours`` or ``telemetry_days`` of one pump that begin in a span."""
    assert table in {"telemetry_hours", "telemetry_days"}
    sql = f"""
        select extract(epoch from start_at)::float8, estimated, modelled, {COLUMNS} from {table}
        where org_id = $1 and heat_pump_id = $2 and start_at >= $3 and start_at < $4 order by start_at"""
    return samples_of(await tx.fetch(sql, org_id, heat_pump_id, start_at, end_at))


async def consumption(
    tx: ReadTx, org_id: UUID, heat_pump_id: UUID, start_at: datetime, end_at: datetime
) -> list[tuple[datetime, float, str]]:
    """Electricity of one pump by the hour: its start, kWh, quality."""
    sql = """
        select hour_at, energy_kwh, quality from energy_hours
        where org_id = $1 and heat_pump_id = $2 and hour_at >= $3 and hour_at < $4 order by hour_at"""
    return [tuple(row) for row in await tx.fetch(sql, org_id, heat_pump_id, start_at, end_at)]
