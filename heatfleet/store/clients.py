"""Machine clients of an organisation; only the SHA-256 of a secret is stored."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many, one


class Client(msgspec.Struct, frozen=True):
    """One OAuth2 client."""

    id: UUID
    org_id: UUID
    name: str
    secret_sha256: bytes
    created_at: datetime
    revoked_at: datetime | None


_COLUMNS = columns(Client)


async def insert(tx: WriteTx, org_id: UUID, client_id: UUID, name: str, secret_sha256: bytes, now: datetime) -> None:
    """A new client."""
    await tx.execute(
        "insert into clients (id, org_id, name, secret_sha256, created_at) values ($1, $2, $3, $4, $5)",
        client_id,
        org_id,
        name,
        secret_sha256,
        now,
    )


async def find_for_sign_in(tx: ReadTx, client_id: UUID) -> Client | None:
    """The client that is not revoked, in whatever organisation (sign-in has none yet)."""
    sql = f"select {_COLUMNS} from clients where id = $1 and revoked_at is null"
    return one(Client, await tx.row(sql, client_id))


async def list_all(tx: ReadTx, org_id: UUID) -> list[Client]:
    """The organisation's clients, revoked ones included, oldest first."""
    return many(Client, await tx.fetch(f"select {_COLUMNS} from clients where org_id = $1 order by id", org_id))


async def revoke(tx: WriteTx, org_id: UUID, client_id: UUID, now: datetime) -> bool:
    """Whether a live client was switched off."""
    sql = "update clients set revoked_at = $3 where org_id = $1 and id = $2 and revoked_at is null"
    return await tx.execute(sql, org_id, client_id, now) == 1
