"""The first tests of every endpoint: anonymous 401, foreign organisation 404, role ``user`` 403 or 404."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from heatfleet.api.operation import PATH_ID
from heatfleet.api.routes import HANDLERS
from heatfleet.api.services import BASE
from heatfleet.store.ids import new_id
from tests.api_server import Api

OF_ORGANISATION = [("GET", "/users"), ("POST", "/users"), ("GET", "/heat-pumps")]
OF_USER = [
    ("GET", ""),
    ("PUT", ""),
    ("PATCH", ""),
    ("GET", "/buildings"),
    ("POST", "/buildings"),
    ("GET", "/heat-pumps"),
    ("POST", "/heat-pumps"),
    ("GET", "/heat-pumps/{pump}"),
    ("PUT", "/heat-pumps/{pump}"),
    ("PATCH", "/heat-pumps/{pump}"),
    ("DELETE", "/heat-pumps/{pump}"),
]
BODY = {
    "/users": {"email": "eve@example.com", "role": "user"},
    "/buildings": {"name": "Home"},
    "": {"first_name": "Eve"},
}


def body_of(method: str, path: str) -> Any:
    return None if method in {"GET", "DELETE"} else BODY.get(path, {"comment": "x"})


def documented() -> list[tuple[str, str]]:
    found = []
    for handler in HANDLERS:
        doc = handler.opt.get("doc")
        if doc is not None and not doc.is_open:
            path = next(iter(handler.paths)).removeprefix(BASE)
            found += [(method, path) for method in sorted(handler.http_methods - {"HEAD", "OPTIONS"})]
    return found


@pytest.mark.parametrize(("method", "path"), documented())
async def test_anonymous_is_401(api: Api, method: str, path: str) -> None:
    path = PATH_ID.sub(lambda _: str(new_id()), path)
    for token in (None, "nonsense"):
        answer = await api.call(method, path, {} if method in {"POST", "PUT", "PATCH"} else None, token=token)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.body["request_id"] == answer.headers["x-request-id"]


async def test_foreign_organisation_is_404(api: Api, other_org_id: UUID) -> None:
    user_id = await api.user()
    pump = (await api.pump(user_id))["id"]
    stranger = api.token(org_id=other_org_id)
    paths = [(m, f"/org/{api.org_id}{p}", p) for m, p in OF_ORGANISATION]
    paths += [(m, f"/org/{api.org_id}/users/{user_id}{p.format(pump=pump)}", p) for m, p in OF_USER]
    paths += [(m, f"/org/{other_org_id}/users/{user_id}{p.format(pump=pump)}", p) for m, p in OF_USER]
    for method, path, kind in paths:
        answer = await api.call(method, path, body_of(method, kind), token=stranger)
        assert answer.status == 404, (method, path)
    assert (await api.call("GET", f"/org/{other_org_id}/heat-pumps", token=stranger)).body == []
    session = {
        "language": "en",
        "price_zone_default": "AT",
        "success_url": "https://a.example",
        "user_id": str(user_id),
    }
    made = await api.call("POST", "/device-onboarding", {**session, "cancel_url": "https://a.example"}, token=stranger)
    assert made.status == 422
    mine = await api.call("POST", "/device-onboarding", {**session, "cancel_url": "https://a.example"})
    assert (await api.call("GET", f"/device-onboarding/{mine.body['id']}", token=stranger)).status == 404


async def test_a_user_sees_only_own_things(api: Api) -> None:
    me, you = await api.user(), await api.user()
    pump, mine = (await api.pump(you))["id"], (await api.pump(me))["id"]
    token = api.token("user", me)
    for method, path in OF_ORGANISATION:
        answer = await api.call(method, f"/org/{api.org_id}{path}", body_of(method, path), token=token)
        assert answer.status == 403, path
    for method, path in OF_USER:
        url = f"/org/{api.org_id}/users/{you}{path.format(pump=pump)}"
        assert (await api.call(method, url, body_of(method, path), token=token)).status == 404, (method, path)
    for method, path in OF_USER:
        url = f"/org/{api.org_id}/users/{me}{path.format(pump=mine)}"
        assert (await api.call(method, url, body_of(method, path), token=token)).status in {200, 204}, (method, path)
    smuggled = await api.call("GET", f"/org/{api.org_id}/users/{me}/heat-pumps/{pump}", token=token)
    assert smuggled.status == 404


async def test_staff_reach_end_users_but_not_each_other(api: Api) -> None:
    staff, admin, end_user = await api.user("staff"), await api.user("admin"), await api.user()
    token = api.token("staff", staff)
    users = f"/org/{api.org_id}/users"
    assert [u["id"] for u in (await api.call("GET", users, token=token)).body] == [str(end_user)]
    assert (await api.call("GET", f"{users}/{admin}", token=token)).status == 403
    assert (await api.call("PUT", f"{users}/{admin}", {"first_name": "x"}, token=token)).status == 403
    assert (await api.call("PUT", f"{users}/{staff}", {"role": "admin"}, token=token)).status == 403
    assert (await api.call("PUT", f"{users}/{end_user}", {"role": "staff"}, token=token)).status == 403
    assert (await api.call("POST", users, {"email": "x@example.com", "role": "admin"}, token=token)).status == 403
    assert (await api.call("POST", users, {"email": "x@example.com", "role": "user"}, token=token)).status == 200
    assert (await api.call("PUT", f"{users}/{end_user}", {"role": "staff"})).status == 200


async def test_a_user_may_not_promote_itself(api: Api) -> None:
    me = await api.user()
    answer = await api.call("PUT", f"/org/{api.org_id}/users/{me}", {"role": "admin"}, token=api.token("user", me))
    assert answer.status == 403
