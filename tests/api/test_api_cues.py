"""Actions a heat pump shows, and how they are resolved."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from heatfleet.store.ids import new_id
from tests.api_server import Api

URLS = {"successUrl": "https://portal.example/ok", "cancelUrl": "https://portal.example/no"}


async def cue(api: Api, pump: dict[str, Any], code: str, metadata: dict[str, Any] | None = None) -> UUID:
    cue_id = new_id()
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute(
            "insert into cues (id, org_id, heat_pump_id, code, metadata, sent_at) values ($1, $2, $3, $4, $5, $6)",
            cue_id, api.org_id, UUID(pump["id"]), code, metadata or {}, api.services.clock.wall_now(),
        )  # fmt: skip
    return cue_id


async def shown(api: Api, pump: dict[str, Any], token: str) -> dict[str, Any]:
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}"
    return (await api.call("GET", path, token=token)).body


async def test_signing_in_again(api: Api) -> None:
    pump, token = await api.pump(await api.user()), api.token()
    await cue(api, pump, "reauthenticate")
    seen = await shown(api, pump, token)
    assert (seen["action_needed"], seen["has_notification"]) == (True, False)
    (action,) = seen["actions"]
    assert action["code"] == "reauthenticate"
    assert action["resolution_link"]["required_parameters"] == ["success_url", "cancel_url"]
    url = "/" + action["resolution_link"]["url"]
    assert (await api.call("POST", url, URLS, token=None)).status == 401
    assert (await api.call("POST", url, URLS, token=api.token())).status == 404
    assert (await api.call("POST", url + "x", URLS, token=token)).status == 404
    assert (await api.call("POST", url, {"success_url": "https://a.example"}, token=token)).status == 422
    answer = await api.call("POST", url, {**URLS, "language": "fr", "clientInfo": {"app": "x"}}, token=token)
    assert answer.status == 200
    async with api.session.get(answer.body["redirect_url"]) as page:
        assert '<html lang="fr">' in await page.text()


async def test_messages_are_read_once(api: Api) -> None:
    pump, token = await api.pump(await api.user()), api.token()
    cue_id = await cue(api, pump, "information", {"message": "Hello"})
    seen = await shown(api, pump, token)
    (action,) = seen["actions"]
    assert (seen["has_notification"], action["metadata"], action["code"]) == (True, {"message": "Hello"}, "information")
    assert action["sent_at"] == "2024-01-08T06:00:00Z"
    url = "/" + action["resolution_link"]["url"]
    done = await api.call("POST", url, token=token)
    assert (done.status, done.body) == (200, {"action_id": str(cue_id)})
    assert (await api.call("POST", url, token=token)).status == 404
    assert (await shown(api, pump, token))["actions"] == []


async def test_state_needs_the_secret_only(api: Api) -> None:
    pump, token = await api.pump(await api.user()), api.token()
    cue_id = await cue(api, pump, "reauthenticate")
    secret = (await shown(api, pump, token))["actions"][0]["resolution_link"]["url"].rpartition("=")[2]
    path = f"/cues/{cue_id}/state?secret="
    assert (await api.call("POST", path + "x", {"state": "success"}, token=None)).status == 401
    assert (await api.call("POST", path + secret, {"state": "maybe"}, token=None)).status == 422
    assert (await api.call("POST", path + secret, {"state": "fail", "clientInfo": {}}, token=None)).status == 200
    assert (await api.call("POST", path + secret, {"state": "success"}, token=None)).status == 404


async def test_readyz_is_503_without_a_database(api: Api) -> None:
    assert (await api.call("GET", "//readyz", token=None)).status == 200
    await api.services.database.close()
    gone = await api.call("GET", "//readyz", token=None)
    assert (gone.status, gone.headers["content-type"]) == (503, "application/problem+json")
    assert (await api.call("GET", "//healthz", token=None)).status == 200
