"""The floors of ``heatfleet bench api``: bare ASGI, the operation's own statements in one transaction, nothing around.

``BEGIN; set_config(org); the statements; COMMIT`` on the same pool, rows encoded by msgspec: no routing, no token, no
limits, no checks of what came in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.domain.jobs import JobName
from heatfleet.store import audit, heat_pump_views, heat_pumps, jobs
from heatfleet.store.audit import Actor, Entry
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.heat_pump_views import HeatPumpFilter, HeatPumpView

Serve = Callable[[WriteTx, bytes], Awaitable[Any]]
_NAMES = HeatPumpView.__struct_fields__


def make_floors(pool: Any, org_id: UUID, user_id: UUID, now: Any) -> Callable[..., Awaitable[None]]:
    """One application: ``/get_one/ID``, ``/list_100/`` and ``/put/ID``."""

    async def get_one(tx: ReadTx, pump_id: UUID | None) -> Any:
        return _plain(await tx.row(heat_pump_views.ONE, org_id, user_id, pump_id, False))

    async def list_100(tx: ReadTx, _: UUID | None) -> Any:
        rows = await heat_pump_views.records(tx, org_id, HeatPumpFilter(limit=101))
        return [_plain(row) for row in rows]

    async def put(tx: ReadTx, pump_id: UUID | None) -> Any:
        assert isinstance(tx, WriteTx)
        assert pump_id is not None
        pump = await heat_pumps.get_for_update(tx, org_id, pump_id)
        assert pump is not None
        limit_c = 20.0 if pump.minimum_temperature_limit != 20.0 else 19.5
        after = {"minimum_temperature_limit": limit_c, "policy_version": pump.policy_version + 1}
        await heat_pumps.update(tx, org_id, pump_id, after, pump.version + 1, now())
        entry = Entry("change", "heat_pump", pump_id, {"minimum_temperature_limit": None}, after)
        await audit.record(tx, org_id, Actor("bench"), entry, now())
        payload = {"org_id": str(org_id), "heat_pump_id": str(pump_id)}
        await jobs.enqueue(tx, JobName.PLAN, payload, dedupe_key=f"plan:{pump_id}")
        return await get_one(tx, pump_id)

    serve = {"get_one": get_one, "list_100": list_100, "put": put}

    async def floors(scope: Any, receive: Any, send: Any) -> None:
        _, name, which = scope["path"].split("/")
        async with pool.acquire() as connection, connection.transaction(readonly=name != "put"):
            await connection.fetchval("select set_config('heatfleet.org', $1, true)", str(org_id))
            shown = await serve[name](WriteTx(connection, org_id), UUID(which) if which else None)
        body = msgspec.json.encode(shown)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return floors


def _plain(row: Any) -> dict[str, Any]:
    return dict(zip(_NAMES, row, strict=True))
