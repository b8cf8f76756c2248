"""The catalogue, the same for all organisations: device models and the cloud services they hang on."""

from __future__ import annotations

from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.ids import new_id
from heatfleet.store.rows import columns, one


class DeviceModel(msgspec.Struct, frozen=True):
    """A make and model."""

    id: UUID
    manufacturer: str
    model: str
    year: int | None
    short_name: str
    long_name: str
    cloud_service_id: UUID | None


class ModelNames(msgspec.Struct, frozen=True):
    """What names a model before it has an id."""

    manufacturer: str
    model: str
    year: int | None = None
    short_name: str = "hp_atw"
    long_name: str = "Heat Pump (Air-to-Water)"
    cloud_service_id: UUID | None = None


class CloudServiceFacts(msgspec.Struct, frozen=True):
    """What a vendor's manifest says of its cloud."""

    vendor: str
    name: str
    instructions: str | None = None
    signup_link: str | None = None
    is_official: bool = True
    needs_gateway: bool = False


_COLUMNS = columns(DeviceModel)


async def get(tx: ReadTx, model_id: UUID) -> DeviceModel | None:
    """The model, or None."""
    return one(DeviceModel, await tx.row(f"select {_COLUMNS} from device_models where id = $1", model_id))


async def find_or_insert(tx: WriteTx, names: ModelNames) -> UUID:
    """The id of the model so named; made when new."""
    where = """
        select id from device_models where manufacturer = $1 and model = $2 and coalesce(year, 0) = coalesce($3::int, 0)
          and cloud_service_id is not distinct from $4"""
    key = (names.manufacturer, names.model, names.year, names.cloud_service_id)
    found: UUID | None = await tx.value(where, *key)
    if found is None:
        sql = """
            insert into device_models (id, manufacturer, model, year, cloud_service_id, short_name, long_name)
            values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing"""
        await tx.execute(sql, new_id(), *key, names.short_name, names.long_name)
        found = await tx.value(where, *key)
    assert found is not None
    return found


async def cloud_service_exists(tx: ReadTx, cloud_service_id: UUID) -> bool:
    """Whether the catalogue knows this cloud service."""
    known: bool = await tx.value("select exists (select from cloud_services where id = $1)", cloud_service_id)
    return known


async def cloud_service_id(tx: WriteTx, facts: CloudServiceFacts) -> UUID:
    """The id of the vendor's cloud service; made or brought up to date."""
    sql = """
        insert into cloud_services (id, vendor, name, instructions, signup_link, is_official, needs_gateway)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (vendor) do update set name = excluded.name, instructions = excluded.instructions,
          signup_link = excluded.signup_link, is_official = excluded.is_official, needs_gateway = excluded.needs_gateway
        returning id"""
    made: UUID = await tx.value(sql, new_id(), *msgspec.structs.astuple(facts))
    return made
