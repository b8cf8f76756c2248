"""What the cloud sends, as far as we read it; pure. Everything odd that has been seen in answers is tamed here."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import msgspec

from heatfleet.domain.levers import LeverRange

_NO = re.compile(r"error|invalid|denied|forbidden|not (allowed|found|writable)|fail|reject|read.?only", re.IGNORECASE)
MISSING = frozenset({-32768.0, -3276.8})
"""What a sensor that is not there shows."""
SOFT_HYPHEN = "\u00ad"

Text = bool | str | int | float | None


class EnumValue(msgspec.Struct, frozen=True):
    """One choice of a point; keys come unsorted, and as "8.7" too."""

    value: str | int | float
    text: str | None = ""


class VendorPoint(msgspec.Struct, frozen=True, rename="camel"):
    """One point of a device; ``parameterId`` need not be a number, nor be there only once."""

    parameter_id: str | int
    parameter_name: str | None = ""
    parameter_unit: str | None = ""
    writable: bool = False
    timestamp: datetime | None = None
    value: Text = None
    smart_home_categories: list[str] | None = None
    min_value: Text = None
    max_value: Text = None
    step_value: Text = None
    enum_values: list[EnumValue] | None = None
    scale_value: Text = None
    zone_id: Text = None

    @property
    def id(self) -> str:
        """Its parameter id."""
        return str(self.parameter_id)

    @property
    def at(self) -> datetime | None:
        """When its value last changed (UTC)."""
        return utc(self.timestamp)

    @property
    def name(self) -> str:
        """Its name without invisible hyphens."""
        return plain(self.parameter_name)

    @property
    def number(self) -> float | None:
        """Its value; None for a text and for a sensor that is not there."""
        found = number(self.value)
        return None if found is None or found in MISSING else found

    def limits(self, promised: LeverRange, *, is_scaled: bool) -> LeverRange:
        """What of ``promised`` the point takes; v2 tells its limits unscaled, v3 (``is_scaled``) as they are."""
        scale = 1.0 if is_scaled else number(self.scale_value) or 1.0
        low, high, step = (number(text) for text in (self.min_value, self.max_value, self.step_value))
        keys = [key for one in self.enum_values or () if (key := number(one.value)) is not None]
        if keys:
            low, high, step, scale = min(keys), max(keys), None, 1.0
        minimum = promised.minimum if low is None else max(promised.minimum, low * scale)
        maximum = promised.maximum if high is None else min(promised.maximum, high * scale)
        if low is None or high is None or maximum <= minimum:
            return promised
        fine = step * scale if step and step > 0 else promised.step
        return replace(promised, minimum=round(minimum, 6), maximum=round(maximum, 6), step=round(fine, 6))


class Zone(msgspec.Struct, frozen=True, rename="camel"):
    """A room or a group of rooms with a setpoint of its own."""

    zone_id: str | int
    name: str | None = ""
    command_only: bool = False
    supported_modes: str | None = ""
    temperature: Text = None
    setpoint_heat: Text = None
    setpoint_range_min: Text = None
    setpoint_range_max: Text = None
    is_celsius: bool = True

    @property
    def is_usable(self) -> bool:
        """Whether it heats, to a temperature [°C] that can be seen."""
        heats = "heat" in (self.supported_modes or "")
        return heats and self.is_celsius and not self.command_only and number(self.setpoint_heat) is not None


class Product(msgspec.Struct, frozen=True, rename="camel"):
    """What a device is sold as."""

    serial_number: str | None = None
    name: str | None = ""


class Device(msgspec.Struct, frozen=True, rename="camel"):
    """A device of a system."""

    id: str
    connection_state: str | None = None
    product: Product = Product()

    @property
    def is_connected(self) -> bool:
        """Whether the cloud hears it now; old values are shown either way."""
        return self.connection_state in (None, "Connected")


class System(msgspec.Struct, frozen=True, rename="camel"):
    """An installation; its devices belong to one house."""

    system_id: str
    name: str | None = ""
    security_level: str | None = None
    devices: list[Device] = []

    @property
    def is_only_viewed(self) -> bool:
        """Whether this account may look but not change."""
        return self.security_level == "viewer"


class Systems(msgspec.Struct, frozen=True, rename="camel"):
    """One page of the account's systems."""

    systems: list[System]
    num_items: int | None = None


