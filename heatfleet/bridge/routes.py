"""The bridge as an ASGI application below ``/gateway``: two for agents, four for the driver.

Agents pair with a code and then dial the WebSocket with their token; the driver asks with its grant's secret. Nobody
else has anything to ask here: answers are plain JSON, errors a word.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypeVar
from uuid import UUID

import msgspec
import structlog
from litestar import Litestar, Request, Response, get, post, websocket
from litestar.exceptions import HTTPException
from litestar.params import FromPath
from litestar.types import ASGIApp

from heatfleet.auth.errors import OAuthError, Unauthenticated
from heatfleet.auth.secrets import CONNECT_STATE
from heatfleet.bridge import session
from heatfleet.bridge.services import BridgeServices
from heatfleet.domain.errors import Conflict, Invalid, NotFound
from heatfleet.flows import gateway as flow
from heatfleet.flows.toolbox import SessionOver
from heatfleet.store import gateway_commands, gateways
from heatfleet.store.database import FLEET
from heatfleet.store.gateways import DeviceRow, Gateway
from heatfleet.store.health import UNREACHABLE
from heatfleet.vendors.kit import gateway_contract as contract
from heatfleet.vendors.kit.gateway_contract import SOCKET_PATH, AckStatus

MAX_BODY_BYTES = 65_536
BASE = "/gateway"
Asked = Request[Any, Any, Any]
T = TypeVar("T")

log = structlog.get_logger("heatfleet.bridge")


def make_bridge(services: BridgeServices) -> ASGIApp:
    """The application, to be mounted at ``/gateway``."""
    bridge = Bridge(services)
    return Litestar(
        route_handlers=[
            post(f"{BASE}/pair", status_code=200)(bridge.pair),
            websocket(SOCKET_PATH)(bridge.connect),
            post(f"{BASE}/pairings", status_code=201)(bridge.begin_pairing),
            post(f"{BASE}/claims", status_code=200)(bridge.claim),
            get(f"{BASE}/devices")(bridge.devices),
            post(f"{BASE}/devices/{{device_id:str}}/commands", status_code=200)(bridge.command),
        ],
        exception_handlers={Exception: _failure},
        request_max_body_size=MAX_BODY_BYTES,
        openapi_config=None,
        logging_config=None,
    )


class Bridge:
    """One method per route."""

    def __init__(self, services: BridgeServices) -> None:
        self._services = services

    async def pair(self, request: Asked) -> Response[bytes]:
        """An agent's token for its code; guessing is slowed down per address."""
        services, address = self._services, request.client.host if request.client else ""
        code = _body(await request.body(), contract.Code).code[:64]
        with services.throttle.attempt(f"pairing {address}", address, is_guessable=True):
            try:
                found = await flow.pair(services.database, services.clock, code)
            except NotFound:
                raise OAuthError("unknown_code", "The pairing code is unknown, over or used.", status=404) from None
        return _answer(contract.Paired(*found))

    async def connect(self, socket: session.Socket) -> None:
        """The connection that an agent keeps."""
        await session.serve(self._services, socket)

    async def begin_pairing(self, request: Asked) -> Response[bytes]:
        """A code for the person whose signed state this is."""
        services = self._services
        state = _body(await request.body(), contract.PairingWanted).state
        subject = services.secrets.open(CONNECT_STATE, state, services.clock.wall_now())
        session_id = UUID(subject.partition("|")[0])
        code = await flow.begin_pairing(services.database, services.clock, session_id)
        return _answer(contract.Pairing(code, int(flow.CODE_LIFE.total_seconds())), 201)

    async def claim(self, request: Asked) -> Response[bytes]:
        """The driver's secret for a code whose agent has come; guessing is slowed down per address."""
        services, address = self._services, request.client.host if request.client else ""
        code = _body(await request.body(), contract.Code).code[:64]
        with services.throttle.attempt(f"claim {address}", address):
            try:
                found = await flow.claim(services.database, services.clock, code, services.secrets.key)
            except NotFound:
                raise OAuthError("unknown_code", "The pairing code is unknown or over.", status=404) from None
        return _answer(contract.Claimed(*found))

    async def devices(self, request: Asked) -> Response[bytes]:
        """The pumps behind the driver's gateway, with what was last read."""
        gateway = await self._gateway(request)
        async with self._services.database.read(gateway.org_id) as tx:
            rows = await gateways.devices(tx, gateway.id)
        is_online = gateway.is_online(self._services.clock.wall_now())
        return _answer(contract.Devices([_device(row, is_online) for row in rows]))

    async def command(self, request: Asked, device_id: FromPath[str]) -> Response[bytes]:
        """What became of a command; waits for the gateway's answer, but not for long."""
        services, gateway = self._services, await self._gateway(request)
        wanted = _body(await request.body(), contract.CommandWanted)
        async with services.hub.listening():
            values = (wanted.writes, wanted.ttl_s)
            command_id = await flow.put_command(services.database, services.clock, gateway, device_id, values)
            return _answer(await self._done(gateway, command_id))

    async def _done(self, gateway: Gateway, command_id: UUID) -> contract.CommandDone:
        until_s = asyncio.get_running_loop().time() + self._services.answer_within_s
        async with self._services.hub.awaiting(command_id) as answered:
            while True:
                async with self._services.database.read(gateway.org_id) as tx:
                    command = await gateway_commands.get(tx, gateway.org_id, command_id)
                if command is not None and command.status is not None:
                    return contract.CommandDone(command_id, AckStatus(command.status), command.detail)
                try:
                    async with asyncio.timeout_at(until_s):
                        await answered.wait()
                except TimeoutError:
                    return contract.CommandDone(command_id, None)
                answered.clear()

    async def _gateway(self, request: Asked) -> Gateway:
        """The driver's gateway; :class:`Unauthenticated`."""
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        async with self._services.database.read(FLEET) as tx:
            found = await gateways.by_grant(tx, flow.digest_of(secret)) if kind.lower() == "bearer" and secret else None
        if found is None:
            raise Unauthenticated("unknown secret")
        return found


def _device(row: DeviceRow, is_online: bool) -> contract.Device:
    profile = msgspec.convert(row.profile, contract.Profile)
    return contract.Device(row.device_id, profile, msgspec.convert(row.readings, contract.Values), is_online)


def _body(raw: bytes, kind: type[T]) -> T:
    return msgspec.json.decode(raw, type=kind)


def _answer(content: object, status: int = 200) -> Response[bytes]:
    headers = {"Cache-Control": "no-store"}
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json", headers=headers)


_STATUS: tuple[tuple[tuple[type[BaseException], ...], int, str], ...] = (
    ((Unauthenticated,), 401, "unauthenticated"),
    ((NotFound,), 404, "not_found"),
    ((Conflict,), 409, "not_now"),
    ((SessionOver,), 404, "session_over"),
    ((Invalid, msgspec.DecodeError), 422, "invalid"),
    (UNREACHABLE, 503, "database_unreachable"),
)


def _failure(request: Asked, error: Exception) -> Response[bytes]:
    """A word for whatever was raised; what nobody expected is logged."""
    if isinstance(error, OAuthError):
        answer = _answer(contract.Failure(error.error), error.status)
        if error.retry_after_s is not None:
            answer.headers["Retry-After"] = str(error.retry_after_s)
        return answer
    for kinds, status, word in _STATUS:
        if isinstance(error, kinds):
            return _answer(contract.Failure(word), status)
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _answer(contract.Failure("refused"), error.status_code)
    log.error("bridge_failed", path=request.scope["path"], exc_info=error)
    return _answer(contract.Failure("our_fault"), 500)
