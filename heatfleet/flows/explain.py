"""A plan as a person wants it explained: its steps, the limits it keeps, and what it costs beside doing nothing.

Reads only; the command line's way of looking at what the API shows as ``GET …/plan``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import NotFound
from heatfleet.domain.policy import Comfort, comfort_at
from heatfleet.domain.time_grid import floor_mtu
from heatfleet.flows.toolbox_homes import home_of, load
from heatfleet.store import fleet_clock, plans, pump_states
from heatfleet.store.database import FLEET, Database, ReadTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.plans import OutlookRow, PlanRow


@dataclass(frozen=True)
class Explained:
    """One plan from a moment on; ``comfort`` holds at each of its ``rows``."""

    pump: HeatPump
    currency: str
    rows: Sequence[PlanRow]
    comfort: Sequence[Comfort]
    outlook: OutlookRow | None


async def planned_pumps(database: Database, clock: Clock) -> list[HeatPump]:
    """The heat pumps of the whole installation that have a plan now, by name."""
    async with database.read(FLEET) as tx:
        ids = await plans.planned_at(tx, await fleet_now(tx, clock))
        found = await pump_states.pumps(tx, ids)
    return sorted(found.values(), key=lambda pump: (pump.name or "", pump.external_device_id, pump.id))


async def explain(database: Database, clock: Clock, heat_pump_id: UUID, hours: float) -> Explained:
    """The plan of one heat pump for the next hours; raises :class:`NotFound` where there is none."""
    async with database.read(FLEET) as tx:
        loaded = await load(tx, [heat_pump_id], only_optimised=False)
        if not loaded.pumps:
            raise NotFound(f"there is no connected heat pump {heat_pump_id}; see: heatfleet explain --list")
        pump, since = loaded.pumps[0], floor_mtu(await fleet_now(tx, clock))
        rows = await plans.of_pump(tx, pump.org_id, pump.id, since, since + timedelta(hours=hours))
        beside = await plans.outlook(tx, pump.org_id, pump.id)
    if not rows:
        raise NotFound(f"nothing is planned for heat pump {heat_pump_id} in the next {hours:g} hours")
    home = home_of(loaded, pump)
    comfort = [comfort_at(home.policy, home.own, row.start_at, row.cooling) for row in rows]
    return Explained(pump, home.site.currency, rows, comfort, beside)


async def fleet_now(tx: ReadTx, clock: Clock) -> datetime:
    """The moment that readings and plans live in: a demo's own, where one runs here."""
    return await fleet_clock.load(tx) or clock.fleet_now()
