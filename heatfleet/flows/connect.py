"""A person signs in at a vendor and connects a heat pump: sign-in, choice, probe, comfort, then it is ours.

Nothing is stored of a device that could not be read once; until the person has seen what it can do, only the session
knows of it. A session is good for one device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from heatfleet.domain.default_comfort import with_default_comfort
from heatfleet.domain.errors import AccessLost, NotFound, Refused, TryAgain
from heatfleet.domain.jobs import JobName
from heatfleet.domain.policy import USES, Comfort, Policy, check, comfort_at
from heatfleet.domain.readings import Channel
from heatfleet.domain.statuses import Lifecycle, moved
from heatfleet.flows.toolbox import Act, session_still_open
from heatfleet.flows.toolbox_connect import (
    Account,
    BegunAnew,
    Counter,
    Offer,
    Taken,
    abilities_of,
    account_step,
    asked_of,
    capabilities_of,
    kept_notices,
    kept_reading,
    note,
    open_account,
    own_settings,
    scopes_of,
    sealed_grant,
    session_grants,
)
from heatfleet.store import audit, cues, device_models, heat_pumps, jobs, onboarding, organisations
from heatfleet.store.audit import Entry
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.device_models import CloudServiceFacts, ModelNames
from heatfleet.store.heat_pumps import POLICY_FIELDS, HeatPump
from heatfleet.store.ids import new_id
from heatfleet.store.onboarding import Consent, NewConnection, OnboardingSession
from heatfleet.vendors.kit.driver import DeviceRef, Driver, Grant, SignInStep, Unread
from heatfleet.vendors.kit.grants import with_grant
from heatfleet.vendors.kit.manifest import Manifest

CONSENT_TEXT_VERSION = "3"
PATIENCE_S = 60.0
MOST_TRIES = 10


@dataclass(frozen=True)
class Probe:
    """What one heat pump has shown it can do; ``values`` are its first reading, ``comfort`` what may be promised now.

    ``uses`` are those that somebody has allowed before, None where nobody has chosen yet.
    """

    manifest: Manifest
    device: DeviceRef
    values: Mapping[Channel, float]
    comfort: Comfort
    uses: Mapping[str, bool] | None


async def begin_sign_in(
    act: Act, counter: Counter, session: OnboardingSession, vendor: str, state: tuple[str, str]
) -> SignInStep:
    """The first step at ``vendor``; ``state`` is (nonce, what the vendor brings back).

    The person has consented to :func:`scopes_of` the vendor's manifest.
    """
    if vendor not in {manifest.name for manifest in counter.vendors.manifests()}:
        raise NotFound("There is no such manufacturer.")
    nonce, carried = state
    step = await counter.vendors.driver(vendor).begin_sign_in(counter.redirect_uri, carried, session.language)
    scopes = scopes_of(counter.vendors.manifest(vendor))
    kept = {"vendor": vendor, "nonce": nonce, "scopes": scopes, "asked": asked_of(step)}
    async with act.database.write(act.org_id) as tx:
        tries = (await session_still_open(tx, act.org_id, session.id)).step.get("tries", 0)
        await onboarding.save_step(tx, act.org_id, session.id, {**kept, "tries": tries})
    return step


async def finish_sign_in(
    act: Act, counter: Counter, session: OnboardingSession, nonce: str, answer: Mapping[str, str]
) -> tuple[DeviceRef, ...]:
    """The heat pumps of the account, which the session knows from now on; the only free one is chosen at once.

    :class:`BegunAnew` (an old sign-in), :class:`Taken` (all are connected already), or what the driver raises.
    """
    vendor = session.step.get("vendor")
    if vendor is None or session.step.get("nonce") != nonce:
        raise BegunAnew("This sign-in was begun anew or is over.")
    if "grant" in session.step:  # the browser came back once more with what it had brought before
        return open_account(act.org_id, counter, session).devices
    driver = counter.vendors.driver(vendor)
    grant = await _grant(act, driver, session, answer, counter.redirect_uri)
    account = Account(vendor, new_id(), grant, tuple(await driver.list_devices(grant)))
    if not account.devices:
        raise Refused("the account has no heat pump", code="no_device")
    if len(account.devices) == 1 and session.heat_pump_id is None:
        await _check_free(act, session, account, account.devices)
    only = account.devices[0].external_device_id if len(account.devices) == 1 else None
    await note(act, session, {**account_step(act.org_id, counter, account), "device": only})
    return account.devices


async def _grant(
    act: Act, driver: Driver, session: OnboardingSession, answer: Mapping[str, str], redirect_uri: str
) -> Grant:
    """What the vendor gives; a session takes :data:`MOST_TRIES` failures, so that nobody guesses passwords with it."""
    tries = session.step.get("tries", 0)
    if tries >= MOST_TRIES:
        raise Refused("too many sign-ins have failed", code="too_many_tries")
    try:
        return await driver.finish_sign_in(answer, redirect_uri)
    except AccessLost:
        await note(act, session, {"tries": tries + 1})
        raise


async def offer(act: Act, counter: Counter, session: OnboardingSession) -> Offer:
    """The heat pumps to choose from; :class:`Taken` when all of them are connected already."""
    account = open_account(act.org_id, counter, session)
    return Offer(account.devices, await _check_free(act, session, account, account.devices))


async def choose_device(act: Act, counter: Counter, session: OnboardingSession, external_device_id: str) -> None:
    """The session is about this heat pump now; :class:`NotFound`, :class:`Taken`."""
    account = open_account(act.org_id, counter, session)
    device = account.device(external_device_id)
    if device is None:
        raise NotFound("The account has no such heat pump.")
    await _check_free(act, session, account, [device])
    await note(act, session, {"device": external_device_id})


async def probe(act: Act, counter: Counter, session: OnboardingSession) -> Probe:
    """What the chosen heat pump can do, proven by one reading; :class:`Taken`, or what the driver raises."""
    account = open_account(act.org_id, counter, session)
    device = _chosen(session, account)
    await _check_free(act, session, account, [device])
    seen = await _see(act, counter, session, account)
    values = {Channel(name): value for name, value in seen["values"].items()}
    async with act.database.read(act.org_id) as tx:
        pump = await heat_pumps.get(tx, act.org_id, session.heat_pump_id) if session.heat_pump_id else None
        policy = await _policy(tx, act.org_id, pump)
    comfort = comfort_at(policy, own_settings(values), act.clock.fleet_now())
    uses = {name: bool(getattr(pump, name)) for name in USES} if pump is not None else {}
    manifest = counter.vendors.manifest(account.vendor)
    return Probe(manifest, device, values, comfort, uses if any(uses.values()) else None)


async def _policy(tx: ReadTx, org_id: UUID, pump: HeatPump | None) -> Policy:
    """What is allowed so far: of a pump that was registered before, or as the organisation gives it to a new one."""
    if pump is not None:
        return heat_pumps.policy_of(pump)
    return Policy(**with_default_comfort({}, await organisations.default_comfort(tx, org_id)))


async def _see(act: Act, counter: Counter, session: OnboardingSession, account: Account) -> dict[str, Any]:
    """The first reading of the chosen device, which the session keeps."""
    device, driver = _chosen(session, account), counter.vendors.driver(account.vendor)
    kept: dict[str, Any] = session.step.get("seen") or {}
    if kept.get("device") == device.external_device_id:
        return kept
    store = session_grants(act, counter, session.id, account.connection_id)
    snapshots = await with_grant(
        driver, store, act.clock, lambda grant: driver.read(grant, [device.external_device_id])
    )
    if not snapshots:
        raise TryAgain("the heat pump does not answer", after_s=PATIENCE_S, code="device_silent")
    if isinstance(snapshots[0], Unread):
        raise snapshots[0].fault
    seen = {"device": device.external_device_id, **kept_reading(snapshots[0]), "at": act.clock.fleet_now().isoformat()}
    await note(act, session, {"seen": seen})
    return seen


def _chosen(session: OnboardingSession, account: Account) -> DeviceRef:
    device = account.device(session.step.get("device") or "")
    if device is None:
        raise BegunAnew("Choose a heat pump first.")
    return device


async def _check_free(
    act: Act, session: OnboardingSession, account: Account, devices: Sequence[DeviceRef]
) -> frozenset[str]:
    """Those of ``devices`` that are connected already; :class:`Taken` when all are.

    One alone is also :class:`TryAgain` as long as a deleted pump that it was is owed its owner's settings.
    """
    ids = [device.external_device_id for device in devices]
    async with act.database.read(act.org_id) as tx:
        taken = await heat_pumps.taken_devices(tx, act.org_id, account.vendor, ids, session.heat_pump_id)
        is_owed = len(ids) == 1 and await heat_pumps.device_is_owed(
            tx, act.org_id, account.vendor, ids[0], session.heat_pump_id
        )
    if taken >= set(ids):
        raise Taken("This heat pump is already connected in the organisation.")
    if is_owed:
        raise TryAgain("the owner's settings are still being restored", after_s=5 * PATIENCE_S, code="restoring")
    return frozenset(taken)


@dataclass(frozen=True)
class _Link:
    """One device of one signed-in account, about to become a heat pump; ``wishes`` are its owner's."""

    act: Act
    counter: Counter
    session: OnboardingSession
    account: Account
    device: DeviceRef
    wishes: Mapping[str, Any]


