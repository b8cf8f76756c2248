"""Electricity of one heat pump, summed over periods."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx
from heatfleet.store.rows import many


class EnergySum(msgspec.Struct, frozen=True):
    """Energy [kWh] of one period, None where no hour of it is known."""

    energy_kwh: float | None
    measured_kwh: float
    hours: int  # of which something is known


_SQL = """
select sum(e.energy_kwh::float8), coalesce(sum(e.energy_kwh::float8) filter (where e.quality = 'measured'), 0),
  count(e.hour_at)
from unnest($3::timestamptz[], $4::timestamptz[]) with ordinality as p(start_at, end_at, place)
  left join energy_hours e on e.org_id = $1 and e.heat_pump_id = $2 and e.hour_at >= p.start_at and e.hour_at < p.end_at
group by p.place order by p.place"""


async def sums(
    tx: ReadTx, org_id: UUID, heat_pump_id: UUID, periods: Sequence[tuple[datetime, datetime]]
) -> list[EnergySum]:
    """One sum for each period (start, end), in their order."""
    starts, ends = [start for start, _ in periods], [end for _, end in periods]
    return many(EnergySum, await tx.fetch(_SQL, org_id, heat_pump_id, starts, ends))
