"""What connecting and signing in again share: the vendors, and the account that a session keeps until it is done.

A session's ``step`` is where its person is. After the sign-in it holds the sealed grant and the devices of the account,
so that no later page has to ask the vendor for them again.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol
from uuid import UUID

import msgspec

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.errors import Conflict
from heatfleet.domain.levers import Lever
from heatfleet.domain.policy import OwnSettings
from heatfleet.domain.readings import Channel, Notice, Snapshot
from heatfleet.flows.toolbox import Act, session_still_open
from heatfleet.store import connections, onboarding
from heatfleet.store.onboarding import OnboardingSession
from heatfleet.vendors.kit.driver import (
    Cannot,
    DeviceCodeStep,
    DeviceRef,
    Driver,
    FormStep,
    Grant,
    Hindrance,
    PairStep,
    SignInStep,
)
from heatfleet.vendors.kit.grants import GrantStore, SealKeys, grant_aad, open_sealed, seal
from heatfleet.vendors.kit.manifest import Manifest


class Taken(Conflict):
    """The organisation has this heat pump already."""


class BegunAnew(Conflict):
    """An old sign-in came back, or nobody has signed in yet."""


class OtherAccount(Conflict):
    """Somebody signed in again, but with another account than the heat pump's."""


class Vendors(Protocol):
    """What connecting needs of the registry."""

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
    """Where people connect: the vendors, the keys that seal their grants, the address vendors send people back to.

    ``poll_interval_s`` is the operator's wish; a vendor that wants to be asked more rarely is.
    """

    vendors: Vendors
    seal_keys: SealKeys
    redirect_uri: str
    poll_interval_s: int = 300

    def interval_s(self, vendor: str) -> int:
        """Time between two readings of a heat pump of this vendor [s]."""
        return max(self.poll_interval_s, self.vendors.manifest(vendor).poll_interval_s)


@dataclass(frozen=True)
class Account:
    """An account somebody signed in to: its grant, the connection it will become, its heat pumps."""

    vendor: str
    connection_id: UUID
    grant: Grant
    devices: tuple[DeviceRef, ...]

    def device(self, external_device_id: str) -> DeviceRef | None:
        """The heat pump of that name, or None."""
        return next((d for d in self.devices if d.external_device_id == external_device_id), None)


@dataclass(frozen=True)
class Offer:
    """The heat pumps of the account, and those of them that are connected already."""

    devices: tuple[DeviceRef, ...]
    taken: frozenset[str]


def open_account(org_id: UUID, counter: Counter, session: OnboardingSession) -> Account:
    """The account that the session's person signed in to; raises :class:`BegunAnew`."""
    step = session.step
    if "grant" not in step:
        raise BegunAnew("Sign in at the manufacturer first.")
    connection_id = UUID(step["connection_id"])
    aad = grant_aad(org_id, connection_id, step["vendor"])
    grant = open_sealed(sealed_grant(session), counter.seal_keys, aad)
    return Account(step["vendor"], connection_id, grant, tuple(device_from_json(one) for one in step["devices"]))


def sealed_grant(session: OnboardingSession) -> bytes:
    """The grant as it is sealed, bound to the connection it will become."""
    return base64.b64decode(session.step["grant"])


def account_step(org_id: UUID, counter: Counter, account: Account) -> dict[str, Any]:
    """What the session's step keeps of the account; :func:`open_account` takes it back."""
    aad = grant_aad(org_id, account.connection_id, account.vendor)
    return {
        "vendor": account.vendor,
        "connection_id": str(account.connection_id),
        "grant": base64.b64encode(seal(account.grant, counter.seal_keys, aad)).decode(),
        "devices": [device_to_json(device) for device in account.devices],
    }


async def note(act: Act, session: OnboardingSession, changes: Mapping[str, Any]) -> None:
    """Adds ``changes`` to the session's step; :class:`SessionOver`, :class:`BegunAnew` when it is another sign-in's."""
    session_id, nonce = session.id, session.step.get("nonce")
    async with act.database.write(act.org_id) as tx:
        session = await session_still_open(tx, act.org_id, session_id)
        if session.step.get("nonce") != nonce:
            raise BegunAnew("This sign-in was begun anew in the meantime.")
        await onboarding.save_step(tx, act.org_id, session_id, {**session.step, **changes})


