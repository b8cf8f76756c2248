"""Signing in again through an action: the same account revives the pump, another one changes nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from heatfleet.store import connections
from heatfleet.store.connections import Lost
from heatfleet.vendors.kit.grants import grant_aad, open_sealed
from tests.api_server import Answer, Api
from tests.web.journey import connect, follow, page, session, state_of, submit, text, words

URLS = {"successUrl": "https://portal.example/again?x=1", "cancelUrl": "https://portal.example/no", "language": "en"}
Rows = list[tuple[Any, ...]]


async def lose(api: Api) -> None:
    """The vendor no longer takes any grant."""
    async with api.services.database.write(api.org_id) as tx:
        ids = [row[0] for row in await tx.fetch("select id from connections")]
        now = api.services.clock.wall_now()
        await connections.mark_lost(tx, [Lost(id_, "consent_lost", "gone") for id_ in ids], now)


async def everything(api: Api) -> Rows:
    """All that signing in may change, but the session."""
    async with api.services.database.read(api.org_id) as tx:
        rows: Rows = []
        for table in ("connections", "heat_pumps", "cues", "consents", "polls"):
            rows += [tuple(row) for row in await tx.fetch(f"select * from {table} order by 1")]
        return rows


async def lost_pump(api: Api, vendor: str = "redirecting") -> tuple[dict[str, Any], str]:
    """A heat pump whose connection was lost, and the session that its action leads to."""
    made = await session(api)
    if vendor == "redirecting":
        await connect(api, made["id"])
    token = api.token()
    await lose(api)
    (pump,) = (await api.call("GET", f"/org/{api.org_id}/heat-pumps", token=token)).body
    (action,) = pump["actions"]
    assert (action["code"], pump["lifecycle_state"]) == ("reauthenticate", "error")
    answer = await api.call("POST", f"/{action['resolution_link']['url']}", URLS, token=token)
    return pump, answer.body["redirect_url"].rpartition("=")[2]


async def again(api: Api, session_id: str) -> Answer:
    away = await submit(api, "/connect/sign-in", onboarding_session_id=session_id)
    return await page(api, "/connect/callback", code="good", state=state_of(away))


async def test_the_same_account_revives_the_pump_and_settles_the_action(api: Api) -> None:
    pump, session_id = await lost_pump(api)
    told = await page(api, "/connect/heat-pumps", onboarding_session_id=session_id)
    assert "Sign in again: Redirecting" in words(told)
    assert "Pump dev-1" in words(told)
    done = await again(api, session_id)
    assert done.headers["location"] == f"https://portal.example/again?x=1&deviceId={pump['id']}"
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    seen = (await api.call("GET", path)).body
    assert (seen["lifecycle_state"], seen["lifecycle_error"], seen["connection_status"]) == (
        "authenticated",
        None,
        "ok",
    )
    assert (seen["action_needed"], seen["actions"]) == (False, [])
    async with api.services.database.read(api.org_id) as tx:
        (row,) = await tx.fetch("select id, vendor, status, grant_sealed, grant_version from connections")
        assert (row["status"], row["grant_version"]) == ("ok", 2)
        aad = grant_aad(api.org_id, row["id"], row["vendor"])
        assert open_sealed(row["grant_sealed"], api.services.counter.seal_keys, aad).account_id == "account-1"
        assert await tx.value("select count(*) from consents") == 1
        assert await tx.value("select state from cues") == "resolved"
        assert await tx.value("select due_at from polls") <= api.services.clock.fleet_now()
    used = await page(api, "/connect/heat-pumps", onboarding_session_id=session_id)
    assert used.status == 410


@pytest.mark.parametrize(
    ("account", "devices"), [("account-2", ["dev-1"]), ("account-2", ["dev-9"]), ("account-1", ["dev-9"])]
)
async def test_another_account_changes_nothing(api: Api, account: str, devices: list[str]) -> None:
    _, session_id = await lost_pump(api)
    before = await everything(api)
    driver = api.vendors.drivers["redirecting"]
    driver.account, driver.devices = account, devices
    refused = await again(api, session_id)
    assert refused.status == 409
    assert "This is another account" in words(refused)
    assert "error=other_account" in text(refused)
    assert await everything(api) == before
    driver.account, driver.devices = "account-1", ["dev-0", "dev-1"]
    assert (await again(api, session_id)).status == 303, "the right account still does"


async def test_another_account_whose_pump_is_connected_too_is_another_account(api: Api) -> None:
    driver = api.vendors.drivers["redirecting"]
    driver.account, driver.devices = "account-2", ["dev-2"]
    await connect(api, (await session(api))["id"])
    driver.account, driver.devices = "account-1", ["dev-1"]
    made = await session(api)
    pump_id = await connect(api, made["id"])
    link = await again_link(api, pump_id)
    driver.account, driver.devices = "account-2", ["dev-2"]
    assert "This is another account" in words(await again(api, link))


async def again_link(api: Api, pump_id: str) -> str:
    await lose(api)
    token = api.token()
    pumps = (await api.call("GET", f"/org/{api.org_id}/heat-pumps", token=token)).body
    (action,) = next(pump for pump in pumps if pump["id"] == pump_id)["actions"]
    answer = await api.call("POST", f"/{action['resolution_link']['url']}", URLS, token=token)
    return str(answer.body["redirect_url"].rpartition("=")[2])


async def test_a_vendor_cannot_be_chosen_again_and_cancel_leaves_the_action(api: Api) -> None:
    pump, session_id = await lost_pump(api)
    away = await submit(api, "/connect/sign-in", onboarding_session_id=session_id, vendor="asking", consent="yes")
    assert away.headers["location"].startswith("https://vendor.example/authorize"), "the pump's own manufacturer"
    cancelled = await submit(api, "/connect/cancel", onboarding_session_id=session_id)
    assert cancelled.headers["location"] == URLS["cancelUrl"]
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    assert (await api.call("GET", path)).body["action_needed"] is True


async def test_a_pump_that_was_deleted_meanwhile_says_so(api: Api) -> None:
    pump, session_id = await lost_pump(api)
    await api.call("DELETE", f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}")
    gone = await page(api, "/connect/heat-pumps", onboarding_session_id=session_id)
    assert gone.status == 400
    assert "This page is out of date" in words(gone)


async def test_the_devices_own_link_signs_in_again_too(api: Api) -> None:
    pump, _ = await lost_pump(api)
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    url = (await api.call("GET", path)).body["embeddable_url"]
    async with api.session.get(url, allow_redirects=False) as link:
        session_id = link.headers["location"].rpartition("=")[2]
    done = await again(api, session_id)
    assert "deviceId=" in done.headers["location"]


Cue = Callable[..., Awaitable[UUID]]


async def notice(api: Api, metadata: dict[str, Any]) -> str:
    """The secret and id of a notice, as a partner finds them: ``CUE?secret=…``."""
    from tests.api.test_api_cues import cue

    pump, token = await api.pump(await api.user()), api.token()
    await cue(api, pump, "information", metadata)
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    (action,) = (await api.call("GET", path, token=token)).body["actions"]
    return str(action["resolution_link"]["url"]).partition("/cues/")[2].replace("/information/resolve", "")


async def test_a_notice_is_read_and_ticked_off_on_a_page(api: Api) -> None:
    link = await notice(api, {"message": "Filter <b>dirty</b>"})
    shown = await api.call("GET", f"//connect/notices/{link}&language=sv", token=None)
    assert shown.status == 200
    assert '<html lang="sv">' in text(shown)
    assert "Filter &lt;b&gt;dirty" in text(shown)
    cue_id, _, secret = link.partition("?secret=")
    ticked = await submit(api, f"/connect/notices/{cue_id}", secret=secret, language="sv")
    assert ticked.headers["location"] == "/connect/notices?language=sv"
    assert (await follow(api, ticked)).status == 200
    assert (await submit(api, f"/connect/notices/{cue_id}", secret=secret)).status == 404
    async with api.services.database.read(api.org_id) as tx:
        assert await tx.value("select state from cues") == "resolved"
        assert await tx.value("select actor from audit where object_kind = 'cue'") is not None


async def test_our_own_notices_speak_the_readers_language(api: Api) -> None:
    link = await notice(api, {"code": "no_export_reading", "message": "The pump cannot be raised …"})
    german = await api.call("GET", f"//connect/notices/{link}&language=de", token=None)
    assert "nothing measures" not in words(german)
    assert "Netz" in words(german)


async def test_a_notice_needs_its_own_secret(api: Api) -> None:
    link, other = await notice(api, {"message": "one"}), await notice(api, {"message": "two"})
    cue_id, _, secret = link.partition("?secret=")
    for wrong in ("", secret + "x", other.partition("?secret=")[2]):
        assert (await page(api, f"/connect/notices/{cue_id}", secret=wrong)).status == 404
        assert (await submit(api, f"/connect/notices/{cue_id}", secret=wrong)).status == 404
    pump, token = await api.pump(await api.user()), api.token()
    from tests.api.test_api_cues import cue

    await cue(api, pump, "reauthenticate")
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    (action,) = (await api.call("GET", path, token=token)).body["actions"]
    sign_in_link = action["resolution_link"]["url"].partition("/cues/")[2].replace("/resolve", "")
    assert (await api.call("GET", f"//connect/notices/{sign_in_link}", token=None)).status == 404
