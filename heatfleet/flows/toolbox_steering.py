"""Decide and send for a set of heat pumps: what steering and releasing have in common.

The owner's values, the owed release and the command rows are durable before anything is sent, so that whatever is
killed in between, the next round knows what may have been moved.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from heatfleet.domain.batch import limit_batch
from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.disinfection import dose_every
from heatfleet.domain.errors import AccessLost, OutsideWorldError, Refused
from heatfleet.domain.levers import Lever
from heatfleet.domain.plans import PlanStep
from heatfleet.domain.policy import OwnSettings
from heatfleet.domain.readings import MODES, Channel, OperationalMode
from heatfleet.domain.situation import ControlState, Decision, LeverFacts, LeverWrite, Situation
from heatfleet.domain.solar import LOOK_BACK, Export, solar_surplus
from heatfleet.domain.steering import BACK_OFF, decide
from heatfleet.flows.toolbox_fleet import Tools, ask_vendor, side_by_side
from heatfleet.store import (
    baselines,
    commands,
    connections,
    heat_pumps,
    models,
    plans,
    polls,
    pump_states,
    sensors,
    telemetry,
)
from heatfleet.store.baselines import Baseline, Moved, Seen
from heatfleet.store.commands import Command, Outcome, Use
from heatfleet.store.connections import Connection, Lost
from heatfleet.store.database import FLEET, ReadTx, WriteTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.ids import new_id
from heatfleet.store.polls import DuePoll
from heatfleet.store.pump_states import Controlled
from heatfleet.store.telemetry import Latest
from heatfleet.vendors.kit.driver import Driver, Grant, Receipt, Write

HOT_WATER_MODE = float(MODES.index(OperationalMode.HOT_WATER))
READ_AFTER = timedelta(seconds=30)  # past the settle time, so that a confirmation is seen early


@dataclass(frozen=True)
class PumpFacts:
    """What the store knows of one pump when it is decided upon."""

    pump: HeatPump
    step: PlanStep | None
    latest: Latest | None
    baselines: Sequence[Baseline]
    uses: Sequence[Use]
    poll: DuePoll | None
    connection: Connection | None
    exports: Sequence[Export] = ()
    last_dose_at: datetime | None = None  # or since when the tank has been watched without one
    tank_kwh_per_k: float | None = None


@dataclass(frozen=True)
class Sent:
    """What a round did: pumps written to, commands sent, pumps put off to a later round."""

    pumps: int = 0
    commands: int = 0
    later: int = 0


@dataclass(frozen=True)
class Allowance:
    """How many pumps of how large a fleet have been moved in this round."""

    fleet_count: int
    already: int = 0


async def carry_out(
    tools: Tools, heat_pump_ids: Sequence[UUID], allowance: Allowance, *, give_back: bool = False
) -> Sent:
    """Decides for these pumps and sends what is due; ``give_back`` = nothing but the owner's own settings."""
    now = tools.clock.fleet_now()
    async with tools.database.write(FLEET) as tx:
        await commands.take_turns(tx)
        facts, sent, later = await _decide(tx, heat_pump_ids, allowance, now, give_back=give_back)
    await _send(tools, facts, sent)
    return Sent(len(sent), sum(map(len, sent.values())), later)


async def _decide(
    tx: WriteTx, heat_pump_ids: Sequence[UUID], allowance: Allowance, now: datetime, *, give_back: bool
) -> tuple[dict[UUID, PumpFacts], dict[UUID, list[Command]], int]:
    """What is known, what is to be sent, and how many are put off; all of it noted before anything goes out."""
    facts = await _load(tx, heat_pump_ids, now)
    decisions = {id_: decide(situation_of(one, now, give_back=give_back)) for id_, one in facts.items()}
    moving = [id_ for id_, decision in decisions.items() if decision.writes]
    batch = limit_batch(moving, allowance.fleet_count, allowance.already)
    later = set(batch.later)
    to_send = {id_: _writes(decision, id_ in later) for id_, decision in decisions.items() if _is_open(facts[id_])}
    sent = {id_: [_command(facts[id_], w, now) for w in writes] for id_, writes in to_send.items() if writes}
    await _note(tx, facts, decisions, sent, now)
    return facts, sent, len(later)


def _is_open(facts: PumpFacts) -> bool:
    return facts.connection is not None and facts.connection.status == "ok"


def _writes(decision: Decision, is_later: bool) -> list[LeverWrite]:
    return [*decision.releases, *(() if is_later else decision.writes)]


