"""Decide and send for a set of heat pumps: what steering and releasing have in common.

The owner's values, the owed release and the command rows are durable before anything is sent, so that whatever is
killed in between, the next round knows what may have been moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from heatfleet.domain.batch import limit_batch
from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.disinfection import dose_every
from heatfleet.domain.errors import AccessLost
from heatfleet.domain.levers import Lever
from heatfleet.domain.plans import PlanStep
from heatfleet.domain.readings import MODES, Channel, OperationalMode
from heatfleet.domain.situation import ControlState, Decision, LeverWrite, Situation
from heatfleet.domain.solar import LOOK_BACK, Export, solar_surplus
from heatfleet.domain.steering import decide
from heatfleet.domain.time_grid import MTU
from heatfleet.flows.toolbox_fleet import Tools, side_by_side
from heatfleet.flows.toolbox_levers import lever_facts, own_settings
from heatfleet.flows.toolbox_receipts import hands_off, is_rejected, outcomes_of, say_rejected
from heatfleet.flows.toolbox_writes import Address, renew, writing
from heatfleet.store import (
    baselines,
    commands,
    connections,
    grid_limits,
    heat_pumps,
    models,
    plans,
    polls,
    pump_states,
    sensors,
    telemetry,
)
from heatfleet.store.baselines import Baseline, Moved
from heatfleet.store.commands import Command, Use
from heatfleet.store.connections import Connection, Lost
from heatfleet.store.database import FLEET, ReadTx, WriteTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.ids import new_id
from heatfleet.store.polls import DuePoll
from heatfleet.store.pump_states import Controlled
from heatfleet.store.telemetry import Latest
from heatfleet.vendors.kit.driver import Write

HOT_WATER_MODE, COOLING_MODE = (float(MODES.index(m)) for m in (OperationalMode.HOT_WATER, OperationalMode.COOLING))
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


@dataclass(frozen=True)
class _Round:
    """What a round has decided: commands, what is only kept standing, how many pumps are put off."""

    facts: dict[UUID, PumpFacts]
    sent: dict[UUID, list[Command]]
    renewals: dict[UUID, list[Write]]
    later: int


async def carry_out(
    tools: Tools, heat_pump_ids: Sequence[UUID], allowance: Allowance, *, give_back: bool = False
) -> Sent:
    """Decides for these pumps and sends what is due; ``give_back`` = nothing but the owner's own settings."""
    now = tools.clock.fleet_now()
    async with tools.database.write(FLEET) as tx:
        await commands.take_turns(tx)
        round_ = await _decide(tx, heat_pump_ids, allowance, now, give_back=give_back)
    facts, sent = round_.facts, round_.sent
    await _send(tools, facts, sent)
    await renew(tools, {id_: (_address(facts[id_]), writes) for id_, writes in round_.renewals.items()})
    return Sent(len(sent), sum(map(len, sent.values())), round_.later)


async def _decide(
    tx: WriteTx, heat_pump_ids: Sequence[UUID], allowance: Allowance, now: datetime, *, give_back: bool
) -> _Round:
    """What is known and to be sent; all of it noted before anything goes out."""
    facts = await _load(tx, heat_pump_ids, now)
    decisions = {id_: decide(situation_of(one, now, give_back=give_back)) for id_, one in facts.items()}
    moving = [id_ for id_, decision in decisions.items() if decision.writes]
    batch = limit_batch(moving, allowance.fleet_count, allowance.already)
    later = set(batch.later)
    to_send = {id_: _writes(decision, id_ in later) for id_, decision in decisions.items() if _is_open(facts[id_])}
    sent = {id_: [_command(facts[id_], w, now) for w in writes] for id_, writes in to_send.items() if writes}
    await _note(tx, facts, decisions, sent, now)
    held = {id_: _renewals(facts[id_], decision, now) for id_, decision in decisions.items() if _is_open(facts[id_])}
    return _Round(facts, sent, {id_: writes for id_, writes in held.items() if writes}, len(later))


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
    dimmed = {share.heat_pump_id for share in await grid_limits.in_time(tx, ids, now, now + MTU)}
    solar = [id_ for id_, pump in pumps.items() if pump.is_inverter_forced_mode_enabled and id_ not in dimmed]
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
        pool_temp_c=values.get(Channel.POOL_TEMP_C),
        is_charging=values.get(Channel.MODE) == HOT_WATER_MODE,
        is_cooling=values.get(Channel.MODE) == COOLING_MODE,
        read_at=facts.latest.at if facts.latest else None,
        poll_interval=timedelta(seconds=facts.poll.interval_s if facts.poll else 300),
        is_reachable=_is_open(facts),
        has_solar_surplus=solar_surplus(facts.exports, facts.pump.min_solar_power_w, now).is_enough,
        disinfection_last_at=facts.last_dose_at,
        disinfection_every=dose_every(facts.tank_kwh_per_k),
    )


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
    calls = {id_: writing(tools, _address(facts[id_]), [_write(c) for c in written]) for id_, written in sent.items()}
    answers = await side_by_side(calls)
    outcomes = [o for id_, answer in answers.items() for o in outcomes_of(sent[id_], answer)]
    rejected = {id_: [c for c in sent[id_] if is_rejected(c, answer)] for id_, answer in answers.items()}
    refusals = [c for written in rejected.values() for c in written]
    lost = {
        c.id: Lost(c.id, answer.code, answer.detail)
        for id_, answer in answers.items()
        if isinstance(answer, AccessLost) and (c := facts[id_].connection) is not None
    }
    async with tools.database.write(FLEET) as tx:
        await commands.settle(tx, outcomes)
        await baselines.save_seen(tx, [hands_off(c) for c in refusals])
        await say_rejected(tx, [id_ for id_, written in rejected.items() if written], answers, tools.clock.wall_now())
        if lost:
            await connections.mark_lost(tx, list(lost.values()), tools.clock.wall_now())


def _address(facts: PumpFacts) -> Address:
    assert facts.connection is not None
    return Address(facts.connection, facts.pump.external_device_id)


def _write(command: Command) -> Write:
    return Write(Lever(command.lever), command.value, (command.ends_at - command.issued_at).total_seconds())


def _renewals(facts: PumpFacts, decision: Decision, now: datetime) -> list[Write]:
    """What stays in force on levers whose writes end by themselves."""
    ranges, held = Capabilities.from_json(facts.pump.capabilities).levers, {b.lever: b for b in facts.baselines}
    return [
        Write(lever, value, (until - now).total_seconds())
        for lever, until in decision.holds.items()
        if ranges[lever].expires_by_itself and (value := held[lever].written_value) is not None
    ]
