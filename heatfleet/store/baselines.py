"""Baselines: the owner's own value of each lever, what we wrote over it, and whether it is still to be given back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many


class Baseline(msgspec.Struct, frozen=True):
    """One lever of one pump, see the table."""

    heat_pump_id: UUID
    org_id: UUID
    lever: str
    own_value: float
    captured_at: datetime
    written_value: float | None
    written_at: datetime | None
    settle_at: datetime | None
    attempts: int
    ends_at: datetime | None
    release_owed_since: datetime | None
    backed_off_until: datetime | None


class Moved(msgspec.Struct, frozen=True):
    """A lever about to be moved; ``own_value`` counts only where none was captured before."""

    heat_pump_id: UUID
    org_id: UUID
    lever: str
    own_value: float
    written_value: float
    written_at: datetime
    settle_at: datetime
    ends_at: datetime
    attempts: int


class Seen(msgspec.Struct, frozen=True):
    """What a reading says of the lever written at ``written_at``; a later write makes it meaningless.

    ``confirmed`` (ours is in force), ``restored`` (the owner's value is back) or ``overridden`` (the owner has set
    ``own_value``: it is the new baseline, hands off until ``backed_off_until``).
    """

    heat_pump_id: UUID
    lever: str
    written_at: datetime | None
    outcome: str
    own_value: float | None = None
    backed_off_until: datetime | None = None


_COLUMNS = columns(Baseline)


async def of_pumps(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[UUID, list[Baseline]]:
    """The baselines of these pumps."""
    found: dict[UUID, list[Baseline]] = defaultdict(list)
    rows = await tx.fetch(f"select {_COLUMNS} from baselines where heat_pump_id = any($1)", list(heat_pump_ids))
    for row in many(Baseline, rows):
        found[row.heat_pump_id].append(row)
    return found


async def capture(tx: WriteTx, moved: Sequence[Moved]) -> None:
    """The owner's values kept (those captured before stay), our writes noted, their release owed from now on.

    Belongs into the transaction before the one that sends.
    """
    if not moved:
        return
    sql = """
        insert into baselines as b (heat_pump_id, org_id, lever, own_value, captured_at, written_value, written_at,
          settle_at, ends_at, attempts, release_owed_since)
        select pump, org, lever, own, at, value, at, settle, ends, attempts, at
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::float8[], $5::float8[], $6::timestamptz[],
          $7::timestamptz[], $8::timestamptz[], $9::int[])
          as m(pump, org, lever, own, value, at, settle, ends, attempts)
        on conflict (heat_pump_id, lever) do update set
          own_value = case when b.release_owed_since is null then excluded.own_value else b.own_value end,
          captured_at = case when b.release_owed_since is null then excluded.captured_at else b.captured_at end,
          written_value = excluded.written_value, written_at = excluded.written_at, settle_at = excluded.settle_at,
          ends_at = excluded.ends_at, attempts = excluded.attempts, backed_off_until = null,
          release_owed_since = coalesce(b.release_owed_since, excluded.release_owed_since)"""
    await tx.execute(sql, *([getattr(one, name) for one in moved] for name in Moved.__struct_fields__))


async def hold(tx: WriteTx, holds: Sequence[tuple[UUID, str, datetime]]) -> None:
    """New ends for writes that stay in force."""
    if not holds:
        return
    sql = """
        update baselines b set ends_at = h.ends_at
        from unnest($1::uuid[], $2::text[], $3::timestamptz[]) as h(pump, lever, ends_at)
        where b.heat_pump_id = h.pump and b.lever = h.lever and b.written_value is not null"""
    await tx.execute(sql, *([one[i] for one in holds] for i in range(3)))


async def save_seen(tx: WriteTx, seen: Sequence[Seen]) -> None:
    """What readings say, unless we have written again in the meantime."""
    if not seen:
        return
    sql = """
        update baselines b set
          attempts = 0,
          own_value = coalesce(s.own, b.own_value),
          written_value = case when s.outcome = 'confirmed' then b.written_value end,
          release_owed_since = case when s.outcome = 'confirmed' then b.release_owed_since end,
          ends_at = case when s.outcome = 'confirmed' then b.ends_at end,
          backed_off_until = coalesce(s.until, b.backed_off_until)
        from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::float8[], $6::timestamptz[])
          as s(pump, lever, at, outcome, own, until)
        where b.heat_pump_id = s.pump and b.lever = s.lever and b.written_at is not distinct from s.at"""
    await tx.execute(sql, *([getattr(one, name) for one in seen] for name in Seen.__struct_fields__))


async def owed(tx: ReadTx) -> list[UUID]:
    """Pumps that still have to be given something back, deleted ones included."""
    sql = "select distinct heat_pump_id from baselines where release_owed_since is not null"
    return [row[0] for row in await tx.fetch(sql)]


async def ended(tx: ReadTx, now: datetime) -> list[UUID]:
    """Pumps with a write of ours that has passed its end and is still to be given back."""
    sql = "select distinct heat_pump_id from baselines where release_owed_since is not null and ends_at <= $1"
    return [row[0] for row in await tx.fetch(sql, now)]
