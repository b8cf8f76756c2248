"""Buildings of a user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, insert_row, many, one, update_row


class Building(msgspec.Struct, frozen=True):
    """One building."""

    id: UUID
    org_id: UUID
    user_id: UUID
    name: str
    property_type: str | None
    property_size_m2: float | None
    property_age: int | None
    num_occupants: int | None
    occupant_type: str | None
    space_heating: str | None
    water_heating: str | None
    photovoltaic: bool
    street_and_number: str | None
    street_add_info: str | None
    zip_code: str | None
    town: str | None
    country_iso2: str | None
    latitude: float | None
    longitude: float | None
    version: int
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


_FIXED = {"id", "org_id", "user_id", "version", "created_at", "updated_at"}
WRITABLE = frozenset(Building.__struct_fields__) - _FIXED
_COLUMNS = columns(Building)


async def insert(
    tx: WriteTx, org_id: UUID, user_id: UUID, building_id: UUID, fields: Mapping[str, Any], now: datetime
) -> None:
    """A new building with ``fields``."""
    await insert_row(tx, "buildings", {"id": building_id, "org_id": org_id, "user_id": user_id}, fields, WRITABLE, now)


async def get(tx: ReadTx, org_id: UUID, building_id: UUID, include_deleted: bool = False) -> Building | None:
    """The building, or None."""
    sql = f"select {_COLUMNS} from buildings where org_id = $1 and id = $2 and (deleted_at is null or $3)"
    return one(Building, await tx.row(sql, org_id, building_id, include_deleted))


async def get_for_update(tx: WriteTx, org_id: UUID, user_id: UUID, building_id: UUID) -> Building | None:
    """The user's living building, locked until the transaction ends, or None."""
    sql = f"""
        select {_COLUMNS} from buildings
        where org_id = $1 and user_id = $2 and id = $3 and deleted_at is null for update"""
    return one(Building, await tx.row(sql, org_id, user_id, building_id))


async def find(
    tx: ReadTx, org_id: UUID, user_id: UUID, include_deleted: bool = False, after: UUID | None = None, limit: int = 500
) -> list[Building]:
    """The user's buildings in order of id, at most ``limit``."""
    sql = f"""
        select {_COLUMNS} from buildings
        where org_id = $1 and user_id = $2 and (deleted_at is null or $3) and ($4::uuid is null or id > $4)
        order by id limit $5"""
    return many(Building, await tx.fetch(sql, org_id, user_id, include_deleted, after, limit))


async def update(
    tx: WriteTx, org_id: UUID, building_id: UUID, changes: Mapping[str, Any], version: int, now: datetime
) -> None:
    """The changed fields and the new version."""
    await update_row(tx, "buildings", (org_id, building_id), changes, WRITABLE, version, now)


async def move_out(tx: WriteTx, org_id: UUID, building_id: UUID, now: datetime) -> list[UUID]:
    """The living heat pumps that stood in the building and now stand in none."""
    sql = """
        update heat_pumps set building_id = null, version = version + 1, updated_at = $3
        where org_id = $1 and building_id = $2 and deleted_at is null returning id"""
    return [row[0] for row in await tx.fetch(sql, org_id, building_id, now)]


async def planned_pumps(tx: ReadTx, org_id: UUID, user_id: UUID, building_id: UUID | None = None) -> list[UUID]:
    """The user's heat pumps that are planned, those of one building or (None) all."""
    sql = """
        select id from heat_pumps
        where org_id = $1 and user_id = $2 and ($3::uuid is null or building_id = $3)
          and deleted_at is null and is_smart_optimization_active and connection_id is not null order by id"""
    return [row[0] for row in await tx.fetch(sql, org_id, user_id, building_id)]
