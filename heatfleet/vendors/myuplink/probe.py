"""What one device can do for us, and what not and why; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from heatfleet.domain.levers import SPACE_LEVERS, Lever
from heatfleet.domain.readings import Channel
from heatfleet.vendors.kit.driver import Cannot, DeviceRef, Hindrance
from heatfleet.vendors.myuplink.mapping import DeviceMap
from heatfleet.vendors.myuplink.shapes import Device, System, plain
from heatfleet.vendors.myuplink.words import brand_of

WRITE_SCOPE = "WRITESYSTEM"


@dataclass(frozen=True)
class Access:
    """What the account may do with a system; ``may_manage`` None = the cloud does not say."""

    system: System
    scope: str
    may_manage: bool | None

    @property
    def is_read_only(self) -> bool:
        """Whether nothing can be changed: a viewer, or a person who allowed reading only."""
        return self.system.is_only_viewed or (bool(self.scope) and WRITE_SCOPE not in self.scope.split())


@dataclass(frozen=True)
class Abilities:
    """What a device showed when it was probed."""

    device: Device
    known: DeviceMap
    channels: frozenset[Channel]


def device_ref(abilities: Abilities, access: Access) -> DeviceRef:
    """The device for the rest of the house.

    Without the paid service the levers stay: the maker has been seen to take writes all the same, so we try.
    """
    device, known = abilities.device, abilities.known
    product = plain(device.product.name) or "unknown"
    levers = {} if access.is_read_only else {lever: one.limits for lever, one in known.settings.items()}
    return DeviceRef(
        external_device_id=device.id,
        name=_name(device, product, access.system),
        manufacturer=brand_of(product),
        model=product,
        channels=abilities.channels,
        levers=levers,
        has_hot_water=bool({Channel.DHW_TEMP_C, Channel.DHW_BOOST} & abilities.channels),
        has_space_heating=known.has_space_lever or Channel.FLOW_TEMP_C in abilities.channels,
        cannot=tuple(_hindrances(abilities, access)),
    )


def _name(device: Device, product: str, system: System) -> str:
    """The house's name; where several devices stand in it, with what tells one from another."""
    house = plain(system.name)
    if len(system.devices) < 2:
        return house or product
    return f"{house} ({product} {(device.product.serial_number or device.id)[-4:]})".strip()


_SENSORS = (Channel.INDOOR_TEMP_C, Channel.OUTDOOR_TEMP_C, Channel.DHW_TEMP_C)
_MODEL = (Channel.POWER_KW, Channel.ENERGY_KWH)


def _hindrances(abilities: Abilities, access: Access) -> Iterator[Cannot]:
    known, channels = abilities.known, abilities.channels
    yield from (Cannot(channel, Hindrance.SENSOR) for channel in _SENSORS if channel not in channels)
    yield from (Cannot(channel, Hindrance.MODEL) for channel in _MODEL if channel not in channels)
    if known.has_unused_room_setpoint:
        yield Cannot(Lever.INDOOR_SETPOINT_C, Hindrance.SENSOR)
    if not known.has_space_lever:
        yield from (Cannot(lever, Hindrance.MODEL) for lever in SPACE_LEVERS)
    if Lever.DHW_BOOST not in known.settings:
        yield Cannot(Lever.DHW_BOOST, Hindrance.MODEL)
    if access.is_read_only:
        yield from (Cannot(lever, Hindrance.PERMISSION) for lever in known.settings)
    elif access.may_manage is False:
        yield from (Cannot(lever, Hindrance.SUBSCRIPTION) for lever in known.settings)
