"""The end of the demo: every pump back at its owner's settings, and seen there, within a stated time.

Fleet time hurries for this, so that the virtual pumps' own delay does not keep a person waiting. What is not seen
restored in time stays owed in the database; the next start gives it back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from heatfleet.clocks import FleetClock
from heatfleet.flows.monitor import monitor
from heatfleet.flows.release import count_owed, release_all
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import baselines, polls
from heatfleet.store.database import FLEET

HASTE = 120.0
WITHIN_S = 25.0
LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Farewell:
    """How many pumps were seen restored, and how many were not in time (normally none)."""

    restored: int
    still_owed: int


def summary(done: Farewell) -> str:
    """One line for a person."""
    if done.still_owed:
        return f"{done.restored} pumps restored and seen so; {done.still_owed} are still owed, the next start does it"
    return f"{done.restored} pumps restored and seen so; stopped" if done.restored else "nothing was moved; stopped"


async def give_back(tools: Tools, clock: FleetClock, within_s: float = WITHIN_S) -> Farewell:
    """Gives back, and looks until every pump is seen restored, at most ``within_s`` seconds."""
    clock.hurry(HASTE)
    until_s = asyncio.get_running_loop().time() + within_s
    owed = before = await count_owed(tools)
    while owed and asyncio.get_running_loop().time() < until_s:
        clock.advance()
        await release_all(tools)
        await _read_now(tools)
        await asyncio.sleep(LOOK_EVERY_S)
        owed = await count_owed(tools)
    return Farewell(before - owed, owed)


async def _read_now(tools: Tools) -> None:
    """Reads the pumps that are owed something, whenever their next reading was due."""
    async with tools.database.write(FLEET) as tx:
        ids = await baselines.owed(tx)
        await polls.bring_forward(tx, [(id_, tools.clock.fleet_now()) for id_ in ids])
    await monitor(tools)
