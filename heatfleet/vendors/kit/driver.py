"""The driver interface: sign-in, list, read, write, nothing else.

A driver translates; it does not decide. Safety, write budgets, dedupe, baseline and confirmation live above it.
Every method may raise ``TryAgain``, ``AccessLost`` or ``Refused`` and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from heatfleet.domain.errors import TryAgain
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Snapshot


@dataclass(frozen=True)
class Grant:
    """What the vendor gave us for one account; sealed at rest. ``secret`` is opaque to everybody but the driver."""

    account_id: str
    secret: Mapping[str, str]
    expires_at: datetime | None = None  # access token, wall clock; None = does not expire


@dataclass(frozen=True)
class RedirectStep:
    """Send the person's browser to ``url``; the vendor returns it to our callback with ``state``."""

    url: str


@dataclass(frozen=True)
class FormField:
    """One input of a form step; ``kind`` is text, password, email or select.

    The page insists on what ``is_required``; others may come back empty.
    """

    name: str
    label: str
    kind: str = "text"
    options: tuple[str, ...] = ()
    is_required: bool = False


@dataclass(frozen=True)
class FormStep:
    """Ask the person for these fields."""

    fields: tuple[FormField, ...]


@dataclass(frozen=True)
class DeviceCodeStep:
    """Show ``user_code``; poll ``finish_sign_in`` every ``interval_s``."""

    url: str
    user_code: str
    interval_s: int


@dataclass(frozen=True)
class PairStep:
    """Show ``code``; the gateway in the home sends it back."""

    code: str


SignInStep = RedirectStep | FormStep | DeviceCodeStep | PairStep


class Hindrance(StrEnum):
    """Why this very device cannot tell or move something that others of its maker can."""

    SUBSCRIPTION = "subscription"  # the maker wants to be paid for it
    SENSOR = "sensor"  # nothing is installed that measures it
    MODEL = "model"  # the model does not have it
    PERMISSION = "permission"  # the account, or what it has allowed us, does not reach that far


@dataclass(frozen=True)
class Cannot:
    """One thing the probe found this device cannot do for us, and why; told to its owner before the end."""

    what: Channel | Lever
    why: Hindrance


@dataclass(frozen=True)
class DeviceRef:
    """One heat pump of an account, with what this very device can do."""

    external_device_id: str
    name: str
    manufacturer: str
    model: str
    channels: frozenset[Channel]
    levers: Mapping[Lever, LeverRange]
    has_hot_water: bool = True
    has_space_heating: bool = True
    cannot: tuple[Cannot, ...] = ()


@dataclass(frozen=True)
class Unread:
    """A device of several that could not be asked this time (the budget is used up, or it alone has a fault)."""

    external_device_id: str
    fault: TryAgain


@dataclass(frozen=True)
class Write:
    """Move one lever of one device to ``value`` (the lever's unit, already on the device's step).

    ``lasts_s`` is for levers whose writes end by themselves: after how many seconds of the fleet clock this one must.
    """

    lever: Lever
    value: float
    lasts_s: float | None = None


@dataclass(frozen=True)
class Receipt:
    """The vendor's answer to the writes of one device; accepted is not yet confirmed."""

    accepted: bool
    at: datetime
    detail: str = ""
    vendor_reference: str = ""
    rejected: tuple[Lever, ...] = field(default=())


@runtime_checkable
class Driver(Protocol):
    """What a vendor folder provides as ``driver.Driver(http, config)``, made once with its :class:`.VendorHttp`."""

    async def begin_sign_in(self, redirect_uri: str, state: str, language: str) -> SignInStep:
        """The first step a person must take."""
        ...

    async def finish_sign_in(self, answer: Mapping[str, str], redirect_uri: str) -> Grant:
        """The grant for what the person answered (callback query, form fields, the code of a pairing or device step).

        ``TryAgain`` with code ``sign_in_pending`` while the person (or the gateway) has not done their part yet.
        """
        ...

    async def refresh(self, grant: Grant) -> Grant:
        """A fresh grant; the caller persists it before using it. ``AccessLost`` when it is dead."""
        ...

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        """The heat pumps of the account."""
        ...

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot | Unread]:
        """Snapshots of these devices; a vanished one is left out, one that could not be asked this time is ``Unread``.

        A fault that leaves nothing read is raised.
        """
        ...

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        """Send the writes, in order; idempotent. ``Refused`` when the vendor will never take them."""
        ...
