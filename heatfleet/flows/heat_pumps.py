"""Heat pumps: register, change what owner and partner allow, delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from heatfleet.domain.default_comfort import with_default_comfort
from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.domain.jobs import JobName
from heatfleet.domain.levers import OptimizationLevel
from heatfleet.domain.policy import USES, Policy, apply_pause, check, settle
from heatfleet.domain.statuses import Lifecycle, moved
from heatfleet.flows.toolbox import Act, require_version
from heatfleet.store import (
    audit,
    buildings,
    cues,
    device_models,
    heat_pump_views,
    heat_pumps,
    home_links,
    jobs,
    onboarding,
    organisations,
    pump_states,
    users,
)
from heatfleet.store.audit import Entry
from heatfleet.store.database import WriteTx
from heatfleet.store.device_models import ModelNames
from heatfleet.store.heat_pump_views import HeatPumpView
from heatfleet.store.heat_pumps import POLICY_FIELDS, HeatPump
from heatfleet.store.ids import new_id

AWAY = frozenset(name for name in POLICY_FIELDS if "away_mode" in name)
PAUSE = frozenset({"is_pause_power_active", "pause_power_until"})
SWITCHES = frozenset({"is_smart_optimization_active", *USES})
HEATING = frozenset(POLICY_FIELDS) - AWAY - PAUSE - SWITCHES | {"heating_policy_name"}
STEERS = frozenset(POLICY_FIELDS) | {
    "price_zone",
    "is_inverter_forced_mode_enabled",
    "min_solar_power_w",
}
"""Whatever a plan is made from: a change of these makes the plan in force an old one."""


async def register(act: Act, user_id: UUID, settings: Mapping[str, Any], model: ModelNames | None) -> HeatPumpView:
    """A new, not yet connected heat pump; :class:`NotFound` (user), :class:`Invalid` (rules, references)."""
    heat_pump_id, now = new_id(), act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        if await users.get(tx, act.org_id, user_id) is None:
            raise NotFound("There is no such user.")
        settings = with_default_comfort(settings, await organisations.default_comfort(tx, act.org_id))
        policy = decide(Policy(), settings, act.clock.fleet_now())
        fields = {**settings, **_policy_values(policy, settings), **_stamps(settings, now), "user_id": user_id}
        fields |= await _references(tx, act.org_id, user_id, settings, model)
        await heat_pumps.insert(tx, act.org_id, heat_pump_id, fields, now)
        await cues.follow(tx, [heat_pump_id], now)
        await audit.record(tx, act.org_id, act.actor, Entry("create", "heat_pump", heat_pump_id, None, fields), now)
        return await _view(tx, act.org_id, user_id, heat_pump_id)


async def change(
    act: Act,
    key: tuple[UUID, UUID],
    settings: Mapping[str, Any],
    model: ModelNames | None = None,
    if_match: frozenset[int] | None = None,
) -> HeatPumpView:
    """The pump ``(user_id, heat_pump_id)`` after saving what differs; it is planned anew or given back.

    :class:`NotFound`, :class:`Invalid` (rules, references), :class:`PreconditionFailed`.
    """
    async with act.database.write(act.org_id) as tx:
        pump = await _load(tx, act, *key)
        require_version(pump.version, if_match)
        policy = decide(heat_pumps.policy_of(pump), settings, act.clock.fleet_now())
        wanted = {**settings, **_policy_values(policy, settings)}
        wanted |= await _references(tx, act.org_id, pump.user_id, settings, model)
        await _save(tx, act, pump, {name: value for name, value in wanted.items() if getattr(pump, name) != value})
        return await _view(tx, act.org_id, *key)


async def delete(act: Act, key: tuple[UUID, UUID], if_match: frozenset[int] | None = None) -> None:
    """Deletes the pump ``(user_id, heat_pump_id)`` softly and at once; what we moved on it is given back first of all.

    Polling and steering rows stay until the owner's settings are seen restored. :class:`NotFound`.
    """
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        pump = await _load(tx, act, *key)
        require_version(pump.version, if_match)
        state = moved(pump.lifecycle_state, Lifecycle.DELETED)
        gone = {"deleted_at": now, "lifecycle_state": state, "is_smart_optimization_active": False}
        gone["policy_version"] = pump.policy_version + 1
        await heat_pumps.update(tx, act.org_id, pump.id, gone, pump.version + 1, now)
        await cues.follow(tx, [pump.id], now)
        await audit.record(tx, act.org_id, act.actor, Entry("delete", "heat_pump", pump.id, None, None), now)
        await _enqueue(tx, pump, JobName.RELEASE)


async def disconnect(act: Act, key: tuple[UUID, UUID]) -> None:
    """Ends the connection of the pump ``(user_id, heat_pump_id)``: consent, optimisation, links to its page, at once.

    What we moved on it is given back first; the grant is forgotten when the owner's settings are seen restored.
    :class:`NotFound`; :class:`Conflict` for a pump that was never connected.
    """
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        pump = await _load(tx, act, *key)
        state = moved(pump.lifecycle_state, Lifecycle.DISCONNECTED)
        ended: dict[str, Any] = {"lifecycle_state": state, "lifecycle_error": None}
        ended["is_smart_optimization_active"] = False
        ended["policy_version"] = pump.policy_version + 1
        await heat_pumps.update(tx, act.org_id, pump.id, ended, pump.version + 1, now)
        await home_links.revoke(tx, act.org_id, pump.id)
        await onboarding.withdraw_consents(tx, act.org_id, pump.id, now)
        await cues.withdraw(tx, act.org_id, pump.id, now)
        before = {"lifecycle_state": pump.lifecycle_state}
        entry = Entry("disconnect", "heat_pump", pump.id, before, {"lifecycle_state": state})
        await audit.record(tx, act.org_id, act.actor, entry, now)
        await _enqueue(tx, pump, JobName.RELEASE)


def decide(before: Policy, settings: Mapping[str, Any], now: datetime) -> Policy:
    """The policy after ``settings``; raises :class:`Invalid` where it breaks a rule. ``now`` on the fleet clock."""
    changes = {name: value for name, value in settings.items() if name in POLICY_FIELDS}
    if "optimization_level" in changes:
        changes["optimization_level"] = OptimizationLevel(changes["optimization_level"] or "Mid")
    after = replace(settle(before, now), **changes)
    return settle(check(apply_pause(after, changes, now)), now)


def _policy_values(policy: Policy, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The policy as columns; an optimisation level asked to be null stays null (it means Mid)."""
    values = {name: getattr(policy, name) for name in POLICY_FIELDS if name != "optimization_level"}
    if "optimization_level" in settings:
        values["optimization_level"] = settings["optimization_level"]
    return values


