"""The idempotency wrapper: a POST repeated with the same key gets the same answer (the one place here that writes)."""

from __future__ import annotations

import hashlib

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPRequestEvent, Message, Receive, Scope, Send

from heatfleet.api.call import SCOPE_KEY, Call
from heatfleet.api.problems import MEDIA_TYPE, problem
from heatfleet.api.services import BASE, Services
from heatfleet.auth.principal import Principal
from heatfleet.domain.errors import FieldError
from heatfleet.store import idempotency
from heatfleet.store.idempotency import IdempotencyKey, KeptAnswer

MAX_KEY = 255
_BAD_KEY = FieldError(("header", "Idempotency-Key"), f"must be 1 to {MAX_KEY} printable characters", "value")
_SHOWN_ONCE = "This was done, but its answer holds a secret that is shown once and was not kept."
_KEPT_HEADERS = frozenset({b"content-type", b"etag"})


class _Answer(msgspec.Struct, array_like=True):
    """What is kept of an answer."""

    headers: list[tuple[bytes, bytes]]
    body: bytes


class Idempotency:
    """Wraps the application below the edge."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; only authenticated POSTs of the API that bring a key are looked at."""
        text = _key(scope)
        call: Call | None = scope.get(SCOPE_KEY)  # type: ignore[assignment]
        if text is None or call is None or call.principal is None:
            await self._app(scope, receive, send)
            return
        body = await _read(receive, self._services.max_body_bytes)
        if not 1 <= len(text) <= MAX_KEY or not text.isprintable():
            await _refuse(scope, send, 422, "Some fields are not valid.", _BAD_KEY)
        elif body is None:
            await _refuse(scope, send, 413, f"The body may have {self._services.max_body_bytes} bytes at most.")
        else:
            await self._once(scope, _replayed(body), send, _Request(call.principal, text, _digest(scope, body)))

    async def _once(self, scope: Scope, receive: Receive, send: Send, request: _Request) -> None:
        principal, key = request.principal, request.key
        async with self._services.database.write(principal.org_id) as tx:
            now = self._services.clock.wall_now()
            kept = await idempotency.reserve(tx, principal.org_id, key, request.digest, now)
        if kept is None:
            await self._first_time(scope, receive, send, key)
        elif kept.request_sha256 != request.digest:
            await _refuse(scope, send, 409, "This Idempotency-Key was used for another request.")
        elif kept.status is None:
            await _refuse(scope, send, 409, "The first request with this Idempotency-Key is still running.")
        else:
            await _replay(kept, send)

    async def _first_time(self, scope: Scope, receive: Receive, send: Send, key: IdempotencyKey) -> None:
        seen = _Seen()

        async def watch(message: Message) -> None:
            seen.note(message)
            await send(message)

        await self._app(scope, receive, watch)
        async with self._services.database.write(key.org_id) as tx:
            if seen.is_secret:
                refusal = msgspec.json.encode(problem(scope, 409, _SHOWN_ONCE))
                answer = _Answer([(b"content-type", MEDIA_TYPE.encode())], refusal)
                await idempotency.keep(tx, key.org_id, key, 409, msgspec.msgpack.encode(answer))
            elif 0 < seen.status < 500:
                answer = _Answer(seen.headers, b"".join(seen.body))
                await idempotency.keep(tx, key.org_id, key, seen.status, msgspec.msgpack.encode(answer))
            else:
                await idempotency.forget(tx, key.org_id, key)


class _Request:
    """Whose key, and what it was used for."""

    def __init__(self, principal: Principal, text: str, digest: bytes) -> None:
        self.principal, self.digest = principal, digest
        self.key = IdempotencyKey(principal.org_id, principal.name, text)


class _Seen:
    """An answer on its way out."""

    def __init__(self) -> None:
        self.status, self.headers, self.body = 0, list[tuple[bytes, bytes]](), list[bytes]()
        self.is_secret = False

    def note(self, message: Message) -> None:
        """Remember one message."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(name, value) for name, value in message["headers"] if name.lower() in _KEPT_HEADERS]
            self.is_secret = (b"cache-control", b"no-store") in message["headers"]
        elif message["type"] == "http.response.body":
            self.body.append(message["body"])


def _key(scope: Scope) -> str | None:
    """The Idempotency-Key of a request the wrapper cares for, or None."""
    if scope["type"] != ScopeType.HTTP:
        return None
    if scope["method"] != "POST" or not scope["path"].startswith(f"{BASE}/"):
        return None
    if scope["path"].rstrip("/") == f"{BASE}/auth/token":
        return None
    return next((v.decode("latin-1").strip() for n, v in scope["headers"] if n == b"idempotency-key"), None)


def _digest(scope: Scope, body: bytes) -> bytes:
    return hashlib.sha256(scope["path"].encode() + b"\n" + scope["query_string"] + b"\n" + body).digest()


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None when it is larger than ``limit``."""
    parts, size = list[bytes](), 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes) -> Receive:
    async def receive() -> HTTPRequestEvent:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _replay(kept: KeptAnswer, send: Send) -> None:
    answer = msgspec.msgpack.decode(kept.answer or b"", type=_Answer)
    headers = [*answer.headers, (b"content-length", b"%d" % len(answer.body)), (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": kept.status or 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _refuse(scope: Scope, send: Send, status: int, detail: str, *errors: FieldError) -> None:
    body = msgspec.json.encode(problem(scope, status, detail, errors))
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
