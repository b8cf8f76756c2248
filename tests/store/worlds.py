"""A small fleet in the database, for tests of stores and flows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel
from heatfleet.store import heat_pumps, onboarding
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id

LEVERS = {
    Lever.CURVE_OFFSET_K: LeverRange(-10, 10, 1, settle_h=0.1),
    Lever.DHW_SETPOINT_C: LeverRange(35, 60, 1, settle_h=0.1),
    Lever.DHW_BOOST: LeverRange(0, 1, 1, settle_h=0.1),
}


def capabilities(levers: dict[Lever, LeverRange] = LEVERS) -> dict[str, Any]:
    """The stored form of a pump's abilities."""
    return {"channels": sorted(Channel), "levers": {str(lever): asdict(what) for lever, what in levers.items()}}


async def add_user(database: Database, org_id: UUID) -> UUID:
    user_id = new_id()
    async with database.write(FLEET) as tx:
        sql = "insert into users (id, org_id, email, role) values ($1, $2, $3, 'user')"
        await tx.execute(sql, user_id, org_id, f"{user_id}@example.com")
    return user_id


async def add_connection(database: Database, org_id: UUID, user_id: UUID, sealed: bytes, now: datetime) -> UUID:
    connection = onboarding.NewConnection(new_id(), user_id, "sandbox", "account", sealed, None)
    async with database.write(FLEET) as tx:
        await onboarding.insert_connection(tx, org_id, connection, now)
    return connection.id


async def add_pump(database: Database, org_id: UUID, key: tuple[UUID, UUID], now: datetime, **fields: Any) -> UUID:
    """A connected, optimised pump of ``key`` = (user, connection), due for a poll at ``now``."""
    pump_id = new_id()
    given = {
        "user_id": key[0],
        "connection_id": key[1],
        "vendor": "sandbox",
        "external_device_id": str(pump_id),
        "capabilities": capabilities(),
        "lifecycle_state": "authenticated",
        "price_zone": "DE_LU",
        "is_smart_optimization_active": True,
        "is_space_heating_enabled": True,
        "is_hot_water_heating_enabled": True,
        "optimization_level": "Max",
    } | fields
    async with database.write(FLEET) as tx:
        await heat_pumps.insert(tx, org_id, pump_id, given, now)
        await onboarding.start_polling(tx, org_id, pump_id, key[1], now, 300)
    return pump_id


async def small_fleet(database: Database, org_id: UUID, now: datetime, count: int = 1) -> list[UUID]:
    """``count`` pumps of one account."""
    user_id = await add_user(database, org_id)
    connection_id = await add_connection(database, org_id, user_id, b"", now)
    return [await add_pump(database, org_id, (user_id, connection_id), now) for _ in range(count)]
