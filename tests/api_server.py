"""The Partner API over real HTTP: uvicorn on loopback, an aiohttp session, tokens for every role."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import uvicorn

from heatfleet.api.routes import make_api
from heatfleet.api.services import BASE, Services
from heatfleet.auth.keys import load_keys
from heatfleet.auth.principal import Principal, Role
from heatfleet.auth.secrets import SecretSigner
from heatfleet.auth.sign_in import SignIn
from heatfleet.auth.tokens import CLIENT_LIFE, AccessTokens
from heatfleet.flows.accounts import create_user
from heatfleet.flows.toolbox import Act
from heatfleet.flows.toolbox_connect import Counter
from heatfleet.store.audit import Actor
from heatfleet.store.database import Database
from heatfleet.store.ids import new_id
from heatfleet.vendors.kit.grants import SealKeys
from heatfleet.web.connect import make_web
from tests.support import FakeVendors


@dataclass
class Answer:
    """What came back, read."""

    status: int
    headers: Any
    body: Any


@dataclass
class Api:
    """A running server and ways to call it."""

    url: str
    session: aiohttp.ClientSession
    services: Services
    org_id: UUID
    vendors: Any

    def token(self, role: str = "admin", user_id: UUID | None = None, org_id: UUID | None = None) -> str:
        who = Principal(org_id or self.org_id, Role(role), user_id, None if user_id else new_id())
        return self.services.tokens.issue(who, self.services.clock.wall_now(), CLIENT_LIFE)

    async def call(self, method: str, path: str, body: Any = None, token: str | None = "admin", **more: Any) -> Answer:
        """``path`` below the API's base (or absolute with a leading ``//``); ``token`` may be "admin"."""
        url = self.url + (path[1:] if path.startswith("//") else BASE + path)
        headers = dict(more.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {self.token() if token == 'admin' else token}"
        if body is not None:
            more["json"] = body
        async with self.session.request(method, url, headers=headers, allow_redirects=False, **more) as response:
            raw = await response.read()
            is_json = "json" in response.headers.get("content-type", "")
            return Answer(response.status, response.headers, await response.json(content_type=None) if is_json else raw)

    async def user(self, role: str = "user", **fields: Any) -> UUID:
        act = Act(self.services.database, self.services.clock, Actor("test"), self.org_id)
        return await create_user(act, {"email": f"{new_id().hex}@example.com", "role": role, **fields})

    async def pump(self, user_id: UUID, **settings: Any) -> dict[str, Any]:
        made = await self.call("POST", f"/org/{self.org_id}/users/{user_id}/heat-pumps", settings)
        assert made.status == 200, made.body
        return made.body


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "sign.pem"


@asynccontextmanager
async def running_api(
    database: Database, clock: Any, org_id: UUID, key_file: Path, vendors: Any, rate_limit_per_minute: int = 6000
) -> AsyncIterator[Api]:
    """The API of one organisation, on a loopback port."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    ring = load_keys(key_file)
    tokens = AccessTokens(ring)
    counter = Counter(vendors, SealKeys((bytes(32),)), f"{url}/connect/callback")
    services = Services(
        database, clock, ring, tokens, SignIn(database, clock, tokens), SecretSigner(ring.secret), counter, url,
        rate_limit_per_minute,
    )  # fmt: skip
    app = make_api(services, make_web(services))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off", access_log=False))
    serving = asyncio.create_task(server.serve([listening]))
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Api(url, session, services, org_id, vendors)
    server.should_exit = True
    await asyncio.wait_for(serving, 10)


@pytest.fixture
async def api(database: Database, clock: Any, org_id: UUID, key_file: Path) -> AsyncIterator[Api]:
    """The API of one organisation, with two vendors of the tests' own."""
    async with running_api(database, clock, org_id, key_file, FakeVendors()) as running:
        yield running
