"""Organisations: whose users, devices and rules these are."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many, one


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
    created_at: datetime
    updated_at: datetime


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


async def set_surcharge(tx: WriteTx, org_id: UUID, zone: str, per_kwh: float, now: datetime) -> None:
    """What this organisation adds to the wholesale price of ``zone`` [currency/kWh]."""
    sql = """
        update organisations set surcharge_per_zone = surcharge_per_zone || jsonb_build_object($2::text, $3::float8),
          updated_at = $4 where id = $1"""
    await tx.execute(sql, org_id, zone, per_kwh, now)