def session_grants(act: Act, counter: Counter, session_id: UUID, connection_id: UUID) -> GrantStore:
    """The grant that a session keeps, as something that can be refreshed and saved."""

    async def load() -> Grant:
        async with act.database.read(act.org_id) as tx:
            session = await onboarding.get(tx, act.org_id, session_id)
        if session is None:
            raise BegunAnew("The session is gone.")
        return open_account(act.org_id, counter, session).grant

    async def save(grant: Grant) -> None:
        async with act.database.write(act.org_id) as tx:
            session = await session_still_open(tx, act.org_id, session_id)
            kept = open_account(act.org_id, counter, session)
            fresh = Account(kept.vendor, kept.connection_id, grant, kept.devices)
            step = {**session.step, **account_step(act.org_id, counter, fresh)}
            await onboarding.save_step(tx, act.org_id, session_id, step)

    return GrantStore(load, save, lambda: connections.refreshing(act.database, connection_id))


def capabilities_of(device: DeviceRef) -> Capabilities:
    """What this very device can do."""
    return Capabilities(device.channels, device.levers, device.has_hot_water, device.has_space_heating)


def abilities_of(device: DeviceRef) -> dict[str, Any]:
    """What the device can and cannot do, in the stored form of ``heat_pumps.capabilities``."""
    return {**capabilities_of(device).to_json(), "cannot": [_cannot_to_json(one) for one in device.cannot]}


def kept_reading(snapshot: Snapshot) -> dict[str, Any]:
    """The first reading of a device as a session keeps it."""
    values = {str(r.channel): r.value for r in snapshot.readings if r.is_plausible}
    return {"values": values, "notices": msgspec.to_builtins(snapshot.notices)}


def kept_notices(heat_pump_id: UUID, kept: Mapping[str, Any]) -> dict[UUID, tuple[Notice, ...]]:
    """What the first reading had to tell the owner; empty when it was not asked for."""
    notices = msgspec.convert(kept.get("notices"), tuple[Notice, ...] | None)
    return {} if notices is None else {heat_pump_id: notices}


def device_to_json(device: DeviceRef) -> dict[str, Any]:
    """A device as a session keeps it."""
    names = {name: getattr(device, name) for name in ("external_device_id", "name", "manufacturer", "model")}
    return {**names, **abilities_of(device)}


def device_from_json(kept: Mapping[str, Any]) -> DeviceRef:
    """The device that :func:`device_to_json` made."""
    able = Capabilities.from_json(kept)
    return DeviceRef(
        external_device_id=kept["external_device_id"],
        name=kept["name"],
        manufacturer=kept["manufacturer"],
        model=kept["model"],
        channels=able.channels,
        levers=able.levers,
        has_hot_water=able.has_hot_water,
        has_space_heating=able.has_space_heating,
        cannot=tuple(_cannot_from_json(*one) for one in kept["cannot"]),
    )


def _cannot_to_json(one: Cannot) -> list[str]:
    return ["write" if isinstance(one.what, Lever) else "read", str(one.what), str(one.why)]


def _cannot_from_json(kind: str, what: str, why: str) -> Cannot:
    return Cannot(Lever(what) if kind == "write" else Channel(what), Hindrance(why))


def scopes_of(manifest: Manifest) -> list[str]:
    """What a person is asked to allow, as the consent ledger keeps it: ``read:CHANNEL`` and ``write:LEVER``."""
    return [f"read:{name}" for name in sorted(manifest.channels)] + [f"write:{n}" for n in sorted(manifest.levers)]


def asked_of(step: SignInStep) -> dict[str, Any]:
    """What the person was asked at the sign-in, so that the page can be shown again."""
    kinds = {FormStep: "form", PairStep: "pair", DeviceCodeStep: "device_code"}
    kind = next((name for form, name in kinds.items() if isinstance(step, form)), "redirect")
    return {"kind": kind, **({} if kind == "redirect" else asdict(step))}


def own_settings(values: Mapping[Channel, float]) -> OwnSettings:
    """The owner's own settings among the values read; the usual ones where the pump does not tell."""
    names = OwnSettings.__dataclass_fields__
    return OwnSettings(**{str(channel): value for channel, value in values.items() if channel.value in names})
