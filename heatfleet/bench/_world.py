"""What the benches of the API stand on: an organisation with a fleet, the application on a port, prepared requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
import uvicorn

from heatfleet.api.services import BASE, Services
from heatfleet.auth.keys import load_keys
from heatfleet.auth.passwords import new_secret, secret_digest
from heatfleet.auth.secrets import SecretSigner
from heatfleet.auth.sign_in import SignIn
from heatfleet.auth.tokens import AccessTokens
from heatfleet.clocks import RealClock
from heatfleet.flows.accounts import create_user
from heatfleet.flows.organisation import create_client, create_organisation
from heatfleet.flows.toolbox import Act
from heatfleet.flows.toolbox_connect import Counter
from heatfleet.store.audit import Actor
from heatfleet.store.database import Database
from heatfleet.store.ids import new_id
from heatfleet.vendors.kit.grants import SealKeys
from heatfleet.vendors.kit.registry import Registry


@dataclass(frozen=True)
class World:
    """One organisation with a small fleet, and who asks."""

    database: Database
    services: Services
    org_id: UUID
    user_id: UUID
    pump_ids: list[UUID]
    client_id: UUID
    client_secret: str

    @property
    def pumps_path(self) -> str:
        """The user's heat pumps."""
        return f"{BASE}/org/{self.org_id}/users/{self.user_id}/heat-pumps"


@contextmanager
def quiet() -> Iterator[None]:
    """Logs from warnings on, as a busy server would; as before afterwards."""
    root, before = logging.getLogger(), structlog.get_config()
    level = root.level
    root.setLevel(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        yield
    finally:
        root.setLevel(level)
        structlog.configure(**before)


def loop() -> dict[str, Any]:
    """The event loop production uses, where there is one for this platform."""
    try:
        import uvloop
    except ImportError:
        return {}
    return {"loop_factory": uvloop.new_event_loop}


@asynccontextmanager
async def serve(app: Any) -> AsyncIterator[int]:
    """The port on which ``app`` is served by uvicorn."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, lifespan="off", server_header=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await serving


def request(
    method: str, path: str, token: str | None = None, body: bytes = b"", kind: str = "application/json"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""]).encode() + body


async def make_world(database: Database, home: Path, pumps: int) -> World:
    clock, ring = RealClock(), load_keys(home / "keys" / "sign.pem")
    tokens = AccessTokens(ring)
    counter = Counter(Registry({}, _no_http, {}), SealKeys((bytes(32),)), "http://localhost/connect/callback")
    services = Services(
        database=database,
        clock=clock,
        keys=ring,
        tokens=tokens,
        sign_in=SignIn(database, clock, tokens),
        secrets=SecretSigner(ring.secret),
        counter=counter,
        public_url="http://localhost",
        rate_limit_per_minute=10_000_000,
    )
    org_id = await create_organisation(database, clock, "Bench")
    act = Act(database, clock, Actor("bench"), org_id)
    user_id = await create_user(act, {"email": "ada@example.com", "role": "user", "first_name": "Ada"})
    secret = new_secret()
    client_id = await create_client(act, "bench", secret_digest(secret))
    pump_ids = await _make_pumps(database, org_id, user_id, pumps)
    return World(database, services, org_id, user_id, pump_ids, client_id, secret)


def _no_http(*_: Any) -> Any:
    raise AssertionError("the bench calls no vendor")


async def _make_pumps(database: Database, org_id: UUID, user_id: UUID, count: int) -> list[UUID]:
    """Connected heat pumps with a model and latest readings."""
    ids, connection_id, model_id = [new_id() for _ in range(count)], new_id(), new_id()
    async with database.write(org_id) as tx:
        await tx.execute(
            "insert into connections (id, org_id, user_id, vendor, account_id) values ($1, $2, $3, 'bench', 'account')",
            connection_id, org_id, user_id,
        )  # fmt: skip
        await tx.execute(
            "insert into device_models (id, manufacturer, model) values ($1, 'Example', 'Air 8')", model_id
        )
        await tx.execute(
            "insert into heat_pumps (id, org_id, user_id, connection_id, device_model_id, external_device_id, vendor,"
            " lifecycle_state)"
            " select id, $2, $3, $4, $5, id::text, 'bench', 'authenticated' from unnest($1::uuid[]) id",
            ids, org_id, user_id, connection_id, model_id,
        )  # fmt: skip
        await tx.execute(
            "insert into device_latest (heat_pump_id, org_id, at, polled_at, indoor_temp_c, outdoor_temp_c,"
            " flow_temp_c, return_temp_c, dhw_temp_c, power_kw, mode, indoor_setpoint_c, consumption_last_day_kwh)"
            " select id, $2, now(), now(), 21.3, 4.2, 35.1, 30.2, 48.5, 1.234, 2, 21, 33.4 from unnest($1::uuid[]) id",
            ids, org_id,
        )  # fmt: skip
    return ids
