"""Owners get their own settings back; what is owed stays owed, durably, until it has been seen restored."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_steering import Allowance, Sent, carry_out
from heatfleet.store import baselines, cues, plans, pump_states
from heatfleet.store.database import FLEET
from heatfleet.store.heat_pumps import HeatPump

PAGE = 1000


async def release(tools: Tools, heat_pump_ids: Sequence[UUID]) -> Sent:
    """Gives back what we have moved on these pumps, at once and without limit; the sweep repeats what is not seen."""
    async with tools.database.write(FLEET) as tx:
        off = [p.id for p in (await pump_states.pumps(tx, heat_pump_ids)).values() if _is_off(p)]
        await plans.drop_future(tx, off, tools.clock.fleet_now())
    total = Sent()
    for first in range(0, len(heat_pump_ids), PAGE):
        done = await carry_out(tools, heat_pump_ids[first : first + PAGE], Allowance(0), give_back=True)
        total = Sent(total.pumps + done.pumps, total.commands + done.commands)
    return total


def _is_off(pump: HeatPump) -> bool:
    return pump.is_gone or not pump.is_smart_optimization_active


async def sweep(tools: Tools) -> Sent:
    """Gives back what has passed its end, and what is owed on pumps that are not optimised any more."""
    async with tools.database.read(FLEET) as tx:
        ids = set(await baselines.ended(tx, tools.clock.fleet_now()))
        pumps = await pump_states.pumps(tx, await baselines.owed(tx))
        ids |= {pump.id for pump in pumps.values() if _is_off(pump)}
    return await release(tools, sorted(ids)) if ids else Sent()


async def release_all(tools: Tools, *, heat_pump_id: UUID | None = None, switch_off: bool = False) -> Sent:
    """Gives everything (or one pump) back; ``switch_off`` = so that nothing steers it again."""
    async with tools.database.write(FLEET) as tx:
        ids = await baselines.owed(tx) if heat_pump_id is None else [heat_pump_id]
        if switch_off:
            everybody = ids if heat_pump_id else sorted({*ids, *await pump_states.optimised(tx, None, 10**9)})
            await pump_states.switch_off(tx, everybody, tools.clock.wall_now())
            await cues.follow(tx, everybody, tools.clock.wall_now())
    return await release(tools, ids)


async def count_owed(tools: Tools, heat_pump_id: UUID | None = None) -> int:
    """How many pumps have not yet been seen restored."""
    async with tools.database.read(FLEET) as tx:
        ids = await baselines.owed(tx)
    return len(ids) if heat_pump_id is None else int(heat_pump_id in ids)
