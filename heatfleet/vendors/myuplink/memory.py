"""What the driver remembers to save calls: never needed for a right answer, bounded, and each account's own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from heatfleet.domain.readings import Channel
from heatfleet.vendors.myuplink.mapping import DeviceMap
from heatfleet.vendors.myuplink.shapes import Notification, System, Zone

MOST = 20_000
ASK_SYSTEMS_EVERY = timedelta(minutes=30)
PROBE_HOLDS = timedelta(minutes=10)

Key = TypeVar("Key")
Value = TypeVar("Value")


class Remembered(OrderedDict[Key, Value]):
    """The newest ``MOST`` things."""

    def __setitem__(self, key: Key, value: Value) -> None:
        """Remember; forget the oldest."""
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > MOST:
            self.popitem(last=False)


@dataclass(frozen=True)
class Account:
    """The account's systems; since ``asked_at`` (fleet clock): what their notifications were, which devices know."""

    systems: tuple[System, ...]
    asked_at: datetime
    said: Mapping[str, Sequence[Notification]] = field(default_factory=dict)
    told: frozenset[str] = frozenset()

    def product_of(self, device_id: str) -> str:
        """A device's product name, or nothing."""
        found = (d.product.name for s in self.systems for d in s.devices if d.id == device_id)
        return next(found, "") or ""

    def system_of(self, device_id: str) -> System | None:
        """The system a device belongs to."""
        return next((s for s in self.systems if any(d.id == device_id for d in s.devices)), None)

    def is_connected(self, device_id: str) -> bool | None:
        """Whether the cloud heard the device; None when the account does not have it."""
        found = (d.is_connected for s in self.systems for d in s.devices if d.id == device_id)
        return next(found, None)

    def with_notifications(self, device_id: str, system_id: str, said: Sequence[Notification]) -> Account:
        """The same after a device's system has been asked for them."""
        return replace(self, said={**self.said, system_id: said}, told=self.told | {device_id})


@dataclass(frozen=True)
class Probed:
    """A device's map when it was last made; ``zones`` = those it had when they were asked for, None = never."""

    known: DeviceMap
    channels: frozenset[Channel]
    at: datetime
    zones: tuple[Zone, ...] | None = None
