"""Buildings of a user."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many, one


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


_FIXED = {"id", "org_id", "user_id", "version", "created_at", "updated_at", "deleted_at"}
WRITABLE = frozenset(Building.__struct_fields__) - _FIXED
_COLUMNS = columns(Building)


async def insert(
    tx: WriteTx, org_id: UUID, user_id: UUID, building_id: UUID, fields: Mapping[str, Any], now: datetime
) -> None:
    """A new building with ``fields``."""
    assert set(fields) <= WRITABLE
    names = ["id", "org_id", "user_id", "created_at", "updated_at", *fields]
    marks = ", ".join(f"${i + 1}" for i in range(len(names)))
    sql = f"insert into buildings ({', '.join(names)}) values ({marks})"
    await tx.execute(sql, building_id, org_id, user_id, now, now, *fields.values())


async def get(tx: ReadTx, org_id: UUID, building_id: UUID) -> Building | None:
    """The living building, or None."""
    sql = f"select {_COLUMNS} from buildings where org_id = $1 and id = $2 and deleted_at is null"
    return one(Building, await tx.row(sql, org_id, building_id))


async def find(tx: ReadTx, org_id: UUID, user_id: UUID, after: UUID | None = None, limit: int = 500) -> list[Building]:
    """The user's living buildings in order of id, at most ``limit``."""
    sql = f"""
        select {_COLUMNS} from buildings
        where org_id = $1 and user_id = $2 and deleted_at is null and ($3::uuid is null or id > $3)
        order by id limit $4"""
    return many(Building, await tx.fetch(sql, org_id, user_id, after, limit))
