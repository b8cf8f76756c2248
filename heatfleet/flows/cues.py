"""Resolving cues: a person signs in again, or has read a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from heatfleet.domain.errors import Conflict, NotFound
from heatfleet.flows.toolbox import Act
from heatfleet.store import audit, cues, heat_pumps, organisations
from heatfleet.store.audit import Entry
from heatfleet.store.cues import Cue
from heatfleet.store.database import FLEET, Database
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.organisations import Organisation


@dataclass(frozen=True)
class Reauthentication:
    """The pump somebody has to sign in for again."""

    cue: Cue
    pump: HeatPump


async def reauthentication(act: Act, cue_id: UUID) -> Reauthentication:
    """What has to be signed in again; :class:`NotFound` when nothing waits, :class:`Conflict` for another cue."""
    async with act.database.read(act.org_id) as tx:
        cue = await cues.get(tx, act.org_id, cue_id)
        pump = await heat_pumps.get(tx, act.org_id, cue.heat_pump_id) if cue else None
    if cue is None or pump is None or pump.deleted_at is not None:
        raise NotFound("There is no such action, or it is done.")
    if cue.code != "reauthenticate":
        raise Conflict("This action is a message; mark it as read instead.")
    return Reauthentication(cue, pump)


@dataclass(frozen=True)
class Shown:
    """A notice, the pump it is about, and whose customers read it."""

    cue: Cue
    pump: HeatPump
    organisation: Organisation


async def shown(database: Database, cue_id: UUID) -> Shown:
    """The notice that a signed secret names, in whatever organisation; :class:`NotFound` when it is read already."""
    async with database.read(FLEET) as tx:
        cue = await cues.find_by_secret(tx, cue_id)
        pump = await heat_pumps.get(tx, cue.org_id, cue.heat_pump_id) if cue else None
        organisation = await organisations.get(tx, cue.org_id) if cue else None
    if cue is None or pump is None or organisation is None or cue.code != "information":
        raise NotFound("There is no such notice, or it is read.")
    return Shown(cue, pump, organisation)


async def settle(act: Act, cue_id: UUID, code: str, state: str, said: dict[str, Any]) -> None:
    """Ends the cue as ``resolved`` or ``failed``; :class:`NotFound` when it is not active (any more)."""
    now: datetime = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        cue = await cues.get(tx, act.org_id, cue_id)
        if cue is None or cue.code != code or not await cues.close(tx, act.org_id, cue_id, state, now):
            raise NotFound("There is no such action, or it is done.")
        await audit.record(tx, act.org_id, act.actor, Entry(state, "cue", cue_id, None, said), now)
