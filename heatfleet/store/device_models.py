"""The catalogue, the same for all organisations: device models and the cloud services they hang on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid5

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.ids import new_id
from heatfleet.store.rows import columns, many, one


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


class CatalogueModel(msgspec.Struct, frozen=True):
    """A model everybody may choose; ``vendor`` names its cloud service."""

    manufacturer: str
    model: str
    short_name: str
    long_name: str
    vendor: str | None


class ModelView(msgspec.Struct, frozen=True):
    """A model with what is said of its cloud service."""

    id: UUID
    manufacturer: str
    model: str
    year: int | None
    short_name: str
    long_name: str
    cloud_service_id: UUID | None
    cloud_service_name: str | None
    instructions: str | None
    signup_link: str | None


class CloudService(msgspec.Struct, frozen=True):
    """A manufacturer's cloud, see the table."""

    id: UUID
    vendor: str
    name: str
    instructions: str | None
    signup_link: str | None
    is_official: bool
    needs_gateway: bool


class ModelFilter(msgspec.Struct, frozen=True):
    """Which models a list shows: all ``words`` in maker or model, ``manufacturer`` in the maker's name."""

    words: list[str] = []
    manufacturer: str | None = None
    after: UUID | None = None
    limit: int = 500


_COLUMNS = columns(DeviceModel)
_PUBLIC = UUID("5f1c1d0e-6d0b-5b57-9a35-3f8a4bb0c2d1")  # names made within it are the same in every installation


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


async def save_cloud_services(tx: WriteTx, services: Sequence[CloudServiceFacts]) -> int:
    """How many cloud services are new or changed."""
    sql = """
        insert into cloud_services (id, vendor, name, instructions, signup_link, is_official, needs_gateway)
        select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::bool[]) as g(
          id, vendor, name, instructions, signup_link, is_official, needs_gateway) order by vendor
        on conflict (vendor) do update set name = excluded.name, instructions = excluded.instructions,
          signup_link = excluded.signup_link, is_official = excluded.is_official, needs_gateway = excluded.needs_gateway
        where (cloud_services.name, cloud_services.instructions, cloud_services.signup_link, cloud_services.is_official,
          cloud_services.needs_gateway) is distinct from (excluded.name, excluded.instructions, excluded.signup_link,
          excluded.is_official, excluded.needs_gateway)"""
    columns_ = ([getattr(service, name) for service in services] for name in CloudServiceFacts.__struct_fields__)
    return await tx.execute(sql, [new_id() for _ in services], *columns_)


async def add_models(tx: WriteTx, models: Sequence[CatalogueModel]) -> int:
    """How many models are new or got their cloud service; ids are made from names, so that the catalogue's own models
    are told from what single organisations have typed (see ``find``)."""
    sql = """
        insert into device_models (id, manufacturer, model, short_name, long_name, cloud_service_id)
        select g.id, g.manufacturer, g.model, g.short_name, g.long_name, s.id
        from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as g(
          id, manufacturer, model, short_name, long_name, vendor) left join cloud_services s on s.vendor = g.vendor
          left join device_models m on m.id = g.id
        where (m.id is null or (s.id is not null and m.cloud_service_id is distinct from s.id))
          and not exists (select from device_models o where o.manufacturer = g.manufacturer and o.model = g.model
            and o.year is null and o.id <> g.id and o.cloud_service_id is not distinct from s.id)
        on conflict (id) do update set cloud_service_id = excluded.cloud_service_id"""
    ids = [uuid5(_PUBLIC, f"{one.manufacturer}\n{one.model}") for one in models]
    columns_ = ([getattr(model, name) for model in models] for name in CatalogueModel.__struct_fields__)
    return await tx.execute(sql, ids, *columns_)


_FIND = """
select m.id, m.manufacturer, m.model, m.year, m.short_name, m.long_name, m.cloud_service_id, s.name, s.instructions,
  s.signup_link
from device_models m left join cloud_services s on s.id = m.cloud_service_id
where (get_byte(uuid_send(m.id), 6) >> 4 = 5  -- ids made from names: the catalogue's own
    or m.id in (select device_model_id from heat_pumps where org_id = $1))
  and not exists (select from unnest($2::text[]) word where strpos(lower(m.manufacturer || ' ' || m.model), word) = 0)
  and ($3::text is null or strpos(lower(m.manufacturer), lower($3)) > 0)
  and ($4::uuid is null or (m.manufacturer, m.model, m.id) > (
    select a.manufacturer, a.model, a.id from device_models a where a.id = $4))
order by m.manufacturer, m.model, m.id limit $5"""


async def find(tx: ReadTx, org_id: UUID, wanted: ModelFilter) -> list[ModelView]:
    """The catalogue's models and those the organisation's own heat pumps are, by maker and name."""
    words = [word.lower() for word in wanted.words]
    rows = await tx.fetch(_FIND, org_id, words, wanted.manufacturer, wanted.after, wanted.limit)
    return many(ModelView, rows)


async def cloud_services(tx: ReadTx, after: UUID | None, limit: int) -> list[CloudService]:
    """Cloud services in order of id."""
    sql = f"""
        select {columns(CloudService)} from cloud_services where $1::uuid is null or id > $1 order by id limit $2"""
    return many(CloudService, await tx.fetch(sql, after, limit))
