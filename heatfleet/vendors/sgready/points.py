"""The bridge already speaks in our channels and levers; what is left is to take only what was promised. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Reading
from heatfleet.vendors.kit.driver import DeviceRef, Write
from heatfleet.vendors.kit.gateway_contract import Device, device_of, readings_of

LASTS_S = 3600.0  # when nobody says how long
GIVEN_BACK_S = 60.0  # the pump's own programme needs no end; by then it has arrived
OWN_PROGRAMME = 2.0


def to_device(device: Device, channels: frozenset[Channel], levers: Mapping[Lever, LeverRange]) -> DeviceRef:
    """The pump with what this vendor promises; its own range where it is narrower.

    Maker and model are ours: what a home says of itself must not end up in the catalogue that all organisations see.
    """
    told = device_of(device.id, device.profile)
    ours = {lever: _within(limits, levers[lever]) for lever, limits in told.levers.items() if lever in levers}
    names = {"manufacturer": "SG-Ready", "model": "heat pump behind a gateway"}
    return replace(told, channels=told.channels & channels, levers=ours, **names)  # type: ignore[arg-type]


def _within(told: LeverRange, promised: LeverRange) -> LeverRange:
    low, high = max(told.minimum, promised.minimum), min(told.maximum, promised.maximum)
    return replace(promised, minimum=low, maximum=high)


def to_readings(device: Device, channels: frozenset[Channel]) -> tuple[Reading, ...]:
    """What the gateway last read of channels it has promised."""
    promised = channels & frozenset(device.profile.channels)
    return tuple(reading for reading in readings_of(device.readings) if reading.channel in promised)


def to_command(writes: Sequence[Write]) -> tuple[dict[str, float], float]:
    """Lever values and how long they last [s]; the shortest where they differ."""
    values = {str(write.lever): write.value for write in writes}
    lasting = [LASTS_S if w.lasts_s is None else w.lasts_s for w in writes if w.value != OWN_PROGRAMME]
    return values, max(1.0, min(lasting, default=GIVEN_BACK_S))
