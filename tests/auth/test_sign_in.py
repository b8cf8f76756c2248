"""The token endpoint over HTTP."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote_plus
from uuid import UUID

import pytest

from heatfleet.auth import passwords
from heatfleet.domain.clock import Clock
from heatfleet.flows.organisation import create_client
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor
from tests.api_server import Answer, Api

TOKEN = "/auth/token"


@dataclass(frozen=True)
class NewClient:
    """A client just made."""

    client_id: UUID
    client_secret: str


@pytest.fixture
async def client(api: Api) -> NewClient:
    act = Act(api.services.database, api.services.clock, Actor("test"), api.org_id)
    secret = passwords.new_secret()
    return NewClient(await create_client(act, "portal", passwords.secret_digest(secret)), secret)


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
    api.services.clock.advance(timedelta(seconds=30))  # type: ignore[attr-defined]
    for issued in (first, second):
        refused = await api.call("GET", "/me", token=issued.body["access_token"])
        assert refused.status == 401
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
    assert keys[0]["kid"] == api.services.keys.signer(api.services.clock.wall_now()).kid
    assert keys[0]["alg"] == "ES256"
    assert "d" not in keys[0]


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


async def test_basic_is_percent_decoded(api: Api, client: NewClient) -> None:
    spelled = "".join(f"%{ord(c):02x}" for c in client.client_secret)
    answer = await form(api, grant_type="client_credentials", headers=basic(quote_plus(str(client.client_id)), spelled))
    assert answer.status == 200


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("", ""), ("ä ö", "%00"), ("a:b", "c:d"), ("%zz", "+"), ("\x00", "\x00"), ("😀", "😀" * 1000), ("{}", "%ff%fe")],
)
async def test_odd_characters_in_client_ids_and_secrets_are_just_wrong(api: Api, client_id: str, secret: str) -> None:
    by_header = await form(api, grant_type="client_credentials", headers=basic(client_id, secret))
    assert (by_header.status, by_header.body["error"]) == (401, "invalid_client")
    assert by_header.headers["www-authenticate"] == 'Basic realm="heatfleet"'
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    by_form = await form(api, **fields)
    by_json = await api.call("POST", TOKEN, fields, token=None)
    expected = (400, "invalid_request") if "\x00" in client_id else (401, "invalid_client")
    assert (by_form.status, by_form.body["error"]) == (by_json.status, by_json.body["error"]) == expected


async def test_a_broken_basic_header_is_a_wrong_client(api: Api) -> None:
    for header in ("Basic", "Basic %%%", "Basic " + base64.b64encode(b"\xff\xfe").decode(), "basic YQ=="):
        answer = await form(api, grant_type="client_credentials", headers={"Authorization": header})
        assert (answer.status, answer.body["error"]) == (401, "invalid_client"), header


async def test_lone_surrogates_are_not_a_fault_of_ours(api: Api) -> None:
    for name in ("username", "password", "refresh_token", "client_id", "client_secret"):
        body = json.dumps({"grant_type": "password", "username": "a", "password": "b", name: "\ud800"}).encode()
        headers = {"Content-Type": "application/json"}
        answer = await api.call("POST", TOKEN, token=None, data=body, headers=headers)
        assert answer.status in {400, 401}, (name, answer.body)


async def test_the_client_is_named_one_way_only(api: Api, client: NewClient) -> None:
    headers = basic(str(client.client_id), client.client_secret)
    same = await form(api, grant_type="client_credentials", client_id=client.client_id, headers=headers)
    assert same.status == 200
    other = await form(api, grant_type="client_credentials", client_id="other", headers=headers)
    assert (other.status, other.body["error"]) == (400, "invalid_request")
    twice = await api.call("POST", TOKEN, token=None, data="grant_type=password&grant_type=password",
                           headers={"Content-Type": "application/x-www-form-urlencoded"})  # fmt: skip
    assert (twice.status, twice.body["error"]) == (400, "invalid_request")


async def test_the_scope_granted_is_told_and_unknown_ones_are_refused(api: Api, client: NewClient) -> None:
    fields = {
        "grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret,
    }  # fmt: skip
    for scope in ("", "read", "write read", "read write"):
        answer = await form(api, **fields, scope=scope)
        assert (answer.status, answer.body["scope"]) == (200, "read write")
    refused = await form(api, **fields, scope="read admin")
    assert (refused.status, refused.body["error"]) == (400, "invalid_scope")


async def test_a_refresh_token_is_good_only_with_the_client_it_was_given_to(api: Api, client: NewClient) -> None:
    await person(api)
    given = {"client_id": client.client_id, "client_secret": client.client_secret}
    first = await form(api, grant_type="password", username="ada@example.com", password="correct horse", **given)
    refresh = {"grant_type": "refresh_token", "refresh_token": first.body["refresh_token"]}
    without = await form(api, **refresh)
    assert (without.status, without.body["error"]) == (400, "invalid_grant")
    assert (await form(api, **refresh, **given)).status == 200


async def test_a_deleted_person_refreshes_nothing(api: Api) -> None:
    await person(api)
    first = await form(api, grant_type="password", username="ada@example.com", password="correct horse")
    me = (await api.call("GET", "/me", token=first.body["access_token"])).body["user_id"]
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute("update users set deleted_at = now() where id = $1", UUID(me))
    late = await form(api, grant_type="refresh_token", refresh_token=first.body["refresh_token"])
    assert (late.status, late.body["error"]) == (400, "invalid_grant")


async def test_wrong_secrets_are_throttled_per_client_and_address(api: Api, client: NewClient) -> None:
    fields = {"grant_type": "client_credentials", "client_id": client.client_id}
    statuses = [(await form(api, **fields, client_secret="no")).status for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    refused = await form(api, **fields, client_secret=client.client_secret)
    assert (refused.status, refused.headers["retry-after"]) == (429, "60")
    assert (await form(api, grant_type="password", username="a", password="b")).status == 400


async def test_guesses_of_refresh_tokens_are_throttled(api: Api) -> None:
    guesses = [await form(api, grant_type="refresh_token", refresh_token=f"guess {n}") for n in range(11)]
    assert [guess.status for guess in guesses] == [400] * 10 + [429]


async def test_the_token_endpoint_takes_only_posts(api: Api) -> None:
    assert (await api.call("GET", TOKEN, token=None)).status == 405
