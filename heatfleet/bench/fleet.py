"""How the API answers from a large fleet: one heat pump, and filtered pages of the fleet list.

The same requests go to a database of 100 heat pumps and to a large one (a million by default, made by the bench), over
HTTP, one at a time; wall time.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp

from heatfleet.api.routes import make_api
from heatfleet.api.services import BASE
from heatfleet.auth.principal import Principal, Role
from heatfleet.auth.tokens import CLIENT_LIFE
from heatfleet.bench._world import World, loop, make_world, quiet, serve
from heatfleet.serving import settle_garbage
from heatfleet.store.database import Database, open_database
from heatfleet.store.migrate import connect
from heatfleet.store.provider import provide_database

SMALL, PAGE, GROWN_WITHIN_S = 100, 100, 900
GET_ONE_BAR, PAGE_BAR_MS = 1.3, 20.0
_CLOUD = "01900000-0000-7000-8000-000000000001"
_FILTERS = {
    "no filter": "",
    "frequent zone": "&price_zone=DE_LU",
    "rare zone": "&price_zone=HU",
    "rare zone, rare status": "&price_zone=HU&connection_status=error",
    "rare status": "&steering_status=error",
    "rare lifecycle": "&lifecycle_state=error",
    "cloud service": f"&cloud_service={_CLOUD}",
    "optimisation off": "&is_smart_optimization_active=false",
    "search, many found": "&q=owner-1",
    "search, one found": "&q=owner-123@",
    "search, nobody found": "&q=nobody",
}


def run(**options: Any) -> dict[str, Any]:
    """Medians [ms] of GET one in both databases and of every filter's page; options: pumps, requests, seed."""
    pumps, requests, seed = (int(options.get(k, d)) for k, d in (("pumps", 1_000_000), ("requests", 400), ("seed", 1)))
    temporary = tempfile.TemporaryDirectory(prefix="heatfleet-bench-")
    with quiet(), temporary as folder, asyncio.Runner(**loop()) as runner:
        home = Path(folder)
        home.chmod(0o711)
        return runner.run(_run(home, pumps, requests, random.Random(seed)))  # noqa: S311 - which pumps are asked for


