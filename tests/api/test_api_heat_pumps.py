"""Heat pumps: partial changes, policy rules, pause, away, versions, deletion, lists."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.domain.jobs import JobName
from heatfleet.store.ids import new_id
from tests.api_server import Answer, Api


async def put(api: Api, pump: dict[str, Any], body: dict[str, Any], **more: Any) -> Answer:
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    return await api.call(more.pop("method", "PUT"), path, body, **more)


async def get(api: Api, pump: dict[str, Any], query: str = "") -> Answer:
    return await api.call("GET", f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}{query}")


@pytest.fixture
async def pump(api: Api) -> dict[str, Any]:
    return await api.pump(await api.user())


def named(answer: Answer) -> set[str]:
    assert answer.status == 422, answer.body
    return {error["loc"][-1] for error in answer.body["errors"]}


async def test_put_is_partial_and_null_clears(api: Api, pump: dict[str, Any]) -> None:
    first = await put(api, pump, {"comment": "cellar", "minimum_temperature_limit": 20.5})
    second = await put(api, pump, {"maximum_temperature_limit": "22.5"}, method="PATCH")
    assert second.body["comment"] == "cellar"
    assert second.body["minimum_temperature_limit"] == 20.5
    assert second.body["maximum_temperature_limit"] == 22.5
    third = await put(api, pump, {"comment": None, "maximum_temperature_limit": None})
    assert (third.body["comment"], third.body["maximum_temperature_limit"]) == (None, None)
    assert first.headers["etag"] != second.headers["etag"] != third.headers["etag"]


async def test_get_edit_put_back_works_and_changes_nothing_else(api: Api) -> None:
    model = {"manufacturer": "Maker", "model": "Air", "device_type": {"short_name": "hp_atw", "long_name": "Air"}}
    pump = await api.pump(await api.user(), device_model=model, optimization_level="Max")
    seen = await get(api, pump)
    same = await put(api, pump, seen.body)
    assert (same.status, same.headers["etag"]) == (200, seen.headers["etag"])
    edited = await put(api, pump, {**seen.body, "comment": "new"})
    assert edited.body["comment"] == "new"
    ignored = {"authorization_url", "embeddable_url", "updated_at", "comment"}
    assert {k: v for k, v in edited.body.items() if k not in ignored} == {
        k: v for k, v in seen.body.items() if k not in ignored
    }


async def test_stamps_move_with_their_fields_only(api: Api, pump: dict[str, Any], clock: Any) -> None:
    assert pump["heating_policy_last_updated_at"] is None
    clock.advance(timedelta(minutes=1))
    heating = (await put(api, pump, {"dhw_standard_temperature": 48})).body
    assert (
        heating["heating_policy_last_updated_at"] == heating["heating_policy_last_updated_utc"] == heating["updated_at"]
    )
    assert heating["away_mode_last_updated_at"] is None
    clock.advance(timedelta(minutes=1))
    away = (await put(api, pump, {"is_away_mode_enabled": False})).body
    assert away["away_mode_last_updated_at"] == away["updated_at"] != heating["updated_at"]
    assert away["heating_policy_last_updated_at"] == heating["heating_policy_last_updated_at"]
    clock.advance(timedelta(minutes=1))
    other = (await put(api, pump, {"comment": "x"})).body
    assert other["heating_policy_last_updated_at"] == heating["heating_policy_last_updated_at"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"minimum_temperature_limit": 4.9}, {"minimum_temperature_limit"}),
        ({"maximum_temperature_limit": 35.1}, {"maximum_temperature_limit"}),
        ({"minimum_temperature_limit": 21, "maximum_temperature_limit": 21.4}, {"minimum_temperature_limit"}),
        ({"dhw_standard_temperature": 66}, {"dhw_standard_temperature"}),
        ({"dhw_standard_temperature": 45, "minimum_dhw_temperature_limit": 46}, {"minimum_dhw_temperature_limit"}),
        ({"minimum_dhw_temperature_limit": 29}, {"minimum_dhw_temperature_limit"}),
        ({"indoor_target_temperature_offset": -5.5}, {"indoor_target_temperature_offset"}),
        (
            {"minimum_temperature_limit": 18, "away_mode_minimum_temperature_limit": 19},
            {"away_mode_minimum_temperature_limit"},
        ),
        (
            {"away_mode_start": "2024-02-02T00:00:00Z", "away_mode_end": "2024-02-01T00:00:00Z"},
            {"away_mode_end"},
        ),
        (
            {"temperature_delta_override_for_slight_change": 2},
            {"temperature_delta_override_for_slight_change", "temperature_delta_override_for_significant_change"},
        ),
        ({"price_zone": "XX"}, {"price_zone"}),
        ({"optimization_level": "High"}, {"optimization_level"}),
        ({"comment": "x" * 301}, {"comment"}),
        ({"heating_policy_name": "x" * 101}, {"heating_policy_name"}),
        ({"is_trading_enabled": None}, {"is_trading_enabled"}),
        ({"is_trading_enabled": "yes"}, {"is_trading_enabled"}),
        ({"dhw_standard_temperature": True}, {"dhw_standard_temperature"}),
        ({"dhw_standard_temperature": "warm"}, {"dhw_standard_temperature"}),
        ({"dhw_standard_temperature": "nan"}, {"dhw_standard_temperature"}),
        ({"away_mode_start": "2024-02-02T00:00:00"}, {"away_mode_start"}),
        ({"away_mode_start": "0001-01-01T00:00:00+14:00"}, {"away_mode_start"}),
        ({"min_solar_power_w": 2**40}, {"min_solar_power_w"}),
        ({"no_such_field": 1, "another": 2}, {"no_such_field", "another"}),
        ({"building_id": str(new_id())}, {"building_id"}),
        ({"device_model_id": str(new_id())}, {"device_model_id"}),
        ({"device_model": {"manufacturer": "x"}}, {"model"}),
        ({"device_model": {"manufacturer": "x", "model": "y", "cloud_service_id": str(new_id())}}, {"device_model"}),
        ({"pause_power_active": True, "is_pause_power_active": False}, {"pause_power_active"}),
    ],
)
async def test_rules_are_422_naming_the_fields(
    api: Api, pump: dict[str, Any], body: dict[str, Any], fields: set[str]
) -> None:
    assert named(await put(api, pump, body)) == fields
    assert (await get(api, pump)).headers["etag"] == '"1"'


@pytest.mark.parametrize(
    "body",
    [
        {"dhw_standard_temperature": 30, "minimum_dhw_temperature_limit": 30},
        {"minimum_dhw_temperature_limit": "40.0", "dhw_standard_temperature": "40.0"},
        {"temperature_delta_override_for_slight_change": 2, "temperature_delta_override_for_significant_change": 5},
        {"optimization_level": None},
        {"minimum_temperature_limit": 5, "maximum_temperature_limit": 5.5},
        {},
    ],
)
async def test_allowed(api: Api, pump: dict[str, Any], body: dict[str, Any]) -> None:
    assert (await put(api, pump, body)).status == 200


async def test_price_zone_de_means_de_lu(api: Api, pump: dict[str, Any]) -> None:
    assert (await put(api, pump, {"price_zone": "DE"})).body["price_zone"] == "DE_LU"


async def test_pause(api: Api, pump: dict[str, Any], clock: Any) -> None:
    later = (clock.fleet_now() + timedelta(hours=2)).isoformat()
    past = (clock.fleet_now() - timedelta(hours=2)).isoformat()
    assert (await put(api, pump, {"pause_power_until": later})).body["is_pause_power_active"] is True
    resumed = (await put(api, pump, {"pause_power_until": None})).body
    assert (resumed["is_pause_power_active"], resumed["pause_power_until"]) == (False, None)
    assert named(await put(api, pump, {"pause_power_until": past, "pause_power_active": True})) == {"pause_power_until"}
    off = await put(api, pump, {"pause_power_until": past, "pause_power_active": False})
    assert (off.status, off.body["is_pause_power_active"]) == (200, False)
    on = await put(api, pump, {"pause_power_until": later, "pause_power_active": True})
    assert on.body["is_pause_power_active"] is True
    clock.advance(timedelta(hours=3))
    assert (await get(api, pump)).body["is_pause_power_active"] is False


async def test_away_ends_by_itself(api: Api, pump: dict[str, Any], clock: Any) -> None:
    start, end = clock.fleet_now(), clock.fleet_now() + timedelta(days=2)
    body = {
        "away_mode_start": start.isoformat(),
        "away_mode_end": end.isoformat(),
        "away_mode_minimum_temperature_limit": 16,
    }
    assert (await put(api, pump, body)).body["away_mode_end"] == "2024-01-10T06:00:00Z"
    clock.advance(timedelta(days=2))
    seen = (await get(api, pump)).body
    assert (seen["away_mode_start"], seen["away_mode_end"], seen["is_away_mode_enabled"]) == (None, None, True)
    new = clock.fleet_now() + timedelta(days=9)
    assert (await put(api, pump, {"away_mode_start": new.isoformat()})).status == 200


async def test_if_match(api: Api, pump: dict[str, Any]) -> None:
    tag = (await get(api, pump)).headers["etag"]
    assert (await put(api, pump, {"comment": "a"}, headers={"If-Match": tag})).status == 200
    assert (await put(api, pump, {"comment": "b"}, headers={"If-Match": tag})).status == 412
    assert (await put(api, pump, {"comment": "b"}, headers={"If-Match": "*"})).status == 200
    assert (await get(api, pump)).body["comment"] == "b"


async def test_delete_is_soft(api: Api, pump: dict[str, Any]) -> None:
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps"
    gone = await api.call("DELETE", f"{path}/{pump['id']}")
    assert (gone.status, gone.body) == (204, b"")
    assert (await get(api, pump)).status == 404
    assert (await api.call("DELETE", f"{path}/{pump['id']}")).status == 404
    shown = (await get(api, pump, "?include_deleted=true")).body
    assert shown["deleted_at"] is not None
    assert shown["lifecycle_state"] == "deleted"
    assert (await api.call("GET", path)).body == []
    assert len((await api.call("GET", f"{path}?include_deleted=True")).body) == 1
    assert (await put(api, pump, {"comment": "x"})).status == 404


async def test_list_pages_and_filters(api: Api) -> None:
    ada, bob = await api.user(email="ada@example.com"), await api.user(email="bob@example.com", first_name="Bob")
    made = [await api.pump(user, price_zone=zone) for user, zone in ((ada, "AT"), (ada, "BE"), (bob, "AT"))]
    path = f"/org/{api.org_id}/heat-pumps"
    first = await api.call("GET", f"{path}?limit=2")
    assert [p["id"] for p in first.body] == [p["id"] for p in made[:2]]
    link = first.headers["link"]
    assert link.endswith('rel="next"')
    rest = await api.call("GET", "/" + link[1 : link.index(">")])
    assert [p["id"] for p in rest.body] == [made[2]["id"]]
    assert "link" not in rest.headers
    for query, expected in (
        ("price_zone=AT", [0, 2]),
        ("q=BOB", [2]),
        ("lifecycle_state=pending", [0, 1, 2]),
        ("connection_status=ok", []),
        ("is_smart_optimization_active=true", []),
        (f"cloud_service={new_id()}", []),
    ):
        found = (await api.call("GET", f"{path}?{query}")).body
        assert [p["id"] for p in found] == [made[i]["id"] for i in expected], query
    for query in ("limit=0", "limit=501", "limit=x", "after=%21", "cloud_service=x"):
        assert (await api.call("GET", f"{path}?{query}")).status == 422, query


async def test_a_pump_not_signed_in_has_a_link_to_connect_it(api: Api, pump: dict[str, Any]) -> None:
    assert pump["lifecycle_state"] == "pending"
    assert pump["is_authenticated"] is False
    assert pump["external_device_id"] == ""
    page = await api.session.get(pump["authorization_url"], allow_redirects=False)
    assert page.status == 303
    assert page.headers["location"].startswith("/connect/heat-pumps?onboarding_session_id=")
    again = await api.session.get(pump["embeddable_url"], allow_redirects=False)
    assert again.headers["location"] == page.headers["location"]


async def test_optimisation_on_without_any_use_shows_action_needed(api: Api) -> None:
    idle = await api.pump(await api.user(), is_smart_optimization_active=True)
    assert idle["action_needed"] is True
    busy = await put(api, idle, {"is_space_heating_enabled": True})
    assert busy.body["action_needed"] is False


async def connect(api: Api, pump: dict[str, Any]) -> None:
    connection = new_id()
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute(
            "insert into connections (id, org_id, user_id, vendor, account_id) values ($1, $2, $3, 'x', 'y')",
            connection,
            api.org_id,
            UUID(pump["owner"]["id"]),
        )
        await tx.execute("update heat_pumps set connection_id = $2 where id = $1", UUID(pump["id"]), connection)


async def waiting(api: Api) -> list[str]:
    async with api.services.database.read("fleet") as tx:
        return [row[0] for row in await tx.fetch("select entrypoint from pgqueuer order by id")]


async def test_what_is_handed_on(api: Api, pump: dict[str, Any]) -> None:
    await put(api, pump, {"is_smart_optimization_active": True})
    assert await waiting(api) == []
    await connect(api, pump)
    await put(api, pump, {"comment": "x"})
    assert await waiting(api) == []
    await put(api, pump, {"minimum_temperature_limit": 20})
    await put(api, pump, {"price_zone": "BE"})
    assert await waiting(api) == [JobName.PLAN]
    await put(api, pump, {"is_smart_optimization_active": False})
    assert sorted(await waiting(api)) == [JobName.PLAN, JobName.RELEASE]


async def test_changes_leave_an_audit_row_with_before_and_after(api: Api, pump: dict[str, Any]) -> None:
    await put(api, pump, {"comment": "x", "price_zone": "BE"}, headers={"X-Request-Id": "my-request"})
    async with api.services.database.read(api.org_id) as tx:
        rows = await tx.fetch(
            "select action, before, after, actor, request_id from audit where object_kind = 'heat_pump' order by id"
        )
    assert [row["action"] for row in rows] == ["create", "change"]
    assert rows[1]["before"] == {"comment": None, "price_zone": "AT"}
    assert rows[1]["after"] == {"comment": "x", "price_zone": "BE"}
    assert rows[1]["actor"].startswith("client:")
    assert rows[1]["request_id"] == "my-request"