async def _view(tx: WriteTx, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> HeatPumpView:
    """What has just been written, as it is shown."""
    view = await heat_pump_views.get(tx, org_id, user_id, heat_pump_id)
    assert view is not None
    return view


async def _load(tx: WriteTx, act: Act, user_id: UUID, heat_pump_id: UUID) -> HeatPump:
    """The pump, locked, with what has run out taken back: the very version that people have been shown."""
    now = act.clock.fleet_now()
    pump = await heat_pumps.get_for_update(tx, act.org_id, heat_pump_id)
    if pump is None or pump.user_id != user_id:
        raise NotFound("There is no such heat pump.")
    if heat_pumps.policy_of(pump) == settle(heat_pumps.policy_of(pump), now):
        return pump
    await pump_states.settle_policies(tx, now, [pump.id])
    return await _load(tx, act, user_id, heat_pump_id)


async def _save(tx: WriteTx, act: Act, pump: HeatPump, changed: dict[str, Any]) -> None:
    """The changed fields with versions and stamps, their audit row and the job that follows from them."""
    if not changed:
        return
    now = act.clock.wall_now()
    saved = {**changed, **_stamps(changed, now)}
    if STEERS & changed.keys():
        saved["policy_version"] = pump.policy_version + 1
    before = {name: getattr(pump, name) for name in changed}
    await heat_pumps.update(tx, act.org_id, pump.id, saved, pump.version + 1, now)
    if cues.FOLLOWED & changed.keys():
        await cues.follow(tx, [pump.id], now)
    await audit.record(tx, act.org_id, act.actor, Entry("change", "heat_pump", pump.id, before, changed), now)
    if changed.get("is_smart_optimization_active") is False:
        await _enqueue(tx, pump, JobName.RELEASE)
    elif STEERS & changed.keys():
        await _enqueue(tx, pump, JobName.PLAN)


def _stamps(changed: Mapping[str, Any], now: datetime) -> dict[str, datetime]:
    stamps = {}
    if HEATING & changed.keys():
        stamps["heating_policy_last_updated_at"] = now
    if AWAY & changed.keys():
        stamps["away_mode_last_updated_at"] = now
    return stamps


async def _references(
    tx: WriteTx, org_id: UUID, user_id: UUID, settings: Mapping[str, Any], model: ModelNames | None
) -> dict[str, Any]:
    """The ids the settings point to; raises :class:`Invalid` for things that are not there."""
    building_id = settings.get("building_id")
    if building_id is not None:
        building = await buildings.get(tx, org_id, building_id)
        if building is None or building.user_id != user_id:
            raise Invalid.field("building_id", "the user has no such building", "not_found")
    model_id = settings.get("device_model_id")
    if model_id is not None and await device_models.get(tx, model_id) is None:
        raise Invalid.field("device_model_id", "the catalogue has no such model", "not_found")
    if model is None:
        return {}
    return {"device_model_id": await _named_model(tx, model)}


async def _named_model(tx: WriteTx, model: ModelNames) -> UUID:
    service = model.cloud_service_id
    if service is not None and not await device_models.cloud_service_exists(tx, service):
        raise Invalid.field("device_model", "the catalogue has no such cloud_service_id", "not_found")
    return await device_models.find_or_insert(tx, model)


async def _enqueue(tx: WriteTx, pump: HeatPump, name: JobName) -> None:
    """The job, for a pump that has a connection; without one there is nothing to plan or give back."""
    if pump.connection_id is not None:
        payload = {"org_id": str(pump.org_id), "heat_pump_id": str(pump.id)}
        await jobs.enqueue(tx, name, payload, dedupe_key=f"{name}:{pump.id}")
