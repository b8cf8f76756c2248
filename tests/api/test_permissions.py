"""Who may call what: every documented operation, by every role, on own, other people's and other organisations' things.

What to expect is read from the table of rights and the operation's own ``Doc``; no endpoint is listed here by hand.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.api.operation import PATH_ID, Doc
from heatfleet.api.routes import HANDLERS
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import TABLE, Reach
from heatfleet.auth.principal import Role
from heatfleet.store.ids import new_id
from tests.api_server import Answer, Api

OPEN = {
    "create_token": "it is where tokens come from",
    "retrieve_jwks": "public keys",
    "healthz": "says nothing of anybody",
    "readyz": "says nothing of anybody",
    "report_action_state": "its signed secret is the permission",
}
WITHOUT_RIGHT = {
    "retrieve_me": "everybody may know who they are",
    "create_device_onboarding": "the user it is for comes in the body; test_onboarding_is_for_whom_one_reaches",
    "retrieve_device_onboarding": "whose session it is shows once it is read; test_onboarding_is_for_whom_one_reaches",
    "resolve_reauthentication": "needs a secret bound to the caller, besides; test_api_cues.py",
    "resolve_information": "needs a secret bound to the caller, besides; test_api_cues.py",
}
CONTRACT = {
    "energy_contract_type": "yearly",
    "energy_prices": [{"price": 0.3, "timestamp": "2024-01-01T00:00:00Z"}],
    "currency_energy_price": "EUR",
}


BODIES = {"create_building": {"name": "Home"}, "create_energy_contract": CONTRACT}
"""Where the body is read before the user of the path is looked up."""
NOT_ONESELF = {"invite_user": "who can sign in needs no link; an admin sends one to staff"}


@dataclass(frozen=True)
class Operation:
    """One method of one documented path."""

    method: str
    path: str
    doc: Doc

    @property
    def ids(self) -> set[str]:
        """The names in its path."""
        return set(PATH_ID.findall(self.path))

    def at(self, ids: dict[str, str]) -> str:
        """The path with ids put in."""
        return PATH_ID.sub(lambda name: ids[name[1]], self.path)


OPERATIONS = [
    Operation(method, sorted(handler.paths)[0].removeprefix(BASE), handler.opt["doc"])
    for handler in HANDLERS
    if "doc" in handler.opt
    for method in sorted(handler.http_methods - {"HEAD", "OPTIONS"})
]
CLOSED = [operation for operation in OPERATIONS if not operation.doc.is_open]
RIGHTS = [operation for operation in CLOSED if operation.doc.right is not None]


def name(operation: Operation) -> str:
    return f"{operation.method} {operation.doc.id}"


def test_every_operation_needs_a_right_or_says_why_not() -> None:
    open_, closed = {o.doc.id for o in OPERATIONS if o.doc.is_open}, {o.doc.id for o in CLOSED if o.doc.right is None}
    assert open_ == set(OPEN)
    assert closed == set(WITHOUT_RIGHT)


@pytest.mark.parametrize("operation", CLOSED, ids=name)
async def test_anonymous_is_401(api: Api, operation: Operation) -> None:
    path = operation.at({id_: str(new_id()) for id_ in operation.ids})
    for token in (None, "nonsense"):
        answer = await api.call(operation.method, path, body_for(operation), token=token)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.body["request_id"] == answer.headers["x-request-id"]


def body_for(operation: Operation) -> Any:
    """A body where there is one; mostly an empty one, for whether one may is decided before what is in it."""
    if operation.doc.id in BODIES:
        return BODIES[operation.doc.id]
    return {} if operation.method in {"POST", "PUT", "PATCH"} else None


async def _client(api: Api, user_id: str) -> str:
    return str((await api.call("POST", f"/org/{api.org_id}/clients", {"name": "x"})).body["id"])


def _of_user(kind: str, body: dict[str, Any]) -> Callable[[Api, str], Awaitable[str]]:
    async def make(api: Api, user_id: str) -> str:
        made = await api.call("POST", f"/org/{api.org_id}/users/{user_id}/{kind}", body)
        assert made.status == 200, made.body
        return str(made.body["id"])

    return make


async def _grid_limit(api: Api, user_id: str) -> str:
    pump = await _of_user("heat-pumps", {})(api, user_id)
    now = api.services.clock.fleet_now()
    times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=1)).isoformat()}
    made = await api.call("POST", f"/org/{api.org_id}/grid-limits", {"heat_pump_ids": [pump], "limit_w": 4200, **times})
    assert made.status == 200, made.body
    return str(made.body["id"])


MAKE: dict[str, Callable[[Api, str], Awaitable[str]]] = {
    "heat_pump_id": _of_user("heat-pumps", {}),
    "building_id": _of_user("buildings", {"name": "Home"}),
    "contract_id": _of_user("energy-contracts", CONTRACT),
    "client_id": _client,
    "grid_limit_id": _grid_limit,
}
"""How to make the thing an id in a path stands for; a new kind of id wants an entry."""


async def things(api: Api, operation: Operation, user_id: UUID) -> dict[str, str]:
    """The ids of the operation's path: things of ``user_id``, made anew, for some calls delete them."""
    ids = {"org_id": str(api.org_id), "user_id": str(user_id)}
    return ids | {id_: await MAKE[id_](api, str(user_id)) for id_ in sorted(operation.ids - ids.keys())}


