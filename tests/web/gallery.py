"""Every Connect page there is, in one language, as a browser gets it; for tests that look at all of them."""

from __future__ import annotations

from base64 import b64encode
from datetime import timedelta
from typing import Any
from uuid import UUID

from heatfleet.domain.errors import Refused, TryAgain
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.store import connections
from heatfleet.store.connections import Lost
from tests.api.test_api_cues import cue
from tests.api_server import Answer, Api
from tests.web.journey import agree, connect, fields_of, finish, follow, page, session, sign_in, state_of, submit

LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 99 32"><path d="M0 0h99v32H0z" fill="#0a5"/></svg>'
FAULTS = (
    TryAgain("", after_s=240, code="quota_exceeded"),
    TryAgain("", after_s=60, code="vendor_down"),
    Refused("", code="client_refused"),
    Refused("", code="subscription"),
    Refused("", code="refused"),
)
Gallery = dict[str, Answer]


async def every_page(api: Api, language: str) -> Gallery:
    """The pages by name; the organisation has a colour and a logo."""
    looks = {"colour": "#ffd400", "logo_url": f"data:image/svg+xml;base64,{b64encode(LOGO).decode()}"}
    await api.call("PUT", f"/org/{api.org_id}/settings", looks)
    shown: Gallery = {}
    for part in (_before, _consents, _sign_ins, _pump, _faults, _again, _ends, _notices, _invites):
        shown |= await part(api, language)
    return shown


async def _new(api: Api, language: str) -> str:
    return str((await session(api, language=language))["id"])


async def _before(api: Api, language: str) -> Gallery:
    id_ = await _new(api, language)
    return {
        "start": await page(api, "/connect", onboarding_session_id=id_),
        "manufacturers": await page(api, "/connect/heat-pumps", onboarding_session_id=id_),
        "found": await page(api, "/connect/heat-pumps", onboarding_session_id=id_, q="asking"),
        "found-nothing": await page(api, "/connect/heat-pumps", onboarding_session_id=id_, q="nobody"),
    }


async def _consents(api: Api, language: str) -> Gallery:
    id_ = await _new(api, language)
    shown = {}
    for vendor in api.vendors.drivers:
        told = await page(api, "/connect/consent", onboarding_session_id=id_, vendor=vendor)
        shown[f"consent-{vendor}"] = told
    shown["consent-fault"] = await submit(api, "/connect/sign-in", **fields_of(told))
    return shown


async def _sign_ins(api: Api, language: str) -> Gallery:
    shown = {}
    for vendor in ("asking", "pairing", "coding"):
        away = await agree(api, await _new(api, language), vendor)
        shown[f"sign-in-{vendor}"] = await follow(api, away)
        if vendor == "pairing":
            shown["sign-in-calm"] = await page(api, "/connect/wait", state=state_of(away), auto="off")
    away = await agree(api, await _new(api, language), "asking")
    shown["form-empty"] = await submit(api, "/connect/answer", state=state_of(away), email="", password="")
    shown["form-wrong"] = await submit(api, "/connect/answer", state=state_of(away), email="a@b", password="bad")
    return shown


async def _pump(api: Api, language: str) -> Gallery:
    driver = api.vendors.drivers["redirecting"]
    driver.devices = ["dev-1", "dev-2", "dev-3"]
    usual, setpoint = driver.levers, LeverRange(18, 32, 0.5)
    driver.levers = {**usual, Lever.COOLING_SETPOINT_C: setpoint, Lever.POOL_SETPOINT_C: setpoint}
    first = await _new(api, language)
    await sign_in(api, first)
    await submit(api, "/connect/choose", onboarding_session_id=first, device="dev-3")
    await finish(api, first)
    id_ = await _new(api, language)
    await sign_in(api, id_)
    shown = {"choose": await page(api, "/connect/choose", onboarding_session_id=id_)}
    await submit(api, "/connect/choose", onboarding_session_id=id_, device="dev-2")
    shown["abilities"] = await page(api, "/connect/abilities", onboarding_session_id=id_)
    shown["comfort"] = await page(api, "/connect/comfort", onboarding_session_id=id_)
    wrong = {"minimum_temperature_limit": "warm", "minimum_dhw_temperature_limit": "99"}
    shown["comfort-fault"] = await finish(api, id_, **wrong)
    shown["taken"] = await submit(api, "/connect/choose", onboarding_session_id=id_, device="dev-3")
    driver.devices = []
    shown["no-device"] = await sign_in(api, await _new(api, language))
    driver.devices, driver.levers = ["dev-1"], usual
    return shown


