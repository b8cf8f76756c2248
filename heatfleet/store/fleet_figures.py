"""The fleet in figures for the metrics page: one query, cheap at any size."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx
from heatfleet.store.rows import many

HOUR = timedelta(hours=1)


class Figure(msgspec.Struct, frozen=True):
    """One number: what it counts, and which kind of it."""

    name: str
    label: str
    value: float


_ALL = """
select 'jobs', status::text, count(*)::float8 from pgqueuer group by 2
union all select 'due_polls', '', count(*)::float8 from polls where due_at <= $1
union all select 'heat_pumps', steering_status, count(*)::float8 from heat_pumps where deleted_at is null group by 2
union all select 'commands', status, count(*)::float8 from commands where id >= $2 group by 2
union all select 'telemetry_rows', '', coalesce(sum(pg_stat_get_tuples_inserted(inhrelid)), 0)::float8
  from pg_inherits where inhparent = 'telemetry'::regclass
"""


async def figures(tx: ReadTx, fleet_now: datetime, wall_now: datetime) -> list[Figure]:
    """Jobs by status, due polls, pumps by steering status, commands of the last hour by status, telemetry rows written.

    Commands are found by their ids, which sort by the wall clock.
    """
    since_ms = int((wall_now - HOUR).timestamp() * 1000)
    return many(Figure, await tx.fetch(_ALL, fleet_now, UUID(int=since_ms << 80)))
