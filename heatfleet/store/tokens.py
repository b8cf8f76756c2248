"""Refresh tokens: single use, in families; only their SHA-256 is stored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, one


class RefreshToken(msgspec.Struct, frozen=True):
    """One refresh token."""

    token_sha256: bytes
    org_id: UUID
    user_id: UUID
    family_id: UUID
    client_id: UUID | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None


_COLUMNS = columns(RefreshToken)


async def insert(tx: WriteTx, org_id: UUID, token: RefreshToken) -> None:
    """A new refresh token."""
    assert token.org_id == org_id
    sql = f"insert into refresh_tokens ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
    await tx.execute(sql, *msgspec.structs.astuple(token))


async def use(tx: WriteTx, token_sha256: bytes, now: datetime) -> RefreshToken | None:
    """The token, spent by this very call; None when unknown, spent, revoked or expired."""
    sql = f"""
        update refresh_tokens set used_at = $2
        where token_sha256 = $1 and used_at is null and revoked_at is null and expires_at > $2 returning {_COLUMNS}"""
    return one(RefreshToken, await tx.row(sql, token_sha256, now))


async def get(tx: ReadTx, token_sha256: bytes) -> RefreshToken | None:
    """The token whatever its state, or None (sign-in has no organisation yet)."""
    return one(
        RefreshToken, await tx.row(f"select {_COLUMNS} from refresh_tokens where token_sha256 = $1", token_sha256)
    )


async def was_used(tx: ReadTx, token_sha256: bytes) -> bool:
    """Whether the token was spent, by now and by whomever."""
    sql = "select exists (select from refresh_tokens where token_sha256 = $1 and used_at is not null)"
    return bool(await tx.value(sql, token_sha256))