def expected(operation: Operation, role: Role, whose: str) -> set[int] | None:
    """The statuses the table of rights allows; None = any that does not refuse the caller."""
    assert operation.doc.right is not None
    reach = TABLE[operation.doc.right][role]
    if whose in {"foreign", "smuggled"}:
        if whose == "foreign" or reach >= Reach.END_USERS:
            return {404}
        return {404} if reach is Reach.OWN and "user_id" in operation.ids else {403}
    if whose == "own" and reach is Reach.END_USERS and operation.doc.id in NOT_ONESELF:
        return {403}
    if reach is Reach.NONE or (reach is Reach.OWN and "user_id" not in operation.ids):
        return {403}
    return {404} if reach is Reach.OWN and whose == "other" else None


def refuses(answer: Answer, wanted: set[int] | None) -> bool:
    """Whether the answer is what was wanted."""
    if wanted is None:
        return answer.status < 400 or answer.status in {409, 422}
    return answer.status in wanted


@pytest.mark.parametrize("operation", RIGHTS, ids=name)
async def test_every_role_reaches_what_the_table_says(api: Api, other_org_id: UUID, operation: Operation) -> None:
    elsewhere = replace(api, org_id=other_org_id)
    wrong = []
    for who in ("admin", "staff", "user", "client"):
        me = await api.user("admin" if who == "client" else who)
        role = Role.ADMIN if who == "client" else Role(who)
        token = api.token() if who == "client" else api.token(who, me)
        foreign = await things(elsewhere, operation, await elsewhere.user())
        cases = {
            "own": await things(api, operation, me),
            "other": await things(api, operation, await api.user()),
            "foreign": foreign,
            "smuggled": foreign | {"org_id": str(api.org_id)},
        }
        if operation.ids == {"org_id"}:
            del cases["smuggled"]  # there is nothing of theirs in the path
        for whose, ids in cases.items():
            answer = await api.call(operation.method, operation.at(ids), body_for(operation), token=token)
            if not refuses(answer, wanted := expected(operation, role, whose)):
                wrong.append((who, whose, answer.status, wanted))
    assert not wrong


async def test_onboarding_is_for_whom_one_reaches(api: Api, other_org_id: UUID) -> None:
    me, you = await api.user(), await api.user()
    user, staff = api.token("user", me), api.token("staff", await api.user("staff"))
    stranger = api.token(org_id=other_org_id)

    async def create(user_id: UUID, token: str) -> Answer:
        wanted = {"language": "en", "price_zone_default": "AT", "user_id": str(user_id)}
        urls = {"success_url": "https://a.example", "cancel_url": "https://a.example"}
        return await api.call("POST", "/device-onboarding", wanted | urls, token=token)

    own, other = await create(me, user), await create(you, staff)
    assert (own.status, other.status) == (200, 200)
    assert (await create(you, user)).status == 404
    assert (await create(me, stranger)).status == 422
    for session, token, status in (
        (own, user, 200), (other, user, 404), (own, staff, 200), (own, stranger, 404), (other, api.token(), 200),
    ):  # fmt: skip
        answer = await api.call("GET", f"/device-onboarding/{session.body['id']}", token=token)
        assert answer.status == status


async def test_a_pump_of_somebody_else_is_not_reached_below_oneself(api: Api) -> None:
    me, you = await api.user(), await api.user()
    pump = (await api.pump(you))["id"]
    for token in (api.token("user", me), api.token("staff", await api.user("staff")), api.token()):
        answer = await api.call("GET", f"/org/{api.org_id}/users/{me}/heat-pumps/{pump}", token=token)
        assert answer.status == 404


async def test_staff_reach_end_users_but_not_each_other(api: Api) -> None:
    staff, admin, end_user = await api.user("staff"), await api.user("admin"), await api.user()
    token = api.token("staff", staff)
    users = f"/org/{api.org_id}/users"
    assert [u["id"] for u in (await api.call("GET", users, token=token)).body] == [str(end_user)]
    assert (await api.call("GET", f"{users}/{admin}", token=token)).status == 403
    assert (await api.call("PUT", f"{users}/{admin}", {"first_name": "x"}, token=token)).status == 403
    assert (await api.call("DELETE", f"{users}/{admin}", token=token)).status == 403
    assert (await api.call("POST", f"{users}/{admin}/invite", token=token)).status == 403
    assert (await api.call("PUT", f"{users}/{staff}", {"role": "admin"}, token=token)).status == 403
    assert (await api.call("PUT", f"{users}/{end_user}", {"role": "staff"}, token=token)).status == 403
    assert (await api.call("POST", users, {"email": "x@example.com", "role": "admin"}, token=token)).status == 403
    assert (await api.call("POST", users, {"email": "x@example.com", "role": "user"}, token=token)).status == 200
    assert (await api.call("PUT", f"{users}/{end_user}", {"role": "staff"})).status == 200


async def test_a_user_may_not_promote_itself(api: Api) -> None:
    me = await api.user()
    answer = await api.call("PUT", f"/org/{api.org_id}/users/{me}", {"role": "admin"}, token=api.token("user", me))
    assert answer.status == 403
