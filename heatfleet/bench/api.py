"""CPU of the web process per request, against floors that do the same statements with nothing around (``_floors.py``).

Same uvicorn, same pool, same process; each operation and its floor are loaded in turns by another process.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import structlog
import uvicorn

from heatfleet.api.routes import make_api
from heatfleet.api.services import BASE, Services
from heatfleet.auth.keys import load_keys
from heatfleet.auth.principal import Principal, Role
from heatfleet.auth.secrets import SecretSigner
from heatfleet.auth.sign_in import NewClient, SignIn, create_client
from heatfleet.auth.tokens import CLIENT_LIFE, AccessTokens
from heatfleet.bench._floors import make_floors
from heatfleet.bench._load import SEPARATOR
from heatfleet.clocks import RealClock
from heatfleet.flows.accounts import create_organisation, create_user
from heatfleet.flows.connect import Counter
from heatfleet.flows.toolbox import Act
from heatfleet.serving import settle_garbage
from heatfleet.store.audit import Actor
from heatfleet.store.database import Database, open_database
from heatfleet.store.ids import new_id
from heatfleet.store.provider import provide_database
from heatfleet.vendors.kit.grants import SealKeys
from heatfleet.vendors.kit.registry import Registry

CONNECTIONS = 8
BARS = {"get_one": 1.8, "list_100": 1.5, "put": 2.0}
TOKEN_BAR_US = 1000.0


@dataclass(frozen=True)
class _World:
    """One organisation with a small fleet, and who asks."""

    database: Database
    services: Services
    org_id: UUID
    user_id: UUID
    pump_ids: list[UUID]
    client: NewClient

    @property
    def pumps_path(self) -> str:
        """The user's heat pumps."""
        return f"{BASE}/org/{self.org_id}/users/{self.user_id}/heat-pumps"


def run(**options: Any) -> dict[str, Any]:
    """CPU per request [µs] of each operation and its ratio to the floor; options: requests, rounds, pumps."""
    requests, rounds, pumps = (int(options.get(k, d)) for k, d in (("requests", 2000), ("rounds", 5), ("pumps", 100)))
    temporary = tempfile.TemporaryDirectory(prefix="heatfleet-bench-")
    with _quiet(), temporary as folder, asyncio.Runner(**_loop()) as runner:
        home = Path(folder)
        home.chmod(0o711)
        return runner.run(_run(home, requests, rounds, pumps))


@contextmanager
def _quiet() -> Iterator[None]:
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


def _loop() -> dict[str, Any]:
    """The event loop production uses, where there is one for this platform."""
    try:
        import uvloop
    except ImportError:
        return {}
    return {"loop_factory": uvloop.new_event_loop}


async def _run(home: Path, requests: int, rounds: int, pumps: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(provide_database(None, home))
        database = await open_database(urls.app_url, role=urls.app_role)
        stack.push_async_callback(database.close)
        world = await _make_world(database, home, pumps)
        floors = make_floors(database.pool, world.org_id, world.user_id, world.services.clock.wall_now)
        floor_port = await stack.enter_async_context(_serve(floors))
        api_port = await stack.enter_async_context(_serve(make_api(world.services)))
        settle_garbage()
        return await _measure(world, (floor_port, api_port), requests, rounds)


async def _measure(world: _World, ports: tuple[int, int], requests: int, rounds: int) -> dict[str, Any]:
    floor_port, api_port = ports
    asked: dict[str, tuple[int, list[bytes], int]] = {}
    for name, (floor, api, share) in _asked(world).items():
        count = max(requests // share, CONNECTIONS)
        asked |= {f"floor_{name}": (floor_port, floor, count)} if floor else {}
        asked[name] = (api_port, api, count)
    seen: dict[str, list[float]] = {name: [] for name in asked}
    for turn in range(rounds + 1):
        for name, (port, raw, count) in asked.items():
            cpu_us = await _cpu_us(port, raw, count)
            if turn:  # the first turn warms up
                seen[name].append(cpu_us)
    return _result(seen)


def _result(seen: dict[str, list[float]]) -> dict[str, Any]:
    """Medians over the rounds; a ratio is the median of the rounds' ratios."""
    cpu = {name: round(statistics.median(values), 1) for name, values in seen.items()}
    rounds = {name: [a / b for a, b in zip(seen[name], seen[f"floor_{name}"], strict=True)] for name in BARS}
    ratios = {name: round(statistics.median(values), 3) for name, values in rounds.items()}
    return {
        "bench": "api",
        "reference": "floor of each operation: bare ASGI, same pool and statements, no auth, no routing",
        "cpu_us_per_request": cpu,
        "to_floor": ratios,
        "to_floor_by_round": {name: [round(value, 2) for value in values] for name, values in rounds.items()},
        "bars": {**BARS, "token_us": TOKEN_BAR_US},
        "within_bars": all(ratios[name] <= bar for name, bar in BARS.items()) and cpu["token"] <= TOKEN_BAR_US,
    }


def _asked(world: _World) -> dict[str, tuple[list[bytes], list[bytes], int]]:
    """Operations by name: requests to the floor and to the API, and by how much fewer of them are sent.

    Every connection changes a pump of its own, to and fro, so that each PUT has something to write.
    """
    principal = Principal(world.org_id, Role.ADMIN, client_id=world.client.client_id)
    token = world.services.tokens.issue(principal, world.services.clock.wall_now(), CLIENT_LIFE)
    form = {"grant_type": "client_credentials", "client_id": str(world.client.client_id)}
    sign_in = urlencode({**form, "client_secret": world.client.client_secret}).encode()
    changes = [b'{"is_heating_policy_enabled": true, "minimum_temperature_limit": %s}' % c for c in (b"20.0", b"19.5")]
    pumps, first = world.pump_ids[:CONNECTIONS], world.pump_ids[0]
    return {
        "get_one": (
            [_request("GET", f"/get_one/{first}")],
            [_request("GET", f"{world.pumps_path}/{first}", token)],
            1,
        ),
        "list_100": (
            [_request("GET", "/list_100/")],
            [_request("GET", f"{BASE}/org/{world.org_id}/heat-pumps?limit=100", token)],
            20,
        ),
        "put": (
            [_request("PUT", f"/put/{pump}") for pump in pumps],
            [_request("PUT", f"{world.pumps_path}/{pump}", token, body) for body in changes for pump in pumps],
            4,
        ),
        "token": (
            [],
            [_request("POST", f"{BASE}/auth/token", None, sign_in, "application/x-www-form-urlencoded")],
            4,
        ),
    }


def _request(
    method: str, path: str, token: str | None = None, body: bytes = b"", kind: str = "application/json"
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    return "\r\n".join([*lines, "", ""]).encode() + body


async def _cpu_us(port: int, requests: list[bytes], count: int) -> float:
    """CPU time of this process per request [µs] while another process asks ``count`` times."""
    command = (sys.executable, "-m", "heatfleet.bench._load", str(port), str(count), str(CONNECTIONS))
    before = time.process_time()
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    await child.communicate(SEPARATOR.join(requests))
    assert child.returncode == 0, "the load generator saw another answer than 200"
    return (time.process_time() - before) / (count // CONNECTIONS * CONNECTIONS) * 1e6


@asynccontextmanager
async def _serve(app: Any) -> AsyncIterator[int]:
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


async def _make_world(database: Database, home: Path, pumps: int) -> _World:
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
    client = await create_client(database, clock, org_id, "bench")
    pump_ids = await _make_pumps(database, org_id, user_id, pumps)
    return _World(database, services, org_id, user_id, pump_ids, client)


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
