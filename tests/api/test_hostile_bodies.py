"""Whatever is sent, nothing breaks: a 4xx problem, nothing half written, and the server goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.fuzz import SCHEMA, Server, fuzzed_server, server
from tests.support import FUZZ

__all__ = ["fuzzed_server", "server"]
WRITING = [
    (path, method)
    for path, item in SCHEMA["paths"].items()
    for method in item
    if "requestBody" in item[method] or method == "post"
]
EVERY = [(path, method) for path, item in SCHEMA["paths"].items() for method in item if method != "delete"]
TABLES = (
    "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    " and has_table_privilege(oid, 'select')"
)

DEEP = st.integers(1, 100_000).map(lambda n: b"[" * n)
DEEPER = st.integers(1, 50_000).map(lambda n: b'{"a":' * n + b"1" + b"}" * n)
LITERALS = st.sampled_from([b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"9" * 5000, b"1" + b"0" * 400 + b".5"])
TEXTS = st.sampled_from([b'"\\ud800"', b'"\\u0000"', b'"\xff\xfe"', b'"' + b"x" * 100_000 + b'"', "\u202e😀".encode()])
ODD = st.one_of(DEEP, DEEPER, LITERALS, TEXTS, st.binary(max_size=200), st.just(b""), st.just(b"null"))
KINDS = st.sampled_from(
    ["application/json", "text/plain", "application/xml", "multipart/form-data; boundary=x", "a/b; charset=nope",
     "application/x-www-form-urlencoded", "application/json; charset=utf-16", ""]
)  # fmt: skip
QUERIES = st.one_of(
    st.binary(max_size=100).map(quote),
    st.text(st.characters(codec="utf-8"), max_size=50).map(quote),
    st.lists(st.tuples(st.sampled_from(["limit", "after", "from", "to", "q", "include_deleted", "cloud_service",
        "resolution", "channels", "role", "secret", "price_zone", "keywords"]),
        st.sampled_from(["", "%00", "-1", "501", "9" * 400, "1e999", "NaN", "%FF%FE", "%ED%A0%80", "a" * 3000, "true",
        "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "2024-01-01", "'; drop table users; --", "%25", "_"]),
    ), max_size=5).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)),
)  # fmt: skip
LOOK = settings(max_examples=FUZZ.examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


@st.composite
def bodies(draw: st.DrawFn, fields: tuple[str, ...]) -> bytes:
    """Raw bytes: nonsense, or an object of the operation's own fields with odd values, some of them twice."""
    if draw(st.booleans()) or not fields:
        return draw(ODD)
    pairs = draw(st.lists(st.tuples(st.sampled_from(fields), st.one_of(ODD, st.sampled_from(
        [b"true", b"1", b'"x"', b"{}", b"[]", b"null", b'"2024-01-01T00:00:00Z"'])))))  # fmt: skip
    return b"{" + b",".join(json.dumps(name).encode() + b":" + value for name, value in pairs) + b"}"


def fields_of(path: str, method: str) -> tuple[str, ...]:
    content = SCHEMA["paths"][path][method].get("requestBody", {}).get("content", {})
    names = [media["schema"].get("$ref", "").rpartition("/")[2] for media in content.values()]
    return tuple(field for name in names[:1] for field in SCHEMA["components"]["schemas"][name]["properties"])


def rows(server: Server) -> dict[str, int]:
    """How many rows each table has."""

    async def count() -> list[Any]:
        async with server.api.services.database.read("fleet") as tx:
            names = [row[0] for row in await tx.fetch(TABLES)]
            return await tx.fetch(" union all ".join(f"select '{name}', count(*) from {name}" for name in names))

    return dict(server.wait(count()))


def check(answer: requests.Response, path: str) -> None:
    assert answer.status_code < 500, (answer.status_code, answer.text)
    if answer.status_code < 400:
        return
    body = answer.json()
    if path.endswith("/auth/token") and "error" in body:
        assert set(body) == {"error", "error_description"}
        return
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    assert answer.status_code != 422 or body["errors"]


@pytest.mark.parametrize(("path", "method"), WRITING, ids=lambda part: part)
def test_hostile_bodies_leave_nothing_behind(server: Server, path: str, method: str) -> None:
    url, fields = server.api.url + path.format(**server.ids), fields_of(path, method)

    @LOOK
    @given(bodies(fields), KINDS, st.booleans())
    def send(body: bytes, kind: str, is_chunked: bool) -> None:
        before = rows(server)
        headers = {**server.headers, "Content-Type": kind.encode("latin-1")}
        data = _pieces(body) if is_chunked else body
        answer = server.session.request(method.upper(), url, data=data, headers=headers)  # type: ignore[arg-type]
        check(answer, path)
        assert answer.status_code < 400 or rows(server) == before

    send()
    large = server.session.request(method.upper(), url, data=b'{"a": "' + b"x" * 10_000_000, headers=server.headers)
    is_read = "requestBody" in SCHEMA["paths"][path][method]
    assert large.status_code in ({413, 401} if is_read else {*range(200, 500)}), "401: a wrong secret is seen first"
    assert server.session.get(f"{server.api.url}/readyz").status_code == 200


def _pieces(body: bytes) -> Iterator[bytes]:
    for at in range(0, len(body), 5000):
        yield body[at : at + 5000]


@pytest.mark.parametrize(("path", "method"), EVERY, ids=lambda part: part)
def test_hostile_queries_break_nothing(server: Server, path: str, method: str) -> None:
    url = server.api.url + path.format(**server.ids)

    @LOOK
    @given(QUERIES)
    def send(query: str) -> None:
        check(server.session.request(method.upper(), f"{url}?{query}", headers=server.headers), path)

    send()
    assert server.session.get(f"{server.api.url}/readyz").status_code == 200
