"""Users and buildings."""

from __future__ import annotations

from typing import Any

import pytest

from heatfleet.store.ids import new_id
from tests.api_server import Api

FULL = {
    "email": "ada@example.com",
    "role": "user",
    "external_user_id": "C-1",
    "first_name": "Ada",
    "last_name": "Byron",
    "street_and_number": "Ring 1",
    "street_add_info": None,
    "zip_code": "01010",
    "town": "Wien",
    "country_iso2": "AT",
    "latitude": "48.2",
    "longitude": 16.37,
}


async def test_create_read_change_a_user(api: Api) -> None:
    users = f"/org/{api.org_id}/users"
    made = await api.call("POST", users, FULL)
    assert made.status == 200
    assert made.body["country"] == "AT"
    assert made.body["latitude"] == 48.2
    assert made.body["zip_code"] == "01010"
    assert made.body["location_last_updated"] is not None
    one = f"{users}/{made.body['id']}"
    assert (await api.call("GET", one)).body == made.body
    back = await api.call("PUT", one, made.body)
    assert back.headers["etag"] == made.headers["etag"]
    changed = await api.call("PATCH", one, {"town": None, "first_name": "Augusta"})
    assert (changed.body["town"], changed.body["first_name"], changed.body["last_name"]) == (None, "Augusta", "Byron")
    stale = await api.call("PUT", one, {"town": "x"}, headers={"If-Match": made.headers["etag"]})
    assert stale.status == 412
    assert (await api.call("GET", f"{users}/{new_id()}")).status == 404


async def test_emails_are_unique_in_the_organisation_whatever_their_case(api: Api) -> None:
    users = f"/org/{api.org_id}/users"
    await api.call("POST", users, FULL)
    assert (await api.call("POST", users, {"email": "ADA@example.com", "role": "user"})).status == 409
    other = await api.call("POST", users, {"email": "bob@example.com", "role": "user"})
    assert (await api.call("PUT", f"{users}/{other.body['id']}", {"email": "ada@example.com"})).status == 409


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "not an address"}, "email"),
        ({"email": "a@b\n"}, "email"),
        ({"email": None}, "email"),
        ({"role": "king"}, "role"),
        ({"country_iso2": "XX"}, "country_iso2"),
        ({"country_iso2": "AUT"}, "country_iso2"),
        ({"latitude": 91}, "latitude"),
        ({"zip_code": 1010}, "zip_code"),
        ({"password_hash": "x"}, "password_hash"),
    ],
)
async def test_wrong_users_are_422(api: Api, change: dict[str, Any], field: str) -> None:
    answer = await api.call("POST", f"/org/{api.org_id}/users", {**FULL, **change})
    assert answer.status == 422
    assert [error["loc"] for error in answer.body["errors"]] == [["body", field]]


async def test_required_fields_are_named(api: Api) -> None:
    answer = await api.call("POST", f"/org/{api.org_id}/users", {})
    assert {error["loc"][-1] for error in answer.body["errors"]} == {"email", "role"}


async def test_find_users(api: Api) -> None:
    users = f"/org/{api.org_id}/users"
    await api.call("POST", users, FULL)
    await api.call("POST", users, {"email": "bob@example.com", "role": "staff"})
    for query, count in (("", 2), ("?q=AD", 1), ("?q=c-1", 1), ("?q=%25", 0), ("?role=staff", 1), ("?limit=1", 1)):
        assert len((await api.call("GET", users + query)).body) == count, query


async def test_buildings(api: Api) -> None:
    path = f"/org/{api.org_id}/users/{await api.user()}/buildings"
    body = {"name": "Home", "property_type": "Semi-detached", "property_size_m2": "140.5", "num_occupants": 3}
    made = await api.call("POST", path, body)
    assert made.status == 200
    assert (made.body["photovoltaic"], made.body["property_size_m2"]) == (False, 140.5)
    assert (await api.call("GET", path)).body == [made.body]
    for wrong in ({}, {"name": ""}, {"name": "x" * 101}, {"name": "x", "property_type": "Castle"}):
        assert (await api.call("POST", path, wrong)).status == 422, wrong
    assert (await api.call("GET", f"/org/{api.org_id}/users/{new_id()}/buildings")).status == 404
    assert (await api.call("POST", f"/org/{api.org_id}/users/{new_id()}/buildings", body)).status == 404


async def test_a_pump_stands_in_a_building_of_its_owner_only(api: Api) -> None:
    ada, bob = await api.user(), await api.user()
    home = (await api.call("POST", f"/org/{api.org_id}/users/{ada}/buildings", {"name": "Home"})).body["id"]
    assert (await api.pump(ada, building_id=home))["building"] == home
    wrong = await api.call("POST", f"/org/{api.org_id}/users/{bob}/heat-pumps", {"building_id": home})
    assert wrong.status == 422