async def _faults(api: Api, language: str) -> Gallery:
    shown, driver = {}, api.vendors.drivers["redirecting"]
    id_ = await _new(api, language)
    for fault in FAULTS:
        driver.fault = fault
        shown[f"failed-{fault.code}"] = await sign_in(api, id_)
    driver.fault = None
    shown["failed-denied"] = await sign_in(api, id_, error="access_denied")
    shown["failed-anew"] = await page(api, "/connect/abilities", onboarding_session_id=id_)
    driver.is_silent = True
    shown["failed-silent"] = await follow(api, await sign_in(api, id_))
    driver.is_silent = False
    return shown


async def _again(api: Api, language: str) -> Gallery:
    driver = api.vendors.drivers["redirecting"]
    pump_id, token = await connect(api, await _new(api, language)), api.token()
    async with api.services.database.write(api.org_id) as tx:
        lost = await tx.value("select connection_id from heat_pumps where id = $1", UUID(pump_id))
        await connections.mark_lost(tx, [Lost(lost, "consent_lost", "")], api.services.clock.wall_now())
    pumps = (await api.call("GET", f"/org/{api.org_id}/heat-pumps", token=token)).body
    (action,) = next(pump for pump in pumps if pump["id"] == pump_id)["actions"]
    urls = {"success_url": "https://portal.example/ok", "cancel_url": "https://portal.example/no", "language": language}
    made = await api.call("POST", f"/{action['resolution_link']['url']}", urls, token=token)
    id_ = made.body["redirect_url"].rpartition("=")[2]
    shown = {"again": await page(api, "/connect/heat-pumps", onboarding_session_id=id_)}
    driver.account = "account-2"
    away = await submit(api, "/connect/sign-in", onboarding_session_id=id_)
    shown["other-account"] = await page(api, "/connect/callback", code="good", state=state_of(away))
    driver.account = "account-1"
    return shown


async def _ends(api: Api, language: str) -> Gallery:
    api.vendors.drivers["asking"].devices = ["dev-8"]
    id_ = await _new(api, language)
    state = state_of(await agree(api, id_, "asking"))
    await submit(api, "/connect/answer", state=state, email="a@b", password="good")
    await finish(api, id_)
    shown = {
        "over-done": await page(api, "/connect", onboarding_session_id=id_),
        "done": await page(api, "/connect/done", onboarding_session_id=id_, deviceId="1"),
        "done-nothing": await page(api, "/connect/done", onboarding_session_id=id_),
        "over-unknown": await api.call("GET", "//connect", token=None, headers={"Accept-Language": language}),
    }
    id_ = await _new(api, language)
    await submit(api, "/connect/cancel", onboarding_session_id=id_)
    shown["over-cancelled"] = await page(api, "/connect", onboarding_session_id=id_)
    id_, clock = await _new(api, language), api.services.clock
    now = clock.wall_now()
    clock.wall = now + timedelta(days=3)  # type: ignore[attr-defined]
    shown["over-expired"] = await page(api, "/connect", onboarding_session_id=id_)
    clock.wall = now  # type: ignore[attr-defined]
    return shown


async def _notices(api: Api, language: str) -> Gallery:
    pump, token = await api.pump(await api.user()), api.token()
    await cue(api, pump, "information", {"code": "cannot_disinfect", "message": "…"})
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    (action,) = (await api.call("GET", path, token=token)).body["actions"]
    link = str(action["resolution_link"]["url"]).partition("/cues/")[2].replace("/information/resolve", "")
    cue_id, _, secret = link.partition("?secret=")
    return {
        "notice": await page(api, f"/connect/notices/{cue_id}", secret=secret, language=language),
        "notice-done": await page(api, "/connect/notices", language=language),
        "notice-over": await page(api, f"/connect/notices/{cue_id}", secret="x", language=language),
    }


async def _invites(api: Api, language: str) -> Gallery:
    user_id = await api.user()
    made = await api.call("POST", f"/org/{api.org_id}/users/{user_id}/invite")
    secret = made.body["url"].rpartition("=")[2]
    wrong: dict[str, Any] = {"secret": secret, "language": language, "password": "short", "repeated": "short"}
    return {
        "invite": await page(api, "/invite", secret=secret, language=language),
        "invite-fault": await submit(api, "/invite", **wrong),
        "invite-done": await page(api, "/invite/done", language=language),
        "invite-over": await page(api, "/invite", secret="x", language=language),
    }
