"""Heat pumps of a user, and of the whole organisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import (
    HEAT_PUMP_ALIASES,
    MODEL_ALIASES,
    MODEL_READ_ONLY,
    DeviceModelInput,
    HeatPumpInput,
)
from heatfleet.api.operation import INCLUDE_DELETED, PAGE, Doc, Param, answer, if_match, nothing, operation, page
from heatfleet.api.parse import Query, read_fields, read_json, rename
from heatfleet.api.schemas import HeatPumpDetailOutput
from heatfleet.api.services import BASE
from heatfleet.api.users import USERS
from heatfleet.api.views import show_heat_pump, version_shown
from heatfleet.auth.permissions import Right
from heatfleet.domain.errors import NotFound
from heatfleet.domain.price_zones import PriceZone, parse_price_zone
from heatfleet.domain.solar import LOOK_BACK, SolarSurplus, solar_surplus
from heatfleet.domain.statuses import Lifecycle, Status
from heatfleet.flows import heat_pumps as flow
from heatfleet.store import heat_pump_views, sensors, users
from heatfleet.store.device_models import ModelNames
from heatfleet.store.heat_pump_views import HeatPumpFilter, HeatPumpView

HEAT_PUMPS = f"{USERS}/{{user_id:uuid}}/heat-pumps"
ONE = f"{HEAT_PUMPS}/{{heat_pump_id:uuid}}"
_TAG = "User Heat Pumps"
_READ_ONLY = frozenset(HeatPumpDetailOutput.__struct_fields__) | {"user_id"}


@operation(
    "GET",
    HEAT_PUMPS,
    Doc(
        "list_user_heat_pumps",
        "List a user's heat pumps",
        _TAG,
        right=Right.READ_HEAT_PUMP,
        answer=HeatPumpDetailOutput,
        is_list=True,
        query=(INCLUDE_DELETED, *PAGE),
    ),
)
async def list_user_heat_pumps(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """A page of one user's heat pumps."""
    query = Query(call.query)
    after, limit = query.page()
    include_deleted = query.take("include_deleted", bool, False)
    query.done()
    wanted = HeatPumpFilter(user_id=user_id, include_deleted=include_deleted, after=after, limit=limit + 1)
    async with call.services.database.read(org_id) as tx:
        if await users.get(tx, org_id, user_id, include_deleted) is None:
            raise NotFound("There is no such user.")
        rows = await heat_pump_views.find(tx, org_id, wanted)
    surpluses = await _surpluses(call, org_id, rows)
    return page(call, rows, limit, lambda row: show_heat_pump(row, call, surpluses.get(row.id)))


_STATUSES = tuple(map(str, Status))
_FILTERS = (
    Param("price_zone", (*map(str, PriceZone), "DE"), "Only this price zone; DE means DE_LU."),
    Param("connection_status", _STATUSES, "Only this connection status."),
    Param("steering_status", _STATUSES, "Only this steering status."),
    Param("lifecycle_state", tuple(map(str, Lifecycle)), "Only this lifecycle state."),
    Param("cloud_service", UUID, "Only this cloud service."),
    Param("is_smart_optimization_active", bool, "Only with optimisation on, or off."),
    Param("q", str, "Beginning of the owner's e-mail, name or external id."),
)


@operation(
    "GET",
    f"{BASE}/org/{{org_id:uuid}}/heat-pumps",
    Doc(
        "list_heat_pumps",
        "List the organisation's heat pumps",
        "Heat Pumps",
        right=Right.LIST_FLEET,
        answer=HeatPumpDetailOutput,
        is_list=True,
        query=(*_FILTERS, INCLUDE_DELETED, *PAGE),
    ),
)
async def list_heat_pumps(call: Call, org_id: UUID) -> ApiResponse:
    """A page of the whole fleet."""
    query = Query(call.query)
    after, limit = query.page()
    filters = {param.name: query.take(param.name, _kind(param)) for param in _FILTERS}
    include_deleted = query.take("include_deleted", bool, False)
    query.done()
    if filters["price_zone"] is not None:
        filters["price_zone"] = str(parse_price_zone(filters["price_zone"]))
    wanted = HeatPumpFilter(**filters, include_deleted=include_deleted, after=after, limit=limit + 1)
    async with call.services.database.read(org_id) as tx:
        rows = await heat_pump_views.find(tx, org_id, wanted)
    surpluses = await _surpluses(call, org_id, rows)
    return page(call, rows, limit, lambda row: show_heat_pump(row, call, surpluses.get(row.id)))


def _kind(param: Param) -> Any:
    return Literal[param.kind] if isinstance(param.kind, tuple) else param.kind


