"""Gateways in homes and the pumps behind them: pairing, who is connected, what was last told.

Codes, tokens and secrets come and are looked up as SHA-256 digests; whoever brings one has no organisation yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many, one


class Gateway(msgspec.Struct, frozen=True):
    """One gateway of one user."""

    id: UUID
    org_id: UUID
    user_id: UUID
    carrier: str
    session_id: UUID | None
    online_until: datetime | None
    created_at: datetime
    paired_at: datetime | None
    claimed_at: datetime | None
    revoked_at: datetime | None

    def is_online(self, now: datetime) -> bool:
        """Whether it was heard of lately."""
        return self.revoked_at is None and self.online_until is not None and now < self.online_until


class NewGateway(msgspec.Struct, frozen=True):
    """A gateway that somebody is about to start."""

    id: UUID
    org_id: UUID
    user_id: UUID
    code_sha256: bytes
    code_expires_at: datetime


class DeviceRow(msgspec.Struct, frozen=True):
    """One pump behind a gateway, as it last told."""

    device_id: str
    profile: dict[str, Any]
    readings: dict[str, Any]
    told_at: datetime


class Told(msgspec.Struct, frozen=True):
    """What a gateway tells of one pump; empty readings leave those before."""

    device_id: str
    profile: Any
    readings: Any


_COLUMNS = columns(Gateway)
_DEVICE = columns(DeviceRow)


async def insert(tx: WriteTx, new: NewGateway, now: datetime) -> None:
    """A gateway that waits for its agent; those that were never started are swept out."""
    await tx.execute("delete from gateways where paired_at is null and code_expires_at < $1", now)
    sql = """
        insert into gateways (id, org_id, user_id, code_sha256, code_expires_at, created_at)
        values ($1, $2, $3, $4, $5, $6)"""
    await tx.execute(sql, *msgspec.structs.astuple(new), now)


async def by_code(tx: WriteTx, code_sha256: bytes, now: datetime) -> Gateway | None:
    """The gateway of a code that is not over, locked until the transaction ends, or None."""
    sql = f"""
        select {_COLUMNS} from gateways
        where code_sha256 = $1 and code_expires_at > $2 and revoked_at is null for update"""
    return one(Gateway, await tx.row(sql, code_sha256, now))


async def by_token(tx: ReadTx, token_sha256: bytes) -> Gateway | None:
    """The agent's gateway, or None when the token is unknown or revoked."""
    sql = f"select {_COLUMNS} from gateways where token_sha256 = $1 and revoked_at is null"
    return one(Gateway, await tx.row(sql, token_sha256))


async def by_grant(tx: ReadTx, grant_sha256: bytes) -> Gateway | None:
    """The driver's gateway, or None when the secret is unknown or the gateway revoked."""
    sql = f"select {_COLUMNS} from gateways where grant_sha256 = $1 and revoked_at is null"
    return one(Gateway, await tx.row(sql, grant_sha256))


async def of_organisation(tx: ReadTx, org_id: UUID) -> list[Gateway]:
    """The paired gateways of an organisation, revoked ones apart, oldest first."""
    sql = f"""
        select {_COLUMNS} from gateways
        where org_id = $1 and paired_at is not null and revoked_at is null order by id limit 10000"""
    return many(Gateway, await tx.fetch(sql, org_id))


async def get(tx: ReadTx, gateway_id: UUID) -> Gateway | None:
    """One gateway that is not revoked, or None."""
    sql = f"select {_COLUMNS} from gateways where id = $1 and revoked_at is null"
    return one(Gateway, await tx.row(sql, gateway_id))


async def pair(tx: WriteTx, gateway_id: UUID, token_sha256: bytes, now: datetime) -> None:
    """The agent has come: from now on it is known by its token."""
    sql = "update gateways set token_sha256 = $2, paired_at = $3 where id = $1"
    await tx.execute(sql, gateway_id, token_sha256, now)


