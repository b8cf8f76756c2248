"""The audit log: every change is in it, with who, what, from what to what; no secret ever is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.auth import passwords
from heatfleet.flows.organisation import set_surcharge
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor
from tests.api_server import Api


def log(api: Api, query: str = "") -> str:
    return f"/org/{api.org_id}/audit{query}"


async def test_every_change_says_who_what_and_from_what_to_what(api: Api) -> None:
    org, token = f"/org/{api.org_id}", api.token()
    who = (await api.call("GET", "/me", token=token)).body["client_id"]
    user = (await api.call("POST", f"{org}/users", {"email": "a@example.com", "role": "user"}, token=token)).body["id"]
    headers = {"X-Request-Id": "change-1"}
    await api.call("PUT", f"{org}/users/{user}", {"town": "Wien"}, token=token, headers=headers)
    home = (await api.call("POST", f"{org}/users/{user}/buildings", {"name": "Home"}, token=token)).body["id"]
    pump = (await api.call("POST", f"{org}/users/{user}/heat-pumps", {}, token=token)).body["id"]
    await api.call("PUT", f"{org}/users/{user}/heat-pumps/{pump}", {"comment": "x"}, token=token)
    await api.call("PUT", f"{org}/settings", {"hold_out_share": 0.5, "surcharge_per_zone": {"AT": 0.1}}, token=token)
    client = (await api.call("POST", f"{org}/clients", {"name": "portal"}, token=token)).body["id"]
    await api.call("DELETE", f"{org}/clients/{client}", token=token)
    await api.call("DELETE", f"{org}/users/{user}/heat-pumps/{pump}", token=token)
    rows = (await api.call("GET", log(api))).body
    seen = [(row["action"], row["object_kind"], row["object_id"]) for row in rows]
    for wanted in (
        ("create", "user", user),
        ("change", "user", user),
        ("create", "building", home),
        ("create", "heat_pump", pump),
        ("change", "heat_pump", pump),
        ("change", "organisation", str(api.org_id)),
        ("create", "client", client),
        ("revoke", "client", client),
        ("delete", "heat_pump", pump),
    ):
        assert wanted in seen
    assert {row["actor"] for row in rows} == {f"client:{who}"}
    change = next(row for row in rows if row["request_id"] == "change-1")
    assert (change["before"], change["after"]) == ({"town": None}, {"town": "Wien"})
    settings = next(row for row in rows if row["object_kind"] == "organisation")
    assert settings["before"] == {"hold_out_share": 0.0, "surcharge_per_zone": {}}
    assert settings["after"] == {"hold_out_share": 0.5, "surcharge_per_zone": {"AT": 0.1}}


async def test_a_surcharge_set_by_the_command_line_is_noted_unless_it_changes_nothing(api: Api) -> None:
    act = Act(api.services.database, api.services.clock, Actor("flow:command_line"), api.org_id)
    for price in (0.1, 0.1, 0.2):
        await set_surcharge(act, "AT", price)
    rows = (await api.call("GET", log(api, "?object_kind=organisation"))).body
    assert [row["after"]["surcharge_per_zone"] for row in rows] == [{"AT": 0.1}, {"AT": 0.2}]


async def test_the_log_is_filtered_and_paged(api: Api, clock: Any) -> None:
    start = clock.wall
    for name in ("a", "b", "c"):
        await api.call("POST", f"/org/{api.org_id}/clients", {"name": name}, token=api.token())
        clock.advance(timedelta(minutes=1))
    rows = (await api.call("GET", log(api))).body
    assert [row["after"]["name"] for row in rows] == ["a", "b", "c"]
    stamps = [(start + timedelta(minutes=n)).isoformat().replace("+00:00", "Z") for n in range(3)]
    for query, names in (
        (f"?object_id={rows[1]['object_id']}", "b"),
        (f"?actor={rows[2]['actor']}", "c"),
        (f"?from={stamps[1]}", "bc"),
        (f"?to={stamps[1]}", "a"),
        (f"?from={stamps[1]}&to={stamps[2]}", "b"),
        ("?object_kind=user", ""),
        ("?object_kind=client&limit=2", "ab"),
    ):
        found = await api.call("GET", log(api, query))
        assert "".join(row["after"]["name"] for row in found.body) == names, query
    following = found.headers["link"].split(">")[0][1:]
    assert "object_kind=client" in following
    assert [row["after"]["name"] for row in (await api.call("GET", f"/{following}")).body] == ["c"]


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "from=2024-01-01T00:00:00", "to=9999-12-31T23:59:59-14:00", "object_id=1", "limit=0", "after=x"],
)
async def test_wrong_filters_are_422(api: Api, query: str) -> None:
    assert (await api.call("GET", log(api, f"?{query}"))).status == 422


async def test_no_secret_is_in_the_log(api: Api) -> None:
    org = f"/org/{api.org_id}"
    hashed = await passwords.hash_password("correct horse")
    user = await api.user(email="ada@example.com", password_hash=hashed)
    client = (await api.call("POST", f"{org}/clients", {"name": "portal"})).body
    credentials = {"client_id": client["id"], "client_secret": client["client_secret"]}
    form = {"grant_type": "password", "username": "ada@example.com", "password": "correct horse", **credentials}
    held = (await api.call("POST", "/auth/token", form, token=None)).body
    invite = (await api.call("POST", f"{org}/users/{user}/invite")).body["url"].partition("secret=")[2]
    await api.call("DELETE", f"{org}/clients/{client['id']}")
    async with api.services.database.read(api.org_id) as tx:
        text = await tx.value("select string_agg(a::text, ' ') from audit a")
        digest = await tx.value("select encode(secret_sha256, 'hex') from clients where id = $1", UUID(client["id"]))
    assert str(user) in text
    for secret in (hashed, "argon2", "correct horse", client["client_secret"], digest, *held.values(), invite):
        assert str(secret) not in text or secret in {"Bearer", "read write", held["expires_in"]}, secret