class Notification(msgspec.Struct, frozen=True, rename="camel"):
    """An alarm or message of a system."""

    id: str | int
    device_id: str | None = None
    severity: int | None = None
    header: str | None = ""
    description: str | None = ""
    created_datetime: datetime | None = None


class Notifications(msgspec.Struct, frozen=True):
    """One page of what stands."""

    notifications: list[Notification]


class Subscription(msgspec.Struct, frozen=True, rename="camel"):
    """A paid service of a system."""

    type: str
    valid_until: datetime | None = None

    def is_valid(self, now: datetime) -> bool:
        """Whether it runs."""
        until = utc(self.valid_until)
        return until is None or until > now


class Subscriptions(msgspec.Struct, frozen=True):
    """The services of a system."""

    subscriptions: list[Subscription] = []


class Patched(msgspec.Struct, frozen=True):
    """What became of each point that was written: "modified", or words of which little has been recorded."""

    payload: dict[str, Any] = {}

    @property
    def refused(self) -> frozenset[str]:
        """Points that were plainly not taken; for all others the next reading tells."""
        return frozenset(point for point, said in self.payload.items() if _NO.search(str(said)))


class Tokens(msgspec.Struct, frozen=True):
    """The answer of the token endpoint; without ``offline_access`` there is no refresh token."""

    access_token: str
    expires_in: int
    refresh_token: str = ""
    scope: str = ""


class TokenError(msgspec.Struct, frozen=True):
    """Why there is no token."""

    error: str = ""


def plain(text: str | None) -> str:
    """``text`` without soft hyphens and doubled spaces."""
    return " ".join((text or "").replace(SOFT_HYPHEN, "").split())


def utc(at: datetime | None) -> datetime | None:
    """``at`` in UTC; one without a zone is UTC."""
    if at is None:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def number(value: Text) -> float | None:
    """The number in ``value``, or None."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


class Index:
    """The points of one answer, found quickly."""

    def __init__(self, points: Sequence[VendorPoint]) -> None:
        self.points = points
        self._by_id: dict[str, list[VendorPoint]] = {}
        for point in points:
            self._by_id.setdefault(point.id, []).append(point)

    @cached_property
    def ids(self) -> frozenset[str]:
        """All parameter ids."""
        return frozenset(self._by_id)

    @cached_property
    def newest_at(self) -> datetime | None:
        """When the device last told anything."""
        return max((at for point in self.points if (at := point.at) is not None), default=None)

    @cached_property
    def numbers(self) -> list[tuple[str, VendorPoint]]:
        """Points that show a number, with their names."""
        return [(point.name, point) for point in self.points if point.number is not None]

    @cached_property
    def _by_category(self) -> dict[str, list[VendorPoint]]:
        found: dict[str, list[VendorPoint]] = {}
        for _, point in self.numbers:
            for category in point.smart_home_categories or ():
                found.setdefault(category, []).append(point)
        return found

    def of_category(self, category: str) -> list[VendorPoint]:
        """Points of a smart-home category that show a number."""
        return self._by_category.get(category, [])

    def named(self, name: re.Pattern[str] | None) -> list[VendorPoint]:
        """Points whose name fits and that show a number."""
        return [] if name is None else [point for text, point in self.numbers if name.search(text)]

    def first(self, parameter_id: str, name: re.Pattern[str] | None = None) -> VendorPoint | None:
        """The point with this id, or None; of several the one whose name fits, else the first."""
        same = self._by_id.get(parameter_id, [])
        if len(same) < 2:
            return same[0] if same else None
        fitting = [point for point in same if name is not None and name.search(point.name)]
        return (fitting or same)[0]
