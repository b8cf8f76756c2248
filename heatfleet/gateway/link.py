"""How an agent reaches its server: paired once over HTTPS, then one WebSocket that it dials and keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp
import msgspec

from heatfleet.domain.errors import Invalid
from heatfleet.vendors.kit.gateway_contract import (
    MAX_MESSAGE_BYTES,
    SOCKET_PATH,
    Code,
    FromGateway,
    Paired,
    ToGateway,
)

HEARTBEAT_S = 20.0
DIAL_TIMEOUT_S = 15.0
UNKNOWN_STATUSES = (401, 403)


class LinkLost(Exception):
    """The server cannot be reached (any more); ``is_unknown`` = it does not know this gateway."""

    def __init__(self, why: str, *, is_unknown: bool = False) -> None:
        self.is_unknown = is_unknown
        super().__init__(why)


class Link(Protocol):
    """A connection that stands."""

    async def receive(self) -> ToGateway:
        """The next message; :class:`LinkLost`."""
        ...

    async def send(self, message: FromGateway) -> None:
        """Send one; :class:`LinkLost`."""
        ...


Dial = Callable[[], AbstractAsyncContextManager[Link]]


def check_server(url: str) -> str:
    """``url`` without a slash at its end; :class:`Invalid` unless it is https, or http within a private network."""
    parts = urlsplit(url.rstrip("/"))
    host = parts.hostname or ""
    if parts.scheme == "https" and host:
        return url.rstrip("/")
    if parts.scheme == "http" and (host == "localhost" or _is_private(host)):
        return url.rstrip("/")
    raise Invalid.field("--server", "must be https:// (http:// only to a private address)", where="gateway")


def _is_private(host: str) -> bool:
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


async def pair(session: aiohttp.ClientSession, server: str, code: str) -> tuple[UUID, str]:
    """Gateway id and token for a pairing code; :class:`Invalid` when the server does not take it."""
    try:
        async with session.post(f"{server}/gateway/pair", data=msgspec.json.encode(Code(code))) as answer:
            body = await answer.content.read(MAX_MESSAGE_BYTES)
            if answer.status == 200:
                found = msgspec.json.decode(body, type=Paired)
                return found.gateway_id, found.token
            why = {404: "it is unknown, over or used", 429: "too many attempts, wait a minute"}.get(answer.status)
            raise Invalid.field("--code", why or f"the server answers HTTP {answer.status}", where="gateway")
    except (aiohttp.ClientError, TimeoutError, msgspec.DecodeError) as fault:
        raise Invalid.field("--server", f"cannot pair there: {type(fault).__name__}", where="gateway") from None


class _Socket:
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def receive(self) -> ToGateway:
        message = await self._socket.receive()
        if message.type is not aiohttp.WSMsgType.TEXT:
            raise LinkLost(f"closed by the server ({self._socket.close_code})")
        try:
            found: ToGateway = msgspec.json.decode(message.data, type=ToGateway)
        except msgspec.DecodeError as fault:
            raise LinkLost(f"the server says what we do not understand: {fault}") from None
        return found

    async def send(self, message: FromGateway) -> None:
        try:
            await self._socket.send_str(msgspec.json.encode(message).decode())
        except (ConnectionError, aiohttp.ClientError) as fault:
            raise LinkLost(type(fault).__name__) from None


def dialling(session: aiohttp.ClientSession, server: str, token: str) -> Dial:
    """How to dial ``server`` as the gateway of ``token``."""

    @asynccontextmanager
    async def dial() -> AsyncIterator[Link]:
        url, headers = "ws" + server.removeprefix("http") + SOCKET_PATH, {"Authorization": f"Bearer {token}"}
        try:
            async with session.ws_connect(
                url, headers=headers, heartbeat=HEARTBEAT_S, max_msg_size=MAX_MESSAGE_BYTES
            ) as socket:
                yield _Socket(socket)
        except aiohttp.WSServerHandshakeError as fault:
            raise LinkLost(f"HTTP {fault.status}", is_unknown=fault.status in UNKNOWN_STATUSES) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            raise LinkLost(type(fault).__name__) from None

    return dial
