"""What a poll's answer says of a heat pump: statuses, readings, energy, what became of what was sent. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.energy import by_hour, energy_between
from heatfleet.domain.errors import AccessLost, OutsideWorldError, TryAgain
from heatfleet.domain.faults import consequence_of, kind_of, rejection_status
from heatfleet.domain.levers import COOLING_LEVERS, Lever, levers_in_use, nearest_state
from heatfleet.domain.polling import wait_after
from heatfleet.domain.readings import Channel, Notice, Snapshot
from heatfleet.domain.statuses import (
    ContactFacts,
    Status,
    connection_status,
    monitoring_status,
    steering_status,
)
from heatfleet.domain.verdicts import SentCommand, Verdict
from heatfleet.domain.watching import FreshReadings, LeverOutcome, MovedLever, Standing, fresh_readings, watch_lever
from heatfleet.store import (
    heat_pumps,
    telemetry,
)
from heatfleet.store.baselines import Baseline, Seen
from heatfleet.store.commands import Command, Outcome
from heatfleet.store.connections import Connection
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.polls import DuePoll, PollDone
from heatfleet.store.pump_states import Watched
from heatfleet.store.telemetry import EnergyHour, Latest, TelemetryRow
from heatfleet.vendors.kit.driver import Unread

DETAIL_CHARS = 200

Answer = Snapshot | Unread | OutsideWorldError


@dataclass(frozen=True)
class Round:
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
class Judged:
    """What one answer says of one pump."""

    poll: PollDone
    watched: Watched
    row: TelemetryRow | None
    energy: list[EnergyHour]
    seen: list[Seen]
    outcomes: list[Outcome]
    notices: tuple[Notice, ...] | None = None


def judge(known: Round, heat_pump_id: UUID, answer: Answer) -> Judged:
    """What the answer says of this pump."""
    due = known.due[heat_pump_id]
    if isinstance(answer, Snapshot):
        return _judge_snapshot(known, due, answer)
    if isinstance(answer, Unread):
        return _judge_fault(known, due, answer.fault, is_put_off=answer.fault.code == "quota_exceeded")
    return _judge_fault(known, due, answer)


def _judge_fault(known: Round, due: DuePoll, fault: OutsideWorldError, *, is_put_off: bool = False) -> Judged:
    """A pump that could not be read: asked again ever more rarely, its statuses say so.

    One that is put off, because others of its account used up the budget, is at no fault.
    """
    interval, failures = timedelta(seconds=due.interval_s), due.failures + (not is_put_off)
    after_s = fault.after_s if isinstance(fault, TryAgain) else 0.0
    wait = wait_after(kind_of(fault), interval, due.failures, after_s)
    facts = ContactFacts(
        now=known.now,
        last_contact_at=due.last_contact_at,
        interval=interval,
        failures=failures,
        fault=None if is_put_off else consequence_of(fault).connection,
    )
    contact = connection_status(facts)
    error = fault.code if contact is Status.ERROR and not isinstance(fault, AccessLost) else None
    is_blind = due.last_reading_at is None or known.now - due.last_reading_at > 2 * interval
    monitoring = Status.ERROR if is_blind and due.last_reading_at is not None else None
    watched = Watched(due.heat_pump_id, contact, monitoring, None, None if is_blind else _same(known, due), error)
    poll = PollDone(
        due.heat_pump_id, known.now + wait, failures, fault_code=fault.code, fault_detail=fault.detail[:DETAIL_CHARS]
    )
    return Judged(poll, watched, None, [], [], [])


def _same(known: Round, due: DuePoll) -> str | None:
    latest, pump = known.latest.get(due.heat_pump_id), known.pumps[due.heat_pump_id]
    if latest is None:
        return None
    return _actual_state(pump, Capabilities.from_json(pump.capabilities), latest.values, {})


def _judge_snapshot(known: Round, due: DuePoll, snapshot: Snapshot) -> Judged:
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
    state = None if row is None else _actual_state(pump, abilities, fresh.values, own)
    is_owners = any(o.standing is Standing.OVERRIDDEN for o in outcomes.values())
    return Judged(
        poll=PollDone(pump.id, known.now + interval, 0, known.now, None if row is None else row.at),
        watched=Watched(pump.id, Status.OK, monitoring, _steering(known, pump, outcomes), None if is_owners else state),
        row=row,
        energy=_energy(known, due, row),
        seen=[s for lever, o in outcomes.items() if (s := _seen(known, pump.id, lever, o)) is not None],
        outcomes=[c for lever, o in outcomes.items() if (c := _outcome(known, pump.id, lever, o)) is not None],
        notices=snapshot.notices,
    )


def _only_fresh(snapshot: Snapshot, fresh: FreshReadings) -> Snapshot:
    readings = tuple(r for r in snapshot.readings if r.channel in fresh.values)
    return Snapshot(snapshot.external_device_id, snapshot.polled_at, readings)


def _row(due: DuePoll, snapshot: Snapshot, fresh: FreshReadings) -> TelemetryRow | None:
    if fresh.at is None:
        return None
    masks = {"estimated": telemetry.mask(fresh.estimated), "stale": telemetry.mask(fresh.stale)}
    return TelemetryRow(due.heat_pump_id, due.org_id, fresh.at, snapshot.polled_at, fresh.values, **masks)


def _ours(known: Round, heat_pump_id: UUID) -> dict[Lever, Baseline]:
    return {Lever(b.lever): b for b in known.baselines.get(heat_pump_id, ())}


def _moved(known: Round, heat_pump_id: UUID, abilities: Capabilities) -> dict[Lever, MovedLever]:
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


def _actual_state(
    pump: HeatPump, abilities: Capabilities, values: Mapping[Channel, float], own: Mapping[Lever, float]
) -> str | None:
    """The steering state nearest to what was read back."""
    policy = heat_pumps.policy_of(pump)
    read_back = {lever: values[Channel(lever.value)] for lever in abilities.levers if Channel(lever.value) in values}
    baseline = {**read_back, **own}
    offset_k = policy.offset_k if own else 0.0
    ranges = levers_in_use(abilities.levers, any(lever in own for lever in COOLING_LEVERS))
    return nearest_state(read_back, baseline, ranges, policy.deltas, offset_k, policy.optimization_level)


def _energy(known: Round, due: DuePoll, row: TelemetryRow | None) -> list[EnergyHour]:
    before = known.latest.get(due.heat_pump_id)
    if row is None or before is None or before.at is None:
        return []
    used = energy_between(before.values, before.at, row.values, row.at)
    if used is None:
        return []
    kwh, quality = used
    return [EnergyHour(row.heat_pump_id, row.org_id, at, k, quality) for at, k in by_hour(before.at, row.at, kwh)]


def _steering(known: Round, pump: HeatPump, outcomes: Mapping[Lever, LeverOutcome]) -> str | None:
    """The worst of what became of the levers we have moved; None = as before."""
    order = (Status.ERROR, Status.WARNING, Status.OK)
    found = {
        _command_status(known.commands[pump.id, lever], o.verdict)
        for lever, o in outcomes.items()
        if o.verdict is not Verdict.WAITING
    }
    return next((status for status in order if status in found), None)


def _command_status(command: Command, verdict: Verdict) -> Status:
    rejection = rejection_status((command.receipt or {}).get("code"))
    return steering_status(verdict, command.attempt, rejection=rejection)


def _seen(known: Round, heat_pump_id: UUID, lever: Lever, outcome: LeverOutcome) -> Seen | None:
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


def _outcome(known: Round, heat_pump_id: UUID, lever: Lever, outcome: LeverOutcome) -> Outcome | None:
    command, status = known.commands[heat_pump_id, lever], _STATUS.get(outcome.verdict)
    if status is None or status == command.status:
        return None
    return Outcome(command.id, status, None, known.now if status == "confirmed" else None)