async def _load(tx: ReadTx, ids: Sequence[UUID], now: datetime) -> dict[UUID, PumpFacts]:
    pumps = await pump_states.pumps(tx, ids)
    steps = await plans.in_force(tx, ids, now)
    latest = await telemetry.latest(tx, ids)
    owned = await baselines.of_pumps(tx, ids)
    uses = await commands.uses(tx, ids, now)
    due = await polls.of_pumps(tx, ids)
    solar = [pump.id for pump in pumps.values() if pump.is_inverter_forced_mode_enabled]
    exports = await sensors.exports(tx, solar, now - LOOK_BACK)
    doses = await telemetry.last_doses(tx, latest)
    tanks = await models.tanks_kwh_per_k(tx, ids)
    accounts = await connections.get_many(tx, list({p.connection_id for p in pumps.values() if p.connection_id}))
    return {
        id_: PumpFacts(
            pump=pump,
            step=steps.get(id_),
            latest=latest.get(id_),
            baselines=owned.get(id_, ()),
            uses=uses.get(id_, ()),
            poll=due.get(id_),
            connection=accounts.get(pump.connection_id) if pump.connection_id else None,
            exports=exports.get(id_, ()),
            last_dose_at=doses.get(id_),
            tank_kwh_per_k=tanks.get(id_),
        )
        for id_, pump in pumps.items()
    }


def situation_of(facts: PumpFacts, now: datetime, *, give_back: bool = False) -> Situation:
    """What :func:`decide` looks at; ``give_back`` = as if optimisation were off."""
    policy = heat_pumps.policy_of(facts.pump)
    if give_back or facts.pump.is_gone:
        policy = replace(policy, is_smart_optimization_active=False)
    values = facts.latest.values if facts.latest else {}
    ranges = Capabilities.from_json(facts.pump.capabilities).levers
    levers = lever_facts(facts.baselines, facts.uses, values, ranges)
    return Situation(
        now=now,
        policy=policy,
        ranges=ranges,
        levers=levers,
        wanted=facts.step,
        own=own_settings(levers, values),
        indoor_temp_c=values.get(Channel.INDOOR_TEMP_C),
        dhw_temp_c=values.get(Channel.DHW_TEMP_C),
        is_charging=values.get(Channel.MODE) == HOT_WATER_MODE,
        read_at=facts.latest.at if facts.latest else None,
        poll_interval=timedelta(seconds=facts.poll.interval_s if facts.poll else 300),
        is_reachable=_is_open(facts),
        has_solar_surplus=solar_surplus(facts.exports, facts.pump.min_solar_power_w, now).is_enough,
        disinfection_last_at=facts.last_dose_at,
        disinfection_every=dose_every(facts.tank_kwh_per_k),
    )


def lever_facts(
    owned: Sequence[Baseline], uses: Sequence[Use], values: Mapping[Channel, float], ranges: Mapping[Lever, object]
) -> dict[Lever, LeverFacts]:
    """What is known of each lever; an owner's value captured long ago counts only while ours is in force."""
    by_lever = {Lever(b.lever): b for b in owned}
    counts = {Lever(u.lever): u for u in uses}
    found = {}
    for lever in ranges:
        read_back = values.get(Channel(lever.value))
        baseline, use = by_lever.get(lever), counts.get(lever)
        known = LeverFacts(
            read_back=read_back,
            writes_today=use.writes if use else 0,
            blocks_today=use.blocks if use else 0,
        )
        found[lever] = known if baseline is None else _with_baseline(known, baseline)
    return found


def _with_baseline(known: LeverFacts, baseline: Baseline) -> LeverFacts:
    is_owed = baseline.release_owed_since is not None
    is_own = is_owed or known.read_back is None
    return replace(
        known,
        own_value=baseline.own_value if is_own else None,
        written_value=baseline.written_value,
        written_at=baseline.written_at,
        settle_at=baseline.settle_at,
        attempts=baseline.attempts,
        blocked_since=baseline.written_at,
        backed_off_until=baseline.backed_off_until,
        is_owed=is_owed,
    )


def own_settings(levers: Mapping[Lever, LeverFacts], values: Mapping[Channel, float]) -> OwnSettings:
    """The owner's setpoints: captured while ours are in force, else as read."""
    usual = OwnSettings()
    return OwnSettings(
        indoor_setpoint_c=_own(levers, values, Lever.INDOOR_SETPOINT_C, usual.indoor_setpoint_c),
        dhw_setpoint_c=_own(levers, values, Lever.DHW_SETPOINT_C, usual.dhw_setpoint_c),
    )


def _own(levers: Mapping[Lever, LeverFacts], values: Mapping[Channel, float], lever: Lever, usual: float) -> float:
    known = levers.get(lever)
    if known is not None and known.own_value is not None:
        return known.own_value
    return values.get(Channel(lever.value), usual)


def _command(facts: PumpFacts, write: LeverWrite, now: datetime) -> Command:
    return Command(
        id=new_id(),
        org_id=facts.pump.org_id,
        heat_pump_id=facts.pump.id,
        lever=write.lever,
        value=write.value,
        previous_value=write.previous_value,
        state=write.state,
        purpose=write.purpose,
        reason_code=write.reason,
        status="sent",
        attempt=write.attempt,
        issued_at=now,
        ends_at=write.ends_at,
        settle_at=write.settle_at,
    )


