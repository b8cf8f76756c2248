"""Users and buildings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from heatfleet.domain.jobs import JobName
from heatfleet.domain.places import place_or_city
from heatfleet.store import jobs, sites, weather
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from tests.api_server import Api
from tests.conftest import FakeClock
from tests.store.worlds import add_connection, add_pump

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


async def test_read_change_and_delete_a_building(api: Api) -> None:
    path = f"/org/{api.org_id}/users/{await api.user()}/buildings"
    made = await api.call("POST", path, {"name": "Home", "town": "Wien", "latitude": 48.2, "longitude": "16.4"})
    one = f"{path}/{made.body['id']}"
    assert (await api.call("GET", one)).body == made.body
    back = await api.call("PUT", one, made.body)
    assert (back.status, back.headers["etag"]) == (200, made.headers["etag"])
    changed = await api.call("PATCH", one, {"town": None, "property_type": "End-terrace", "photovoltaic": True})
    assert (changed.body["town"], changed.body["name"], changed.body["photovoltaic"]) == (None, "Home", True)
    stale = {"If-Match": made.headers["etag"]}
    assert (await api.call("PUT", one, {"name": "x"}, headers=stale)).status == 412
    assert (await api.call("DELETE", one, headers=stale)).status == 412
    for wrong in ({"name": None}, {"country_iso2": "XX"}, {"photovoltaic": None}, {"rooms": 3}):
        assert (await api.call("PUT", one, wrong)).status == 422, wrong
    foreign = f"/org/{api.org_id}/users/{await api.user()}/buildings/{made.body['id']}"
    for method in ("GET", "PUT", "DELETE"):
        assert (await api.call(method, foreign, None if method != "PUT" else {"name": "x"})).status == 404
    assert (await api.call("DELETE", one)).status == 204
    assert (await api.call("GET", one)).status == 404
    assert (await api.call("PUT", one, {"name": "x"})).status == 404
    assert (await api.call("GET", path)).body == []
    (gone,) = (await api.call("GET", f"{path}?include_deleted=true")).body
    assert gone["deleted_at"] is not None
    assert (await api.call("GET", f"{one}?include_deleted=true")).body == gone


async def test_a_deleted_buildings_pumps_run_on_without_it_and_its_contracts_end(api: Api) -> None:
    user = f"/org/{api.org_id}/users/{(user_id := await api.user())}"
    home = (await api.call("POST", f"{user}/buildings", {"name": "Home"})).body["id"]
    pump = await api.pump(user_id, building_id=home)
    for building in (home, None):
        body = {"energy_contract_type": "yearly", "building_id": building}
        assert (await api.call("POST", f"{user}/energy-contracts", body)).status == 200
    assert (await api.call("DELETE", f"{user}/buildings/{home}")).status == 204
    after = await api.call("GET", f"{user}/heat-pumps/{pump['id']}")
    assert (after.status, after.body["building"]) == (200, None)
    assert [c["building_id"] for c in (await api.call("GET", f"{user}/energy-contracts")).body] == [None]
    assert (await api.call("PUT", f"{user}/heat-pumps/{pump['id']}", {"building_id": home})).status == 422


async def test_the_place_is_the_pumps_then_the_buildings_then_the_owners(
    api: Api, database: Database, clock: FakeClock
) -> None:
    user_id = await api.user(latitude=50.0, longitude=10.0)
    user = f"/org/{api.org_id}/users/{user_id}"
    made = {"name": "Home", "latitude": 48.2, "longitude": 16.4}
    home = (await api.call("POST", f"{user}/buildings", made)).body["id"]
    connection = await add_connection(database, api.org_id, user_id, b"", clock.now)
    pump = await add_pump(database, api.org_id, (user_id, connection), clock.now, building_id=UUID(home))

    async def place() -> tuple[str, list[str], int]:
        async with database.read(FLEET) as tx:
            site = (await sites.sites(tx, [pump]))[pump]
            used = await weather.places_in_use(tx)
        asked = await jobs.claim(database, 10, names=[JobName.PLAN])
        await jobs.finish(database, asked)
        return place_or_city(site.latitude, site.longitude, "DE_LU"), used, len(asked)

    assert await place() == ("48.2,16.4", ["48.2,16.4"], 0)
    await api.call("PUT", f"{user}/buildings/{home}", {"latitude": 47.0})
    assert await place() == ("47.0,16.4", ["47.0,16.4"], 1)
    await api.call("PUT", f"{user}/buildings/{home}", {"town": "Graz"})
    assert await place() == ("47.0,16.4", ["47.0,16.4"], 0)
    await api.call("PUT", f"{user}/buildings/{home}", {"latitude": None})
    assert await place() == ("50.0,10.0", ["50.0,10.0"], 1), "half a place is none"
    await api.call("PUT", user, {"longitude": 11})
    assert await place() == ("50.0,11.0", ["50.0,11.0"], 1)
    await api.call("PUT", user, {"latitude": None})
    assert await place() == ("50.1,8.7", ["50.1,8.7"], 1), "the zone's main city"
    await api.call("DELETE", f"{user}/buildings/{home}")
    assert (await place())[2] == 1
