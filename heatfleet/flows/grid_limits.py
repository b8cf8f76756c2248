"""The grid operator dims a group of heat pumps, and takes it back: shared over connections, planned at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from heatfleet.domain.errors import FieldError, Invalid, NotFound
from heatfleet.domain.grid_limits import Connection, check_times, shares_kw
from heatfleet.domain.jobs import JobName
from heatfleet.flows.toolbox import Act
from heatfleet.store import audit, grid_limits, jobs
from heatfleet.store.audit import Entry
from heatfleet.store.database import WriteTx
from heatfleet.store.grid_limits import GridLimit, Member, Share
from heatfleet.store.ids import new_id
from heatfleet.store.jobs import NewJob


@dataclass(frozen=True)
class NewLimit:
    """What is asked for: of which heat pumps, or of which building, how much, from when to when [fleet clock]."""

    limit_w: int
    starts_at: datetime
    ends_at: datetime
    heat_pump_ids: tuple[UUID, ...] = ()
    building_id: UUID | None = None
    connected_power_w: Mapping[UUID, float] = field(default_factory=dict)


async def create(act: Act, wanted: NewLimit) -> UUID:
    """The id of a new limit, of all heat pumps behind the connections of those asked for.

    :class:`Invalid` for times that make no sense and heat pumps that are not there.
    """
    now = act.clock.wall_now()
    check_times(wanted.starts_at, wanted.ends_at, act.clock.fleet_now())
    async with act.database.write(act.org_id) as tx:
        members = await grid_limits.members(tx, act.org_id, wanted.heat_pump_ids, wanted.building_id)
        _require_all(wanted, members)
        members = await grid_limits.beside(tx, act.org_id, [member.id for member in members])
        connections = _connections(members, wanted.connected_power_w)
        allowed = shares_kw(wanted.limit_w / 1000.0, connections)
        limit = GridLimit(
            new_id(), act.org_id, wanted.limit_w, round(1000.0 * sum(allowed)), wanted.starts_at, wanted.ends_at,
            act.actor.name, now, None,
        )  # fmt: skip
        await grid_limits.insert(tx, limit, _shares(limit, connections, allowed))
        said = {"limit_w": limit.limit_w, "effective_w": limit.effective_w, "starts_at": limit.starts_at,
                "ends_at": limit.ends_at}  # fmt: skip
        await audit.record(tx, act.org_id, act.actor, Entry("create", "grid_limit", limit.id, None, said), now)
        await _replan(tx, act.org_id, [member.id for member in members])
    return limit.id


async def end(act: Act, limit_id: UUID) -> None:
    """Takes the limit back at once; nothing where it is over. Raises :class:`NotFound`."""
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        limit = await grid_limits.get_for_update(tx, act.org_id, limit_id)
        if limit is None:
            raise NotFound("There is no such limit.")
        if limit.ended_at is not None or limit.ends_at <= act.clock.fleet_now():
            return
        shares = await grid_limits.shares_of(tx, [limit_id])
        await grid_limits.end(tx, limit_id, act.clock.fleet_now(), now)
        said = Entry("end", "grid_limit", limit_id, {"ended_at": None}, {"ended_at": now})
        await audit.record(tx, act.org_id, act.actor, said, now)
        await _replan(tx, act.org_id, [share.heat_pump_id for share in shares])


def _require_all(wanted: NewLimit, members: Sequence[Member]) -> None:
    """Nothing when every heat pump asked for is there; :class:`Invalid` names those that are not."""
    known = {member.id for member in members}
    missing = [
        FieldError(("body", "heat_pump_ids", n), "is no heat pump of this organisation", "reference")
        for n, id_ in enumerate(wanted.heat_pump_ids)
        if id_ not in known
    ]
    if wanted.building_id is not None and not any(member.building_id == wanted.building_id for member in members):
        missing.append(FieldError(("body", "building_id"), "is no building with a heat pump", "reference"))
    unknown = [id_ for id_ in wanted.connected_power_w if id_ not in known]
    missing += [FieldError(("body", "connected_power_w", str(id_)), "is not limited", "reference") for id_ in unknown]
    if missing:
        raise Invalid(*missing[:100])


def _connections(members: Sequence[Member], connected_w: Mapping[UUID, float]) -> list[Connection]:
    """Heat pumps of one building are behind one grid connection; one of no building has its own."""
    groups = defaultdict(list)
    for member in members:
        groups[member.building_id or member.id].append(member.id)
    found = []
    for ids in groups.values():
        told = [connected_w[id_] for id_ in ids if id_ in connected_w]
        found.append(Connection(tuple(ids), sum(told) / 1000.0 if told else None))
    return found


def _shares(limit: GridLimit, connections: Sequence[Connection], allowed_kw: Sequence[float]) -> list[Share]:
    """What each heat pump may draw: those behind one connection share it alike."""
    return [
        Share(
            limit.id, limit.org_id, id_, n, round(1000 * connection.least_kw), round(1000 * kw),
            int(1000 * kw / len(connection.heat_pump_ids)), limit.starts_at, limit.ends_at,
        )
        for n, (connection, kw) in enumerate(zip(connections, allowed_kw, strict=True))
        for id_ in connection.heat_pump_ids
    ]  # fmt: skip


async def _replan(tx: WriteTx, org_id: UUID, heat_pump_ids: Sequence[UUID]) -> None:
    """Plans anew, and by that steers at once."""
    await jobs.enqueue_many(
        tx,
        [
            NewJob(JobName.PLAN, {"org_id": str(org_id), "heat_pump_id": str(id_)}, dedupe_key=f"{JobName.PLAN}:{id_}")
            for id_ in heat_pump_ids
        ],
    )
