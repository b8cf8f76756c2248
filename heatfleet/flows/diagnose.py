"""One heat pump looked at from all sides, for a ticket: no secret, no person, no serial number.

Reads only, and asks the vendor once (two calls of the account's budget) unless told not to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Protocol
from uuid import UUID

import msgspec

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.errors import NotFound, OutsideWorldError
from heatfleet.domain.faults import CONSEQUENCES, FaultKind, kind_of, kind_stored
from heatfleet.domain.readings import Snapshot
from heatfleet.flows.toolbox_diagnosis import statuses
from heatfleet.flows.toolbox_fleet import Tools, ask_vendor
from heatfleet.store import baselines, commands, connections, diagnosis, fleet_clock, pump_states
from heatfleet.store.baselines import Baseline
from heatfleet.store.commands import Command
from heatfleet.store.connections import Connection
from heatfleet.store.database import FLEET, ReadTx
from heatfleet.store.diagnosis import ConnectionState, OpenCue, PlanState, PollState
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.vendors.kit.driver import DeviceRef, Driver, Grant
from heatfleet.vendors.kit.grants import grant_aad, needs_resealing, open_sealed
from heatfleet.vendors.kit.manifest import Manifest
from heatfleet.vendors.kit.quota import Left
from heatfleet.vendors.kit.redact import redact, scrub

LAST_POLLS, LAST_COMMANDS = 5, 20


class Vendors(Protocol):
    """What diagnosing needs of the registry, beside drivers."""

    def manifest(self, name: str) -> Manifest:
        """One vendor's manifest; raises :class:`NotFound`."""
        ...

    def quota_left(self, name: str, account: str) -> Left | None:
        """What this process still lets out."""
        ...


@dataclass(frozen=True)
class Facts:
    """What the store knows of one pump."""

    now: datetime
    pump: HeatPump
    model: tuple[str, str] | None
    account: Connection | None
    connection: ConnectionState | None
    poll: PollState | None
    readings: Sequence[tuple[datetime, Mapping[str, float]]]
    baselines: Sequence[Baseline]
    commands: Sequence[Command]
    cues: Sequence[OpenCue]
    plan: PlanState | None
    words: Sequence[str]


async def diagnose(tools: Tools, vendors: Vendors, heat_pump_id: UUID, *, ask: bool = True) -> dict[str, Any]:
    """The report as plain values; :class:`NotFound` when there is no such heat pump."""
    async with tools.database.read(FLEET) as tx:
        facts = await _load(tx, tools, heat_pump_id)
    told = await _ask(tools, facts) if ask else None
    report = {
        "heat_pump": _heat_pump(facts),
        "connection": _connection(tools, facts),
        "statuses": statuses(facts.pump, _fault(facts), facts.poll, facts.commands, facts.now),
        "polls": _polls(facts),
        "capabilities": facts.pump.capabilities,
        "baselines": [msgspec.structs.asdict(one) for one in facts.baselines],
        "owed_restores": [one.lever for one in facts.baselines if one.release_owed_since is not None],
        "commands": [_command(one) for one in facts.commands],
        "quota": _quota(vendors, facts),
        "cues": [msgspec.structs.asdict(one) for one in facts.cues],
        "plan": facts.plan and msgspec.structs.asdict(facts.plan) | {"age_s": _age_s(facts, facts.plan.made_at)},
        "vendor_answer": _answer(facts, told, asked=ask),
    }
    clean = scrub(msgspec.to_builtins(report, str_keys=True), facts.words)
    assert isinstance(clean, dict)
    at = {"made_at": tools.clock.wall_now(), "fleet_now": facts.now}
    return {**at, "ids": {"heat_pump": heat_pump_id, "org": facts.pump.org_id}, **clean}


async def _load(tx: ReadTx, tools: Tools, id_: UUID) -> Facts:
    pump = (await pump_states.pumps(tx, [id_])).get(id_)
    if pump is None:
        raise NotFound(f"there is no heat pump {id_}")
    now = await fleet_clock.load(tx) or tools.clock.fleet_now()
    account_id = pump.connection_id
    accounts = await connections.get_many(tx, [account_id] if account_id else [])
    return Facts(
        now=now,
        pump=pump,
        model=await diagnosis.model(tx, pump),
        account=accounts.get(account_id) if account_id else None,
        connection=await diagnosis.connection(tx, account_id) if account_id else None,
        poll=await diagnosis.poll(tx, id_),
        readings=await diagnosis.last_readings(tx, id_, LAST_POLLS),
        baselines=(await baselines.of_pumps(tx, [id_])).get(id_, []),
        commands=await commands.of_pump(tx, (pump.org_id, id_), (None, None), limit=LAST_COMMANDS),
        cues=await diagnosis.cues(tx, id_),
        plan=await diagnosis.plan(tx, id_, now),
        words=await diagnosis.personal_words(tx, pump),
    )


@dataclass(frozen=True)
class _Told:
    """What the vendor has just said of the device; None where it does not know it."""

    device: DeviceRef | None
    snapshot: Snapshot | None


