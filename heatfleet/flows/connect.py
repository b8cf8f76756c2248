"""A person signs in at a vendor and connects a heat pump: sign-in, choice of the device, one reading, then it is ours.

Nothing is stored of a device that could not be read once; a session is good for one device.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.default_comfort import with_default_comfort
from heatfleet.domain.errors import Conflict, NotFound, Refused, TryAgain
from heatfleet.domain.jobs import JobName
from heatfleet.domain.readings import Snapshot
from heatfleet.domain.statuses import Lifecycle, moved
from heatfleet.flows.toolbox import Act, session_still_open
from heatfleet.store import audit, cues, device_models, heat_pumps, jobs, onboarding, organisations
from heatfleet.store.audit import Entry
from heatfleet.store.database import WriteTx
from heatfleet.store.device_models import CloudServiceFacts, ModelNames
from heatfleet.store.ids import new_id
from heatfleet.store.onboarding import Consent, NewConnection, OnboardingSession
from heatfleet.vendors.kit.driver import DeviceRef, Driver, Grant, SignInStep
from heatfleet.vendors.kit.grants import SealKeys, grant_aad, open_sealed, seal
from heatfleet.vendors.kit.manifest import Manifest

CONSENT_TEXT_VERSION = "1"
USES = (
    "is_space_heating_enabled",
    "is_hot_water_heating_enabled",
    "is_pool_heating_enabled",
    "is_space_cooling_enabled",
)


class Vendors(Protocol):
    """What onboarding needs of the registry."""

    def manifests(self) -> tuple[Manifest, ...]:
        """The vendors a person can choose."""
        ...

    def manifest(self, name: str) -> Manifest:
        """One vendor's manifest; raises :class:`NotFound`."""
        ...

    def driver(self, name: str) -> Driver:
        """One vendor's driver."""
        ...


@dataclass(frozen=True)
class Counter:
    """Where people connect: the vendors, the keys that seal their grants, the address vendors send people back to."""

    vendors: Vendors
    seal_keys: SealKeys
    redirect_uri: str


@dataclass(frozen=True)
class Choice:
    """The devices of the account when the person must choose."""

    devices: tuple[DeviceRef, ...]


@dataclass(frozen=True)
class _SignedIn:
    """An account just signed in: its grant, and the connection it will become."""

    vendor: str
    connection_id: UUID
    grant: Grant


async def begin_sign_in(
    act: Act, counter: Counter, session: OnboardingSession, vendor: str, state: tuple[str, str]
) -> SignInStep:
    """The first step at ``vendor``; ``state`` is (nonce, what the vendor brings back). The person has consented."""
    if vendor not in {manifest.name for manifest in counter.vendors.manifests()}:
        raise NotFound("There is no such manufacturer.")
    nonce, carried = state
    step = await counter.vendors.driver(vendor).begin_sign_in(counter.redirect_uri, carried, session.language)
    async with act.database.write(act.org_id) as tx:
        await session_still_open(tx, act.org_id, session.id)
        await onboarding.save_step(tx, act.org_id, session.id, {"vendor": vendor, "nonce": nonce})
    return step


async def finish_sign_in(
    act: Act, counter: Counter, session: OnboardingSession, nonce: str, answer: Mapping[str, str]
) -> UUID | Choice:
    """The id of the connected pump, or the devices to choose from.

    :class:`Conflict` (an old sign-in, or a pump connected already), or what the driver raises.
    """
    vendor = session.step.get("vendor")
    if vendor is None or session.step.get("nonce") != nonce:
        raise Conflict("This sign-in was begun anew or is over.")
    driver = counter.vendors.driver(vendor)
    account = _SignedIn(vendor, new_id(), await driver.finish_sign_in(answer, counter.redirect_uri))
    devices = tuple(await driver.list_devices(account.grant))
    if not devices:
        raise Refused("the account has no heat pump", code="no_device")
    if len(devices) == 1:
        return await _link(act, counter, session, account, devices[0])
    sealed = base64.b64encode(_seal(act.org_id, counter, account)).decode()
    step = {"vendor": vendor, "connection_id": str(account.connection_id), "grant": sealed}
    async with act.database.write(act.org_id) as tx:
        await session_still_open(tx, act.org_id, session.id)
        await onboarding.save_step(tx, act.org_id, session.id, step)
    return Choice(devices)


async def choices(act: Act, counter: Counter, session: OnboardingSession) -> Choice:
    """The devices of the signed-in account."""
    account = _open_account(act.org_id, counter, session)
    return Choice(tuple(await counter.vendors.driver(account.vendor).list_devices(account.grant)))


async def choose_device(act: Act, counter: Counter, session: OnboardingSession, external_device_id: str) -> UUID:
    """The id of the connected pump; :class:`NotFound` when the account has no such device."""
    account = _open_account(act.org_id, counter, session)
    devices = await counter.vendors.driver(account.vendor).list_devices(account.grant)
    device = next((d for d in devices if d.external_device_id == external_device_id), None)
    if device is None:
        raise NotFound("The account has no such heat pump.")
    return await _link(act, counter, session, account, device)


def _seal(org_id: UUID, counter: Counter, account: _SignedIn) -> bytes:
    return seal(account.grant, counter.seal_keys, grant_aad(org_id, account.connection_id, account.vendor))


def _open_account(org_id: UUID, counter: Counter, session: OnboardingSession) -> _SignedIn:
    step = session.step
    if "grant" not in step:
        raise Conflict("Sign in at the manufacturer first.")
    connection_id = UUID(step["connection_id"])
    aad = grant_aad(org_id, connection_id, step["vendor"])
    grant = open_sealed(base64.b64decode(step["grant"]), counter.seal_keys, aad)
    return _SignedIn(step["vendor"], connection_id, grant)


