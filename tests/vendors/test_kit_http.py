"""The way out: where it may go, what errors become, what it never tells."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.domain.errors import OutsideWorldError, Refused, TryAgain
from heatfleet.vendors.kit import http
from heatfleet.vendors.kit.answers import Answer, RateLimit, fault_of, rate_limit, retry_after_s
from heatfleet.vendors.kit.emulation.asgi import EmulatedCloud, Request, Response, answer
from heatfleet.vendors.kit.grants import TokenStale
from heatfleet.vendors.kit.http import Call, VendorHttp, VendorSession
from heatfleet.vendors.kit.manifest import parse_manifest
from heatfleet.vendors.kit.network import GuardedResolver, is_public
from heatfleet.vendors.kit.quota import Budget
from heatfleet.vendors.kit.redact import HIDDEN, Redacted, redact, redact_url
from tests.vendors.serving import served
from tests.vendors.test_kit_manifest import GOOD

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)


class _Echo(EmulatedCloud):
    """Answers what it is told, and counts."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Request] = []
        self.answers: list[Response] = []

    async def handle(self, request: Request) -> Response:
        self.asked.append(request)
        return self.answers.pop(0) if self.answers else answer({"ok": True})


@pytest.fixture
def echo() -> _Echo:
    return _Echo()


@pytest.fixture
async def out(echo: _Echo, clock: Any) -> AsyncIterator[tuple[VendorHttp, str]]:
    session = VendorSession(clock)
    async with served(echo) as base_url:
        yield session.http(parse_manifest(GOOD, "acme"), {"base_url": base_url}), base_url
        await session.close()


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (401, TokenStale, "token_stale"),
        (403, Refused, "forbidden"),
        (404, Refused, "not_found"),
        (400, Refused, "refused"),
        (429, TryAgain, "quota_exceeded"),
        (408, TryAgain, "vendor_down"),
        (500, TryAgain, "vendor_down"),
        (302, TryAgain, "protocol_changed"),
    ],
)
def test_statuses_become_our_errors(status: int, kind: type[OutsideWorldError], code: str) -> None:
    fault = fault_of(status, {}, NOW)
    assert isinstance(fault, kind)
    assert fault.code == code


@given(st.integers(100, 599), st.dictionaries(st.sampled_from(["retry-after", "ratelimit"]), st.text(max_size=30)))
def test_no_status_or_header_breaks_us(status: int, headers: dict[str, str]) -> None:
    fault = fault_of(status, headers, NOW)
    assert (fault is None) == (200 <= status < 300)
    if isinstance(fault, TryAgain):
        assert 0 <= fault.after_s <= 86_400
    rate_limit(headers)


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after_s({"retry-after": "17"}, NOW) == 17
    assert retry_after_s({"retry-after": "Wed, 15 Jan 2025 12:01:00 GMT"}, NOW) == 60
    assert retry_after_s({"retry-after": "soon"}, NOW) is None
    assert retry_after_s({"retry-after": "999999999"}, NOW) == 86_400


@pytest.mark.parametrize(
    ("headers", "limit"),
    [
        ({"ratelimit-limit": "25", "ratelimit-remaining": "3", "ratelimit-reset": "9"}, RateLimit(25, 3, 9.0)),
        ({"x-ratelimit-limit": "9", "x-ratelimit-remaining": "0"}, RateLimit(9, 0, 0.0)),
        ({"ratelimit": '"day";r=7;t=60', "ratelimit-policy": '"day";q=100;w=86400'}, RateLimit(100, 7, 60.0)),
        ({"ratelimit-remaining": "many"}, None),
        ({}, None),
    ],
)
def test_limits_are_read_from_headers(headers: dict[str, str], limit: RateLimit | None) -> None:
    assert rate_limit(headers) == limit


@given(st.binary(max_size=200))
def test_any_body_is_json_or_protocol_changed(body: bytes) -> None:
    with suppress(TryAgain):
        assert isinstance(Answer(200, {}, body).decode(dict[str, int]), dict)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fe80::1%eth0", "::ffff:10.0.0.1", "0.0.0.0"],
)
async def test_private_addresses_are_refused(address: str, out: tuple[VendorHttp, str]) -> None:
    assert not is_public(address)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Refused) as caught:
        await out[0].send(Call("GET", f"https://{host}/", "a"))
    assert caught.value.code == "forbidden_address"


@pytest.mark.parametrize("url", ["http://example.com/", "ftp://example.com/", "file:///etc/passwd", "https:///x"])
async def test_only_https_outside_the_configured_addresses(url: str, out: tuple[VendorHttp, str]) -> None:
    with pytest.raises(Refused):
        await out[0].send(Call("GET", url, "a"))


class _FakeNames(AbstractResolver):
    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[ResolveResult]:
        addresses = {"mixed.example": ["10.0.0.1", "93.184.216.34"], "inside.example": ["10.0.0.1"]}[host]
        return [ResolveResult(hostname=host, host=a, port=port, family=2, proto=0, flags=0) for a in addresses]

    async def close(self) -> None: ...


async def test_names_that_lead_inside_are_refused_unless_trusted() -> None:
    guard = GuardedResolver(_FakeNames())
    assert [r["host"] for r in await guard.resolve("mixed.example")] == ["93.184.216.34"]
    with pytest.raises(OSError, match="private"):
        await guard.resolve("inside.example")
    guard.trust("https://inside.example/api")
    assert [r["host"] for r in await guard.resolve("inside.example")] == ["10.0.0.1"]
    with pytest.raises(Refused):
        guard.check("https://inside.example:9999/")


