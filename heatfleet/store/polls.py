"""The polling due-table: which heat pumps are due on the fleet clock, leased on the wall clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import many

LEASE = timedelta(minutes=3)


class DuePoll(msgspec.Struct, frozen=True):
    """A heat pump whose reading is due; ``due_at`` and the contacts on the fleet clock."""

    heat_pump_id: UUID
    org_id: UUID
    connection_id: UUID
    due_at: datetime
    interval_s: int
    last_contact_at: datetime | None
    last_reading_at: datetime | None
    failures: int


class PollDone(msgspec.Struct, frozen=True):
    """What a poll led to; None leaves an instant as it is, and says that there was no fault."""

    heat_pump_id: UUID
    due_at: datetime
    failures: int
    last_contact_at: datetime | None = None
    last_reading_at: datetime | None = None
    fault_code: str | None = None
    fault_detail: str | None = None


async def lease(tx: WriteTx, now: datetime, wall_now: datetime, limit: int) -> list[DuePoll]:
    """Due polls nobody else holds, ours until ``wall_now + LEASE``; ``now`` on the fleet clock."""
    sql = """
        update polls p set leased_until = $3
        from (select heat_pump_id from polls
              where due_at <= $1 and (leased_until is null or leased_until < $2)
              order by due_at limit $4 for update skip locked) due
        where p.heat_pump_id = due.heat_pump_id
        returning p.heat_pump_id, p.org_id, p.connection_id, p.due_at, p.interval_s, p.last_contact_at,
          p.last_reading_at, p.failures"""
    return many(DuePoll, await tx.fetch(sql, now, wall_now, wall_now + LEASE, limit))


async def of_pumps(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[UUID, DuePoll]:
    """The due-table's rows of these pumps."""
    sql = """
        select heat_pump_id, org_id, connection_id, due_at, interval_s, last_contact_at, last_reading_at, failures
        from polls where heat_pump_id = any($1)"""
    return {row.heat_pump_id: row for row in many(DuePoll, await tx.fetch(sql, list(heat_pump_ids)))}


async def settle(tx: WriteTx, done: Sequence[PollDone]) -> None:
    """The next due instants and what was reached; the leases end."""
    sql = """
        update polls p set due_at = d.due_at, failures = d.failures, leased_until = null,
          last_contact_at = greatest(d.contact, p.last_contact_at),
          last_reading_at = greatest(d.reading, p.last_reading_at),
          fault_code = d.fault_code, fault_detail = d.fault_detail
        from unnest($1::uuid[], $2::timestamptz[], $3::int[], $4::timestamptz[], $5::timestamptz[], $6::text[],
          $7::text[]) as d(id, due_at, failures, contact, reading, fault_code, fault_detail)
        where p.heat_pump_id = d.id"""
    columns = [[getattr(one, name) for one in done] for name in PollDone.__struct_fields__]
    await tx.execute(sql, *columns)


async def bring_forward(tx: WriteTx, due: Sequence[tuple[UUID, datetime]]) -> None:
    """Earlier readings, where these instants are earlier than what was due."""
    if not due:
        return
    sql = """
        update polls p set due_at = least(p.due_at, d.due_at)
        from unnest($1::uuid[], $2::timestamptz[]) as d(id, due_at) where p.heat_pump_id = d.id"""
    await tx.execute(sql, [id_ for id_, _ in due], [at for _, at in due])


async def next_due_at(tx: ReadTx, wall_now: datetime) -> datetime | None:
    """When the next poll that nobody holds is due (fleet clock), or None."""
    sql = "select min(due_at) from polls where leased_until is null or leased_until < $1"
    found: datetime | None = await tx.value(sql, wall_now)
    return found


async def stop(tx: WriteTx, heat_pump_ids: Sequence[UUID]) -> int:
    """How many pumps are no longer polled."""
    return await tx.execute("delete from polls where heat_pump_id = any($1)", list(heat_pump_ids))