async def _note(
    tx: WriteTx,
    facts: Mapping[UUID, PumpFacts],
    decisions: Mapping[UUID, Decision],
    sent: Mapping[UUID, Sequence[Command]],
    now: datetime,
) -> None:
    """All that must be known before the first write goes out."""
    moved = [_moved(facts[id_], command, now) for id_, written in sent.items() for command in written]
    await baselines.capture(tx, moved)
    await commands.insert(tx, [command for written in sent.values() for command in written])
    await baselines.hold(tx, [(id_, lever, at) for id_, d in decisions.items() for lever, at in d.holds.items()])
    await pump_states.save_controlled(tx, [_controlled(facts[id_], d) for id_, d in decisions.items()])
    settled = [(id_, max(c.settle_at for c in written) + READ_AFTER) for id_, written in sent.items()]
    await polls.bring_forward(tx, settled)


def _controlled(facts: PumpFacts, decision: Decision) -> Controlled:
    """What people are told; a pump given back although it is optimised stays lost, or is ready to be steered again."""
    pump, relation = facts.pump, decision.control_state
    if relation is ControlState.OBSERVING and pump.is_smart_optimization_active and not pump.is_gone:
        is_kept = pump.control_state in (ControlState.LOST, ControlState.OBSERVING)
        relation = ControlState(pump.control_state) if is_kept else ControlState.READY
    return Controlled(pump.id, relation, decision.state)


def _moved(facts: PumpFacts, command: Command, now: datetime) -> Moved:
    """The lever about to be moved; before our first write its present value is the owner's."""
    known = {b.lever: b for b in facts.baselines if b.release_owed_since is not None}.get(command.lever)
    own = known.own_value if known is not None else command.previous_value
    assert own is not None, "the present value of a lever is known before it is moved"
    return Moved(
        heat_pump_id=command.heat_pump_id,
        org_id=command.org_id,
        lever=command.lever,
        own_value=own,
        written_value=command.value,
        written_at=now,
        settle_at=command.settle_at,
        ends_at=command.ends_at,
        attempts=command.attempt,
    )


async def _send(tools: Tools, facts: Mapping[UUID, PumpFacts], sent: Mapping[UUID, Sequence[Command]]) -> None:
    """Sends each pump's commands in one call; receipts and faults are saved together at the end."""
    if not sent:
        return
    calls = {id_: _writing(tools, facts[id_], written) for id_, written in sent.items()}
    answers = await side_by_side(calls)
    outcomes = [o for id_, answer in answers.items() for o in _outcomes(sent[id_], answer)]
    rejected = {id_: [c for c in sent[id_] if _is_rejected(c, answer)] for id_, answer in answers.items()}
    refusals = [c for written in rejected.values() for c in written]
    lost = {
        c.id: Lost(c.id, answer.code, answer.detail)
        for id_, answer in answers.items()
        if isinstance(answer, AccessLost) and (c := facts[id_].connection) is not None
    }
    async with tools.database.write(FLEET) as tx:
        await commands.settle(tx, outcomes)
        await baselines.save_seen(tx, [_hands_off(c) for c in refusals])
        await pump_states.save_rejected(tx, [id_ for id_, written in rejected.items() if written])
        if lost:
            await connections.mark_lost(tx, list(lost.values()), tools.clock.wall_now())


def _writing(
    tools: Tools, facts: PumpFacts, written: Sequence[Command]
) -> Callable[[], Awaitable[Receipt | OutsideWorldError]]:
    writes = [Write(Lever(command.lever), command.value) for command in written]

    async def write() -> Receipt | OutsideWorldError:
        async def call(driver: Driver, grant: Grant) -> Receipt:
            return await driver.write(grant, facts.pump.external_device_id, writes)

        assert facts.connection is not None
        return await ask_vendor(tools, facts.connection, call)

    return write


def _is_rejected(command: Command, answer: Receipt | OutsideWorldError) -> bool:
    if isinstance(answer, OutsideWorldError):
        return isinstance(answer, Refused)
    return not answer.accepted and (not answer.rejected or command.lever in answer.rejected)


def _outcomes(written: Sequence[Command], answer: Receipt | OutsideWorldError) -> list[Outcome]:
    if isinstance(answer, OutsideWorldError):
        receipt = {"accepted": False, "detail": answer.detail, "code": answer.code}
    else:
        receipt = {"accepted": answer.accepted, "detail": answer.detail, "reference": answer.vendor_reference}
    is_taken = isinstance(answer, Receipt) and answer.accepted
    usual = "accepted" if is_taken else "sent"
    return [Outcome(c.id, "rejected" if _is_rejected(c, answer) else usual, receipt) for c in written]


def _hands_off(command: Command) -> Seen:
    """The vendor said no: the lever is not tried again for a while; what is owed on it stays owed."""
    until = command.issued_at + BACK_OFF
    return Seen(command.heat_pump_id, command.lever, command.issued_at, "confirmed", None, until)
