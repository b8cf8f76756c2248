"""Access tokens refused before they expire; every web process keeps a copy of this small table.

Role, password or deletion of a person, a revoked client and a refresh token that came back write here, in the same
transaction. A row is kept as long as a token it refuses could live.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from heatfleet.store.database import ReadTx, WriteTx

LONGEST_LIFE = timedelta(days=1)
"""No access token lives longer."""
_EVERY_VERSION: Final = 2**31 - 1


async def everything(tx: ReadTx, now: datetime) -> dict[str, int]:
    """Subject → the lowest token version still good, of all organisations."""
    rows = await tx.fetch("select subject, below_version from revocations where revoked_at > $1", now - LONGEST_LIFE)
    return {row[0]: row[1] for row in rows}


async def end_tokens_of_user(tx: WriteTx, org_id: UUID, user_id: UUID, now: datetime) -> None:
    """Ends what the person was given so far: access tokens and refresh tokens."""
    sql = """
        with moved as (
          update users set token_version = token_version + 1 where org_id = $1 and id = $2 returning token_version)
        insert into revocations (subject, org_id, below_version, revoked_at)
          select 'user:' || $2::uuid, $1, token_version, $3 from moved
        on conflict (subject) do update set below_version = excluded.below_version, revoked_at = excluded.revoked_at"""
    await tx.execute(sql, org_id, user_id, now)
    await _end_sessions(tx, org_id, "user_id", user_id, now)
    await _tidy(tx, org_id, now)


async def end_tokens_of_client(tx: WriteTx, org_id: UUID, client_id: UUID, now: datetime) -> None:
    """Ends what the client was given, for itself and for people who signed in through it."""
    await _refuse(tx, org_id, [f"client:{client_id}"], now)
    await _refuse(tx, org_id, await _end_sessions(tx, org_id, "client_id", client_id, now), now)


async def end_tokens_of_session(tx: WriteTx, org_id: UUID, session_id: UUID, now: datetime) -> None:
    """Ends what one sign-in and its refreshes gave."""
    await _end_sessions(tx, org_id, "family_id", session_id, now)
    await _refuse(tx, org_id, [f"session:{session_id}"], now)


async def _end_sessions(tx: WriteTx, org_id: UUID, column: str, of: UUID, now: datetime) -> list[str]:
    """The sessions whose refresh tokens ended."""
    sql = f"""
        update refresh_tokens set revoked_at = $3 where org_id = $1 and {column} = $2 and revoked_at is null
        returning family_id"""
    return [f"session:{row[0]}" for row in await tx.fetch(sql, org_id, of, now)]


async def _refuse(tx: WriteTx, org_id: UUID, subjects: list[str], now: datetime) -> None:
    sql = """
        insert into revocations (subject, org_id, below_version, revoked_at)
        select distinct subject, $2::uuid, $3::int, $4::timestamptz from unnest($1::text[]) subject
        on conflict (subject) do update set below_version = excluded.below_version, revoked_at = excluded.revoked_at"""
    await tx.execute(sql, subjects, org_id, _EVERY_VERSION, now)
    await _tidy(tx, org_id, now)


async def _tidy(tx: WriteTx, org_id: UUID, now: datetime) -> None:
    """Drops the rows that refuse nothing any more."""
    await tx.execute("delete from revocations where org_id = $1 and revoked_at <= $2", org_id, now - LONGEST_LIFE)
