"""The sandbox cloud's points in our words: a pure translation table.

The cloud sends whole numbers: temperatures and settings in tenths, power in W (``export`` is negative where the home
takes from the grid), meters in Wh, activity as a word.
A sensor that is missing sends -32768.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import MODES, Channel, OperationalMode, Reading
from heatfleet.vendors.kit.driver import Write

MISSING = -32768

CHANNELS: Mapping[str, tuple[Channel, float]] = {
    "room": (Channel.INDOOR_TEMP_C, 10.0),
    "outside": (Channel.OUTDOOR_TEMP_C, 10.0),
    "supply": (Channel.FLOW_TEMP_C, 10.0),
    "back": (Channel.RETURN_TEMP_C, 10.0),
    "tank": (Channel.DHW_TEMP_C, 10.0),
    "pool": (Channel.POOL_TEMP_C, 10.0),
    "input": (Channel.POWER_KW, 1000.0),
    "consumed": (Channel.ENERGY_KWH, 1000.0),
    "delivered": (Channel.HEAT_KWH, 1000.0),
    "export": (Channel.GRID_EXPORT_KW, 1000.0),
    "set.room": (Channel.INDOOR_SETPOINT_C, 10.0),
    "set.shift": (Channel.CURVE_OFFSET_K, 10.0),
    "set.tank": (Channel.DHW_SETPOINT_C, 10.0),
    "set.boost": (Channel.DHW_BOOST, 10.0),
    "set.sg": (Channel.SG_READY_STATE, 10.0),
    "set.cool": (Channel.COOLING_SETPOINT_C, 10.0),
    "set.pool": (Channel.POOL_SETPOINT_C, 10.0),
}
"""Point → channel and how many of the point's units make one of ours."""

LEVERS: Mapping[str, Lever] = {
    "set.room": Lever.INDOOR_SETPOINT_C,
    "set.shift": Lever.CURVE_OFFSET_K,
    "set.tank": Lever.DHW_SETPOINT_C,
    "set.boost": Lever.DHW_BOOST,
    "set.sg": Lever.SG_READY_STATE,
    "set.cool": Lever.COOLING_SETPOINT_C,
    "set.pool": Lever.POOL_SETPOINT_C,
}
_POINT_OF = {lever: point for point, lever in LEVERS.items()}

ACTIVITIES: Mapping[str, OperationalMode] = {
    "off": OperationalMode.OFF,
    "resting": OperationalMode.STANDBY,
    "house": OperationalMode.HEATING,
    "tank": OperationalMode.HOT_WATER,
    "thawing": OperationalMode.DEFROST,
    "cooling": OperationalMode.COOLING,
    "pool": OperationalMode.POOL_HEATING,
}


class VendorPoint(msgspec.Struct, frozen=True):
    """One value as the cloud sends it."""

    id: str
    value: int | str
    at: datetime


def to_reading(point: VendorPoint) -> Reading | None:
    """The reading behind ``point``; None for an unknown point or a missing sensor."""
    if point.id == "activity":
        mode = ACTIVITIES.get(str(point.value))
        return None if mode is None else Reading(Channel.MODE, point.at, float(MODES.index(mode)))
    if point.id not in CHANNELS or isinstance(point.value, str) or point.value == MISSING:
        return None
    channel, per_unit = CHANNELS[point.id]
    return Reading(channel, point.at, point.value / per_unit)


def to_readings(points: Iterable[VendorPoint]) -> tuple[Reading, ...]:
    """All readings the points hold."""
    return tuple(reading for reading in map(to_reading, points) if reading is not None)


def to_settings(writes: Sequence[Write]) -> dict[str, int]:
    """The cloud's words for ``writes``; the last one wins where a lever comes twice."""
    return {_POINT_OF[write.lever]: round(write.value * 10) for write in writes}


def channels_of(points: Iterable[str]) -> frozenset[Channel]:
    """The channels a device with these points has."""
    known = {CHANNELS[point][0] for point in points if point in CHANNELS}
    return frozenset(known | ({Channel.MODE} if "activity" in points else set()))
