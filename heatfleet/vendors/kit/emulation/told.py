"""A virtual home's sensors as readings in our words, for what plays a gateway rather than a cloud."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from heatfleet.domain.readings import MODES, Channel, OperationalMode, Reading

CHANNEL_OF: Mapping[str, Channel] = {
    "room": Channel.INDOOR_TEMP_C,
    "outside": Channel.OUTDOOR_TEMP_C,
    "supply": Channel.FLOW_TEMP_C,
    "back": Channel.RETURN_TEMP_C,
    "tank": Channel.DHW_TEMP_C,
    "input": Channel.POWER_KW,
    "consumed": Channel.ENERGY_KWH,
    "delivered": Channel.HEAT_KWH,
    "activity": Channel.MODE,
}
"""Sensor of a virtual home → channel; gateways know no pools."""
_MODE_OF = (
    OperationalMode.OFF,
    OperationalMode.STANDBY,
    OperationalMode.HEATING,
    OperationalMode.HOT_WATER,
    OperationalMode.DEFROST,
    OperationalMode.COOLING,
    OperationalMode.POOL_HEATING,
)


def told_readings(at: datetime, sensors: Mapping[str, float]) -> tuple[Reading, ...]:
    """What the sensors show at ``at``."""
    mode = float(MODES.index(_MODE_OF[int(sensors["activity"])]))
    values = {channel: float(sensors[name]) for name, channel in CHANNEL_OF.items()} | {Channel.MODE: mode}
    return tuple(Reading(channel, at, value) for channel, value in values.items())
