"""Commands: what was sent to which lever, the vendor's receipt, and what became of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many

DAY = timedelta(hours=24)


class Command(msgspec.Struct, frozen=True):
    """One write to one lever, see the table."""

    id: UUID
    org_id: UUID
    heat_pump_id: UUID
    lever: str
    value: float
    previous_value: float | None
    state: str | None
    purpose: str
    reason_code: str | None
    status: str
    attempt: int
    issued_at: datetime
    ends_at: datetime
    settle_at: datetime
    receipt: dict[str, Any] | None = None
    confirmed_at: datetime | None = None


class Use(msgspec.Struct, frozen=True):
    """How often a lever was moved in the last 24 hours."""

    heat_pump_id: UUID
    lever: str
    writes: int  # releases apart
    blocks: int  # SG-Ready 1


class Outcome(msgspec.Struct, frozen=True):
    """A command's new status; ``receipt`` None leaves the one there is."""

    id: UUID
    status: str
    receipt: dict[str, Any] | None = None
    confirmed_at: datetime | None = None


_COLUMNS = columns(Command)
_INSERT = f"""
insert into commands ({_COLUMNS})
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::float8[], $6::float8[], $7::text[], $8::text[],
  $9::text[], $10::text[], $11::int[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::jsonb[],
  $16::timestamptz[])"""


async def take_turns(tx: WriteTx) -> None:
    """Until this transaction ends no other worker decides what to send, so that no command is sent twice."""
    await tx.value("select pg_advisory_xact_lock(hashtext('heatfleet.commands'))")


async def insert(tx: WriteTx, commands: Sequence[Command]) -> None:
    """The commands, before they are sent."""
    if not commands:
        return
    await tx.execute(_INSERT, *([getattr(one, name) for one in commands] for name in Command.__struct_fields__))


async def settle(tx: WriteTx, outcomes: Sequence[Outcome]) -> None:
    """The new statuses; what is confirmed, overridden or rejected stays so."""
    if not outcomes:
        return
    sql = """
        update commands c set status = o.status, receipt = coalesce(o.receipt, c.receipt),
          confirmed_at = coalesce(o.confirmed_at, c.confirmed_at)
        from unnest($1::uuid[], $2::text[], $3::jsonb[], $4::timestamptz[]) as o(id, status, receipt, confirmed_at)
        where c.id = o.id and (c.status in ('sent', 'accepted', 'unconfirmed') or o.status = 'overridden')"""
    await tx.execute(sql, *([getattr(one, name) for one in outcomes] for name in Outcome.__struct_fields__))


async def newest(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[tuple[UUID, str], Command]:
    """The last command of each lever of these pumps."""
    sql = f"""
        select distinct on (heat_pump_id, lever) {_COLUMNS} from commands where heat_pump_id = any($1)
        order by heat_pump_id, lever, issued_at desc, id desc"""
    return {(c.heat_pump_id, c.lever): c for c in many(Command, await tx.fetch(sql, list(heat_pump_ids)))}


async def uses(tx: ReadTx, heat_pump_ids: Sequence[UUID], now: datetime) -> dict[UUID, list[Use]]:
    """How often the levers of these pumps were moved in the 24 hours before ``now``."""
    sql = """
        select heat_pump_id, lever, count(*) filter (where purpose <> 'release'),
          count(*) filter (where lever = 'sg_ready_state' and value = 1 and previous_value is distinct from 1)
        from commands where heat_pump_id = any($1) and issued_at > $2 and issued_at <= $3 group by 1, 2"""
    found: dict[UUID, list[Use]] = defaultdict(list)
    for row in many(Use, await tx.fetch(sql, list(heat_pump_ids), now - DAY, now)):
        found[row.heat_pump_id].append(row)
    return found


async def of_pump(
    tx: ReadTx,
    pump: tuple[UUID, UUID],
    window: tuple[datetime | None, datetime | None],
    after: UUID | None = None,
    limit: int = 500,
) -> list[Command]:
    """The commands of one pump (organisation, pump) in a time (open where None), newest first, older than ``after``."""
    sql = f"""
        select {_COLUMNS} from commands where org_id = $1 and heat_pump_id = $2
          and ($3::timestamptz is null or issued_at >= $3) and ($4::timestamptz is null or issued_at < $4)
          and ($5::uuid is null or (issued_at, id) < (
            select a.issued_at, a.id from commands a where a.org_id = $1 and a.heat_pump_id = $2 and a.id = $5))
        order by issued_at desc, id desc limit $6"""
    return many(Command, await tx.fetch(sql, *pump, *window, after, limit))
