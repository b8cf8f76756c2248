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


async def insert(tx: WriteTx, client: Client) -> None:
    """A new client."""
    sql = f"insert into clients ({_COLUMNS}) values ($1, $2, $3, $4, $5, $6)"
    await tx.execute(sql, *msgspec.structs.astuple(client))


async def find_for_sign_in(tx: ReadTx, client_id: UUID) -> Client | None:
    """The client that is not revoked, in whatever organisation (sign-in has none yet)."""
    sql = f"select {_COLUMNS} from clients where id = $1 and revoked_at is null"
    return one(Client, await tx.row(sql, client_id))


async def find(tx: ReadTx, org_id: UUID, after: UUID | None, limit: int) -> list[Client]:
    """The organisation's clients in order of id, revoked ones included."""
    sql = f"select {_COLUMNS} from clients where org_id = $1 and ($2::uuid is null or id > $2) order by id limit $3"
    return many(Client, await tx.fetch(sql, org_id, after, limit))


async def get(tx: ReadTx, org_id: UUID, client_id: UUID) -> Client | None:
    """The client, revoked or not, or None."""
    return one(Client, await tx.row(f"select {_COLUMNS} from clients where org_id = $1 and id = $2", org_id, client_id))


async def get_for_update(tx: WriteTx, org_id: UUID, client_id: UUID) -> Client | None:
    """The client, locked until the transaction ends, or None."""
    sql = f"select {_COLUMNS} from clients where org_id = $1 and id = $2 for update"
    return one(Client, await tx.row(sql, org_id, client_id))


async def revoke(tx: WriteTx, org_id: UUID, client_id: UUID, now: datetime) -> None:
    """Nobody signs in as this client any more."""
    await tx.execute("update clients set revoked_at = $3 where org_id = $1 and id = $2", org_id, client_id, now)
