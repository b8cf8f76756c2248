"""The Connect pages over HTTP: the whole way, its wrong turns, its words."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from heatfleet.api.inputs import OnboardingInput
from heatfleet.domain.errors import OutsideWorldError, Refused, TryAgain
from heatfleet.domain.jobs import JobName
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel
from heatfleet.flows.keep import tidy
from heatfleet.flows.toolbox_connect import scopes_of
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store.ids import new_id
from heatfleet.web.languages import LANGUAGES, best_language
from tests.api_server import Api
from tests.web.journey import (
    CANCEL,
    agree,
    connect,
    device_of,
    fields_of,
    finish,
    follow,
    page,
    session,
    sign_in,
    state_of,
    submit,
    text,
    words,
)


async def pump_of(api: Api, made: dict[str, Any], device: str) -> dict[str, Any]:
    return (await api.call("GET", f"/org/{api.org_id}/users/{made['user']}/heat-pumps/{device}")).body


async def test_the_whole_way_by_redirect(api: Api) -> None:
    made = await session(api, is_smart_optimization_active_default=True)
    start = await page(api, "/connect", onboarding_session_id=made["id"])
    assert start.status == 200
    assert '<html lang="de">' in text(start)
    makers = await page(api, "/connect/heat-pumps", onboarding_session_id=made["id"])
    assert "vendor=redirecting" in text(makers)
    consent = await page(api, "/connect/consent", onboarding_session_id=made["id"], vendor="redirecting")
    assert "Stadtwerke Test" in text(consent)
    away = await agree(api, made["id"])
    assert away.status == 303
    assert away.headers["location"].startswith("https://vendor.example/authorize")
    back = await page(api, "/connect/callback", code="good", state=state_of(away))
    assert (back.status, back.headers["location"].partition("?")[0]) == (303, "/connect/abilities")
    done = await finish(api, made["id"])
    assert done.status == 303
    parts = urlsplit(done.headers["location"])
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "portal.example", "/success", "top")
    assert parts.query.startswith("customer=7&x=%20&deviceId=")
    device = device_of(done)
    pump = await pump_of(api, made, device)
    assert pump["lifecycle_state"] == "authenticated"
    assert (pump["is_authenticated"], pump["connection_status"]) == (True, "ok")
    assert pump["is_smart_optimization_active"] is pump["is_space_heating_enabled"] is True
    assert pump["is_hot_water_heating_enabled"] is True
    assert (pump["indoor_actual_temperature"], pump["current_power_consumption_w"]) == (21.3, 1234)
    assert (pump["device_model"]["manufacturer"], pump["external_device_id"]) == ("Maker", "dev-1")
    assert pump["authorization_url"] is None
    assert (await api.call("GET", f"/device-onboarding/{made['id']}")).body["object_id"] == device


async def test_what_we_can_and_cannot_do_is_told_before_anything_is_stored(api: Api) -> None:
    made = await session(api, language="en")
    told = words(await follow(api, await sign_in(api, made["id"])))
    assert "Room temperature 21.3 °C" in told
    assert "Not changed: Extra hot water – the manufacturer asks for a paid subscription" in told
    assert "Not read: Electricity used – no sensor for it is installed" in told
    assert (await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body == []
    driver = api.vendors.drivers["redirecting"]
    assert driver.reads == 1
    await finish(api, made["id"])
    assert driver.reads == 1, "one reading is enough for all pages"
    async with api.services.database.read(api.org_id) as tx:
        able = await tx.value("select capabilities from heat_pumps")
    assert ["write", "dhw_boost", "subscription"] in able["cannot"]


async def test_wishes_are_kept(api: Api) -> None:
    made = await session(api)
    await sign_in(api, made["id"])
    form = await page(api, "/connect/comfort", onboarding_session_id=made["id"])
    offered = fields_of(form)
    assert (offered["minimum_temperature_limit"], offered["maximum_temperature_limit"]) == ("20.5", "22.5")
    assert offered["is_hot_water_heating_enabled"] == "yes"
    offered |= {"minimum_temperature_limit": "19,5", "minimum_dhw_temperature_limit": "42"}
    del offered["is_hot_water_heating_enabled"]
    pump = await pump_of(api, made, device_of(await submit(api, "/connect/comfort", **offered)))
    assert (pump["minimum_temperature_limit"], pump["maximum_temperature_limit"]) == (19.5, 22.5)
    assert (pump["is_heating_policy_enabled"], pump["minimum_dhw_temperature_limit"]) == (True, 42)
    assert (pump["is_space_heating_enabled"], pump["is_hot_water_heating_enabled"]) == (True, False)
    assert pump["heating_policy_last_updated_at"] is not None


async def test_cooling_and_the_pool_are_asked_for_where_the_pump_can_be_steered_for_them(api: Api) -> None:
    driver = api.vendors.drivers["redirecting"]
    driver.channels |= {Channel.POOL_TEMP_C}
    made = await session(api, language="en")
    told = words(await follow(api, await sign_in(api, made["id"])))
    assert "Pool temperature –" in told
    assert "Pool temperature you have set" not in told
    form = await page(api, "/connect/comfort", onboarding_session_id=made["id"])
    assert not re.search("pool|cooling", text(form), re.IGNORECASE), "read, but not moved"
    pump = await pump_of(api, made, device_of(await finish(api, made["id"])))
    assert (pump["is_pool_heating_enabled"], pump["is_space_cooling_enabled"]) == (False, False)

    setpoint = LeverRange(18.0, 35.0, 0.5)
    driver.devices = ["dev-9"]
    driver.levers = {**driver.levers, Lever.COOLING_SETPOINT_C: setpoint, Lever.POOL_SETPOINT_C: setpoint}
    made = await session(api, language="en")
    told = words(await follow(api, await sign_in(api, made["id"])))
    assert "Room temperature you have set for cooling" in told
    assert "Pool temperature you have set" in told
    offered = fields_of(await page(api, "/connect/comfort", onboarding_session_id=made["id"]))
    assert (offered["is_pool_heating_enabled"], offered["is_space_cooling_enabled"]) == ("yes", "yes")
    del offered["is_pool_heating_enabled"]
    pump = await pump_of(api, made, device_of(await submit(api, "/connect/comfort", **offered)))
    assert (pump["is_pool_heating_enabled"], pump["is_space_cooling_enabled"]) == (False, True)


async def test_the_organisations_comfort_is_what_is_offered_and_what_stays(api: Api) -> None:
    comfort = {"minimum_temperature_limit": 18, "maximum_temperature_limit": 23, "dhw_standard_temperature": 48}
    await api.call("PUT", f"/org/{api.org_id}/settings", {"default_comfort": comfort})
    made = await session(api)
    await sign_in(api, made["id"])
    offered = fields_of(await page(api, "/connect/comfort", onboarding_session_id=made["id"]))
    assert (offered["minimum_temperature_limit"], offered["maximum_temperature_limit"]) == ("18", "23")
    too_hot = await submit(api, "/connect/comfort", **{**offered, "minimum_dhw_temperature_limit": "50"})
    assert too_hot.status == 422
    assert 'href="#minimum_dhw_temperature_limit"' in text(too_hot)
    pump = await pump_of(api, made, device_of(await submit(api, "/connect/comfort", **offered)))
    assert (pump["dhw_standard_temperature"], pump["minimum_dhw_temperature_limit"]) == (48, 45)


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ({"minimum_temperature_limit": ""}, "Enter a number, for example 20.5."),
        ({"minimum_temperature_limit": "warm"}, "Enter a number, for example 20.5."),
        ({"maximum_temperature_limit": "nan"}, "Enter a number, for example 20.5."),
        ({"maximum_temperature_limit": "60"}, "Enter a temperature between 5 and 35 °C."),
        ({"minimum_temperature_limit": "22.4"}, "must be at least half a degree below the highest"),
        ({"minimum_dhw_temperature_limit": "20"}, "Enter a temperature between 30 and 65 °C."),
    ],
)
async def test_wrong_wishes_are_named_and_nothing_is_connected(api: Api, wishes: dict[str, str], says: str) -> None:
    made = await session(api, language="en")
    await sign_in(api, made["id"])
    again = await finish(api, made["id"], **wishes)
    assert again.status == 422
    (field,) = wishes
    assert says in words(again)
    assert f'href="#{field}"' in text(again)
    assert f'id="{field}"' in text(again)
    assert 'role="alert"' in text(again)
    assert (await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body == []
    assert (await finish(api, made["id"])).status == 303


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [({}, (True, True)), ({"is_space_heating_enabled": True}, (True, False))],
    ids=["nobody has chosen", "somebody has chosen"],
)
async def test_the_form_offers_the_uses_somebody_has_chosen_already(
    api: Api, chosen: dict[str, bool], expected: tuple[bool, bool]
) -> None:
    pump = await api.pump(await api.user(), is_smart_optimization_active=True, **chosen)
    link = await api.session.get(pump["authorization_url"], allow_redirects=False)
    session_id = parse_qs(urlsplit(link.headers["location"]).query)["onboarding_session_id"][0]
    await connect(api, session_id)
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    seen = (await api.call("GET", path)).body
    assert seen["lifecycle_state"] == "authenticated"
    assert (seen["is_space_heating_enabled"], seen["is_hot_water_heating_enabled"]) == expected
    assert (seen["action_needed"], seen["actions"]) == (False, [])


async def test_what_is_left_behind(api: Api) -> None:
    made = await session(api)
    await connect(api, made["id"])
    async with api.services.database.read(api.org_id) as tx:
        assert await tx.value("select count(*) from polls") == 1
        row = await tx.row("select scopes, language, text_version from consents")
        assert list(row) == [scopes_of(api.vendors.manifest("redirecting")), "de", "3"]
        sealed = await tx.value("select grant_sealed from connections")
        assert b"account-1" not in sealed
        assert await tx.value("select step from onboarding_sessions") == {}
    async with api.services.database.read("fleet") as tx:
        assert [r[0] for r in await tx.fetch("select entrypoint from pgqueuer")] == [JobName.PLAN]


async def test_consent_tells_exactly_what_is_written_down(api: Api) -> None:
    made = await session(api, language="en")
    told = words(await page(api, "/connect/consent", onboarding_session_id=made["id"], vendor="asking"))
    for said in (
        "Room temperature",
        "Outdoor temperature",
        "Electric power",
        "Electricity used",
        "temperature you have",
    ):
        assert said in told
    assert "Hot-water temperature" not in told
    assert "not offered by the manufacturer itself" in told
    assert "passed on to the manufacturer or the device only" in told
    assert "To stop, ask Stadtwerke Test, or use the page of your heat pump if you have the link to it" in told
    form = {"onboarding_session_id": made["id"], "vendor": "asking", "consent": "yes", "terms": "another text"}
    other = await submit(api, "/connect/sign-in", **form)
    assert other.status == 200
    assert "What you allow" in words(other)


async def test_a_grant_that_ran_out_on_the_way_is_refreshed(api: Api, clock: Any) -> None:
    driver = api.vendors.drivers["redirecting"]
    driver.expires_at = clock.wall_now() + timedelta(minutes=10)
    made = await session(api)
    await sign_in(api, made["id"])
    clock.advance(timedelta(minutes=30))
    assert (await finish(api, made["id"])).status == 303
    assert driver.refreshes == 1


async def test_by_form(api: Api) -> None:
    made = await session(api)
    away = await agree(api, made["id"], "asking")
    form = await follow(api, away)
    assert form.status == 200
    assert 'type="password"' in text(form)
    state = state_of(away)
    empty = await submit(api, "/connect/answer", state=state, email="a@b", password="")
    assert empty.status == 422
    assert 'href="#password"' in text(empty)
    wrong = await submit(api, "/connect/answer", state=state, email="a@b", password="bad-one")
    assert wrong.status == 422
    assert "Hersteller hat die Anmeldung nicht angenommen" in text(wrong)
    assert 'value="a@b"' in text(wrong)
    assert "bad-one" not in text(wrong)
    right = await submit(api, "/connect/answer", state=state, email="a@b", password="good")
    assert right.headers["location"].startswith("/connect/abilities")
    assert (await finish(api, made["id"])).status == 303


async def test_passwords_cannot_be_guessed_with_a_link(api: Api) -> None:
    made = await session(api, language="en")
    for _ in range(2):
        state = state_of(await agree(api, made["id"], "asking"))
        for _ in range(5):
            wrong = await submit(api, "/connect/answer", state=state, email="a@b", password="bad")
            assert wrong.status == 422
    state = state_of(await agree(api, made["id"], "asking"))
    right = await submit(api, "/connect/answer", state=state, email="a@b", password="good")
    assert right.status == 400
    assert "Too many sign-ins that failed" in words(right)


async def test_a_sign_in_begun_anew_is_not_mixed_with_the_one_before(api: Api) -> None:
    made = await session(api)
    old = await agree(api, made["id"])
    driver, began = api.vendors.drivers["redirecting"], []
    finish_sign_in = driver.finish_sign_in

    async def slowly(answer: Any, redirect_uri: str) -> Any:
        began.append(await agree(api, made["id"]))
        return await finish_sign_in(answer, redirect_uri)

    driver.finish_sign_in = slowly
    late = await page(api, "/connect/callback", code="good", state=state_of(old))
    assert late.status == 409
    driver.finish_sign_in = finish_sign_in
    denied = await page(api, "/connect/callback", error="access_denied", state=state_of(began[0]))
    assert denied.status == 400, "the newer sign-in has not been given the older one's account"


async def test_what_a_person_who_never_came_back_signed_in_to_is_forgotten(api: Api, clock: Any) -> None:
    left = await session(api)
    await sign_in(api, left["id"])
    clock.advance(timedelta(days=1))
    waits = await session(api)
    await sign_in(api, waits["id"])
    clock.advance(timedelta(days=1))
    tools = Tools(api.services.database, clock, api.vendors, api.services.counter.seal_keys)
    await tidy(tools)
    async with api.services.database.read(api.org_id) as tx:
        steps = {str(row[0]): row[1] for row in await tx.fetch("select id, step from onboarding_sessions")}
    assert steps[left["id"]] == {}
    assert "grant" in steps[waits["id"]]


@pytest.mark.parametrize(("vendor", "code", "after_s"), [("pairing", "GATE-4711", "5"), ("coding", "WDJB-MJHT", "7")])
async def test_a_code_is_waited_for_without_a_script(api: Api, vendor: str, code: str, after_s: str) -> None:
    made = await session(api, language="en")
    away = await agree(api, made["id"], vendor)
    waiting = await follow(api, away)
    assert (waiting.status, waiting.headers["refresh"]) == (200, after_s)
    assert code in text(waiting)
    calm = await page(api, "/connect/wait", state=state_of(away), auto="off")
    assert "refresh" not in calm.headers
    driver = api.vendors.drivers[vendor]
    driver.fault = TryAgain("down", after_s=40, code="vendor_down")
    assert (await page(api, "/connect/wait", state=state_of(away))).headers["refresh"] == "40"
    driver.fault, driver.is_entered = None, True
    on = await page(api, "/connect/wait", state=state_of(away))
    assert on.headers["location"].startswith("/connect/abilities")
    assert (await finish(api, made["id"])).status == 303


async def test_several_devices_are_chosen_from(api: Api) -> None:
    api.vendors.drivers["redirecting"].devices = ["dev-1", "dev-2"]
    made = await session(api)
    back = await sign_in(api, made["id"])
    assert back.headers["location"] == f"/connect/choose?onboarding_session_id={made['id']}"
    choice = await page(api, "/connect/choose", onboarding_session_id=made["id"])
    assert "dev-2" in text(choice)
    bad = await submit(api, "/connect/choose", onboarding_session_id=made["id"], device="dev-9")
    assert bad.status == 400
    unchosen = await page(api, "/connect/abilities", onboarding_session_id=made["id"])
    assert unchosen.status == 409
    await submit(api, "/connect/choose", onboarding_session_id=made["id"], device="dev-2")
    first = device_of(await finish(api, made["id"]))
    assert (await pump_of(api, made, first))["external_device_id"] == "dev-2"
    second = await session(api)
    await sign_in(api, second["id"])
    choice = await page(api, "/connect/choose", onboarding_session_id=second["id"])
    assert re.search(r'value="dev-2" required disabled', text(choice)), "a connected one cannot be chosen"
    taken = await submit(api, "/connect/choose", onboarding_session_id=second["id"], device="dev-2")
    assert taken.status == 409


async def test_a_connected_pump_is_refused_and_a_used_session_too(api: Api) -> None:
    first = await session(api)
    await connect(api, first["id"])
    again = await page(api, "/connect", onboarding_session_id=first["id"])
    assert again.status == 410
    assert "deviceId=" in text(again)
    second = await session(api)
    refused = await sign_in(api, second["id"])
    assert refused.status == 409
    assert "ist bereits verbunden" in text(refused)
    assert f"{CANCEL}?error=already_connected" in text(refused)
    assert len((await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body) == 1


async def test_of_two_who_connect_the_same_pump_at_once_one_is_refused(api: Api) -> None:
    both = [await session(api), await session(api)]
    for made in both:
        await sign_in(api, made["id"])
    answers = await asyncio.gather(*(finish(api, made["id"]) for made in both))
    assert sorted(answer.status for answer in answers) == [303, 409]
    assert len((await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body) == 1


async def test_the_browser_may_bring_the_same_answer_twice(api: Api) -> None:
    made = await session(api)
    away = await agree(api, made["id"])
    for _ in range(2):
        back = await page(api, "/connect/callback", code="good", state=state_of(away))
        assert back.headers["location"].startswith("/connect/abilities")


async def test_a_pump_that_cannot_be_read_is_not_stored(api: Api) -> None:
    driver = api.vendors.drivers["redirecting"]
    driver.is_silent = True
    made = await session(api)
    answer = await follow(api, await sign_in(api, made["id"]))
    assert answer.status == 400
    assert f"/connect/abilities?onboarding_session_id={made['id']}" in text(answer), "the same pump can be asked again"
    assert (await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body == []
    async with api.services.database.read(api.org_id) as tx:
        assert await tx.value("select count(*) from connections") == 0
    driver.is_silent = False
    assert (await finish(api, made["id"])).status == 303


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (TryAgain("", after_s=240, code="quota_exceeded"), "Try again in about 4 minutes."),
        (TryAgain("", after_s=60, code="vendor_down"), "The manufacturer does not answer at the moment"),
        (TryAgain("", after_s=60, code="timeout"), "The manufacturer does not answer at the moment"),
        (Refused("", code="client_refused"), "This manufacturer cannot be connected at the moment"),
        (Refused("", code="subscription"), "asks for a paid subscription"),
    ],
    ids=lambda value: value.code if isinstance(value, OutsideWorldError) else "",
)
async def test_every_fault_says_what_to_do(api: Api, fault: OutsideWorldError, says: str) -> None:
    api.vendors.drivers["redirecting"].fault = fault
    made = await session(api, language="en")
    answer = await sign_in(api, made["id"])
    assert answer.status == 400
    assert says in words(answer)
    assert f"error={fault.code}" in text(answer)
    assert f"/connect/consent?onboarding_session_id={made['id']}&amp;vendor=redirecting" in text(answer)


async def test_an_account_without_heat_pump_and_a_person_who_says_no(api: Api) -> None:
    api.vendors.drivers["redirecting"].devices = []
    made = await session(api)
    assert "keine Wärmepumpe" in text(await sign_in(api, made["id"]))
    english = await session(api, language="en")
    denied = await sign_in(api, english["id"], error="access_denied")
    assert "You did not allow the access" in words(denied)


async def test_a_deleted_pump_comes_back_only_after_its_own_settings_did(api: Api) -> None:
    first = await session(api)
    pump_id = await connect(api, first["id"])
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute(
            "insert into baselines (heat_pump_id, org_id, lever, own_value, captured_at, release_owed_since)"
            " values ($1, $2, 'indoor_setpoint_c', 21, now(), now())",
            UUID(pump_id),
            api.org_id,
        )
    gone = await api.call("DELETE", f"/org/{api.org_id}/users/{first['user']}/heat-pumps/{pump_id}")
    assert gone.status == 204
    second = await session(api)
    early = await sign_in(api, second["id"])
    assert "noch wiederhergestellt" in text(early)
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute("update baselines set release_owed_since = null")
    await connect(api, second["id"])


async def test_states_are_good_for_the_latest_sign_in_and_one_hour(api: Api, clock: Any) -> None:
    made = await session(api)
    old, new = state_of(await agree(api, made["id"])), state_of(await agree(api, made["id"]))
    assert (await page(api, "/connect/callback", code="good", state=old)).status == 409
    for forged in ("", "x", new + "x", new[:-4] + "AAAA"):
        assert (await page(api, "/connect/callback", code="good", state=forged)).status == 404
    form = await page(api, "/connect/form", state=new)
    assert form.status == 409, "this sign-in asked for no form"
    clock.advance(timedelta(hours=1))
    assert (await page(api, "/connect/callback", code="good", state=new)).status == 404


async def test_without_consent_nobody_is_sent_away(api: Api) -> None:
    made = await session(api)
    told = await page(api, "/connect/consent", onboarding_session_id=made["id"], vendor="redirecting")
    fields = fields_of(told)
    assert "consent" not in fields
    answer = await submit(api, "/connect/sign-in", **fields)
    assert answer.status == 422
    assert 'href="#consent"' in text(answer)
    unknown = await agree(api, made["id"], "nobody")
    assert unknown.status == 400
    for early in ("choose", "abilities", "comfort"):
        assert (await page(api, f"/connect/{early}", onboarding_session_id=made["id"])).status == 409


async def test_cancel_expiry_and_nonsense(api: Api, clock: Any) -> None:
    made = await session(api)
    cancelled = await submit(api, "/connect/cancel", onboarding_session_id=made["id"])
    assert (cancelled.status, cancelled.headers["location"]) == (303, CANCEL)
    assert (await page(api, "/connect", onboarding_session_id=made["id"])).status == 410
    late = await session(api)
    clock.advance(timedelta(days=1, hours=17, minutes=59))
    assert (await page(api, "/connect", onboarding_session_id=late["id"])).status == 200
    clock.advance(timedelta(minutes=1))
    expired = await page(api, "/connect", onboarding_session_id=late["id"])
    assert expired.status == 410
    assert f"{CANCEL}?error=expired" in text(expired)
    for unknown in (new_id(), "nonsense", ""):
        assert (await page(api, "/connect", onboarding_session_id=unknown)).status == 404


async def test_a_registered_pump_is_connected_by_its_own_link(api: Api) -> None:
    user_id = await api.user()
    pump = await api.pump(user_id, comment="cellar", is_smart_optimization_active=True)
    async with api.session.get(pump["authorization_url"], allow_redirects=False) as link:
        session_id = link.headers["location"].rpartition("=")[2]
    await sign_in(api, session_id)
    done = await finish(api, session_id)
    assert done.headers["location"].startswith(f"{api.url}/connect/done?deviceId={pump['id']}&")
    async with api.session.get(done.headers["location"]) as last:
        assert last.status == 200
        assert "Stadtwerke Test" in await last.text()
    seen = (await api.call("GET", f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump['id']}")).body
    assert (seen["lifecycle_state"], seen["comment"], seen["is_authenticated"]) == ("authenticated", "cellar", True)
    async with api.session.get(pump["authorization_url"] + "x", allow_redirects=False) as forged:
        assert forged.status == 404


async def test_search_escapes_what_it_shows(api: Api) -> None:
    made = await session(api)
    found = await page(api, "/connect/heat-pumps", onboarding_session_id=made["id"], q="ASKING")
    assert "vendor=asking" in text(found)
    assert "vendor=redirecting" not in text(found)
    assert text(found).index('role="status"') > 0
    nasty = await page(api, "/connect/heat-pumps", onboarding_session_id=made["id"], q='"><script>alert(1)</script>')
    assert "<script>" not in text(nasty)


async def test_the_picture_of_progress_names_the_step(api: Api) -> None:
    made = await session(api, language="en")
    seen = []
    for place, more in (("", {}), ("/heat-pumps", {}), ("/consent", {"vendor": "redirecting"})):
        answer = await page(api, f"/connect{place}", onboarding_session_id=made["id"], **more)
        seen += re.findall(r'aria-current="step">\s*<span>([^<]+)', text(answer))
    assert seen == ["Device", "Manufacturer", "Consent"]


async def test_pages_let_nothing_foreign_in(api: Api) -> None:
    made = await session(api)
    answer = await page(api, "/connect", onboarding_session_id=made["id"])
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (await page(api, "/connect/style.css")).headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    ("header", "language"),
    [("de-AT,de;q=0.9", "de"), ("xx", "en"), ("", "en"), ("sv;q=1", "sv"), (";;,,,", "en"), ("pt-BR, fr", "fr")],
)
def test_best_language(header: str, language: str) -> None:
    assert best_language(header) == language


def test_sessions_speak_what_the_pages_speak() -> None:
    hint = get_type_hints(OnboardingInput)["language"]
    assert set(get_args(hint)) == set(LANGUAGES)
