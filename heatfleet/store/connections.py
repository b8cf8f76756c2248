"""Connections: sealed grants of accounts at vendors, and whether they still open a door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.domain.statuses import Lifecycle, sources
from heatfleet.store.database import FLEET, Database, ReadTx, WriteTx
from heatfleet.store.ids import new_id
from heatfleet.store.rows import many, one


class Connection(msgspec.Struct, frozen=True):
    """One account of one user at one vendor."""

    id: UUID
    org_id: UUID
    vendor: str
    account_id: str
    grant_sealed: bytes | None
    status: str


class Lost(msgspec.Struct, frozen=True):
    """A connection whose grant is dead, and why."""

    id: UUID
    code: str
    detail: str


_SELECT = "select id, org_id, vendor, account_id, grant_sealed, status from connections"


async def get_many(tx: ReadTx, connection_ids: Sequence[UUID]) -> dict[UUID, Connection]:
    """These connections by id."""
    rows = many(Connection, await tx.fetch(f"{_SELECT} where id = any($1)", list(connection_ids)))
    return {row.id: row for row in rows}


async def get(tx: ReadTx, org_id: UUID, connection_id: UUID) -> Connection | None:
    """One connection, or None."""
    return one(Connection, await tx.row(f"{_SELECT} where org_id = $1 and id = $2", org_id, connection_id))


async def living_pumps(tx: ReadTx, org_id: UUID, connection_id: UUID) -> list[UUID]:
    """The heat pumps of one connection that are not deleted."""
    sql = "select id from heat_pumps where org_id = $1 and connection_id = $2 and deleted_at is null order by id"
    return [row[0] for row in await tx.fetch(sql, org_id, connection_id)]


async def save_grant(
    tx: WriteTx, connection: Connection, sealed: bytes, expires_at: datetime | None, now: datetime
) -> None:
    """The refreshed grant in place of the old one; the connection is alive."""
    sql = """
        update connections set grant_sealed = $3, grant_version = grant_version + 1, grant_expires_at = $4,
          updated_at = $5 where org_id = $1 and id = $2"""
    await tx.execute(sql, connection.org_id, connection.id, sealed, expires_at, now)


@asynccontextmanager
async def refreshing(database: Database, connection_id: UUID) -> AsyncIterator[None]:
    """Holds the right to refresh one connection's grant, against every other process."""
    async with database.write(FLEET) as tx:
        await tx.fetch("select pg_advisory_xact_lock(hashtextextended($1, 0))", f"grant:{connection_id}")
        yield


async def mark_lost(tx: WriteTx, lost: Sequence[Lost], now: datetime) -> None:
    """Connections whose owners must sign in again: their pumps get the code, and one cue each per incident."""
    ids = [one.id for one in lost]
    values = (ids, [one.code for one in lost], [one.detail[:500] for one in lost], now)
    await tx.execute(
        """update connections c set status = 'lost', error_code = l.code, error_detail = l.detail, updated_at = $4
           from unnest($1::uuid[], $2::text[], $3::text[]) as l(id, code, detail) where c.id = l.id""",
        *values,
    )
    await tx.execute(
        """update heat_pumps h set lifecycle_state = 'error', lifecycle_error = l.code, connection_status = 'error',
             control_state = 'lost', current_state = null, updated_at = $3
           from unnest($1::uuid[], $2::text[]) as l(id, code)
           where h.connection_id = l.id and h.deleted_at is null and h.lifecycle_state = any($4)
             and (h.lifecycle_state, coalesce(h.lifecycle_error, '')) is distinct from ('error', l.code)""",
        ids,
        values[1],
        now,
        sources(Lifecycle.ERROR),
    )
    await _cue(tx, ids, now)


async def _cue(tx: WriteTx, connection_ids: list[UUID], now: datetime) -> None:
    """A ``reauthenticate`` cue for every pump of these connections that has none active."""
    pumps = await tx.fetch(
        """select h.id, h.org_id from heat_pumps h
           where h.connection_id = any($1) and h.deleted_at is null and h.lifecycle_state <> 'disconnected'
             and not exists (
             select from cues q where q.heat_pump_id = h.id and q.code = 'reauthenticate' and q.state = 'active')""",
        connection_ids,
    )
    await tx.execute(
        """insert into cues (id, org_id, heat_pump_id, code, sent_at)
           select id, org, pump, 'reauthenticate', $4
           from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as n(id, org, pump)""",
        [new_id() for _ in pumps],
        [row[1] for row in pumps],
        [row[0] for row in pumps],
        now,
    )


async def mark_alive(tx: WriteTx, connection_ids: Sequence[UUID], heat_pump_ids: Sequence[UUID], now: datetime) -> None:
    """Connections that work, and pumps that answered: their errors are over, the cues resolved."""
    await tx.execute(
        """update connections set status = 'ok', error_code = null, error_detail = null, updated_at = $2
           where id = any($1) and status <> 'ok'""",
        list(connection_ids),
        now,
    )
    await tx.execute(
        """update heat_pumps set lifecycle_state = 'authenticated', lifecycle_error = null, updated_at = $2
           where id = any($1) and deleted_at is null and lifecycle_state = 'error'""",
        list(heat_pump_ids),
        now,
    )
    await tx.execute(
        """update cues set state = 'resolved', resolved_at = $2
           where heat_pump_id = any($1) and code = 'reauthenticate' and state = 'active'""",
        list(heat_pump_ids),
        now,
    )
