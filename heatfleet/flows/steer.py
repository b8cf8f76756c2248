"""Every quarter-hour: the plan step in force becomes commands, less what the pumps already do, if it is safe."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from heatfleet.domain.time_grid import floor_mtu
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_steering import Allowance, Sent, carry_out
from heatfleet.store import grid_limits, pump_states
from heatfleet.store.database import FLEET

PAGE = 1000


async def steer(tools: Tools) -> Sent:
    """What was sent in this round to the whole fleet; pumps put off are due again in a few minutes."""
    async with tools.database.write(FLEET) as tx:
        await pump_states.settle_policies(tx, tools.clock.fleet_now())
    async with tools.database.read(FLEET) as tx:
        fleet_count = await pump_states.count_steered(tx)
    total, last = Sent(), None
    while ids := await _page(tools, last):
        done = await carry_out(tools, ids, Allowance(fleet_count, total.pumps))
        total = Sent(total.pumps + done.pumps, total.commands + done.commands, total.later + done.later)
        last = ids[-1]
    async with tools.database.write(FLEET) as tx:
        await grid_limits.note_evidence(tx, floor_mtu(tools.clock.fleet_now()))
    return total


async def steer_pumps(tools: Tools, heat_pump_ids: Sequence[UUID]) -> Sent:
    """What was sent to these pumps, whose plans have just changed."""
    async with tools.database.read(FLEET) as tx:
        fleet_count = await pump_states.count_steered(tx)
    return await carry_out(tools, heat_pump_ids, Allowance(fleet_count))


async def _page(tools: Tools, after: UUID | None) -> list[UUID]:
    async with tools.database.read(FLEET) as tx:
        return await pump_states.to_steer(tx, after, PAGE)
