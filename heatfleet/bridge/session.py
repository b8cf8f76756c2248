"""One gateway's WebSocket: what it tells is saved, what waits for it is sent, until one side goes.

At most ``MESSAGES_A_MINUTE`` messages of ``MAX_MESSAGE_BYTES`` are taken; a gateway that says more is shown out.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect

from heatfleet.bridge.hub import Seat
from heatfleet.bridge.inbox import take
from heatfleet.bridge.services import BridgeServices
from heatfleet.domain.errors import Invalid
from heatfleet.flows import gateway as flow
from heatfleet.processes import until_first
from heatfleet.store import gateways
from heatfleet.store.database import FLEET
from heatfleet.store.gateways import Gateway
from heatfleet.vendors.kit.gateway_contract import MAX_MESSAGE_BYTES, Command, Welcome

MESSAGES_A_MINUTE = 120
SILENT_AFTER_STATES = 3.0
UNKNOWN, TAKEN_OVER, NONSENSE, TOO_MANY, TOO_LARGE = 4401, 4409, 4400, 4429, 1009

log = structlog.get_logger("heatfleet.bridge")
Socket = WebSocket[Any, Any, Any]


class _ShownOut(Exception):
    """The gateway has to go, with this close code."""

    def __init__(self, code: int) -> None:
        self.code = code


@dataclass
class Rate:
    """Messages in the running minute."""

    begun_s: float = 0.0
    count: int = 0

    def is_too_high(self, now_s: float) -> bool:
        """Counts one message at ``now_s``; whether it was one too many."""
        if now_s - self.begun_s >= 60.0:
            self.begun_s, self.count = now_s, 0
        self.count += 1
        return self.count > MESSAGES_A_MINUTE


async def serve(services: BridgeServices, socket: Socket) -> None:
    """The gateway's connection from its first to its last message."""
    gateway = await _known(services, socket)
    if gateway is None:
        await socket.close(UNKNOWN)
        return
    await socket.accept()
    async with services.hub.listening():
        session_id = await flow.begin_session(services.database, services.clock, gateway, "websocket")
        try:
            async with services.hub.seated(gateway.id, session_id) as seat:
                await _Session(services, socket, gateway, seat).run()
        finally:
            await flow.end_session(services.database, gateway, session_id)


async def _known(services: BridgeServices, socket: Socket) -> Gateway | None:
    kind, _, token = socket.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        return None
    async with services.database.read(FLEET) as tx:
        return await gateways.by_token(tx, flow.digest_of(token))


class _Session:
    def __init__(self, services: BridgeServices, socket: Socket, gateway: Gateway, seat: Seat) -> None:
        self._services, self._socket, self._gateway, self._seat = services, socket, gateway, seat

    async def run(self) -> None:
        """Until the gateway goes, is silent for too long, or another connection of it counts."""
        await self._send(Welcome(self._services.clock.wall_now(), self._services.state_every_s))
        try:
            await until_first(self._receive(), self._deliver(), self._until_taken_over())
        except _ShownOut as out:
            log.warning("gateway shown out", gateway=str(self._gateway.id), code=out.code)
            await self._close(out.code)
        except WebSocketDisconnect:
            log.debug("gateway gone", gateway=str(self._gateway.id))

    async def _until_taken_over(self) -> None:
        await self._seat.is_over.wait()
        raise _ShownOut(TAKEN_OVER)

    async def _receive(self) -> None:
        rate, loop = Rate(asyncio.get_running_loop().time()), asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(SILENT_AFTER_STATES * self._services.state_every_s):
                    text = await self._socket.receive_text()
            except TimeoutError:
                raise _ShownOut(NONSENSE) from None
            if rate.is_too_high(loop.time()):
                raise _ShownOut(TOO_MANY)
            if len(text) > MAX_MESSAGE_BYTES:
                raise _ShownOut(TOO_LARGE)
            try:
                await take(self._services, self._gateway, text.encode())
            except Invalid:
                raise _ShownOut(NONSENSE) from None

    async def _deliver(self) -> None:
        services, gateway = self._services, self._gateway
        while True:
            await self._seat.wake.wait()
            self._seat.wake.clear()
            for c in await flow.take_commands(services.database, services.clock, gateway):
                await self._send(Command(c.id, c.device_id, c.writes, c.ttl_s, c.issued_at))

    async def _send(self, message: Welcome | Command) -> None:
        await self._socket.send_text(msgspec.json.encode(message).decode())

    async def _close(self, code: int) -> None:
        try:
            await self._socket.close(code)
        except (RuntimeError, WebSocketDisconnect) as fault:
            log.debug("gateway had gone", gateway=str(self._gateway.id), error=type(fault).__name__)