@dataclass(frozen=True)
class _Link:
    """One device of one signed-in account, about to become a heat pump."""

    act: Act
    session: OnboardingSession
    account: _SignedIn
    device: DeviceRef
    manifest: Manifest


async def _link(act: Act, counter: Counter, session: OnboardingSession, account: _SignedIn, device: DeviceRef) -> UUID:
    """The id of the pump, read once, stored, polled and about to be planned; the session is done."""
    link = _Link(act, session, account, device, counter.vendors.manifest(account.vendor))
    async with act.database.read(act.org_id) as tx:
        known = (tx, act.org_id, account.vendor, device.external_device_id, session.heat_pump_id)
        taken, owed = await heat_pumps.device_is_taken(*known), await heat_pumps.device_is_owed(*known)
    if taken:
        raise Conflict("This heat pump is already connected in the organisation.")
    if owed:
        raise TryAgain("the owner's settings are still being restored", after_s=300, code="restoring")
    snapshot = await _read_once(counter.vendors.driver(account.vendor), account.grant, device)
    async with act.database.write(act.org_id) as tx:
        await session_still_open(tx, act.org_id, session.id)
        await _store_connection(tx, link, _seal(act.org_id, counter, account))
        pump_id = await _store_pump(tx, link)
        await _follow_up(tx, link, pump_id, snapshot)
    return pump_id


async def _read_once(driver: Driver, grant: Grant, device: DeviceRef) -> Snapshot:
    snapshots: Sequence[Snapshot] = await driver.read(grant, [device.external_device_id])
    if not snapshots:
        raise TryAgain("the heat pump does not answer", after_s=60, code="device_silent")
    return snapshots[0]


async def _store_connection(tx: WriteTx, link: _Link, sealed: bytes) -> None:
    grant = link.account.grant
    connection = NewConnection(
        id=link.account.connection_id,
        user_id=link.session.user_id,
        vendor=link.account.vendor,
        account_id=grant.account_id,
        grant_sealed=sealed,
        grant_expires_at=grant.expires_at,
    )
    await onboarding.insert_connection(tx, link.act.org_id, connection, link.act.clock.wall_now())


async def _store_pump(tx: WriteTx, link: _Link) -> UUID:
    """The id of the pump: a new one, or the one the session was made for."""
    now, org_id, session = link.act.clock.wall_now(), link.act.org_id, link.session
    fields = await _fields(tx, link)
    if session.heat_pump_id is None:
        pump_id = new_id()
        defaults = {
            "user_id": session.user_id,
            "building_id": session.building_id,
            "price_zone": session.price_zone_default,
            "is_smart_optimization_active": session.is_smart_optimization_active_default,
        }
        comfort = with_default_comfort({}, await organisations.default_comfort(tx, org_id))
        await heat_pumps.insert(tx, org_id, pump_id, {**defaults, **comfort, **fields}, now)
        return pump_id
    pump = await heat_pumps.get_for_update(tx, org_id, session.heat_pump_id)
    if pump is None:
        raise NotFound("There is no such heat pump.")
    fields["lifecycle_state"] = moved(pump.lifecycle_state, Lifecycle.AUTHENTICATED)
    if any(getattr(pump, name) for name in USES):
        fields = {name: value for name, value in fields.items() if name not in USES}  # somebody has chosen already
    fields["policy_version"] = pump.policy_version + 1
    await heat_pumps.update(tx, org_id, pump.id, fields, pump.version + 1, now)
    return pump.id


async def _fields(tx: WriteTx, link: _Link) -> dict[str, Any]:
    """What the pump's row says of its connection and abilities."""
    device, manifest = link.device, link.manifest
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
    abilities = Capabilities(device.channels, device.levers, device.has_hot_water, device.has_space_heating)
    return {
        "connection_id": link.account.connection_id,
        "device_model_id": await device_models.find_or_insert(tx, model),
        "vendor": link.account.vendor,
        "external_device_id": device.external_device_id,
        "name": device.name,
        "capabilities": abilities.to_json(),
        "lifecycle_state": Lifecycle.AUTHENTICATED.value,
        "lifecycle_error": None,
        "connection_status": "ok",
        "is_space_heating_enabled": device.has_space_heating,
        "is_hot_water_heating_enabled": device.has_hot_water,
    }


async def _follow_up(tx: WriteTx, link: _Link, pump_id: UUID, snapshot: Snapshot) -> None:
    """Consent, first reading, place in the polling table, audit, plan job; the session is done."""
    act, session, vendor = link.act, link.session, link.account.vendor
    wall, fleet = act.clock.wall_now(), act.clock.fleet_now()
    consent = Consent(session.user_id, pump_id, vendor, ["read", "write"], session.language, CONSENT_TEXT_VERSION)
    values = {str(r.channel): r.value for r in snapshot.readings if r.is_plausible}
    await onboarding.insert_consent(tx, act.org_id, consent, wall)
    await onboarding.save_first_reading(tx, act.org_id, pump_id, fleet, values)
    await onboarding.start_polling(tx, act.org_id, pump_id, link.account.connection_id, fleet)
    after = {"vendor": vendor, "onboarding_session": session.id}
    await cues.follow(tx, [pump_id], wall)
    await audit.record(tx, act.org_id, act.actor, Entry("connect", "heat_pump", pump_id, None, after), wall)
    payload = {"org_id": str(act.org_id), "heat_pump_id": str(pump_id)}
    await jobs.enqueue(tx, JobName.PLAN, payload, dedupe_key=f"{JobName.PLAN}:{pump_id}")
    await onboarding.close(tx, act.org_id, session.id, "done", pump_id)
