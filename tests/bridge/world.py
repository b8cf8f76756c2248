"""A server's bridge over real HTTP on a real database, relays on a wall, and agents that join them."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import msgspec

from heatfleet.auth.secrets import CONNECT_STATE, SecretSigner
from heatfleet.auth.throttle import Throttle
from heatfleet.bridge.hub import Hub
from heatfleet.bridge.routes import make_bridge
from heatfleet.bridge.services import BridgeServices
from heatfleet.domain.errors import TryAgain
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.serving import bind, port_of, serving
from heatfleet.store import onboarding
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.store.onboarding import OnboardingSession
from heatfleet.vendors.kit.driver import Grant, PairStep
from heatfleet.vendors.kit.gateway_contract import Command, Paired, Profile, State, ToGateway
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from tests.store.worlds import add_user

STATE = Lever.SG_READY_STATE
RANGE = LeverRange(1, 3, 1, settle_h=0.02, expires_by_itself=True)
SIGNER = SecretSigner(b"s" * 32)
WAIT_S = 60.0


@dataclass
class Server:
    """One process's bridge, and a driver that asks it."""

    url: str
    services: BridgeServices
    session: aiohttp.ClientSession
    driver: Any
    org_id: UUID
    user_id: UUID

    async def state(self) -> str:
        """The signed state of a person's sign-in."""
        now = self.services.clock.wall_now()
        person = OnboardingSession(
            new_id(), self.org_id, self.user_id, "en", "DE_LU", True, "https://ok.example", "https://no.example", None,
            None, {}, "open", {}, None, now + timedelta(hours=1), now,
        )  # fmt: skip
        async with self.services.database.write(FLEET) as tx:
            await onboarding.insert(tx, self.org_id, person)
        return SIGNER.sign(CONNECT_STATE, f"{person.id}|nonce", now)

    async def code(self) -> str:
        """A fresh pairing code, as the Connect page shows it."""
        step = await self.driver.begin_sign_in("", await self.state(), "en")
        assert isinstance(step, PairStep)
        return step.code

    async def paired(self, code: str) -> Paired:
        status, body = await self.post("/gateway/pair", {"code": code})
        assert status == 200, body
        return msgspec.json.decode(body, type=Paired)

    async def post(self, path: str, body: Any, token: str = "") -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.post(self.url + path, json=body, headers=headers) as answer:
            return answer.status, await answer.read()

    @asynccontextmanager
    async def socket(self, token: str) -> AsyncIterator[Socket]:
        headers = {"Authorization": f"Bearer {token}"}
        url = "ws" + self.url.removeprefix("http") + "/gateway/ws"
        async with self.session.ws_connect(url, headers=headers, max_msg_size=0) as raw:
            yield Socket(raw, self.services.clock)


@dataclass
class Socket:
    """An agent's side of the connection, by hand."""

    raw: aiohttp.ClientWebSocketResponse
    clock: Any

    async def receive(self) -> Any:
        """The next message."""
        text = await self.raw.receive_str(timeout=WAIT_S)
        return msgspec.json.decode(text, type=ToGateway)

    async def command(self) -> Command:
        found = await self.receive()
        assert isinstance(found, Command)
        return found

    async def closed(self) -> int | None:
        """The code with which the server closed it."""
        message = await self.raw.receive(timeout=WAIT_S)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED), message
        return self.raw.close_code

    async def send(self, message: Any) -> None:
        await self.raw.send_str(msgspec.json.encode(message).decode())

    async def tell(self, device: str = "pump-1", state: float = 2.0, **changes: Any) -> None:
        """The state of a pump."""
        now = self.clock.wall_now()
        profile = Profile(device, "SG-Ready", "test", [str(STATE)], {str(STATE): RANGE})
        message = State(device, now, profile, {str(STATE): (now, state)})
        await self.send(msgspec.structs.replace(message, **changes))


@asynccontextmanager
async def server_of(database: Database, clock: Any, org_id: UUID, **changes: Any) -> AsyncIterator[Server]:
    """A bridge on a loopback port."""
    services = BridgeServices(database, clock, SIGNER, Throttle(20), Hub(database), **changes)
    user_id = await add_user(database, org_id)
    session = VendorSession(clock)
    try:
        listener = bind("127.0.0.1", 0)
        url = f"http://127.0.0.1:{port_of(listener)}"
        async with serving(make_bridge(services), listener), aiohttp.ClientSession() as http:
            driver = load_registry(session.http, {"sgready": {"bridge_url": url}}).driver("sgready")
            yield Server(url, services, http, driver, org_id, user_id)
    finally:
        await session.close()


@dataclass
class Joined:
    """A gateway whose socket is open and whose driver holds its grant."""

    socket: Socket
    grant: Grant
    paired: Paired
    code: str


@asynccontextmanager
async def joined(server: Server, devices: Sequence[str] = ("pump-1",)) -> AsyncIterator[Joined]:
    """A gateway paired, connected and claimed."""
    code = await server.code()
    paired = await server.paired(code)
    async with server.socket(paired.token) as socket:
        await socket.receive()
        for device in devices:
            await socket.tell(device)
        grant = await claimed(server, code)
        yield Joined(socket, grant, paired, code)


async def until(look: Callable[[], Awaitable[Any]], *faults: type[Exception], every_s: float = 0.02) -> Any:
    """The first answer of ``look`` that is true, ``faults`` being none; what a page, or the next round, would do."""
    async with asyncio.timeout(WAIT_S):
        while True:
            with suppress(*faults):
                if found := await look():
                    return found
            await asyncio.sleep(every_s)


async def claimed(server: Server, code: str) -> Grant:
    """The driver's grant, as soon as the gateway has told of its pumps."""
    grant: Grant = await until(lambda: server.driver.finish_sign_in({"code": code}, ""), TryAgain, every_s=0.3)
    return grant


@asynccontextmanager
async def agent_process(*arguments: str, state_dir: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real agent in a process of its own; its log is in ``state_dir/log``."""
    log = (state_dir / "log").open("ab")
    command = [sys.executable, "-m", "heatfleet", "gateway", "--follow-parent", "--state-dir", str(state_dir)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HEATFLEET_")}
    process = await asyncio.create_subprocess_exec(*command, *arguments, stderr=log, env=environment)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        log.close()