async def claim(tx: WriteTx, gateway_id: UUID, grant_sha256: bytes, now: datetime) -> None:
    """The driver has come: from now on it is known by this secret."""
    sql = "update gateways set grant_sha256 = $2, claimed_at = $3 where id = $1"
    await tx.execute(sql, gateway_id, grant_sha256, now)


async def revoke(tx: WriteTx, org_id: UUID, gateway_id: UUID, now: datetime) -> bool:
    """Whether there was such a gateway; token and secret open nothing any more."""
    sql = """
        update gateways set revoked_at = $3, token_sha256 = null, grant_sha256 = null, code_sha256 = null,
          online_until = null, session_id = null
        where org_id = $1 and id = $2 and revoked_at is null"""
    return await tx.execute(sql, org_id, gateway_id, now) > 0


async def begin_session(tx: WriteTx, gateway_id: UUID, session_id: UUID, carrier: str, until: datetime) -> None:
    """This connection is the one that counts from now on."""
    sql = "update gateways set session_id = $2, carrier = $3, online_until = $4 where id = $1 and revoked_at is null"
    await tx.execute(sql, gateway_id, session_id, carrier, until)


async def end_session(tx: WriteTx, gateway_id: UUID, session_id: UUID) -> None:
    """The connection is gone; unless another one has taken over, the gateway is off line."""
    sql = "update gateways set session_id = null, online_until = null where id = $1 and session_id = $2"
    await tx.execute(sql, gateway_id, session_id)


async def keep_online(tx: WriteTx, gateway_id: UUID, until: datetime | None) -> None:
    """It was heard of (None: it said farewell)."""
    sql = "update gateways set online_until = $2 where id = $1 and revoked_at is null"
    await tx.execute(sql, gateway_id, until)


async def save_device(tx: WriteTx, gateway: Gateway, told: Told, now: datetime, most: int) -> bool:
    """Whether the pump was saved; a gateway may have ``most`` of them."""
    sql = """
        insert into gateway_devices as d (gateway_id, device_id, org_id, profile, readings, told_at)
        select $1, $2, $3, $4, $5, $6 where exists (
          select from gateway_devices where gateway_id = $1 and device_id = $2)
          or (select count(*) from gateway_devices where gateway_id = $1) < $7
        on conflict (gateway_id, device_id) do update set profile = excluded.profile, told_at = excluded.told_at,
          readings = case when excluded.readings = '{}' then d.readings else excluded.readings end"""
    values = (gateway.id, told.device_id, gateway.org_id, told.profile, told.readings, now, most)
    return await tx.execute(sql, *values) > 0


async def devices(tx: ReadTx, gateway_id: UUID) -> list[DeviceRow]:
    """The pumps behind a gateway."""
    sql = f"select {_DEVICE} from gateway_devices where gateway_id = $1 order by device_id"
    return many(DeviceRow, await tx.fetch(sql, gateway_id))


async def has_devices(tx: ReadTx, gateway_id: UUID) -> bool:
    """Whether it has told of a pump."""
    sql = "select exists (select from gateway_devices where gateway_id = $1)"
    return bool(await tx.value(sql, gateway_id))


async def revoke_unneeded(tx: WriteTx, connection_ids: Sequence[UUID], now: datetime) -> list[UUID]:
    """The gateways revoked because the grant of these connections was wiped for good and no other one needs them."""
    sql = """
        update gateways g set revoked_at = $2, token_sha256 = null, grant_sha256 = null, code_sha256 = null,
          online_until = null, session_id = null
        where g.revoked_at is null and exists (
          select from connections c where c.id = any($1) and c.org_id = g.org_id and c.account_id = g.id::text)
          and not exists (select from connections c where c.org_id = g.org_id and c.account_id = g.id::text
            and c.grant_sealed is not null)
        returning id"""
    return [row[0] for row in await tx.fetch(sql, list(connection_ids), now)]
