"""What a gateway, our server and the driver of pumps behind gateways say to each other: one contract, JSON.

Two carriers bring the messages of a gateway: a WebSocket that it dials, or MQTT topics. A command always has an end:
the gateway gives the pump back to its own control when ``ttl_s`` has passed since ``issued_at``, or contact is lost.
Instants are the sender's own wall clock; a receiver uses only differences between instants of the same sender.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Reading
from heatfleet.vendors.kit.driver import DeviceRef, Write

SOCKET_PATH = "/gateway/ws"
MAX_MESSAGE_BYTES = 65_536
MAX_DEVICES = 20
MAX_TTL_S = 7200.0
MAX_READINGS = 64
MAX_TEXT = 100

Values = dict[str, tuple[datetime, float]]
"""Channel → instant and value; names that the receiver does not know are left out."""


class AckStatus(StrEnum):
    """What became of a command."""

    DONE = "done"
    REFUSED = "refused"  # the pump or its relay will never take it
    FAILED = "failed"  # it could not be done now
    EXPIRED = "expired"  # it came after its end
    REPLAYED = "replayed"  # it, or a later one, had come before


class Profile(msgspec.Struct, frozen=True):
    """What one pump is and can do."""

    name: str
    manufacturer: str
    model: str
    channels: list[str]
    levers: dict[str, LeverRange]
    has_hot_water: bool = True
    has_space_heating: bool = True


class State(msgspec.Struct, frozen=True, tag="state"):
    """Gateway → server: one pump as it is now; no readings = it could not be read."""

    device: str
    sent_at: datetime
    profile: Profile
    readings: Values


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """Gateway → server: what became of a command."""

    id: UUID
    status: AckStatus
    detail: str = ""


class Welcome(msgspec.Struct, frozen=True, tag="welcome"):
    """Server → gateway: the server's clock, and how often it wants to hear of every pump."""

    now: datetime
    state_every_s: float


class Command(msgspec.Struct, frozen=True, tag="cmd"):
    """Server → gateway: lever values for one pump, with their end. Ids grow with time."""

    id: UUID
    device: str
    writes: dict[str, float]
    ttl_s: float
    issued_at: datetime


FromGateway = State | Ack
ToGateway = Welcome | Command


class PairingWanted(msgspec.Struct, frozen=True):
    """Driver → server: a person wants to pair a gateway; ``state`` is the signed state of the sign-in."""

    state: str


class Pairing(msgspec.Struct, frozen=True):
    """The code that the gateway is to be started with."""

    code: str
    expires_in_s: int


class Code(msgspec.Struct, frozen=True):
    """A pairing code, from the gateway (to be paired) or from the driver (to be given the pumps behind it)."""

    code: str


class Paired(msgspec.Struct, frozen=True):
    """What a gateway gets for its code; told once."""

    gateway_id: UUID
    token: str


class Claimed(msgspec.Struct, frozen=True):
    """What the driver gets for the code of a paired gateway, until the code is over."""

    gateway_id: UUID
    secret: str


class Device(msgspec.Struct, frozen=True):
    """A pump behind a gateway as the driver sees it; instants of readings are the fleet clock's."""

    id: str
    profile: Profile
    readings: Values
    is_online: bool


class Devices(msgspec.Struct, frozen=True):
    """The pumps behind the gateway of a grant."""

    devices: list[Device]


class CommandWanted(msgspec.Struct, frozen=True):
    """Driver → server: send this and wait for what becomes of it; ``ttl_s`` in wall-clock seconds."""

    writes: dict[str, float]
    ttl_s: float


class CommandDone(msgspec.Struct, frozen=True):
    """What became of it; status None = no answer yet."""

    id: UUID
    status: AckStatus | None
    detail: str = ""


class Failure(msgspec.Struct, frozen=True):
    """Why the server says no."""

    error: str


def profile_of(device: DeviceRef) -> Profile:
    """The profile of a pump that a local driver has listed."""
    return Profile(
        name=device.name,
        manufacturer=device.manufacturer,
        model=device.model,
        channels=sorted(device.channels),
        levers={str(lever): limits for lever, limits in device.levers.items()},
        has_hot_water=device.has_hot_water,
        has_space_heating=device.has_space_heating,
    )


def device_of(external_device_id: str, profile: Profile) -> DeviceRef:
    """The pump behind a profile, as far as we know its words."""
    return DeviceRef(
        external_device_id=external_device_id,
        name=profile.name,
        manufacturer=profile.manufacturer,
        model=profile.model,
        channels=frozenset(Channel(name) for name in profile.channels if name in set(Channel)),
        levers={Lever(name): limits for name, limits in profile.levers.items() if name in set(Lever)},
        has_hot_water=profile.has_hot_water,
        has_space_heating=profile.has_space_heating,
    )


def values_of(readings: tuple[Reading, ...]) -> Values:
    """Readings as they are sent, the newest of each channel."""
    return {str(r.channel): (r.at, r.value) for r in sorted(readings, key=lambda r: r.at)}


def readings_of(values: Mapping[str, tuple[datetime, float]]) -> tuple[Reading, ...]:
    """Readings as they came, without channels we do not know."""
    known = set(Channel)
    return tuple(Reading(Channel(name), at, value) for name, (at, value) in values.items() if name in known)


def writes_of(values: Mapping[str, float], lasts_s: float) -> list[Write]:
    """Writes for a local driver; raises ``ValueError`` for a lever we do not know."""
    return [Write(Lever(name), value, lasts_s) for name, value in values.items()]
