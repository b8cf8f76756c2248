"""People leave: the soft end of all that is theirs, and later every row that says something of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from heatfleet.store import gateway_signals, gateways
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.gateway_signals import Signal, What
from heatfleet.store.rows import many, one


class Ended(msgspec.Struct, frozen=True):
    """The ids of what a person's deletion took along."""

    buildings: list[UUID]
    contracts: list[UUID]
    heat_pumps: list[UUID]


class Owned(msgspec.Struct, frozen=True):
    """The ids of a user's things, deleted or not."""

    buildings: list[UUID]
    contracts: list[UUID]
    heat_pumps: list[UUID]
    connections: list[UUID]
    sessions: list[UUID]
    cues: list[UUID]


class Person(msgspec.Struct, frozen=True):
    """Who is erased."""

    id: UUID
    email: str
    deleted_at: datetime | None


class _Column(msgspec.Struct, frozen=True):
    """A column that names a heat pump or a user."""

    table: str
    column: str


# Other tables point to these: their rows go last, in this order.
_LAST: Final = ("heat_pumps", "connections", "buildings")


async def admins(tx: WriteTx, org_id: UUID) -> list[UUID]:
    """The organisation's living admins, locked until the transaction ends."""
    sql = "select id from users where org_id = $1 and role = 'admin' and deleted_at is null order by id for update"
    return [row[0] for row in await tx.fetch(sql, org_id)]


async def end_things(tx: WriteTx, org_id: UUID, user_id: UUID, now: datetime) -> Ended:
    """What of the user lived and is deleted softly from now on; open onboarding sessions are cancelled.

    Heat pumps are not optimised any more; their connections stay until nothing is owed (:func:`forget_grants`).
    """
    pumps = """
        update heat_pumps set deleted_at = $3, lifecycle_state = 'deleted', is_smart_optimization_active = false,
          policy_version = policy_version + 1, version = version + 1, updated_at = $3
        where org_id = $1 and user_id = $2 and deleted_at is null returning id"""
    gone = """
        update {} set deleted_at = $3, updated_at = $3, version = version + 1
        where org_id = $1 and user_id = $2 and deleted_at is null returning id"""
    statements = (gone.format("buildings"), gone.format("energy_contracts"), pumps)
    ended = [[row[0] for row in await tx.fetch(sql, org_id, user_id, now)] for sql in statements]
    await tx.execute(
        "update consents set withdrawn_at = $3 where org_id = $1 and user_id = $2 and withdrawn_at is null",
        org_id,
        user_id,
        now,
    )
    await tx.execute(
        "update onboarding_sessions set state = 'cancelled', step = '{}' where org_id = $1 and user_id = $2"
        " and state = 'open'",
        org_id,
        user_id,
    )
    return Ended(*ended)


async def forget_grants(tx: WriteTx, connection_ids: Sequence[UUID], now: datetime) -> int:
    """How many of these connections were closed for good, their grants wiped: those that no heat pump needs any more.

    A living heat pump needs its connection, and so does a deleted one until its owner's settings are seen restored.
    Gateways behind them are revoked.
    """
    sql = """
        update connections c set grant_sealed = null, grant_expires_at = null, status = 'lost',
          error_code = 'forgotten', error_detail = null, updated_at = $2
        where c.id = any($1) and c.grant_sealed is not null and not exists (
          select from heat_pumps h where h.connection_id = c.id and (h.deleted_at is null or exists (
            select from baselines b where b.heat_pump_id = h.id and b.release_owed_since is not null)))"""
    closed = await tx.execute(sql, list(connection_ids), now)
    revoked = await gateways.revoke_unneeded(tx, connection_ids, now) if closed else []
    await gateway_signals.send(tx, *(Signal(What.SESSION, id_) for id_ in revoked))
    return closed


async def unread_connections(tx: ReadTx, org_id: UUID, user_id: UUID) -> list[UUID]:
    """The user's connections that nobody is going to read again."""
    sql = """
        select id from connections c where org_id = $1 and user_id = $2
          and not exists (select from polls p where p.connection_id = c.id)"""
    return [row[0] for row in await tx.fetch(sql, org_id, user_id)]


async def person(tx: WriteTx, org_id: UUID, user_id: UUID) -> Person | None:
    """The user, deleted or not, locked until the transaction ends, or None."""
    sql = "select id, email, deleted_at from users where org_id = $1 and id = $2 for update"
    return one(Person, await tx.row(sql, org_id, user_id))


