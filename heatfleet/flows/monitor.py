"""Due heat pumps are read, connection by connection; what was sent is judged; all is saved in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from heatfleet.domain.disinfection import latest_dose_at
from heatfleet.domain.errors import AccessLost, OutsideWorldError, Refused
from heatfleet.domain.readings import Channel, Snapshot
from heatfleet.domain.statuses import (
    FROZEN_AFTER,
)
from heatfleet.flows.toolbox_fleet import Tools, ask_vendor, grouped, side_by_side
from heatfleet.flows.toolbox_judging import Answer, Judged, Round, judge
from heatfleet.store import (
    baselines,
    commands,
    connections,
    cues,
    polls,
    privacy,
    pump_states,
    sensors,
    telemetry,
)
from heatfleet.store.connections import Lost
from heatfleet.store.database import FLEET, WriteTx
from heatfleet.store.polls import DuePoll
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.vendors.kit.driver import Driver, Grant

MOST_AT_ONCE = 500
DOSE_TRACE = timedelta(hours=8)
DOSE_FROM_C = 55.0
GONE = "device_gone"


async def monitor(tools: Tools, limit: int = MOST_AT_ONCE) -> int:
    """How many heat pumps were due and have been polled; faults of vendors end up in statuses, never as errors."""
    async with tools.database.write(FLEET) as tx:
        due = await polls.lease(tx, tools.clock.fleet_now(), tools.clock.wall_now(), limit)
    if not due:
        return 0
    known = await _load(tools, due)
    answers = await _read(tools, known)
    judged = {id_: judge(known, id_, answers[id_]) for id_ in answers}
    async with tools.database.write(FLEET) as tx:
        await _save(tx, known, judged, tools.clock.wall_now())
        await _save_connections(tx, tools, known, answers)
        await _stop_gone(tx, known, tools.clock.wall_now())
    return len(due)


async def _load(tools: Tools, due: Sequence[DuePoll]) -> Round:
    ids = [poll.heat_pump_id for poll in due]
    now = tools.clock.fleet_now()
    async with tools.database.read(FLEET) as tx:
        return Round(
            now=now,
            due={poll.heat_pump_id: poll for poll in due},
            pumps=await pump_states.pumps(tx, ids),
            connections=await connections.get_many(tx, list({poll.connection_id for poll in due})),
            latest=await telemetry.latest(tx, ids),
            baselines=await baselines.of_pumps(tx, ids),
            commands=await commands.newest(tx, ids),
            frozen=await sensors.frozen(tx, ids, now - FROZEN_AFTER),
        )


async def _read(tools: Tools, known: Round) -> dict[UUID, Answer]:
    """A snapshot or a fault for every due pump."""
    longest_due_first = sorted(known.pumps, key=lambda id_: known.due[id_].due_at)
    groups = grouped(longest_due_first, lambda id_: known.due[id_].connection_id)
    reads = {connection_id: _reading(tools, known, connection_id, ids) for connection_id, ids in groups.items()}
    answers: dict[UUID, Answer] = {}
    for connection_id, found in (await side_by_side(reads)).items():
        for id_ in groups[connection_id]:
            gone = Refused("the account no longer has this heat pump", code=GONE)
            answers[id_] = found if isinstance(found, OutsideWorldError) else found.get(_device(known, id_), gone)
    return answers


def _reading(
    tools: Tools, known: Round, connection_id: UUID, ids: Sequence[UUID]
) -> Callable[[], Awaitable[dict[str, Answer] | OutsideWorldError]]:
    async def read() -> dict[str, Answer] | OutsideWorldError:
        async def call(driver: Driver, grant: Grant) -> dict[str, Answer]:
            found = await driver.read(grant, [_device(known, id_) for id_ in ids])
            return {one.external_device_id: one for one in found}

        return await ask_vendor(tools, known.connections[connection_id], call)

    return read


def _device(known: Round, heat_pump_id: UUID) -> str:
    return known.pumps[heat_pump_id].external_device_id


async def _save(tx: WriteTx, known: Round, judged: Mapping[UUID, Judged], wall_now: datetime) -> None:
    rows = [one.row for one in judged.values() if one.row is not None]
    await telemetry.save(tx, rows)
    await telemetry.add_energy(tx, [hour for one in judged.values() for hour in one.energy])
    await baselines.save_seen(tx, [seen for one in judged.values() for seen in one.seen])
    await commands.settle(tx, [outcome for one in judged.values() for outcome in one.outcomes])
    await pump_states.save_watched(tx, [one.watched for one in judged.values()])
    await polls.settle(tx, [one.poll for one in judged.values()])
    told = {one.watched.id: one.notices for one in judged.values() if one.notices is not None}
    await cues.note(tx, told, wall_now)
    await _save_doses(tx, known, rows)


async def _save_doses(tx: WriteTx, known: Round, rows: Sequence[TelemetryRow]) -> None:
    """The tanks that have just been disinfected, proven by the measured trace."""
    hot = [row.heat_pump_id for row in rows if row.values.get(Channel.DHW_TEMP_C, 0.0) >= DOSE_FROM_C]
    if hot:
        traces = await telemetry.hot_water_traces(tx, hot, known.now - DOSE_TRACE)
        done = [(id_, at) for id_, trace in traces.items() if (at := latest_dose_at(*trace)) is not None]
        await telemetry.save_doses(tx, done)


async def _stop_gone(tx: WriteTx, known: Round, wall_now: datetime) -> None:
    """Pumps deleted or disconnected are polled, their vendors' grants kept, only until everything was given back.

    One that was connected again while it was read is not among those that are unlinked.
    """
    gone = [pump for pump in known.pumps.values() if pump.is_gone]
    if gone:
        after = await baselines.of_pumps(tx, [pump.id for pump in gone])
        owed = {id_ for id_, rows in after.items() if any(row.release_owed_since for row in rows)}
        over = [pump for pump in gone if pump.id not in owed]
        deleted = [pump.id for pump in over if pump.deleted_at is not None]
        done = deleted + await pump_states.unlink(tx, [pump.id for pump in over if pump.deleted_at is None])
        await polls.stop(tx, done)
        await privacy.forget_grants(tx, [known.due[id_].connection_id for id_ in done], wall_now)


async def _save_connections(tx: WriteTx, tools: Tools, known: Round, answers: Mapping[UUID, Answer]) -> None:
    """Connections that answered are alive; those whose grant is dead are lost, with one cue per incident."""
    lost: dict[UUID, Lost] = {}
    alive: set[UUID] = set()
    for id_, answer in answers.items():
        connection_id = known.due[id_].connection_id
        if isinstance(answer, AccessLost):
            lost[connection_id] = Lost(connection_id, answer.code, answer.detail)
        elif isinstance(answer, Snapshot):
            alive.add(connection_id)
    wall_now = tools.clock.wall_now()
    if lost:
        await connections.mark_lost(tx, list(lost.values()), wall_now)
    if alive:
        answered = [id_ for id_, answer in answers.items() if isinstance(answer, Snapshot)]
        await connections.mark_alive(tx, sorted(alive), answered, wall_now)