async def test_reads_are_repeated_and_plain_writes_are_not(echo: _Echo, out: tuple[VendorHttp, str]) -> None:
    send, base_url = out[0].send, out[1]
    echo.answers = [answer({}, 500), answer({}, 502), answer({"n": 1})]
    assert (await send(Call("GET", base_url, "a"))).json() == {"n": 1}
    echo.answers = [answer({}, 500)]
    with pytest.raises(TryAgain):
        await send(Call("POST", base_url, "a", json={}))
    echo.answers = [answer({}, 500), answer({"n": 2})]
    assert (await send(Call("PUT", base_url, "a", json={}, is_idempotent=True))).json() == {"n": 2}
    assert len(echo.asked) == 6


async def test_a_long_retry_after_is_told_and_obeyed(echo: _Echo, out: tuple[VendorHttp, str], clock: Any) -> None:
    echo.answers = [answer({}, 429, {"Retry-After": "40"})]
    with pytest.raises(TryAgain) as caught:
        await out[0].send(Call("GET", out[1], "a"))
    assert caught.value.after_s == 40
    clock.advance(timedelta(seconds=39))
    with pytest.raises(TryAgain, match="budget"):
        await out[0].send(Call("GET", out[1], "a"))
    assert (await out[0].send(Call("GET", out[1], "b"))).status == 200, "other accounts go on"
    clock.advance(timedelta(seconds=1))
    assert (await out[0].send(Call("GET", out[1], "a"))).status == 200
    assert len(echo.asked) == 3


async def test_redirects_are_not_followed(echo: _Echo, out: tuple[VendorHttp, str]) -> None:
    echo.answers = [Response(302, headers={"Location": "http://169.254.169.254/"})]
    with pytest.raises(TryAgain) as caught:
        await out[0].send(Call("GET", out[1], "a"))
    assert caught.value.code == "protocol_changed"


async def test_huge_answers_are_refused(
    echo: _Echo, out: tuple[VendorHttp, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 1000)
    echo.answers = [Response(200, b"x" * 100_000)]
    with pytest.raises(TryAgain) as caught:
        await out[0].send(Call("GET", out[1], "a"))
    assert caught.value.code == "protocol_changed"


async def test_cookies_of_one_account_never_reach_another(echo: _Echo, out: tuple[VendorHttp, str]) -> None:
    echo.answers = [answer({}, headers={"Set-Cookie": "session=1"})]
    await out[0].send(Call("GET", out[1], "a"))
    await out[0].send(Call("GET", out[1], "b"))
    assert "cookie" not in echo.asked[1].headers


async def test_nobody_is_told_a_secret(clock: Any) -> None:
    session = VendorSession(clock)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    out = session.http(parse_manifest(GOOD, "acme"), {"base_url": base_url})
    secret = {"code": "s3cret"}
    call = Call("GET", f"{base_url}/x", "anna@example.com", token="s3cret", params=secret, form=secret)
    with structlog.testing.capture_logs() as lines, pytest.raises(TryAgain) as caught:
        await out.send(call)
    await session.close()
    assert caught.value.code == "unreachable"
    for text in (repr(lines), repr(caught.value), str(caught.value), repr(call)):
        assert "s3cret" not in text
    assert "anna@" not in repr(lines) + repr(call)


def test_redaction_keeps_the_shape() -> None:
    told = {
        "deviceId": "d1",
        "accessToken": "abc",
        "owner": {"email": "a@b.example", "note": "mail a@b.example"},
        "points": [{"id": "room", "value": 209}],
        "auth": "Bearer abc.def",
        "long": "x" * 1000,
    }
    shown: Any = redact(told)
    assert shown["deviceId"] == "d1"
    assert shown["points"] == [{"id": "room", "value": 209}]
    assert shown["accessToken"] == shown["owner"]["email"] == HIDDEN
    assert "@" not in shown["owner"]["note"]
    assert "abc" not in shown["auth"]
    assert len(shown["long"]) < 300
    assert redact_url("https://u:p@h.example/a?code=1#x") == "h.example/a"


async def test_budgets_of_emulated_vendors_count_on_the_fleet_clock(echo: _Echo, clock: Any) -> None:
    manifest = replace(parse_manifest(GOOD, "acme"), app_budgets=(), account_budgets=(Budget(1, 60.0),))
    session = VendorSession(clock, budgets_in_fleet_time=True)
    async with served(echo) as base_url:
        http_ = session.http(manifest, {"base_url": base_url})
        call = Call("GET", base_url, account="a")
        await http_.send(call)
        clock.wall += timedelta(hours=1)
        with pytest.raises(TryAgain, match="budget"):
            await http_.send(call)
        clock.fleet += timedelta(minutes=1)
        assert (await http_.send(call)).status == 200
        await session.close()


def test_an_answer_is_redacted_only_when_somebody_looks() -> None:
    looked: list[int] = []

    def told() -> dict[str, object]:
        looked.append(1)
        return {"token": "abc", "room": 209}

    shown = Redacted(told)
    assert looked == []
    assert dict(shown) == {"token": HIDDEN, "room": 209}
    assert (len(shown), shown["room"]) == (2, 209)
    assert looked == [1], "once"
    assert dict(Redacted(lambda: ["anna@example.com"])) == {"answer": [HIDDEN]}


@pytest.mark.parametrize(
    "key", ["name", "systemName", "ownerName", "ssid", "macAddress", "postalCode", "city", "ip", "owner"]
)
def test_what_names_a_person_or_a_place_is_hidden(key: str) -> None:
    assert redact({key: "x"}) == {key: HIDDEN}


@pytest.mark.parametrize("key", ["parameterName", "deviceId", "model", "unit", "zone", "capacity", "ipsum"])
def test_what_explains_an_answer_is_shown(key: str) -> None:
    assert redact({key: "x"}) == {key: "x"}