async def owned(tx: ReadTx, org_id: UUID, user_id: UUID) -> Owned:
    """The user's things, deleted or not."""
    sql = """
        select array(select id from buildings where org_id = $1 and user_id = $2),
          array(select id from energy_contracts where org_id = $1 and user_id = $2),
          array(select id from heat_pumps where org_id = $1 and user_id = $2),
          array(select id from connections where org_id = $1 and user_id = $2),
          array(select id from onboarding_sessions where org_id = $1 and user_id = $2),
          array(select q.id from cues q join heat_pumps h on h.id = q.heat_pump_id
                where h.org_id = $1 and h.user_id = $2)"""
    found = one(Owned, await tx.row(sql, org_id, user_id))
    assert found is not None
    return found


async def is_owed(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> bool:
    """Whether one of these heat pumps still has to be given something back."""
    sql = "select exists (select from baselines where heat_pump_id = any($1) and release_owed_since is not null)"
    found: bool = await tx.value(sql, list(heat_pump_ids))
    return found


async def erase(tx: WriteTx, org_id: UUID, who: Person, things: Owned) -> None:
    """Every row of the person is gone, whatever table names the user or a heat pump of theirs.

    The audit log keeps who did what when to which id, without values. Access tokens stay refused.
    """
    await _erase_rows(tx, await _columns(tx), who, things)
    names = [who.email, *map(str, (who.id, *_ids(things)))]
    await _erase_traces(tx, org_id, who, names)
    await tx.execute("delete from users where org_id = $1 and id = $2", org_id, who.id)


async def refusal_ended(tx: WriteTx, org_id: UUID, user_id: UUID, before: datetime) -> bool:
    """Whether nothing refuses the user's access tokens any more; refusals older than ``before`` are dropped first."""
    ours = (org_id, f"user:{user_id}")
    await tx.execute("delete from revocations where org_id = $1 and subject = $2 and revoked_at <= $3", *ours, before)
    sql = "select not exists (select from revocations where org_id = $1 and subject = $2)"
    ended: bool = await tx.value(sql, *ours)
    return ended


def _ids(things: Owned) -> Iterable[UUID]:
    return (id_ for ids in msgspec.structs.astuple(things) for id_ in ids)


async def _columns(tx: ReadTx) -> list[_Column]:
    """Every column of every table that names a heat pump or a user, by its name."""
    sql = """
        select quote_ident(c.relname), a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
          and a.attname in ('heat_pump_id', 'user_id') and not a.attisdropped
        order by array_position($1::text[], c.relname::text) nulls first, c.relname"""
    return many(_Column, await tx.fetch(sql, list(_LAST)))


async def _erase_rows(tx: WriteTx, columns: Sequence[_Column], who: Person, things: Owned) -> None:
    for found in columns:
        ids = things.heat_pumps if found.column == "heat_pump_id" else [who.id]
        await tx.execute(f"delete from {found.table} where {found.column} = any($1)", ids)


async def _erase_traces(tx: WriteTx, org_id: UUID, who: Person, names: Sequence[str]) -> None:
    """What tells of the person under other names: audit values, events, kept answers, jobs of their heat pumps."""
    texts = [f"%{_escaped(name)}%" for name in names]
    await tx.execute(
        """update audit set before = null, after = null where org_id = $1 and (before is not null or after is not null)
             and (object_id = any($2) or before::text ilike any($3) or after::text ilike any($3))""",
        org_id,
        [UUID(name) for name in names[1:]],
        texts,
    )
    await tx.execute("delete from events where org_id = $1 and payload::text ilike any($2)", org_id, texts)
    await tx.execute(
        """delete from idempotency_keys where org_id = $1 and (actor = $2 or exists (
             select from unnest($3::text[]) name where position(convert_to(name, 'UTF8') in answer) > 0))""",
        org_id,
        f"user:{who.id}",
        list(names),
    )
    await tx.execute(
        """delete from pgqueuer where status <> 'picked' and entrypoint <> 'erase'
             and convert_from(payload, 'UTF8') ilike any($1)""",
        texts,
    )


def _escaped(text: str) -> str:
    """``text`` as a LIKE pattern takes it literally."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