async def _run(home: Path, pumps: int, requests: int, chance: random.Random) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        urls = await stack.enter_async_context(provide_database(None, home))
        database = await open_database(urls.app_url, role=urls.app_role)
        stack.push_async_callback(database.close)
        world = await make_world(database, home, SMALL)
        port = await stack.enter_async_context(serve(make_api(world.services)))
        session = await stack.enter_async_context(aiohttp.ClientSession(f"http://127.0.0.1:{port}"))
        ask = _Asker(session, world)
        settle_garbage()
        small_ms = await ask.each([f"{world.pumps_path}/{chance.choice(world.pump_ids)}" for _ in range(requests)])
        began = time.perf_counter()
        owners = await _grow(database, urls.owner_url, world.org_id, pumps)
        made_s = time.perf_counter() - began
        paths = [f"{BASE}/org/{world.org_id}/users/{user}/heat-pumps/{pump}" for user, pump in owners]
        large_ms = await ask.each([chance.choice(paths) for _ in range(requests)])
        pages = {name: await ask.each([ask.page(more)] * max(requests // 20, 5)) for name, more in _FILTERS.items()}
    ratio = statistics.median(large_ms) / statistics.median(small_ms)
    pages_ms = {name: round(statistics.median(values), 2) for name, values in pages.items()}
    return {
        "bench": "fleet",
        "pumps": pumps,
        "made_s": round(made_s, 1),
        "reference": f"the same request to a database of {SMALL} heat pumps",
        "get_one_ms": {"small": round(statistics.median(small_ms), 3), "large": round(statistics.median(large_ms), 3)},
        "get_one_to_small": round(ratio, 3),
        "page_of_100_ms": pages_ms,
        "bars": {"get_one_to_small": GET_ONE_BAR, "page_ms": PAGE_BAR_MS},
        "within_bars": ratio <= GET_ONE_BAR and max(pages_ms.values()) <= PAGE_BAR_MS,
    }


class _Asker:
    """Asks one request after the other, as an admin."""

    def __init__(self, session: aiohttp.ClientSession, world: World) -> None:
        principal = Principal(world.org_id, Role.ADMIN, client_id=world.client_id)
        token = world.services.tokens.issue(principal, world.services.clock.wall_now(), CLIENT_LIFE)
        self._session, self._headers, self._org_id = session, {"Authorization": f"Bearer {token}"}, world.org_id

    def page(self, more: str) -> str:
        """The first page of the fleet with a filter."""
        return f"{BASE}/org/{self._org_id}/heat-pumps?limit={PAGE}{more}"

    async def each(self, paths: list[str]) -> list[float]:
        """Wall time of each answer [ms], after a tenth as many to warm up."""
        took_ms = []
        for path in [*paths[: max(len(paths) // 10, 2)], *paths]:
            began = time.perf_counter()
            async with self._session.get(path, headers=self._headers) as response:
                body = await response.read()
                assert response.status == 200, body
            took_ms.append((time.perf_counter() - began) * 1000)
        return took_ms[-len(paths) :]


async def _grow(database: Database, owner_url: str, org_id: UUID, pumps: int) -> list[tuple[UUID, UUID]]:
    """Adds ``pumps`` heat pumps with an owner each; a thousand of them as (owner, heat pump)."""
    async with database.write(org_id) as tx:
        for sql in _GROW:
            arguments = [*([org_id] if "$1" in sql else []), *([pumps] if "$2" in sql else [])]
            await tx.raw.execute(sql, *arguments, timeout=GROWN_WITHIN_S)
    owner = await connect(owner_url)
    await owner.execute("vacuum analyze")  # as autovacuum would have done by and by
    await owner.close()
    async with database.read(org_id) as tx:
        rows = await tx.fetch(
            "select user_id, id from heat_pumps where org_id = $1 and comment = 'bench' limit 1000", org_id
        )
    return [(row[0], row[1]) for row in rows]


_GROW = (
    """insert into cloud_services (id, vendor, name)
       values ('01900000-0000-7000-8000-000000000001', 'bench-cloud', 'Bench cloud')""",
    """insert into device_models (id, manufacturer, model, cloud_service_id)
       select uuidv7(), 'Bench', 'Model ' || n, case when n % 10 = 0 then
         uuid '01900000-0000-7000-8000-000000000001' end from generate_series(1, 1000) n""",
    """insert into users (id, org_id, email, role, first_name, last_name, external_user_id)
       select uuidv7(), $1, 'owner-' || n || '@example.com', 'user', 'First ' || n, 'Last ' || n, 'crm-' || n
       from generate_series(1, $2::int) n""",
    """insert into heat_pumps (id, org_id, user_id, device_model_id, vendor, external_device_id, lifecycle_state,
         price_zone, connection_status, steering_status, is_smart_optimization_active, comment)
       select uuidv7(), $1, u.id, m.id, 'bench', 'large-' || n,
         case when n % 2000 = 0 then 'error' else 'authenticated' end,
         case when n % 500 = 0 then 'HU' when n % 3 = 0 then 'AT' else 'DE_LU' end,
         case when n % 97 = 0 then 'error' else 'ok' end, case when n % 1999 = 0 then 'error' else 'ok' end,
         n % 50 <> 0, 'bench'
       from (select id, row_number() over (order by random()) n from users where org_id = $1 and last_name like 'L%') u
         join (select id, row_number() over () k from device_models where manufacturer = 'Bench') m
           on m.k = u.n % 1000 + 1""",
    """insert into device_latest (heat_pump_id, org_id, at, polled_at, indoor_temp_c, outdoor_temp_c, flow_temp_c,
         return_temp_c, dhw_temp_c, power_kw, mode, indoor_setpoint_c, consumption_last_day_kwh)
       select id, $1, now(), now(), 21.3, 4.2, 35.1, 30.2, 48.5, 1.234, 2, 21, 33.4
       from heat_pumps where org_id = $1 and comment = 'bench'""",
)
"""A fleet as it may be: few failures, one rare zone, models in random order."""