async def _ask(tools: Tools, facts: Facts) -> _Told | OutsideWorldError | None:
    if facts.account is None:
        return None
    id_ = facts.pump.external_device_id

    async def call(driver: Driver, grant: Grant) -> _Told:
        devices = {device.external_device_id: device for device in await driver.list_devices(grant)}
        found = [one for one in await driver.read(grant, [id_]) if isinstance(one, Snapshot)]
        return _Told(devices.get(id_), found[0] if found else None)

    return await ask_vendor(tools, facts.account, call)


def _heat_pump(facts: Facts) -> dict[str, Any]:
    pump = facts.pump
    names = ("vendor", "price_zone", "lifecycle_state", "lifecycle_error", "control_state", "current_state",
             "is_smart_optimization_active", "is_pause_power_active", "policy_version", "deleted_at")  # fmt: skip
    told = {name: getattr(pump, name) for name in names}
    return {"device": _hashed(pump.external_device_id), "model": facts.model, **told}


def _connection(tools: Tools, facts: Facts) -> dict[str, Any] | None:
    if facts.connection is None or facts.account is None:
        return None
    told = msgspec.structs.asdict(facts.connection)
    return {**told, "account": _hashed(facts.account.account_id), "grant": _grant(tools, facts.account)}


def _grant(tools: Tools, account: Connection) -> str:
    """How the grant stands, in a word or two; never what is in it."""
    if account.grant_sealed is None:
        return "none stored"
    try:
        aad = grant_aad(account.org_id, account.id, account.vendor)
        grant = open_sealed(account.grant_sealed, tools.seal_keys, aad)
    except OutsideWorldError as fault:
        return f"does not open: {fault.code}"
    sealed = "with an older key" if needs_resealing(account.grant_sealed, tools.seal_keys) else "with the newest key"
    expires_at = grant.expires_at
    is_over = expires_at is not None and expires_at <= tools.clock.wall_now()
    return f"opens, sealed {sealed}; access {'ran out, refreshed at the next call' if is_over else 'good'}"


def _polls(facts: Facts) -> dict[str, Any] | None:
    if facts.poll is None:
        return None
    kind = _fault(facts)
    last = [{"at": at, "age_s": _age_s(facts, at), "values": dict(values)} for at, values in facts.readings]
    told = msgspec.structs.asdict(facts.poll) | {"fault_detail": redact(facts.poll.fault_detail)}
    return {**told, "fault_means": None if kind is None else _meaning(kind), "last": last}


def _fault(facts: Facts) -> FaultKind | None:
    """What the last poll has failed by."""
    if facts.poll is None or facts.poll.fault_code is None:
        return None
    is_lost = facts.connection is not None and facts.connection.status == "lost"
    return kind_stored(facts.poll.fault_code, is_lost)


def _meaning(kind: FaultKind) -> dict[str, Any]:
    what = CONSEQUENCES[kind]
    return {"kind": kind, "meaning": what.meaning, "whose_turn": what.turn}


def _command(command: Command) -> dict[str, Any]:
    names = ("lever", "value", "previous_value", "state", "purpose", "reason_code", "status", "attempt", "issued_at",
             "settle_at", "ends_at", "confirmed_at")  # fmt: skip
    return {name: getattr(command, name) for name in names} | {"receipt": redact(command.receipt)}


def _quota(vendors: Vendors, facts: Facts) -> dict[str, Any] | None:
    """The budgets and what is left, as far as this process knows from its own calls and the vendor's headers."""
    if facts.account is None:
        return None
    try:
        manifest = vendors.manifest(facts.account.vendor)
    except NotFound as fault:
        return {"unknown": str(fault)}
    left = vendors.quota_left(facts.account.vendor, facts.account.account_id)
    return {"account": manifest.account_budgets, "app": manifest.app_budgets, "left_here": left}


def _answer(facts: Facts, told: _Told | OutsideWorldError | None, *, asked: bool) -> dict[str, Any]:
    if not asked:
        return {"asked": False}
    if told is None:
        return {"asked": False, "why": "not connected"}
    if isinstance(told, OutsideWorldError):
        return {"asked": True, "fault": told.code, "detail": redact(told.detail), **_meaning(kind_of(told))}
    device, snapshot = told.device, told.snapshot
    return {
        "asked": True,
        "is_listed": device is not None,
        "is_read": snapshot is not None,
        "cannot": [] if device is None else [{"what": one.what, "why": one.why} for one in device.cannot],
        "abilities_changed": None if device is None else _changed(facts.pump, device),
        "readings": {} if snapshot is None else {r.channel: {"value": r.value, "at": r.at} for r in snapshot.readings},
        "raw": None if snapshot is None else redact(dict(snapshot.raw)),
    }


def _changed(pump: HeatPump, device: DeviceRef) -> list[str]:
    """Channels and levers that were stored and are not told any more, or the other way round."""
    stored = Capabilities.from_json(pump.capabilities)
    apart = (stored.channels ^ device.channels) | (set(stored.levers) ^ set(device.levers))
    return sorted(str(name) for name in apart)


def _age_s(facts: Facts, at: datetime) -> int:
    return round((facts.now - at).total_seconds())


def _hashed(text: str) -> str:
    """A name for an account or a device that tells it from others and nobody who it is; logs use the same."""
    return sha256(text.encode()).hexdigest()[:8]
