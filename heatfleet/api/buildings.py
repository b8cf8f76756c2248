"""Buildings of a user."""

from __future__ import annotations

from uuid import UUID

from litestar import get, post
from litestar.params import FromPath

from heatfleet.api.call import ApiRequest, ApiResponse, call_of, query_of
from heatfleet.api.inputs import BuildingInput
from heatfleet.api.operation import PAGE, Doc, answer, page
from heatfleet.api.parse import Query, read_body
from heatfleet.api.schemas import BuildingOutput
from heatfleet.api.users import USERS
from heatfleet.api.views import show_building
from heatfleet.auth.permissions import Right, allow
from heatfleet.domain.errors import NotFound
from heatfleet.flows import accounts
from heatfleet.store import buildings, users

BUILDINGS = f"{USERS}/{{user_id:uuid}}/buildings"
_TAG = "Buildings"
_READ_ONLY = frozenset(BuildingOutput.__struct_fields__)


@get(
    BUILDINGS,
    opt={
        "doc": Doc(
            "list_buildings",
            "List a user's buildings",
            _TAG,
            answer=BuildingOutput,
            is_list=True,
            query=PAGE,
            errors=(401, 404, 422),
        )
    },
)
async def list_buildings(request: ApiRequest, org_id: FromPath[UUID], user_id: FromPath[UUID]) -> ApiResponse:
    """A page of buildings."""
    call = call_of(request)
    allow(call.who(), Right.READ_BUILDING, org_id, user_id)
    query = Query(query_of(request))
    after, limit = query.page()
    query.done()
    async with call.services.database.read(org_id) as tx:
        if await users.get(tx, org_id, user_id) is None:
            raise NotFound("There is no such user.")
        rows = await buildings.find(tx, org_id, user_id, after, limit + 1)
    return page(request, rows, limit, show_building)


@post(
    BUILDINGS,
    status_code=200,
    opt={
        "doc": Doc(
            "create_building",
            "Create a building",
            _TAG,
            answer=BuildingOutput,
            body=BuildingInput,
            errors=(401, 404, 422),
            has_version=True,
        )
    },
)
async def create_building(request: ApiRequest, org_id: FromPath[UUID], user_id: FromPath[UUID]) -> ApiResponse:
    """The new building."""
    call = call_of(request)
    allow(call.who(), Right.CREATE_BUILDING, org_id, user_id)
    fields = read_body(await request.body(), BuildingInput, partial=False, read_only=_READ_ONLY)
    building_id = await accounts.create_building(call.act(org_id), user_id, fields)
    async with call.services.database.read(org_id) as tx:
        building = await buildings.get(tx, org_id, building_id)
    assert building is not None
    return answer(show_building(building), building.version)


HANDLERS = (list_buildings, create_building)
