"""Buildings of a user."""

from __future__ import annotations

from uuid import UUID

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import BuildingInput
from heatfleet.api.operation import INCLUDE_DELETED, PAGE, Doc, answer, if_match, nothing, operation
from heatfleet.api.parse import Query
from heatfleet.api.schemas import BuildingOutput
from heatfleet.api.users import USERS, page_of_user, read_located
from heatfleet.api.views import show_building
from heatfleet.auth.permissions import Right
from heatfleet.domain.errors import NotFound
from heatfleet.flows import accounts
from heatfleet.store import buildings

BUILDINGS = f"{USERS}/{{user_id:uuid}}/buildings"
ONE = f"{BUILDINGS}/{{building_id:uuid}}"
_TAG = "Buildings"
_READ_ONLY = frozenset(BuildingOutput.__struct_fields__)


@operation(
    "GET",
    BUILDINGS,
    Doc(
        "list_buildings",
        "List a user's buildings",
        _TAG,
        right=Right.READ_BUILDING,
        answer=BuildingOutput,
        is_list=True,
        query=(INCLUDE_DELETED, *PAGE),
    ),
)
async def list_buildings(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """A page of buildings."""
    return await page_of_user(call, org_id, user_id, buildings.find, show_building)


@operation(
    "POST",
    BUILDINGS,
    Doc(
        "create_building",
        "Create a building",
        _TAG,
        right=Right.CHANGE_BUILDING,
        answer=BuildingOutput,
        body=BuildingInput,
        has_version=True,
    ),
)
async def create_building(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """The new building."""
    fields = read_located(await call.body(), BuildingInput, partial=False, read_only=_READ_ONLY)
    building_id = await accounts.create_building(call.act(org_id), user_id, fields)
    return await _show(call, org_id, user_id, building_id)


@operation(
    "GET",
    ONE,
    Doc(
        "retrieve_building",
        "Get a building",
        _TAG,
        right=Right.READ_BUILDING,
        answer=BuildingOutput,
        query=(INCLUDE_DELETED,),
        has_version=True,
    ),
)
async def retrieve_building(call: Call, org_id: UUID, user_id: UUID, building_id: UUID) -> ApiResponse:
    """One building."""
    query = Query(call.query)
    include_deleted = query.take("include_deleted", bool, False)
    query.done()
    return await _show(call, org_id, user_id, building_id, include_deleted)


@operation(
    "PUT PATCH",
    ONE,
    Doc(
        "update_building",
        "Change a building",
        _TAG,
        right=Right.CHANGE_BUILDING,
        answer=BuildingOutput,
        body=BuildingInput,
        has_version=True,
        description="Send only what changes; `null` clears.",
    ),
)
async def update_building(call: Call, org_id: UUID, user_id: UUID, building_id: UUID) -> ApiResponse:
    """The changed building."""
    changes = read_located(await call.body(), BuildingInput, partial=True, read_only=_READ_ONLY)
    await accounts.change_building(call.act(org_id), (user_id, building_id), changes, if_match(call))
    return await _show(call, org_id, user_id, building_id)


@operation(
    "DELETE",
    ONE,
    Doc(
        "delete_building",
        "Delete a building",
        _TAG,
        right=Right.CHANGE_BUILDING,
        status=204,
        has_version=True,
        description="Softly, with its energy contracts. Its heat pumps run on and stand in no building.",
    ),
)
async def delete_building(call: Call, org_id: UUID, user_id: UUID, building_id: UUID) -> ApiResponse:
    """Nothing."""
    await accounts.delete_building(call.act(org_id), (user_id, building_id), if_match(call))
    return nothing()


async def _show(
    call: Call, org_id: UUID, user_id: UUID, building_id: UUID, include_deleted: bool = False
) -> ApiResponse:
    async with call.services.database.read(org_id) as tx:
        building = await buildings.get(tx, org_id, building_id, include_deleted)
    if building is None or building.user_id != user_id:
        raise NotFound("There is no such building.")
    return answer(show_building(building), building.version)


HANDLERS = (list_buildings, create_building, retrieve_building, update_building, delete_building)
