"""Whose turn it is at night: homes take turns over the small hours, so that not all are worked on at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from heatfleet.domain.price_zones import zone_time
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import pump_states
from heatfleet.store.database import FLEET
from heatfleet.store.heat_pumps import HeatPump

PAGE = 200
FIRST_HOUR, NIGHT_HOURS = 1, 4


async def in_turn(tools: Tools) -> AsyncIterator[list[HeatPump]]:
    """The connected pumps whose turn it is in this hour of their own night, page by page."""
    last: UUID | None = None
    while True:
        async with tools.database.read(FLEET) as tx:
            ids = await pump_states.connected(tx, last, PAGE)
            pumps = await pump_states.pumps(tx, ids)
        if not ids:
            return
        last = ids[-1]
        yield [pump for pump in pumps.values() if _is_due(tools, pump)]


def _is_due(tools: Tools, pump: HeatPump) -> bool:
    local = tools.clock.fleet_now().astimezone(zone_time(pump.price_zone))
    return local.hour == FIRST_HOUR + pump.id.int % NIGHT_HOURS
