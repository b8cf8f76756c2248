"""Organisations: whose users, devices and rules these are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import assignments, columns, many, one


class Organisation(msgspec.Struct, frozen=True):
    """One partner company."""

    id: UUID
    name: str
    logo_url: str | None
    colour: str | None
    frame_ancestors: list[str]
    redirect_hosts: list[str]
    surcharge_per_zone: dict[str, Any]
    default_comfort: dict[str, Any]
    hold_out_share: float
    trading_deadline: str
    carbon_price_per_kg: float
    version: int
    created_at: datetime
    updated_at: datetime


WRITABLE = frozenset(Organisation.__struct_fields__) - {"id", "version", "created_at", "updated_at"}
_COLUMNS = columns(Organisation)


async def insert(tx: WriteTx, org_id: UUID, name: str, now: datetime) -> None:
    """A new organisation."""
    await tx.execute(
        "insert into organisations (id, name, created_at, updated_at) values ($1, $2, $3, $3)", org_id, name, now
    )


async def get(tx: ReadTx, org_id: UUID) -> Organisation | None:
    """The organisation, or None."""
    return one(Organisation, await tx.row(f"select {_COLUMNS} from organisations where id = $1", org_id))


async def everyone(tx: ReadTx) -> list[Organisation]:
    """All organisations the transaction may see, oldest first."""
    return many(Organisation, await tx.fetch(f"select {_COLUMNS} from organisations order by id"))


async def get_for_update(tx: WriteTx, org_id: UUID) -> Organisation | None:
    """The organisation, locked until the transaction ends, or None."""
    return one(Organisation, await tx.row(f"select {_COLUMNS} from organisations where id = $1 for update", org_id))


async def update(tx: WriteTx, org_id: UUID, changes: Mapping[str, Any], version: int, now: datetime) -> None:
    """The changed fields and the new version."""
    sql = f"update organisations set version = $2, updated_at = $3, {assignments(changes, WRITABLE, 4)} where id = $1"
    await tx.execute(sql, org_id, version, now, *changes.values())


async def default_comfort(tx: ReadTx, org_id: UUID) -> dict[str, float]:
    """The comfort of new heat pumps [°C]; empty when the organisation sets none."""
    return await tx.value("select default_comfort from organisations where id = $1", org_id) or {}
