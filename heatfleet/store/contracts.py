"""Energy contracts of a user: what a kilowatt-hour costs, for one building or for all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, insert_row, many, one, update_row


class EnergyContract(msgspec.Struct, frozen=True):
    """One contract; ``energy_prices`` as ``{price, timestamp}``, ascending."""

    id: UUID
    org_id: UUID
    user_id: UUID
    building_id: UUID | None
    energy_contract_type: str
    energy_prices: list[dict[str, Any]]
    currency_energy_price: str | None
    energy_price_includes_external_components: bool
    meter_id: str | None
    supplier: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


_FIXED = {"id", "org_id", "user_id", "version", "created_at", "updated_at"}
WRITABLE = frozenset(EnergyContract.__struct_fields__) - _FIXED
_COLUMNS = columns(EnergyContract)


async def insert(
    tx: WriteTx, org_id: UUID, user_id: UUID, contract_id: UUID, fields: Mapping[str, Any], now: datetime
) -> None:
    """A new contract with ``fields``."""
    await insert_row(
        tx, "energy_contracts", {"id": contract_id, "org_id": org_id, "user_id": user_id}, fields, WRITABLE, now
    )


async def get(
    tx: ReadTx, org_id: UUID, user_id: UUID, contract_id: UUID, include_deleted: bool = False
) -> EnergyContract | None:
    """The user's contract, or None."""
    sql = f"""
        select {_COLUMNS} from energy_contracts
        where org_id = $1 and user_id = $2 and id = $3 and (deleted_at is null or $4)"""
    return one(EnergyContract, await tx.row(sql, org_id, user_id, contract_id, include_deleted))


async def get_for_update(tx: WriteTx, org_id: UUID, user_id: UUID, contract_id: UUID) -> EnergyContract | None:
    """The user's living contract, locked until the transaction ends, or None."""
    sql = f"""
        select {_COLUMNS} from energy_contracts
        where org_id = $1 and user_id = $2 and id = $3 and deleted_at is null for update"""
    return one(EnergyContract, await tx.row(sql, org_id, user_id, contract_id))


async def find(
    tx: ReadTx, org_id: UUID, user_id: UUID, include_deleted: bool, after: UUID | None, limit: int
) -> list[EnergyContract]:
    """The user's contracts in order of id, at most ``limit``."""
    sql = f"""
        select {_COLUMNS} from energy_contracts
        where org_id = $1 and user_id = $2 and (deleted_at is null or $3) and ($4::uuid is null or id > $4)
        order by id limit $5"""
    return many(EnergyContract, await tx.fetch(sql, org_id, user_id, include_deleted, after, limit))


async def update(
    tx: WriteTx, org_id: UUID, contract_id: UUID, changes: Mapping[str, Any], version: int, now: datetime
) -> None:
    """The changed fields and the new version."""
    await update_row(tx, "energy_contracts", (org_id, contract_id), changes, WRITABLE, version, now)


async def delete_of_building(tx: WriteTx, org_id: UUID, building_id: UUID, now: datetime) -> int:
    """How many contracts ended softly with their building."""
    sql = """
        update energy_contracts set deleted_at = $3, updated_at = $3, version = version + 1
        where org_id = $1 and building_id = $2 and deleted_at is null"""
    return await tx.execute(sql, org_id, building_id, now)
