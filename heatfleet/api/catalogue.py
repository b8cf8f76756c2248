"""The catalogue: device models and cloud services."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.operation import PAGE, Doc, Param, operation, page
from heatfleet.api.parse import Query
from heatfleet.api.schemas import DeviceModelOutput, DeviceTypeOutput
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import Right
from heatfleet.store import device_models
from heatfleet.store.device_models import CloudService, ModelFilter, ModelView
from heatfleet.vendors.kit.manifest import Manifest

_ORG = f"{BASE}/org/{{org_id:uuid}}"
_TAG = "Catalogue"


class DeviceModelItem(DeviceModelOutput, kw_only=True):
    """A model of the catalogue; its `id` is what `device_model_id` of a heat pump takes."""

    id: UUID
    cloud_service_name: str | None = None


class CloudServiceOutput(Struct, kw_only=True):
    """A manufacturer's cloud, or a gateway, through which heat pumps are connected."""

    id: UUID
    name: str
    instructions: str | None = None
    signup_link: str | None = None
    is_official: Annotated[bool, Meta(description="The manufacturer offers this interface for such use.")]
    needs_gateway: bool
    is_available: Annotated[bool, Meta(description="This installation is set up for it.")]
    sign_in: Annotated[
        Literal["redirect", "form", "device_code", "pair"] | None, Meta(description="How owners sign in.")
    ] = None
    brands: list[str] = []
    countries: Annotated[list[str], Meta(description="ISO 3166 alpha-2, or * for all.")] = []


@operation(
    "GET",
    f"{_ORG}/device-models",
    Doc(
        "list_device_models",
        "List known heat pump models",
        _TAG,
        right=Right.READ_CATALOGUE,
        answer=DeviceModelItem,
        is_list=True,
        query=(
            Param("q", str, "Words that manufacturer or model contain, all of them."),
            Param("manufacturer", str, "Part of the manufacturer's name."),
            *PAGE,
        ),
        description="By manufacturer and model. Source: hplib's database of Heat Pump Keymark data (CC BY 4.0),"
        " https://github.com/RE-Lab-Projects/hplib; and the models of the organisation's own heat pumps.",
    ),
)
async def list_device_models(call: Call, org_id: UUID) -> ApiResponse:
    """A page of models."""
    query = Query(call.query)
    after, limit = query.page()
    words = query.take("q", str, "").split()
    manufacturer = query.take("manufacturer", str)
    query.done()
    async with call.services.database.read(org_id) as tx:
        rows = await device_models.find(tx, org_id, ModelFilter(words, manufacturer, after, limit + 1))
    return page(call, rows, limit, _show_model)


def _show_model(row: ModelView) -> DeviceModelItem:
    return DeviceModelItem(
        id=row.id,
        device_type=DeviceTypeOutput(short_name=row.short_name, long_name=row.long_name),
        cloud_service_instructions=row.instructions,
        cloud_service_signup_link=row.signup_link,
        manufacturer=row.manufacturer,
        model=row.model,
        year=row.year,
        cloud_service=row.cloud_service_id,
        cloud_service_name=row.cloud_service_name,
    )


@operation(
    "GET",
    f"{_ORG}/cloud-services",
    Doc(
        "list_cloud_services",
        "List the clouds through which heat pumps are connected",
        _TAG,
        right=Right.READ_CATALOGUE,
        answer=CloudServiceOutput,
        is_list=True,
        query=PAGE,
    ),
)
async def list_cloud_services(call: Call, org_id: UUID) -> ApiResponse:
    """A page of cloud services."""
    query = Query(call.query)
    after, limit = query.page()
    query.done()
    usable = {manifest.name: manifest for manifest in call.services.counter.vendors.manifests()}
    async with call.services.database.read(org_id) as tx:
        rows = await device_models.cloud_services(tx, after, limit + 1)
    return page(call, rows, limit, lambda row: _show_service(row, usable.get(row.vendor)))


def _show_service(row: CloudService, manifest: Manifest | None) -> CloudServiceOutput:
    shown = CloudServiceOutput(
        id=row.id,
        name=row.name,
        instructions=row.instructions,
        signup_link=row.signup_link,
        is_official=row.is_official,
        needs_gateway=row.needs_gateway,
        is_available=manifest is not None,
    )
    if manifest is not None:
        shown.sign_in = manifest.sign_in.value
        shown.brands, shown.countries = list(manifest.brands), list(manifest.countries)
    return shown


HANDLERS = (list_device_models, list_cloud_services)
