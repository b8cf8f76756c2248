"""Answers kept for repeated POSTs: same key and same body, same answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from heatfleet.store.database import WriteTx
from heatfleet.store.rows import one

KEPT = timedelta(hours=24)
ABANDONED_AFTER = timedelta(minutes=1)


class IdempotencyKey(msgspec.Struct, frozen=True):
    """Whose key it is."""

    org_id: UUID
    actor: str
    key: str


class KeptAnswer(msgspec.Struct, frozen=True):
    """What is known of a key; ``status`` is None while the first request is still running."""

    request_sha256: bytes
    status: int | None
    answer: bytes | None


async def reserve(
    tx: WriteTx, org_id: UUID, key: IdempotencyKey, request_sha256: bytes, now: datetime
) -> KeptAnswer | None:
    """None when the key is now ours, else what is kept for it; keys too old or abandoned are forgotten first."""
    ours = (org_id, key.actor, key.key)
    await tx.execute(
        "delete from idempotency_keys where org_id = $1 and actor = $2 and key = $3"
        " and (created_at < $4 or (status is null and created_at < $5))",
        *ours,
        now - KEPT,
        now - ABANDONED_AFTER,
    )
    insert = """
        insert into idempotency_keys (org_id, actor, key, request_sha256, created_at) values ($1, $2, $3, $4, $5)
        on conflict do nothing"""
    if await tx.execute(insert, *ours, request_sha256, now):
        return None
    select = "select request_sha256, status, answer from idempotency_keys where org_id = $1 and actor = $2 and key = $3"
    return one(KeptAnswer, await tx.row(select, *ours))


async def keep(tx: WriteTx, org_id: UUID, key: IdempotencyKey, status: int, answer: bytes) -> None:
    """The answer, for the next 24 hours."""
    sql = "update idempotency_keys set status = $4, answer = $5 where org_id = $1 and actor = $2 and key = $3"
    await tx.execute(sql, org_id, key.actor, key.key, status, answer)


async def forget(tx: WriteTx, org_id: UUID, key: IdempotencyKey) -> None:
    """The key is free again (the request failed on our side)."""
    sql = "delete from idempotency_keys where org_id = $1 and actor = $2 and key = $3"
    await tx.execute(sql, org_id, key.actor, key.key)


async def sweep(tx: WriteTx, now: datetime) -> int:
    """Number of outdated keys removed, fleet-wide."""
    return await tx.execute("delete from idempotency_keys where created_at < $1", now - KEPT)
