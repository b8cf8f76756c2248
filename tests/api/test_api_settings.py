"""The organisation's settings, and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest

from heatfleet.store.ids import new_id
from tests.api_server import Api

COMFORT = {
    "minimum_temperature_limit": 20.0,
    "maximum_temperature_limit": 22.5,
    "dhw_standard_temperature": 50.0,
    "minimum_dhw_temperature_limit": 44.0,
}
FULL = {
    "name": "Stadtwerke Neu",
    "logo_url": "https://cdn.example.com/logo.svg",
    "colour": "#0a7F3b",
    "frame_ancestors": ["https://portal.example.com", "http://localhost:3000"],
    "redirect_hosts": ["portal.example.com"],
    "surcharge_per_zone": {"AT": 0.12, "DE_LU": 0.2},
    "default_comfort": COMFORT,
    "hold_out_share": 0.1,
    "trading_deadline": "23:30",
    "carbon_price_per_kg": 0.1,
}


def settings(api: Api) -> str:
    return f"/org/{api.org_id}/settings"


async def test_read_change_and_put_back(api: Api) -> None:
    path = settings(api)
    first = await api.call("GET", path)
    assert first.status == 200
    assert first.body["trading_deadline"] == "14:30"
    assert first.body["default_comfort"] == dict.fromkeys(COMFORT)
    changed = await api.call("PUT", path, {**FULL, "hold_out_share": "0.1"})
    assert changed.status == 200, changed.body
    assert {name: changed.body[name] for name in FULL} == FULL
    back = await api.call("PUT", path, changed.body)
    assert (back.status, back.headers["etag"]) == (200, changed.headers["etag"])
    part = await api.call("PATCH", path, {"logo_url": None, "default_comfort": None})
    assert (part.body["logo_url"], part.body["default_comfort"]) == (None, dict.fromkeys(COMFORT))
    assert part.body["name"] == FULL["name"]
    stale = await api.call("PUT", path, {"name": "x"}, headers={"If-Match": changed.headers["etag"]})
    assert stale.status == 412
    fresh = await api.call("PUT", path, {"name": "x"}, headers={"If-Match": part.headers["etag"]})
    assert fresh.body["name"] == "x"


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"name": ""}, ["name"]),
        ({"name": None}, ["name"]),
        ({"logo_url": "http://cdn.example.com/x"}, ["logo_url"]),
        ({"logo_url": "javascript:x"}, ["logo_url"]),
        ({"colour": "red"}, ["colour"]),
        ({"colour": "#12345"}, ["colour"]),
        ({"colour": "#12345g"}, ["colour"]),
        ({"colour": "#12345\n"}, ["colour"]),
        ({"frame_ancestors": ["http://portal.example.com"]}, ["frame_ancestors", 0]),
        ({"frame_ancestors": ["https://ok.example", "https://x.example/path"]}, ["frame_ancestors", 1]),
        ({"frame_ancestors": ["https://x.example; script-src *"]}, ["frame_ancestors", 0]),
        ({"frame_ancestors": ["*"]}, ["frame_ancestors", 0]),
        ({"frame_ancestors": ["https://x.example\n"]}, ["frame_ancestors", 0]),
        ({"frame_ancestors": None}, ["frame_ancestors"]),
        ({"redirect_hosts": ["https://portal.example.com"]}, ["redirect_hosts", 0]),
        ({"redirect_hosts": ["portal.example.com:80"]}, ["redirect_hosts", 0]),
        ({"redirect_hosts": [""]}, ["redirect_hosts"]),
        ({"surcharge_per_zone": {"XX": 0.1}}, ["surcharge_per_zone", "XX"]),
        ({"surcharge_per_zone": {"AT": "NaN"}}, ["surcharge_per_zone"]),
        ({"surcharge_per_zone": {"AT": "1e999"}}, ["surcharge_per_zone"]),
        ({"surcharge_per_zone": {"AT": None}}, ["surcharge_per_zone"]),
        ({"carbon_price_per_kg": -0.1}, ["carbon_price_per_kg"]),
        ({"carbon_price_per_kg": 80}, ["carbon_price_per_kg"]),
        ({"surcharge_per_zone": {"AT": 1e9}}, ["surcharge_per_zone", "AT"]),
        ({"surcharge_per_zone": {"DE": 0.1, "DE_LU": 0.2}}, ["surcharge_per_zone", "DE_LU"]),
        ({"default_comfort": {"minimum_temperature_limit": 4}}, ["default_comfort", "minimum_temperature_limit"]),
        (
            {"default_comfort": {"minimum_temperature_limit": 21, "maximum_temperature_limit": 21.2}},
            ["default_comfort", "minimum_temperature_limit"],
        ),
        ({"default_comfort": {"comment": "x"}}, ["default_comfort"]),
        ({"default_comfort": {"dhw_standard_temperature": 70}}, ["default_comfort", "dhw_standard_temperature"]),
        ({"default_comfort": {"dhw_standard_temperature": "nan"}}, ["default_comfort"]),
        ({"hold_out_share": 1.01}, ["hold_out_share"]),
        ({"hold_out_share": None}, ["hold_out_share"]),
        ({"trading_deadline": "15:00"}, ["trading_deadline"]),
        ({"surprise": 1}, ["surprise"]),
    ],
)
async def test_wrong_settings_are_422_and_change_nothing(api: Api, change: dict[str, Any], loc: list[Any]) -> None:
    before = await api.call("GET", settings(api))
    answer = await api.call("PUT", settings(api), {"name": "half", **change})
    assert answer.status == 422, answer.body
    assert [error["loc"] for error in answer.body["errors"]] == [["body", *loc]]
    assert (await api.call("GET", settings(api))).body == before.body


async def test_zones_places_and_hosts_are_kept_in_one_spelling(api: Api) -> None:
    change = {
        "surcharge_per_zone": {"DE": "0.25"},
        "redirect_hosts": ["Portal.Example.com", "portal.example.com", "::1"],
        "frame_ancestors": ["https://Portal.example.com:8443"],
    }
    changed = await api.call("PUT", settings(api), change)
    assert changed.body["surcharge_per_zone"] == {"DE_LU": 0.25}
    assert changed.body["redirect_hosts"] == ["portal.example.com", "::1"]
    assert changed.body["frame_ancestors"] == ["https://portal.example.com:8443"]


async def test_onboarding_leads_back_to_the_allowed_hosts_only(api: Api) -> None:
    session = {
        "language": "de",
        "price_zone_default": "AT",
        "success_url": "https://PORTAL.example.com:8443/done?x=1",
        "cancel_url": "http://[::1]:3000/cancelled",
        "user_id": str(await api.user()),
    }
    await api.call("PUT", settings(api), {"redirect_hosts": ["portal.example.com", "::1"]})
    assert (await api.call("POST", "/device-onboarding", session)).status == 200
    for name in ("success_url", "cancel_url"):
        for url in ("https://elsewhere.example/", "https://portal.example.com.evil.example/"):
            refused = await api.call("POST", "/device-onboarding", {**session, name: url})
            assert refused.status == 422, url
            assert [error["loc"] for error in refused.body["errors"]] == [["body", name]]


@pytest.mark.parametrize("url", ["https://evil.example\\@portal.example.com/", "https://a:b@portal.example.com/"])
async def test_addresses_that_browsers_read_differently_are_refused(api: Api, url: str) -> None:
    await api.call("PUT", settings(api), {"redirect_hosts": ["portal.example.com"]})
    session = {"language": "de", "price_zone_default": "AT", "user_id": str(await api.user())}
    refused = await api.call(
        "POST", "/device-onboarding", {**session, "success_url": url, "cancel_url": "https://portal.example.com/"}
    )
    assert refused.status == 422


async def test_a_registered_pump_can_be_connected_whatever_hosts_are_allowed(api: Api) -> None:
    pump = await api.pump(await api.user())
    await api.call("PUT", settings(api), {"redirect_hosts": ["portal.example.com"]})
    async with api.session.get(pump["authorization_url"], allow_redirects=False) as response:
        assert response.status in {200, 302, 303}


async def test_a_new_pump_without_own_comfort_gets_the_default(api: Api) -> None:
    user_id = await api.user()
    none = await api.pump(user_id)
    assert (none["is_heating_policy_enabled"], none["minimum_temperature_limit"]) == (False, None)
    await api.call("PUT", settings(api), {"default_comfort": COMFORT})
    plain = await api.pump(user_id)
    assert {name: plain[name] for name in COMFORT} == COMFORT
    assert plain["is_heating_policy_enabled"] is True
    own = await api.pump(user_id, minimum_temperature_limit=24, maximum_temperature_limit=26)
    assert (own["minimum_temperature_limit"], own["is_heating_policy_enabled"]) == (24, False)
    assert own["dhw_standard_temperature"] == 50
    half = await api.pump(user_id, minimum_temperature_limit=24)
    assert half["maximum_temperature_limit"] is None
    off = await api.pump(user_id, is_heating_policy_enabled=False)
    assert off["is_heating_policy_enabled"] is False


async def test_there_are_no_settings_of_an_unknown_organisation(api: Api) -> None:
    assert (await api.call("GET", f"/org/{new_id()}/settings")).status == 404