async def connect(act: Act, counter: Counter, session: OnboardingSession, wishes: Mapping[str, Any]) -> UUID:
    """The id of the pump, read once, stored, polled and about to be planned; the session is done.

    ``wishes`` are policy fields; :class:`Invalid` where they break a rule, :class:`Taken`, or what the driver raises.
    """
    account = open_account(act.org_id, counter, session)
    device = _chosen(session, account)
    await _check_free(act, session, account, [device])
    seen = await _see(act, counter, session, account)
    async with act.database.write(act.org_id) as tx:
        current = await session_still_open(tx, act.org_id, session.id)
        account = open_account(act.org_id, counter, current)  # its grant may have been refreshed
        if _chosen(current, account) != device:
            raise BegunAnew("Another heat pump was chosen in the meantime.")
        link = _Link(act, counter, current, account, device, wishes)
        await _store_connection(tx, link)
        pump_id = await _store_pump(tx, link)
        await _follow_up(tx, link, pump_id, seen)
    return pump_id


async def _store_connection(tx: WriteTx, link: _Link) -> None:
    account, org_id = link.account, link.act.org_id
    connection = NewConnection(
        id=account.connection_id,
        user_id=link.session.user_id,
        vendor=account.vendor,
        account_id=account.grant.account_id,
        grant_sealed=sealed_grant(link.session),
        grant_expires_at=account.grant.expires_at,
    )
    await onboarding.insert_connection(tx, org_id, connection, link.act.clock.wall_now())


