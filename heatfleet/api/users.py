"""Users of an organisation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from babel import Locale
from litestar import get, post, route
from litestar.params import FromPath

from heatfleet.api.call import ApiRequest, ApiResponse, Call, call_of, query_of
from heatfleet.api.inputs import UserInput
from heatfleet.api.operation import INCLUDE_DELETED, PAGE, Doc, Param, answer, if_match, page
from heatfleet.api.parse import Query, read_body
from heatfleet.api.schemas import UserOutput
from heatfleet.api.services import BASE
from heatfleet.api.views import show_user
from heatfleet.auth.permissions import Reach, Right, allow, allow_role, reach
from heatfleet.auth.principal import Principal
from heatfleet.domain.errors import Forbidden, Invalid, NotFound
from heatfleet.flows import accounts
from heatfleet.store import users
from heatfleet.store.users import User, UserFilter

USERS = f"{BASE}/org/{{org_id:uuid}}/users"
_TAG = "Users"
_READ_ONLY = frozenset(UserOutput.__struct_fields__)
_COUNTRIES = frozenset(str(code) for code in Locale("en").territories if len(str(code)) == 2)


@get(
    USERS,
    opt={
        "doc": Doc(
            "list_users",
            "List the organisation's users",
            _TAG,
            answer=UserOutput,
            is_list=True,
            query=(
                Param("role", str, "Only this role."),
                Param("q", str, "Beginning of e-mail, name or external id."),
                INCLUDE_DELETED,
                *PAGE,
            ),
            errors=(401, 403, 404, 422),
        )
    },
)
async def list_users(request: ApiRequest, org_id: FromPath[UUID]) -> ApiResponse:
    """A page of users."""
    call = call_of(request)
    covered = allow(call.who(), Right.LIST_USERS, org_id)
    query = Query(query_of(request))
    after, limit = query.page()
    wanted = UserFilter(
        role="user" if covered is Reach.END_USERS else query.take("role", str),
        q=query.take("q", str),
        include_deleted=query.take("include_deleted", bool, False),
        after=after,
        limit=limit + 1,
    )
    query.done()
    async with call.services.database.read(org_id) as tx:
        rows = await users.find(tx, org_id, wanted)
    return page(request, rows, limit, show_user)


@post(
    USERS,
    status_code=200,
    opt={
        "doc": Doc(
            "create_user",
            "Create a user",
            _TAG,
            answer=UserOutput,
            body=UserInput,
            errors=(401, 403, 404, 409, 422),
            has_version=True,
        )
    },
)
async def create_user(request: ApiRequest, org_id: FromPath[UUID]) -> ApiResponse:
    """The new user."""
    call = call_of(request)
    principal = call.who()
    allow(principal, Right.CREATE_USER, org_id)
    fields = _read(await request.body(), partial=False)
    allow_role(principal, Right.CREATE_USER, None, fields["role"])
    user_id = await accounts.create_user(call.act(org_id), fields)
    return await _show(call, org_id, user_id)


@get(
    f"{USERS}/{{user_id:uuid}}",
    opt={
        "doc": Doc(
            "retrieve_user",
            "Get a user",
            _TAG,
            answer=UserOutput,
            query=(INCLUDE_DELETED,),
            errors=(401, 403, 404, 422),
            has_version=True,
        )
    },
)
async def retrieve_user(request: ApiRequest, org_id: FromPath[UUID], user_id: FromPath[UUID]) -> ApiResponse:
    """One user."""
    call = call_of(request)
    allow(call.who(), Right.READ_USER, org_id, user_id)
    query = Query(query_of(request))
    include_deleted = query.take("include_deleted", bool, False)
    query.done()
    return await _show(call, org_id, user_id, include_deleted)


@route(
    f"{USERS}/{{user_id:uuid}}",
    http_method=["PUT", "PATCH"],
    opt={
        "doc": Doc(
            "update_user",
            "Change a user",
            _TAG,
            answer=UserOutput,
            body=UserInput,
            errors=(401, 403, 404, 409, 412, 422),
            has_version=True,
            description="Send only what changes; `null` clears.",
        )
    },
)
async def update_user(request: ApiRequest, org_id: FromPath[UUID], user_id: FromPath[UUID]) -> ApiResponse:
    """The changed user."""
    call = call_of(request)
    principal = call.who()
    allow(principal, Right.CHANGE_USER, org_id, user_id)
    changes = _read(await request.body(), partial=True)
    async with call.services.database.read(org_id) as tx:
        user = await users.get(tx, org_id, user_id)
    _check_change(principal, user, changes)
    await accounts.change_user(call.act(org_id), user_id, changes, if_match(request))
    return await _show(call, org_id, user_id)


def _check_change(principal: Principal, user: User | None, changes: dict[str, Any]) -> None:
    if user is None:
        raise NotFound("There is no such user.")
    allow_role(principal, Right.CHANGE_USER, user.id, user.role)
    if changes.get("role", user.role) != user.role and reach(principal, Right.CHANGE_ROLE) is Reach.NONE:
        raise Forbidden("Only admins change roles.")


def _read(raw: bytes, *, partial: bool) -> dict[str, Any]:
    fields = read_body(raw, UserInput, partial=partial, read_only=_READ_ONLY)
    country = fields.get("country_iso2")
    if country is not None and country not in _COUNTRIES:
        raise Invalid.field("country_iso2", "is not an ISO 3166 alpha-2 country", "enum")
    return fields


async def _show(call: Call, org_id: UUID, user_id: UUID, include_deleted: bool = False) -> ApiResponse:
    async with call.services.database.read(org_id) as tx:
        user = await users.get(tx, org_id, user_id, include_deleted)
    if user is None:
        raise NotFound("There is no such user.")
    allow_role(call.who(), Right.READ_USER, user_id, user.role)
    return answer(show_user(user), user.version)


HANDLERS = (list_users, create_user, retrieve_user, update_user)
