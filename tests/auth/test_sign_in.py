"""The token endpoint over HTTP."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from heatfleet.auth import passwords
from heatfleet.auth.sign_in import NewClient, create_client
from heatfleet.domain.clock import Clock
from tests.api_server import Answer, Api

TOKEN = "/auth/token"


@pytest.fixture
async def client(api: Api) -> NewClient:
    return await create_client(api.services.database, api.services.clock, api.org_id, "portal")


async def form(api: Api, path: str = TOKEN, **fields: Any) -> Answer:
    headers = fields.pop("headers", {})
    data = {k: str(v) for k, v in fields.items()}
    return await api.call("POST", path, token=None, data=data, headers=headers)


async def person(api: Api, email: str = "ada@example.com", role: str = "user") -> None:
    await api.user(role, email=email, password_hash=await passwords.hash_password("correct horse"))


@pytest.mark.parametrize("path", [TOKEN, "//oauth2/token/", "//oauth2/token"])
async def test_client_credentials_by_form(api: Api, client: NewClient, path: str) -> None:
    answer = await form(
        api, path, grant_type="client_credentials", client_id=client.client_id, client_secret=client.client_secret
    )
    assert answer.status == 200
    assert answer.body["expires_in"] == 36000
    assert answer.body["token_type"] == "Bearer"
    assert answer.body["scope"] == "read write"
    assert "refresh_token" not in answer.body
    assert answer.headers["cache-control"] == "no-store"
    me = await api.call("GET", "/me", token=answer.body["access_token"])
    assert me.body == {
        "org_id": str(api.org_id),
        "role": "admin",
        "user_id": None,
        "client_id": str(client.client_id),
    }


async def test_client_credentials_by_json_and_by_basic(api: Api, client: NewClient) -> None:
    body = {
        "grant_type": "client_credentials",
        "client_id": str(client.client_id),
        "client_secret": client.client_secret,
    }
    assert (await api.call("POST", TOKEN, body, token=None)).status == 200
    basic = base64.b64encode(f"{client.client_id}:{client.client_secret}".encode()).decode()
    headers = {"Authorization": f"Basic {basic}"}
    assert (await form(api, grant_type="client_credentials", headers=headers)).status == 200
    both = await form(api, grant_type="client_credentials", client_secret="x", headers=headers)
    assert (both.status, both.body["error"]) == (400, "invalid_request")


async def test_errors_are_those_of_the_rfc(api: Api, client: NewClient) -> None:
    wrong = await form(api, grant_type="client_credentials", client_id=client.client_id, client_secret="no")
    assert (wrong.status, wrong.body["error"]) == (401, "invalid_client")
    assert wrong.headers["www-authenticate"].startswith("Basic")
    for fields, error in (
        ({}, "invalid_request"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "a"}, "invalid_request"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "nonsense"}, "invalid_grant"),
        ({"grant_type": "password", "username": "a", "password": "b"}, "invalid_grant"),
    ):
        answer = await form(api, **fields)
        assert (answer.status, answer.body["error"]) == (400, error), fields
    for raw in (b"\xff\xfe", b"{", b"[]", b'{"grant_type": 1}', b"[" * 100_000):
        headers = {"Content-Type": "application/json"}
        assert (await api.call("POST", TOKEN, token=None, data=raw, headers=headers)).status == 400


async def test_password_and_rotating_refresh(api: Api, clock: Clock) -> None:
    await person(api)
    first = await form(api, grant_type="password", username="ADA@example.com", password="correct horse")
    assert first.status == 200
    assert (await api.call("GET", "/me", token=first.body["access_token"])).body["role"] == "user"
    second = await form(api, grant_type="refresh_token", refresh_token=first.body["refresh_token"])
    assert second.status == 200
    assert second.body["refresh_token"] != first.body["refresh_token"]


async def test_a_refresh_token_that_comes_back_ends_its_family(api: Api) -> None:
    await person(api)
    first = await form(api, grant_type="password", username="ada@example.com", password="correct horse")
    second = await form(api, grant_type="refresh_token", refresh_token=first.body["refresh_token"])
    stolen = await form(api, grant_type="refresh_token", refresh_token=first.body["refresh_token"])
    assert (stolen.status, stolen.body["error"]) == (400, "invalid_grant")
    ended = await form(api, grant_type="refresh_token", refresh_token=second.body["refresh_token"])
    assert (ended.status, ended.body["error"]) == (400, "invalid_grant")


async def test_refresh_tokens_expire(api: Api, clock: Any) -> None:
    await person(api)
    first = await form(api, grant_type="password", username="ada@example.com", password="correct horse")
    clock.advance(timedelta(days=31))
    late = await form(api, grant_type="refresh_token", refresh_token=first.body["refresh_token"])
    assert late.body["error"] == "invalid_grant"


async def test_failed_logins_are_throttled_and_then_even_the_right_password_waits(api: Api) -> None:
    await person(api)
    for _ in range(api.services.sign_in.throttle.per_minute):
        wrong = await form(api, grant_type="password", username="ada@example.com", password="guess")
        assert wrong.status == 400
    blocked = await form(api, grant_type="password", username="ada@example.com", password="correct horse")
    assert blocked.status == 429
    assert int(blocked.headers["retry-after"]) > 0


async def test_keys_are_published(api: Api) -> None:
    keys = (await api.call("GET", "//.well-known/jwks.json", token=None)).body["keys"]
    assert keys[0]["kid"] == api.services.keys.current.kid
    assert keys[0]["alg"] == "ES256"
    assert "d" not in keys[0]