async def _store_pump(tx: WriteTx, link: _Link) -> UUID:
    """The id of the pump: a new one, or the one the session was made for."""
    now, org_id, session = link.act.clock.wall_now(), link.act.org_id, link.session
    fields = {**await _fields(tx, link), **_wished(link, now)}
    pump = None if session.heat_pump_id is None else await heat_pumps.get_for_update(tx, org_id, session.heat_pump_id)
    _check_wishes(await _policy(tx, org_id, pump), link.wishes)
    if session.heat_pump_id is None:
        pump_id = new_id()
        comfort = with_default_comfort({}, await organisations.default_comfort(tx, org_id))
        await heat_pumps.insert(tx, org_id, pump_id, {**_defaults(session), **comfort, **fields}, now)
        return pump_id
    if pump is None:
        raise NotFound("There is no such heat pump.")
    fields["lifecycle_state"] = moved(pump.lifecycle_state, Lifecycle.AUTHENTICATED)
    if any(getattr(pump, name) for name in USES):  # somebody has chosen already
        fields = {name: value for name, value in fields.items() if name not in USES or name in link.wishes}
    fields["policy_version"] = pump.policy_version + 1
    await heat_pumps.update(tx, org_id, pump.id, fields, pump.version + 1, now)
    return pump.id


def _defaults(session: OnboardingSession) -> dict[str, Any]:
    """What the partner wants for a new pump."""
    return {
        "user_id": session.user_id,
        "building_id": session.building_id,
        "price_zone": session.price_zone_default,
        "is_smart_optimization_active": session.is_smart_optimization_active_default,
    }


