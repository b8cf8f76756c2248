"""Users of an organisation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from babel import Locale
from msgspec import Struct

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.inputs import UserInput
from heatfleet.api.operation import INCLUDE_DELETED, PAGE, Doc, Param, answer, if_match, nothing, operation, page
from heatfleet.api.parse import Query, read_body
from heatfleet.api.schemas import UserOutput
from heatfleet.api.services import BASE
from heatfleet.api.views import show_user
from heatfleet.auth.permissions import Reach, Right, allow_role, reach
from heatfleet.auth.principal import Principal
from heatfleet.domain.errors import Forbidden, Invalid, NotFound
from heatfleet.flows import accounts, privacy
from heatfleet.store import users
from heatfleet.store.database import ReadTx
from heatfleet.store.users import User, UserFilter

USERS = f"{BASE}/org/{{org_id:uuid}}/users"
_TAG = "Users"
_READ_ONLY = frozenset(UserOutput.__struct_fields__)
_COUNTRIES = frozenset(str(code) for code in Locale("en").territories if len(str(code)) == 2)


@operation(
    "GET",
    USERS,
    Doc(
        "list_users",
        "List the organisation's users",
        _TAG,
        right=Right.LIST_USERS,
        answer=UserOutput,
        is_list=True,
        query=(
            Param("role", str, "Only this role."),
            Param("q", str, "Beginning of e-mail, name or external id."),
            INCLUDE_DELETED,
            *PAGE,
        ),
    ),
)
async def list_users(call: Call, org_id: UUID) -> ApiResponse:
    """A page of users."""
    query = Query(call.query)
    after, limit = query.page()
    wanted = UserFilter(
        role="user" if call.reach is Reach.END_USERS else query.take("role", str),
        q=query.take("q", str),
        include_deleted=query.take("include_deleted", bool, False),
        after=after,
        limit=limit + 1,
    )
    query.done()
    async with call.services.database.read(org_id) as tx:
        rows = await users.find(tx, org_id, wanted)
    return page(call, rows, limit, show_user)


@operation(
    "POST",
    USERS,
    Doc(
        "create_user",
        "Create a user",
        _TAG,
        right=Right.CREATE_USER,
        answer=UserOutput,
        body=UserInput,
        has_version=True,
    ),
)
async def create_user(call: Call, org_id: UUID) -> ApiResponse:
    """The new user."""
    principal = call.who()
    fields = _read(await call.body(), partial=False)
    allow_role(principal, Right.CREATE_USER, None, fields["role"])
    user_id = await accounts.create_user(call.act(org_id), fields)
    return await _show(call, org_id, user_id)


@operation(
    "GET",
    f"{USERS}/{{user_id:uuid}}",
    Doc(
        "retrieve_user",
        "Get a user",
        _TAG,
        right=Right.READ_USER,
        answer=UserOutput,
        query=(INCLUDE_DELETED,),
        has_version=True,
    ),
)
async def retrieve_user(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """One user."""
    query = Query(call.query)
    include_deleted = query.take("include_deleted", bool, False)
    query.done()
    return await _show(call, org_id, user_id, include_deleted)


@operation(
    "PUT PATCH",
    f"{USERS}/{{user_id:uuid}}",
    Doc(
        "update_user",
        "Change a user",
        _TAG,
        right=Right.CHANGE_USER,
        answer=UserOutput,
        body=UserInput,
        errors=(409,),
        has_version=True,
        description="Send only what changes; `null` clears.",
    ),
)
async def update_user(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """The changed user."""
    principal = call.who()
    changes = _read(await call.body(), partial=True)
    _check_change(principal, await _find(call, org_id, user_id), changes)
    await accounts.change_user(call.act(org_id), user_id, changes, if_match(call))
    return await _show(call, org_id, user_id)


@operation(
    "DELETE",
    f"{USERS}/{{user_id:uuid}}",
    Doc(
        "delete_user",
        "Delete a user",
        _TAG,
        right=Right.DELETE_USER,
        status=204,
        query=(Param("erase", bool, "If true, everything personal is erased afterwards; also later.", False),),
        errors=(409,),
        has_version=True,
        description="Softly and at once, with buildings, energy contracts and heat pumps; the heat pumps get their"
        " owner's own settings back first. With `erase=true` every row about the person is erased once that is seen,"
        " after a day at the latest; a deleted user can still be erased. The last admin can only be deleted by a"
        " machine client (409).",
    ),
)
async def delete_user(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """Nothing."""
    query = Query(call.query)
    erase = query.take("erase", bool, False)
    query.done()
    principal, act = call.who(), call.act(org_id)
    user = await _find(call, org_id, user_id, include_deleted=erase)
    allow_role(principal, Right.DELETE_USER, user.id, user.role)
    if user.deleted_at is None:
        await privacy.delete_user(act, user_id, if_match(call), by_client=principal.client_id is not None)
    if erase:
        await privacy.ask_erasure(act, user_id)
    return nothing()


def _check_change(principal: Principal, user: User, changes: dict[str, Any]) -> None:
    allow_role(principal, Right.CHANGE_USER, user.id, user.role)
    if changes.get("role", user.role) != user.role and reach(principal, Right.CHANGE_ROLE) is Reach.NONE:
        raise Forbidden("Only admins change roles.")


def _read(raw: bytes, *, partial: bool) -> dict[str, Any]:
    return read_located(raw, UserInput, partial=partial, read_only=_READ_ONLY)


def read_located(raw: bytes, kind: type[Struct], *, partial: bool, read_only: frozenset[str]) -> dict[str, Any]:
    """The fields that ``raw`` gives of ``kind``, which has an address; its country must be one."""
    fields = read_body(raw, kind, partial=partial, read_only=read_only)
    country = fields.get("country_iso2")
    if country is not None and country not in _COUNTRIES:
        raise Invalid.field("country_iso2", "is not an ISO 3166 alpha-2 country", "enum")
    return fields


async def _find(call: Call, org_id: UUID, user_id: UUID, include_deleted: bool = False) -> User:
    async with call.services.database.read(org_id) as tx:
        user = await users.get(tx, org_id, user_id, include_deleted)
    if user is None:
        raise NotFound("There is no such user.")
    return user


async def _show(call: Call, org_id: UUID, user_id: UUID, include_deleted: bool = False) -> ApiResponse:
    user = await _find(call, org_id, user_id, include_deleted)
    allow_role(call.who(), Right.READ_USER, user_id, user.role)
    return answer(show_user(user), user.version)


async def page_of_user(
    call: Call,
    org_id: UUID,
    user_id: UUID,
    find: Callable[[ReadTx, UUID, UUID, bool, UUID | None, int], Awaitable[Sequence[Any]]],
    show: Callable[[Any], Any],
) -> ApiResponse:
    """A page of what ``find`` knows of the user: deleted ones if asked for, by cursor and limit."""
    query = Query(call.query)
    after, limit = query.page()
    include_deleted = query.take("include_deleted", bool, False)
    query.done()
    async with call.services.database.read(org_id) as tx:
        if await users.get(tx, org_id, user_id, include_deleted) is None:
            raise NotFound("There is no such user.")
        rows = await find(tx, org_id, user_id, include_deleted, after, limit + 1)
    return page(call, rows, limit, show)


HANDLERS = (list_users, create_user, retrieve_user, update_user, delete_user)
