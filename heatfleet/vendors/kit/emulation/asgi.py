"""A cloud in bare ASGI: read the request, maybe break it, answer it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import msgspec

from heatfleet.vendors.kit.emulation.faults import Fault, Faults

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_REQUEST_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Request:
    """One HTTP request, read in full; ``path`` begins below the emulator's base path."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def form(self) -> dict[str, str]:
        """Fields of a URL-encoded body."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50))

    def json(self) -> Any:
        """The decoded body; a :class:`Problem` 400 when it is not JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            fail(400, "not_json")


@dataclass(frozen=True)
class Response:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Problem(Exception):
    """Leads straight to an error answer."""

    def __init__(self, response: Response) -> None:
        self.response = response
        super().__init__(f"HTTP {response.status}")


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(status, msgspec.json.encode(content), headers=headers or {})


def fail(status: int, error: str, headers: Mapping[str, str] | None = None) -> NoReturn:
    """Stop here with an error answer."""
    raise Problem(answer({"error": error}, status, headers))


class EmulatedCloud:
    """Base of an emulator: give it ``handle``; it is an ASGI application, alone or mounted under ``base_path``."""

    def __init__(self, base_path: str = "") -> None:
        self.base_path = base_path.rstrip("/")
        self.faults = Faults()

    async def handle(self, request: Request) -> Response:
        """The answer to ``request``; may raise :class:`Problem`."""
        raise NotImplementedError

    def save(self) -> None:
        """Keep what must survive a restart; called when the server stops."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection scope."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                self.save()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await _read(scope, receive, self.base_path)
        fault = self.faults.take(request.path)
        if fault is Fault.CUT:
            await _cut(send)
        else:
            await _send(send, _broken(fault) if fault else await self._answer(request))

    async def _answer(self, request: Request) -> Response:
        try:
            return await self.handle(request)
        except Problem as problem:
            return problem.response


async def _read(scope: Scope, receive: Receive, base_path: str) -> Request:
    path = scope["path"]
    if base_path and path.startswith(base_path):
        path = path[len(base_path) :]
    return Request(
        method=scope["method"],
        path="/" + path.strip("/"),
        query=dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), max_num_fields=50)),
        headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]},
        body=await _body(receive),
    )


async def _body(receive: Receive) -> bytes:
    body = bytearray()
    while len(body) <= MAX_REQUEST_BYTES:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return bytes(body[:MAX_REQUEST_BYTES])


def _broken(fault: Fault) -> Response:
    html = b"<!doctype html><title>502 Bad Gateway</title><h1>502 Bad Gateway</h1>"
    return {
        Fault.TOKEN_EXPIRED: answer({"error": "expired_token"}, 401),
        Fault.TOO_MANY: answer({"error": "too_many"}, 429, {"Retry-After": "7"}),
        Fault.HTML_502: Response(502, html, "text/html"),
        Fault.NONSENSE: Response(200, b'{"systems": [{"id": 12, ]]'),
        Fault.OTHER_SHAPE: answer({"items": {"a": 1}}),
    }[fault]


async def _send(send: Send, response: Response) -> None:
    headers = {"Content-Type": response.content_type, "Content-Length": str(len(response.body)), **response.headers}
    await send(_start(response.status, headers))
    await send({"type": "http.response.body", "body": response.body})


async def _cut(send: Send) -> None:
    """Promise a long answer, send a little of it: the server then drops the connection."""
    await send(_start(200, {"Content-Type": "application/json", "Content-Length": "4096"}))
    await send({"type": "http.response.body", "body": b'{"systems": [', "more_body": False})


def _start(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    raw = [(k.lower().encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": raw}
