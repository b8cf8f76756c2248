"""CPU of the web process per request, against floors that do the same statements with nothing around (``_floors.py``).

Same uvicorn, same pool, same process; each operation and its floor are loaded in turns by another process.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from heatfleet.api.routes import make_api
from heatfleet.api.services import BASE
from heatfleet.auth.principal import Principal, Role
from heatfleet.auth.tokens import CLIENT_LIFE
from heatfleet.bench._floors import make_floors
from heatfleet.bench._load import SEPARATOR
from heatfleet.bench._world import World, loop, make_world, quiet, request, serve
from heatfleet.serving import settle_garbage
from heatfleet.store.database import open_database
from heatfleet.store.provider import provide_database

CONNECTIONS = 8
BARS = {"get_one": 1.8, "list_100": 1.5, "put": 2.0}
TOKEN_BAR_US = 1000.0


def run(**options: Any) -> dict[str, Any]:
    """CPU per request [µs] of each operation and its ratio to the floor; options: requests, rounds, pumps."""
    requests, rounds, pumps = (int(options.get(k, d)) for k, d in (("requests", 2000), ("rounds", 5), ("pumps", 100)))
    temporary = tempfile.TemporaryDirectory(prefix="heatfleet-bench-")
    with quiet(), temporary as folder, asyncio.Runner(**loop()) as runner:
        home = Path(folder)
        home.chmod(0o711)
        return runner.run(_run(home, requests, rounds, pumps))


async def _run(home: Path, requests: int, rounds: int, pumps: int) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(provide_database(None, home))
        database = await open_database(urls.app_url, role=urls.app_role)
        stack.push_async_callback(database.close)
        world = await make_world(database, home, pumps)
        floors = make_floors(database.pool, world.org_id, world.user_id, world.services.clock.wall_now)
        floor_port = await stack.enter_async_context(serve(floors))
        api_port = await stack.enter_async_context(serve(make_api(world.services)))
        settle_garbage()
        return await _measure(world, (floor_port, api_port), requests, rounds)


async def _measure(world: World, ports: tuple[int, int], requests: int, rounds: int) -> dict[str, Any]:
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


def _asked(world: World) -> dict[str, tuple[list[bytes], list[bytes], int]]:
    """Operations by name: requests to the floor and to the API, and by how much fewer of them are sent.

    Every connection changes a pump of its own, to and fro, so that each PUT has something to write.
    """
    principal = Principal(world.org_id, Role.ADMIN, client_id=world.client_id)
    token = world.services.tokens.issue(principal, world.services.clock.wall_now(), CLIENT_LIFE)
    form = {"grant_type": "client_credentials", "client_id": str(world.client_id)}
    sign_in = urlencode({**form, "client_secret": world.client_secret}).encode()
    changes = [b'{"is_heating_policy_enabled": true, "minimum_temperature_limit": %s}' % c for c in (b"20.0", b"19.5")]
    pumps, first = world.pump_ids[:CONNECTIONS], world.pump_ids[0]
    return {
        "get_one": (
            [request("GET", f"/get_one/{first}")],
            [request("GET", f"{world.pumps_path}/{first}", token)],
            1,
        ),
        "list_100": (
            [request("GET", "/list_100/")],
            [request("GET", f"{BASE}/org/{world.org_id}/heat-pumps?limit=100", token)],
            20,
        ),
        "put": (
            [request("PUT", f"/put/{pump}") for pump in pumps],
            [request("PUT", f"{world.pumps_path}/{pump}", token, body) for body in changes for pump in pumps],
            4,
        ),
        "token": (
            [],
            [request("POST", f"{BASE}/auth/token", None, sign_in, "application/x-www-form-urlencoded")],
            4,
        ),
    }


async def _cpu_us(port: int, requests: list[bytes], count: int) -> float:
    """CPU time of this process per request [µs] while another process asks ``count`` times."""
    command = (sys.executable, "-m", "heatfleet.bench._load", str(port), str(count), str(CONNECTIONS))
    before = time.process_time()
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    await child.communicate(SEPARATOR.join(requests))
    assert child.returncode == 0, "the load generator saw another answer than 200"
    return (time.process_time() - before) / (count // CONNECTIONS * CONNECTIONS) * 1e6
