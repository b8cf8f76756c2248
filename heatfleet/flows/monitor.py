"""Due heat pumps are read, connection by connection; what was sent is judged; all is saved in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.disinfection import latest_dose_at
from heatfleet.domain.energy import by_hour, energy_between
from heatfleet.domain.errors import AccessLost, OutsideWorldError, Refused, TryAgain
from heatfleet.domain.levers import Lever, nearest_state
from heatfleet.domain.readings import Channel, Snapshot
from heatfleet.domain.statuses import (
    FROZEN_AFTER,
    ContactFacts,
    Status,
    connection_status,
    monitoring_status,
    steering_status,
)
from heatfleet.domain.verdicts import SentCommand, Verdict
from heatfleet.domain.watching import FreshReadings, LeverOutcome, MovedLever, Standing, fresh_readings, watch_lever
from heatfleet.flows.toolbox_fleet import Tools, ask_vendor, grouped, side_by_side
from heatfleet.store import (
    baselines,
    commands,
    connections,
    heat_pumps,
    polls,
    privacy,
    pump_states,
    sensors,
    telemetry,
)
from heatfleet.store.baselines import Baseline, Seen
from heatfleet.store.commands import Command, Outcome
from heatfleet.store.connections import Connection, Lost
from heatfleet.store.database import FLEET, WriteTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.polls import DuePoll, PollDone
from heatfleet.store.pump_states import Watched
from heatfleet.store.telemetry import EnergyHour, Latest, TelemetryRow
from heatfleet.vendors.kit.driver import Driver, Grant

MOST_AT_ONCE = 500
LONGEST_WAIT = timedelta(hours=1)
DOSE_TRACE = timedelta(hours=8)
DOSE_FROM_C = 55.0
GONE = "device_gone"

Answer = Snapshot | OutsideWorldError


@dataclass(frozen=True)
class _Round:
    """What is known of the due pumps before they are read."""

    now: datetime
    due: dict[UUID, DuePoll]
    pumps: dict[UUID, HeatPump]
    connections: dict[UUID, Connection]
    latest: dict[UUID, Latest]
    baselines: dict[UUID, list[Baseline]]
    commands: dict[tuple[UUID, str], Command]
    frozen: set[UUID]


@dataclass(frozen=True)
class _Judged:
    """What one answer says of one pump."""

    poll: PollDone
    watched: Watched
    row: TelemetryRow | None
    energy: list[EnergyHour]
    seen: list[Seen]
    outcomes: list[Outcome]


async def monitor(tools: Tools, limit: int = MOST_AT_ONCE) -> int:
    """How many heat pumps were due and have been polled; faults of vendors end up in statuses, never as errors."""
    async with tools.database.write(FLEET) as tx:
        due = await polls.lease(tx, tools.clock.fleet_now(), tools.clock.wall_now(), limit)
    if not due:
        return 0
    known = await _load(tools, due)
    answers = await _read(tools, known)
    judged = {id_: _judge(known, id_, answers[id_]) for id_ in answers}
    async with tools.database.write(FLEET) as tx:
        await _save(tx, known, judged)
        await _save_connections(tx, tools, known, answers)
        await _stop_gone(tx, known, tools.clock.wall_now())
    return len(due)


async def _load(tools: Tools, due: Sequence[DuePoll]) -> _Round:
    ids = [poll.heat_pump_id for poll in due]
    now = tools.clock.fleet_now()
    async with tools.database.read(FLEET) as tx:
        return _Round(
            now=now,
            due={poll.heat_pump_id: poll for poll in due},
            pumps=await pump_states.pumps(tx, ids),
            connections=await connections.get_many(tx, list({poll.connection_id for poll in due})),
            latest=await telemetry.latest(tx, ids),
            baselines=await baselines.of_pumps(tx, ids),
            commands=await commands.newest(tx, ids),
            frozen=await sensors.frozen(tx, ids, now - FROZEN_AFTER),
        )


async def _read(tools: Tools, known: _Round) -> dict[UUID, Answer]:
    """A snapshot or a fault for every due pump."""
    groups = grouped(list(known.pumps), lambda id_: known.due[id_].connection_id)
    reads = {connection_id: _reading(tools, known, connection_id, ids) for connection_id, ids in groups.items()}
    answers: dict[UUID, Answer] = {}
    for connection_id, found in (await side_by_side(reads)).items():
        for id_ in groups[connection_id]:
            gone = Refused("the account no longer has this heat pump", code=GONE)
            answers[id_] = found if isinstance(found, OutsideWorldError) else found.get(_device(known, id_), gone)
    return answers


def _reading(
    tools: Tools, known: _Round, connection_id: UUID, ids: Sequence[UUID]
) -> Callable[[], Awaitable[dict[str, Snapshot] | OutsideWorldError]]:
    async def read() -> dict[str, Snapshot] | OutsideWorldError:
        async def call(driver: Driver, grant: Grant) -> dict[str, Snapshot]:
            found = await driver.read(grant, [_device(known, id_) for id_ in ids])
            return {snapshot.external_device_id: snapshot for snapshot in found}

        return await ask_vendor(tools, known.connections[connection_id], call)

    return read


def _device(known: _Round, heat_pump_id: UUID) -> str:
    return known.pumps[heat_pump_id].external_device_id


def _judge(known: _Round, heat_pump_id: UUID, answer: Answer) -> _Judged:
    if isinstance(answer, OutsideWorldError):
        return _judge_fault(known, known.due[heat_pump_id], answer)
    return _judge_snapshot(known, known.due[heat_pump_id], answer)


def _judge_fault(known: _Round, due: DuePoll, fault: OutsideWorldError) -> _Judged:
    """A pump that could not be read: asked again ever more rarely, its statuses say so."""
    interval, failures = timedelta(seconds=due.interval_s), due.failures + 1
    after_s = fault.after_s if isinstance(fault, TryAgain) else 0.0
    wait = max(min(interval * 2 ** min(due.failures, 10), LONGEST_WAIT), timedelta(seconds=after_s))
    facts = ContactFacts(
        now=known.now,
        last_contact_at=due.last_contact_at,
        interval=interval,
        failures=failures,
        is_access_lost=isinstance(fault, AccessLost),
        is_quota_exhausted=fault.code == "quota_exceeded",
    )
    contact = connection_status(facts)
    error = fault.code if contact is Status.ERROR and not isinstance(fault, AccessLost) else None
    is_blind = due.last_reading_at is None or known.now - due.last_reading_at > 2 * interval
    monitoring = Status.ERROR if is_blind and due.last_reading_at is not None else None
    watched = Watched(due.heat_pump_id, contact, monitoring, None, None if is_blind else _same(known, due), error)
    return _Judged(PollDone(due.heat_pump_id, known.now + wait, failures), watched, None, [], [], [])


def _same(known: _Round, due: DuePoll) -> str | None:
    latest = known.latest.get(due.heat_pump_id)
    return None if latest is None else _actual_state(known.pumps[due.heat_pump_id], latest.values, {})


def _judge_snapshot(known: _Round, due: DuePoll, snapshot: Snapshot) -> _Judged:
    pump, interval = known.pumps[due.heat_pump_id], timedelta(seconds=due.interval_s)
    abilities = Capabilities.from_json(pump.capabilities)
    fresh = fresh_readings(snapshot, known.now, interval)
    row = _row(due, snapshot, fresh)
    moved = _moved(known, pump.id, abilities)
    outcomes = {
        lever: watch_lever(one, _only_fresh(snapshot, fresh), known.now, abilities.levers[lever])
        for lever, one in moved.items()
    }
    is_frozen = pump.id in known.frozen
    monitoring = monitoring_status(len(abilities.channels), len(fresh.values), ever_read=True, frozen=is_frozen)
    own = {lever: b.own_value for lever, b in _ours(known, pump.id).items() if b.release_owed_since is not None}
    state = None if row is None else _actual_state(pump, fresh.values, own)
    is_owners = any(o.standing is Standing.OVERRIDDEN for o in outcomes.values())
    return _Judged(
        poll=PollDone(pump.id, known.now + interval, 0, known.now, None if row is None else row.at),
        watched=Watched(pump.id, Status.OK, monitoring, _steering(known, pump, outcomes), None if is_owners else state),
        row=row,
        energy=_energy(known, due, row),
        seen=[s for lever, o in outcomes.items() if (s := _seen(known, pump.id, lever, o)) is not None],
        outcomes=[c for lever, o in outcomes.items() if (c := _outcome(known, pump.id, lever, o)) is not None],
    )


def _only_fresh(snapshot: Snapshot, fresh: FreshReadings) -> Snapshot:
    readings = tuple(r for r in snapshot.readings if r.channel in fresh.values)
    return Snapshot(snapshot.external_device_id, snapshot.polled_at, readings)


def _row(due: DuePoll, snapshot: Snapshot, fresh: FreshReadings) -> TelemetryRow | None:
    if fresh.at is None:
        return None
    masks = {"estimated": telemetry.mask(fresh.estimated), "stale": telemetry.mask(fresh.stale)}
    return TelemetryRow(due.heat_pump_id, due.org_id, fresh.at, snapshot.polled_at, fresh.values, **masks)


def _ours(known: _Round, heat_pump_id: UUID) -> dict[Lever, Baseline]:
    return {Lever(b.lever): b for b in known.baselines.get(heat_pump_id, ())}


def _moved(known: _Round, heat_pump_id: UUID, abilities: Capabilities) -> dict[Lever, MovedLever]:
    """The levers that hold something of ours, with the command that put it there."""
    moved = {}
    for lever, baseline in _ours(known, heat_pump_id).items():
        command = known.commands.get((heat_pump_id, lever))
        if baseline.written_value is None or command is None or lever not in abilities.levers:
            continue
        is_confirmed = command.status == "confirmed"
        sent = SentCommand(
            lever, command.value, command.previous_value, command.issued_at, command.settle_at, is_confirmed
        )
        is_shown = Channel(lever.value) in abilities.channels
        is_rejected = command.status == "rejected"
        moved[lever] = MovedLever(sent, baseline.own_value, baseline.ends_at, is_rejected, is_shown)
    return moved


def _actual_state(pump: HeatPump, values: Mapping[Channel, float], own: Mapping[Lever, float]) -> str | None:
    """The steering state nearest to what was read back."""
    abilities, policy = Capabilities.from_json(pump.capabilities), heat_pumps.policy_of(pump)
    read_back = {lever: values[Channel(lever.value)] for lever in abilities.levers if Channel(lever.value) in values}
    baseline = {**read_back, **own}
    offset_k = policy.offset_k if own else 0.0
    return nearest_state(read_back, baseline, abilities.levers, policy.deltas, offset_k, policy.optimization_level)


def _energy(known: _Round, due: DuePoll, row: TelemetryRow | None) -> list[EnergyHour]:
    before = known.latest.get(due.heat_pump_id)
    if row is None or before is None or before.at is None:
        return []
    used = energy_between(before.values, before.at, row.values, row.at)
    if used is None:
        return []
    kwh, quality = used
    return [EnergyHour(row.heat_pump_id, row.org_id, at, k, quality) for at, k in by_hour(before.at, row.at, kwh)]


def _steering(known: _Round, pump: HeatPump, outcomes: Mapping[Lever, LeverOutcome]) -> str | None:
    """The worst of what became of the levers we have moved; None = as before."""
    order = (Status.ERROR, Status.WARNING, Status.OK)
    found = {
        steering_status(o.verdict, known.commands[pump.id, lever].attempt)
        for lever, o in outcomes.items()
        if o.verdict is not Verdict.WAITING
    }
    return next((status for status in order if status in found), None)


def _seen(known: _Round, heat_pump_id: UUID, lever: Lever, outcome: LeverOutcome) -> Seen | None:
    if outcome.standing is None:
        return None
    written_at = _ours(known, heat_pump_id)[lever].written_at
    own, until = outcome.own_value, outcome.backed_off_until
    return Seen(heat_pump_id, lever, written_at, outcome.standing, own, until)


_STATUS = {
    Verdict.CONFIRMED: "confirmed",
    Verdict.UNCONFIRMED: "unconfirmed",
    Verdict.OVERRIDDEN: "overridden",
}


def _outcome(known: _Round, heat_pump_id: UUID, lever: Lever, outcome: LeverOutcome) -> Outcome | None:
    command, status = known.commands[heat_pump_id, lever], _STATUS.get(outcome.verdict)
    if status is None or status == command.status:
        return None
    return Outcome(command.id, status, None, known.now if status == "confirmed" else None)


async def _save(tx: WriteTx, known: _Round, judged: Mapping[UUID, _Judged]) -> None:
    rows = [one.row for one in judged.values() if one.row is not None]
    await telemetry.save(tx, rows)
    await telemetry.add_energy(tx, [hour for one in judged.values() for hour in one.energy])
    await baselines.save_seen(tx, [seen for one in judged.values() for seen in one.seen])
    await commands.settle(tx, [outcome for one in judged.values() for outcome in one.outcomes])
    await pump_states.save_watched(tx, [one.watched for one in judged.values()])
    await polls.settle(tx, [one.poll for one in judged.values()])
    await _save_doses(tx, known, rows)


async def _save_doses(tx: WriteTx, known: _Round, rows: Sequence[TelemetryRow]) -> None:
    """The tanks that have just been disinfected, proven by the measured trace."""
    hot = [row.heat_pump_id for row in rows if row.values.get(Channel.DHW_TEMP_C, 0.0) >= DOSE_FROM_C]
    if hot:
        traces = await telemetry.hot_water_traces(tx, hot, known.now - DOSE_TRACE)
        done = [(id_, at) for id_, trace in traces.items() if (at := latest_dose_at(*trace)) is not None]
        await telemetry.save_doses(tx, done)


async def _stop_gone(tx: WriteTx, known: _Round, wall_now: datetime) -> None:
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


async def _save_connections(tx: WriteTx, tools: Tools, known: _Round, answers: Mapping[UUID, Answer]) -> None:
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
