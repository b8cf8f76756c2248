"""The Connect pages over HTTP: the whole way, its wrong turns, its words."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from babel.messages.pofile import read_po

import heatfleet.web
from heatfleet.api.inputs import OnboardingInput
from heatfleet.domain.jobs import JobName
from heatfleet.store.ids import new_id
from heatfleet.web.languages import LANGUAGES, best_language
from tests.api_server import Answer, Api

WEB = Path(heatfleet.web.__file__).parent
SUCCESS = "https://portal.example/success?customer=7&x=%20#top"
CANCEL = "https://portal.example/error"


async def session(api: Api, **more: Any) -> dict[str, Any]:
    user_id = more.pop("user_id", None) or str(await api.user())
    body = {
        "language": "de",
        "price_zone_default": "AT",
        "success_url": SUCCESS,
        "cancel_url": CANCEL,
        "user_id": user_id,
    }
    made = await api.call("POST", "/device-onboarding", {**body, **more})
    assert made.status == 200, made.body
    return made.body


async def page(api: Api, path: str, **query: Any) -> Answer:
    return await api.call("GET", f"/{path}", token=None, params={k: str(v) for k, v in query.items()})


async def submit(api: Api, path: str, **fields: Any) -> Answer:
    return await api.call("POST", f"/{path}", token=None, data={k: str(v) for k, v in fields.items()})


async def agree(api: Api, session_id: str, vendor: str = "redirecting") -> Answer:
    return await submit(api, "/connect/sign-in", onboarding_session_id=session_id, vendor=vendor, consent="yes")


def state_of(answer: Answer) -> str:
    return parse_qs(urlsplit(answer.headers["location"]).query)["state"][0]


def text(answer: Answer) -> str:
    return answer.body.decode()


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
    assert back.status == 303
    parts = urlsplit(back.headers["location"])
    assert (parts.scheme, parts.netloc, parts.path, parts.fragment) == ("https", "portal.example", "/success", "top")
    assert parts.query.startswith("customer=7&x=%20&deviceId=")
    device = parse_qs(parts.query)["deviceId"][0]
    pump = (await api.call("GET", f"/org/{api.org_id}/users/{made['user']}/heat-pumps/{device}")).body
    assert pump["lifecycle_state"] == "authenticated"
    assert (pump["is_authenticated"], pump["connection_status"]) == (True, "ok")
    assert pump["is_smart_optimization_active"] is pump["is_space_heating_enabled"] is True
    assert pump["is_hot_water_heating_enabled"] is True
    assert (pump["indoor_actual_temperature"], pump["current_power_consumption_w"]) == (21.3, 1234)
    assert (pump["device_model"]["manufacturer"], pump["external_device_id"]) == ("Maker", "dev-1")
    assert pump["authorization_url"] is None
    assert (await api.call("GET", f"/device-onboarding/{made['id']}")).body["object_id"] == device


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [({}, (True, True)), ({"is_space_heating_enabled": True}, (True, False))],
    ids=["nobody has chosen", "somebody has chosen"],
)
async def test_the_probe_sets_the_uses_nobody_has_chosen_yet(
    api: Api, chosen: dict[str, bool], expected: tuple[bool, bool]
) -> None:
    pump = await api.pump(await api.user(), is_smart_optimization_active=True, **chosen)
    link = await api.session.get(pump["authorization_url"], allow_redirects=False)
    session_id = parse_qs(urlsplit(link.headers["location"]).query)["onboarding_session_id"][0]
    await page(api, "/connect/callback", code="good", state=state_of(await agree(api, session_id)))
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    seen = (await api.call("GET", path)).body
    assert seen["lifecycle_state"] == "authenticated"
    assert (seen["is_space_heating_enabled"], seen["is_hot_water_heating_enabled"]) == expected
    assert (seen["action_needed"], seen["actions"]) == (False, [])


async def test_what_is_left_behind(api: Api) -> None:
    made = await session(api)
    await page(api, "/connect/callback", code="good", state=state_of(await agree(api, made["id"])))
    async with api.services.database.read(api.org_id) as tx:
        assert await tx.value("select count(*) from polls") == 1
        assert await tx.value("select scopes from consents") == ["read", "write"]
        sealed = await tx.value("select grant_sealed from connections")
        assert b"account-1" not in sealed
        assert await tx.value("select step from onboarding_sessions") == {}
    async with api.services.database.read("fleet") as tx:
        assert [r[0] for r in await tx.fetch("select entrypoint from pgqueuer")] == [JobName.PLAN]


async def test_by_form(api: Api) -> None:
    made = await session(api)
    form = await agree(api, made["id"], "asking")
    assert form.status == 200
    assert 'type="password"' in text(form)
    state = re.search(r'name="state" value="([^"]+)"', text(form))
    assert state is not None
    wrong = await submit(api, "/connect/answer", state=state[1], email="a@b", password="bad")
    assert wrong.status == 400
    assert "Hersteller hat die Anmeldung nicht angenommen" in text(wrong)
    right = await submit(api, "/connect/answer", state=state[1], email="a@b", password="good")
    assert right.status == 303
    assert "deviceId=" in right.headers["location"]


async def test_several_devices_are_chosen_from(api: Api) -> None:
    api.vendors.drivers["redirecting"].devices = ["dev-1", "dev-2"]
    made = await session(api)
    back = await page(api, "/connect/callback", code="good", state=state_of(await agree(api, made["id"])))
    assert back.headers["location"] == f"/connect/choose?onboarding_session_id={made['id']}"
    choice = await page(api, "/connect/choose", onboarding_session_id=made["id"])
    assert "dev-2" in text(choice)
    bad = await submit(api, "/connect/choose", onboarding_session_id=made["id"], device="dev-9")
    assert bad.status == 400
    done = await submit(api, "/connect/choose", onboarding_session_id=made["id"], device="dev-2")
    assert "deviceId=" in done.headers["location"]


async def test_a_connected_pump_is_refused_and_a_used_session_too(api: Api) -> None:
    first = await session(api)
    await page(api, "/connect/callback", code="good", state=state_of(await agree(api, first["id"])))
    again = await page(api, "/connect", onboarding_session_id=first["id"])
    assert again.status == 410
    assert "deviceId=" in text(again)
    second = await session(api)
    refused = await page(api, "/connect/callback", code="good", state=state_of(await agree(api, second["id"])))
    assert refused.status == 409
    assert "bereits verbunden" in text(refused)
    assert f"{CANCEL}?error=conflict" in text(refused)
    assert len((await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body) == 1


async def test_a_pump_that_cannot_be_read_is_not_stored(api: Api) -> None:
    api.vendors.drivers["redirecting"].is_silent = True
    made = await session(api)
    answer = await page(api, "/connect/callback", code="good", state=state_of(await agree(api, made["id"])))
    assert answer.status == 400
    assert (await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body == []
    async with api.services.database.read(api.org_id) as tx:
        assert await tx.value("select count(*) from connections") == 0


async def test_an_account_without_heat_pump(api: Api) -> None:
    api.vendors.drivers["redirecting"].devices = []
    made = await session(api)
    answer = await page(api, "/connect/callback", code="good", state=state_of(await agree(api, made["id"])))
    assert "keine Wärmepumpe" in text(answer)


async def test_a_deleted_pump_comes_back_only_after_its_own_settings_did(api: Api) -> None:
    first = await session(api)
    back = await page(api, "/connect/callback", code="good", state=state_of(await agree(api, first["id"])))
    pump_id = parse_qs(urlsplit(back.headers["location"]).query)["deviceId"][0]
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
    early = await page(api, "/connect/callback", code="good", state=state_of(await agree(api, second["id"])))
    assert "noch wiederhergestellt" in text(early)
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute("update baselines set release_owed_since = null")
    later = await page(api, "/connect/callback", code="good", state=state_of(await agree(api, second["id"])))
    assert later.status == 303


async def test_states_are_good_for_the_latest_sign_in_and_one_hour(api: Api, clock: Any) -> None:
    made = await session(api)
    old, new = state_of(await agree(api, made["id"])), state_of(await agree(api, made["id"]))
    assert (await page(api, "/connect/callback", code="good", state=old)).status == 409
    for forged in ("", "x", new + "x", new[:-4] + "AAAA"):
        assert (await page(api, "/connect/callback", code="good", state=forged)).status == 404
    clock.advance(timedelta(hours=1))
    assert (await page(api, "/connect/callback", code="good", state=new)).status == 404


async def test_without_consent_nobody_is_sent_away(api: Api) -> None:
    made = await session(api)
    answer = await submit(api, "/connect/sign-in", onboarding_session_id=made["id"], vendor="redirecting")
    assert answer.status == 200
    assert "consent" in text(answer)
    unknown = await agree(api, made["id"], "nobody")
    assert unknown.status == 400


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
    back = await page(api, "/connect/callback", code="good", state=state_of(await agree(api, session_id)))
    assert back.headers["location"] == f"{api.url}/connect/done?deviceId={pump['id']}"
    async with api.session.get(back.headers["location"]) as done:
        assert done.status == 200
    seen = (await api.call("GET", f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump['id']}")).body
    assert (seen["lifecycle_state"], seen["comment"], seen["is_authenticated"]) == ("authenticated", "cellar", True)
    async with api.session.get(pump["authorization_url"] + "x", allow_redirects=False) as forged:
        assert forged.status == 404


async def test_search_escapes_what_it_shows(api: Api) -> None:
    made = await session(api)
    found = await page(api, "/connect/heat-pumps", onboarding_session_id=made["id"], q="ASKING")
    assert "vendor=asking" in text(found)
    assert "vendor=redirecting" not in text(found)
    nasty = await page(api, "/connect/heat-pumps", onboarding_session_id=made["id"], q='"><script>alert(1)</script>')
    assert "<script>" not in text(nasty)


async def test_pages_let_nothing_foreign_in(api: Api) -> None:
    made = await session(api)
    answer = await page(api, "/connect", onboarding_session_id=made["id"])
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert (await page(api, "/connect/style.css")).headers["content-type"].startswith("text/css")


def test_every_language_says_everything() -> None:
    said = {m for p in (WEB / "templates").glob("*.html") for m in re.findall(r'_\("(.*?)"\)', p.read_text("utf-8"))}
    assert len(said) > 30
    for language in set(LANGUAGES) - {"en"}:
        with (WEB / "locales" / f"{language}.po").open("rb") as file:
            catalogue = read_po(file, locale=language)
        assert {m.id for m in catalogue if m.id and m.string} == said, language
        assert all("%(partner)s" in m.string for m in catalogue if "%(partner)s" in m.id)


@pytest.mark.parametrize(
    ("header", "language"),
    [("de-AT,de;q=0.9", "de"), ("xx", "en"), ("", "en"), ("sv;q=1", "sv"), (";;,,,", "en"), ("pt-BR, fr", "fr")],
)
def test_best_language(header: str, language: str) -> None:
    assert best_language(header) == language


def test_sessions_speak_what_the_pages_speak() -> None:
    hint = get_type_hints(OnboardingInput)["language"]
    assert set(get_args(hint)) == set(LANGUAGES)
