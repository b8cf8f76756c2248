"""What holds for every endpoint: idempotency, hostile bodies, limits, headers, problems."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from heatfleet.api.edge import Edge
from heatfleet.store.ids import new_id
from tests.api_server import Api

USER = {"email": "ada@example.com", "role": "user"}


async def test_same_key_same_body_same_answer(api: Api) -> None:
    users, key = f"/org/{api.org_id}/users", {"Idempotency-Key": "k-1"}
    token = api.token()
    first = await api.call("POST", users, USER, token=token, headers=key)
    second = await api.call("POST", users, USER, token=token, headers=key)
    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body
    assert second.headers["etag"] == first.headers["etag"]
    assert second.headers["idempotency-replayed"] == "true"
    other = await api.call("POST", users, {**USER, "email": "bob@example.com"}, token=token, headers=key)
    assert other.status == 409
    assert len((await api.call("GET", users)).body) == 1


async def test_keys_belong_to_their_caller_and_last_a_day(api: Api, clock: Any) -> None:
    users, key, token = f"/org/{api.org_id}/users", {"Idempotency-Key": "k-1"}, api.token()
    assert (await api.call("POST", users, USER, token=token, headers=key)).status == 200
    assert (await api.call("POST", users, USER, headers=key)).status == 409
    clock.advance(timedelta(hours=25))
    late = await api.call("POST", users, {**USER, "email": "bob@example.com"}, headers=key, token=api.token())
    assert late.status == 200


async def test_twins_sent_at_once_make_one_user(api: Api) -> None:
    users, key, token = f"/org/{api.org_id}/users", {"Idempotency-Key": "twins"}, api.token()
    answers = await asyncio.gather(*(api.call("POST", users, USER, token=token, headers=key) for _ in range(4)))
    assert {answer.status for answer in answers} <= {200, 409}
    assert sum(answer.status == 200 for answer in answers) >= 1
    assert len((await api.call("GET", users)).body) == 1


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"{",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"comment": "\\u0000"}',
    b'{"comment": "\\ud800"}',
    b'{"dhw_standard_temperature": 1e999}',
    b'{"dhw_standard_temperature": ' + b"9" * 5000 + b"}",
    b'{"min_solar_power_w": 123456789012345678901234567890}',
    b'{"device_model": {"manufacturer": "\\u0000", "model": "x"}}',
    b'{"device_model": {"manufacturer": "x", "model": "y", "device_type": {"short_name": "\\u0000"}}}',
    b'{"building_id": "not-a-uuid"}',
    b'{"away_mode_start": "9999-12-31T23:59:59-14:00"}',
    b'{"__proto__": 1}',
    b'{"\\u0000": 1}',
]


@pytest.mark.parametrize("raw", HOSTILE, ids=[str(i) for i in range(len(HOSTILE))])
@pytest.mark.parametrize("with_key", [False, True])
async def test_hostile_bodies_are_422(api: Api, raw: bytes, with_key: bool) -> None:
    user_id = await api.user()
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": "h"} if with_key else {})
    path = f"/org/{api.org_id}/users/{user_id}/heat-pumps"
    answer = await api.call("POST", path, data=raw, headers=headers)
    assert answer.status == 422, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.body["errors"]


async def test_onboarding_metadata_and_urls_may_not_be_hostile(api: Api) -> None:
    user_id = str(await api.user())
    good = {
        "language": "de",
        "price_zone_default": "DE",
        "success_url": "https://portal.example/s?x=1",
        "cancel_url": "http://localhost:3000/c",
        "user_id": user_id,
        "external_metadata": {"a": {"b": [1, "x"]}},
    }
    made = await api.call("POST", "/device-onboarding", good)
    assert made.status == 200
    assert made.body["external_metadata"] == good["external_metadata"]
    for change in (
        {"success_url": "http://portal.example/"},
        {"success_url": "javascript:alert(1)"},
        {"success_url": "/relative"},
        {"success_url": "https://"},
        {"success_url": "https://[::1"},
        {"success_url": "https://a.example/\r\nX: y"},
        {"success_url": "https://a.example/" + "x" * 8000},
        {"external_metadata": {"a": "\x00"}},
        {"external_metadata": {"\x00": 1}},
        {"external_metadata": [1]},
        {"language": "xx"},
        {"price_zone_default": "XX"},
        {"user_id": str(new_id())},
        {"building_id": str(new_id())},
        {"surprise": 1},
    ):
        answer = await api.call("POST", "/device-onboarding", {**good, **change})
        assert answer.status == 422, change


async def test_large_bodies_are_413(api: Api) -> None:
    body = {"comment": "x" * 1_100_000}
    path = f"/org/{api.org_id}/users/{await api.user()}/heat-pumps"
    assert (await api.call("POST", path, body)).status == 413
    assert (await api.call("POST", path, body, headers={"Idempotency-Key": "big"})).status == 413


async def test_unknown_paths_and_methods_are_problems(api: Api) -> None:
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("GET", f"/org/{api.org_id}/users/not-a-uuid", 404),
        ("GET", "/org/1/users", 404),
        ("DELETE", "/me", 405),
        ("GET", "//", 404),
    ):
        answer = await api.call(method, path)
        assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), path
        assert answer.body["status"] == status


async def test_every_answer_names_its_request_and_the_limit(api: Api) -> None:
    answer = await api.call("GET", "/me", headers={"X-Request-Id": "abc-123"})
    assert answer.headers["x-request-id"] == "abc-123"
    assert int(answer.headers["ratelimit-limit"]) == api.services.rate_limit_per_minute
    assert int(answer.headers["ratelimit-remaining"]) < api.services.rate_limit_per_minute
    assert 0 <= int(answer.headers["ratelimit-reset"]) <= 60
    made_up = await api.call("GET", "/me", headers={"X-Request-Id": "x" * 300})
    assert len(made_up.headers["x-request-id"]) == 32


async def test_fleet_time_is_told_when_the_clocks_differ(api: Api, clock: Any) -> None:
    assert "x-fleet-time" not in (await api.call("GET", "/me")).headers
    clock.fleet += timedelta(hours=5)
    assert (await api.call("GET", "/me")).headers["x-fleet-time"] == "2024-01-08T11:00:00Z"


async def test_a_client_beyond_its_limit_waits_others_do_not(api: Api) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    edge = Edge(app, replace(api.services, rate_limit_per_minute=2))
    statuses = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append((message["status"], dict(message["headers"]).get(b"retry-after")))

    async def ask(token: str) -> None:
        headers = [(b"authorization", f"Bearer {token}".encode())]
        scope: Any = {"type": "http", "method": "GET", "path": "/x", "headers": headers, "client": ("1.1.1.1", 1)}
        await edge(scope, None, send)  # type: ignore[arg-type]

    one, two = api.token(), api.token()
    for token in (one, one, one, two):
        await ask(token)
    assert [status for status, _ in statuses] == [200, 200, 429, 200]
    assert statuses[2][1] is not None
