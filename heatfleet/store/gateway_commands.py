"""Commands on their way to gateways: put by one process, taken by the one that holds the connection, answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many, one

KEPT = timedelta(days=2)


class GatewayCommand(msgspec.Struct, frozen=True):
    """One command, see the table."""

    id: UUID
    gateway_id: UUID
    org_id: UUID
    device_id: str
    writes: dict[str, Any]
    ttl_s: float
    issued_at: datetime
    sent_at: datetime | None = None
    status: str | None = None
    detail: str = ""


_COLUMNS = columns(GatewayCommand)


async def insert(tx: WriteTx, command: GatewayCommand) -> None:
    """The command, waiting to be taken; the gateway's old ones are forgotten."""
    sql = "delete from gateway_commands where gateway_id = $1 and issued_at < $2"
    await tx.execute(sql, command.gateway_id, command.issued_at - KEPT)
    sql = """
        insert into gateway_commands (id, gateway_id, org_id, device_id, writes, ttl_s, issued_at)
        values ($1, $2, $3, $4, $5, $6, $7)"""
    await tx.execute(sql, *msgspec.structs.astuple(command)[:7])


async def take(tx: WriteTx, gateway_id: UUID, now: datetime) -> list[GatewayCommand]:
    """The gateway's waiting commands that are not over, oldest first; nobody else gets them."""
    sql = f"""
        update gateway_commands set sent_at = $2
        where gateway_id = $1 and sent_at is null and issued_at + make_interval(secs => ttl_s) > $2
        returning {_COLUMNS}"""
    return sorted(many(GatewayCommand, await tx.fetch(sql, gateway_id, now)), key=lambda command: command.id)


async def settle(tx: WriteTx, ack: tuple[UUID, UUID, str, str], now: datetime) -> bool:
    """Whether the command was the gateway's and unanswered; ``ack`` = (gateway, command, status, detail)."""
    sql = """
        update gateway_commands set status = $3, detail = $4, acked_at = $5
        where gateway_id = $1 and id = $2 and acked_at is null"""
    return await tx.execute(sql, *ack, now) > 0


async def get(tx: ReadTx, org_id: UUID, command_id: UUID) -> GatewayCommand | None:
    """One command, or None."""
    sql = f"select {_COLUMNS} from gateway_commands where org_id = $1 and id = $2"
    return one(GatewayCommand, await tx.row(sql, org_id, command_id))