@operation(
    "POST",
    HEAT_PUMPS,
    Doc(
        "register_heat_pump",
        "Register a user's heat pump",
        _TAG,
        right=Right.CHANGE_HEAT_PUMP,
        answer=HeatPumpDetailOutput,
        body=HeatPumpInput,
        has_version=True,
        description="The device is `pending` until its owner signs in at `authorization_url`.",
    ),
)
async def register_heat_pump(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """The registered heat pump."""
    settings, model = _read(await call.body())
    return await _answer(call, org_id, await flow.register(call.act(org_id), user_id, settings, model))


@operation(
    "GET",
    ONE,
    Doc(
        "retrieve_heat_pump",
        "Get details about a user's specific heat pump",
        _TAG,
        right=Right.READ_HEAT_PUMP,
        answer=HeatPumpDetailOutput,
        query=(INCLUDE_DELETED,),
        has_version=True,
    ),
)
async def retrieve_heat_pump(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """One heat pump."""
    query = Query(call.query)
    include_deleted = query.take("include_deleted", bool, False)
    query.done()
    async with call.services.database.read(org_id) as tx:
        row = await heat_pump_views.get(tx, org_id, user_id, heat_pump_id, include_deleted)
    if row is None:
        raise NotFound("There is no such heat pump.")
    return await _answer(call, org_id, row)


@operation(
    "PUT PATCH",
    ONE,
    Doc(
        "update_heat_pump",
        "Change a heat pump's settings",
        _TAG,
        right=Right.CHANGE_HEAT_PUMP,
        answer=HeatPumpDetailOutput,
        body=HeatPumpInput,
        has_version=True,
        description="Send only what changes; `null` clears. PUT and PATCH are the same.",
    ),
)
async def update_heat_pump(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """The changed heat pump."""
    settings, model = _read(await call.body())
    row = await flow.change(call.act(org_id), (user_id, heat_pump_id), settings, model, if_match(call))
    return await _answer(call, org_id, row)


@operation(
    "DELETE",
    ONE,
    Doc(
        "delete_heat_pump",
        "Delete a heat pump",
        _TAG,
        right=Right.CHANGE_HEAT_PUMP,
        status=204,
        has_version=True,
        description="Softly and at once; the owner's own settings are restored first of all.",
    ),
)
async def delete_heat_pump(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """Nothing."""
    await flow.delete(call.act(org_id), (user_id, heat_pump_id), if_match(call))
    return nothing()


def _read(raw: bytes) -> tuple[dict[str, Any], ModelNames | None]:
    """The settings of a body and the model it names."""
    body = rename(read_json(raw), HEAT_PUMP_ALIASES)
    settings = read_fields(body, HeatPumpInput, partial=True, read_only=_READ_ONLY)
    if "price_zone" in settings:
        settings["price_zone"] = str(parse_price_zone(settings["price_zone"]))
    model = settings.pop("device_model", None)
    return settings, None if model is None else _read_model(model)


def _read_model(given: dict[str, Any]) -> ModelNames:
    within = ("body", "device_model")
    given = rename(dict(given), MODEL_ALIASES)
    fields = read_fields(given, DeviceModelInput, partial=False, read_only=MODEL_READ_ONLY, within=within)
    kind = fields.pop("device_type", None)
    names: dict[str, Any] = (
        {} if kind is None else {k: v for k, v in msgspec.structs.asdict(kind).items() if isinstance(v, str)}
    )
    return ModelNames(**fields, **names)


async def _answer(call: Call, org_id: UUID, row: HeatPumpView) -> ApiResponse:
    surpluses = await _surpluses(call, org_id, [row])
    return answer(show_heat_pump(row, call, surpluses.get(row.id)), version_shown(row, call))


async def _surpluses(call: Call, org_id: UUID, rows: Sequence[HeatPumpView]) -> dict[UUID, SolarSurplus]:
    """What the roofs of the pumps feed into the grid that may be raised to use it."""
    threshold_w = {row.id: row.min_solar_power_w for row in rows if row.is_inverter_forced_mode_enabled}
    if not threshold_w:
        return {}
    now = call.services.clock.fleet_now()
    async with call.services.database.read(org_id) as tx:
        exports = await sensors.exports(tx, list(threshold_w), now - LOOK_BACK)
    return {id_: solar_surplus(trace, threshold_w[id_], now) for id_, trace in exports.items()}


HANDLERS = (
    list_user_heat_pumps,
    list_heat_pumps,
    register_heat_pump,
    retrieve_heat_pump,
    update_heat_pump,
    delete_heat_pump,
)
