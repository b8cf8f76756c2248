"""What flows about people share: the person must be there, and what changes about a home has its pumps planned anew."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.domain.jobs import JobName
from heatfleet.store import buildings, jobs, users
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.jobs import NewJob

PLACE = frozenset({"latitude", "longitude"})


async def require_user(tx: ReadTx, org_id: UUID, user_id: UUID) -> None:
    """Nothing when the user lives; raises :class:`NotFound`."""
    if await users.get(tx, org_id, user_id) is None:
        raise NotFound("There is no such user.")


async def require_building(tx: ReadTx, org_id: UUID, user_id: UUID, building_id: UUID | None) -> None:
    """Nothing when it is None or a living building of the user; raises :class:`Invalid`."""
    if building_id is None:
        return
    building = await buildings.get(tx, org_id, building_id)
    if building is None or building.user_id != user_id:
        raise Invalid.field("building_id", "the user has no such building", "not_found")


async def replan(tx: WriteTx, org_id: UUID, user_id: UUID, building_id: UUID | None = None) -> None:
    """Has the user's heat pumps planned anew: those of one building, or (None) all."""
    pumps = await buildings.planned_pumps(tx, org_id, user_id, building_id)
    await enqueue_for(tx, JobName.PLAN, org_id, pumps)


async def enqueue_for(tx: WriteTx, name: JobName, org_id: UUID, heat_pump_ids: Sequence[UUID]) -> None:
    """One job of this name for each of these heat pumps; one that waits already is enough."""
    payloads = [{"org_id": str(org_id), "heat_pump_id": str(id_)} for id_ in heat_pump_ids]
    await jobs.enqueue_many(tx, [NewJob(name, p, dedupe_key=f"{name}:{p['heat_pump_id']}") for p in payloads])