def _wished(link: _Link, now: datetime) -> dict[str, Any]:
    """The owner's wishes as columns."""
    return {**link.wishes, "heating_policy_last_updated_at": now} if link.wishes else {}


def _check_wishes(policy: Policy, wishes: Mapping[str, Any]) -> None:
    """Raises :class:`Invalid` where the wishes break a rule."""
    check(replace(policy, **{name: value for name, value in wishes.items() if name in POLICY_FIELDS}))


async def _fields(tx: WriteTx, link: _Link) -> dict[str, Any]:
    """What the pump's row says of its connection and abilities."""
    device, manifest = link.device, link.counter.vendors.manifest(link.account.vendor)
    facts = CloudServiceFacts(
        vendor=manifest.name,
        name=manifest.title,
        instructions=manifest.instructions or None,
        signup_link=manifest.signup_link or None,
        is_official=manifest.is_official,
        needs_gateway=manifest.needs_gateway,
    )
    service_id = await device_models.cloud_service_id(tx, facts)
    model = ModelNames(device.manufacturer, device.model, cloud_service_id=service_id)
    return {
        "connection_id": link.account.connection_id,
        "device_model_id": await device_models.find_or_insert(tx, model),
        "vendor": link.account.vendor,
        "external_device_id": device.external_device_id,
        "name": device.name,
        "capabilities": abilities_of(device),
        "lifecycle_state": Lifecycle.AUTHENTICATED.value,
        "lifecycle_error": None,
        "connection_status": "ok",
        **uses_of(device),
    }


def uses_of(device: DeviceRef) -> dict[str, bool]:
    """Which uses this very device serves, by the policy's field; they are on unless the owner says else."""
    return capabilities_of(device).uses


async def _follow_up(tx: WriteTx, link: _Link, pump_id: UUID, seen: Mapping[str, Any]) -> None:
    """Consent, first reading, place in the polling table, audit, plan job; the session is done."""
    act, session, step = link.act, link.session, link.session.step
    wall, vendor = act.clock.wall_now(), link.account.vendor
    consent = Consent(session.user_id, pump_id, vendor, step["scopes"], session.language, CONSENT_TEXT_VERSION)
    await onboarding.insert_consent(tx, act.org_id, consent, wall)
    seen_at = datetime.fromisoformat(seen["at"])
    await onboarding.save_first_reading(tx, act.org_id, pump_id, seen_at, seen["values"])
    due_at, interval_s = act.clock.fleet_now(), link.counter.interval_s(vendor)
    await onboarding.start_polling(tx, act.org_id, pump_id, link.account.connection_id, due_at, interval_s)
    after = {"vendor": vendor, "onboarding_session": session.id, **link.wishes}
    await cues.follow(tx, [pump_id], wall)
    await cues.note(tx, kept_notices(pump_id, seen), wall)
    await audit.record(tx, act.org_id, act.actor, Entry("connect", "heat_pump", pump_id, None, after), wall)
    payload = {"org_id": str(act.org_id), "heat_pump_id": str(pump_id)}
    await jobs.enqueue(tx, JobName.PLAN, payload, dedupe_key=f"{JobName.PLAN}:{pump_id}")
    await onboarding.close(tx, act.org_id, session.id, "done", pump_id)
