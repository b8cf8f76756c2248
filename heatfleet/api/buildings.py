"""Buildings of a user."""

from __future__ import annotations

from uuid import UUID

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import BuildingInput
from heatfleet.api.operation import PAGE, Doc, answer, operation, page
from heatfleet.api.parse import Query, read_body
from heatfleet.api.schemas import BuildingOutput
from heatfleet.api.users import USERS
from heatfleet.api.views import show_building
from heatfleet.auth.permissions import Right
from heatfleet.domain.errors import NotFound
from heatfleet.flows import accounts
from heatfleet.store import buildings, users

BUILDINGS = f"{USERS}/{{user_id:uuid}}/buildings"
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
        query=PAGE,
    ),
)
async def list_buildings(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """A page of buildings."""
    query = Query(call.query)
    after, limit = query.page()
    query.done()
    async with call.services.database.read(org_id) as tx:
        if await users.get(tx, org_id, user_id) is None:
            raise NotFound("There is no such user.")
        rows = await buildings.find(tx, org_id, user_id, after, limit + 1)
    return page(call, rows, limit, show_building)


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
    fields = read_body(await call.body(), BuildingInput, partial=False, read_only=_READ_ONLY)
    building_id = await accounts.create_building(call.act(org_id), user_id, fields)
    async with call.services.database.read(org_id) as tx:
        building = await buildings.get(tx, org_id, building_id)
    assert building is not None
    return answer(show_building(building), building.version)


HANDLERS = (list_buildings, create_building)
