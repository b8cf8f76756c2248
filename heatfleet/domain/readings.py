"""Channels (one measured quantity, one unit) and readings.

Units are the core's: °C, K, kW, kWh, h; instants aware UTC. A missing number is simply not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Channel(StrEnum):
    """What a heat pump can tell; the unit is the last part of the name."""

    INDOOR_TEMP_C = "indoor_temp_c"
    OUTDOOR_TEMP_C = "outdoor_temp_c"
    FLOW_TEMP_C = "flow_temp_c"
    RETURN_TEMP_C = "return_temp_c"
    DHW_TEMP_C = "dhw_temp_c"
    POWER_KW = "power_kw"
    ENERGY_KWH = "energy_kwh"  # electricity meter, counts up
    HEAT_KWH = "heat_kwh"  # heat meter, counts up
    GRID_EXPORT_KW = "grid_export_kw"
    INDOOR_SETPOINT_C = "indoor_setpoint_c"  # lever values as read back
    CURVE_OFFSET_K = "curve_offset_k"
    DHW_SETPOINT_C = "dhw_setpoint_c"
    DHW_BOOST = "dhw_boost"
    SG_READY_STATE = "sg_ready_state"
    MODE = "mode"  # see ``OperationalMode``, as a number
    DEGREE_MINUTES = "degree_minutes"
    COOLING_SETPOINT_C = "cooling_setpoint_c"
    POOL_TEMP_C = "pool_temp_c"
    POOL_SETPOINT_C = "pool_setpoint_c"  # new ones at the end: telemetry is stored by position


class OperationalMode(StrEnum):
    """What the pump does, as read; the position in this class is the number stored for it."""

    OFF = "off"
    STANDBY = "standby"
    HEATING = "heating"
    HOT_WATER = "hot water"
    DEFROST = "defrost"
    COOLING = "cooling"
    POOL_HEATING = "pool heating"


MODES: tuple[OperationalMode, ...] = tuple(OperationalMode)


class Quality(StrEnum):
    """Where a number comes from."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    MODELLED = "modelled"


PLAUSIBLE: Mapping[Channel, tuple[float, float]] = {
    Channel.INDOOR_TEMP_C: (-20.0, 60.0),
    Channel.OUTDOOR_TEMP_C: (-60.0, 60.0),
    Channel.FLOW_TEMP_C: (-20.0, 100.0),
    Channel.RETURN_TEMP_C: (-20.0, 100.0),
    Channel.DHW_TEMP_C: (0.0, 100.0),
    Channel.POWER_KW: (0.0, 100.0),
    Channel.ENERGY_KWH: (0.0, 1e8),
    Channel.HEAT_KWH: (0.0, 1e9),
    Channel.GRID_EXPORT_KW: (-1000.0, 1000.0),
    Channel.INDOOR_SETPOINT_C: (4.0, 40.0),
    Channel.CURVE_OFFSET_K: (-20.0, 20.0),
    Channel.DHW_SETPOINT_C: (5.0, 80.0),
    Channel.DHW_BOOST: (0.0, 4.0),
    Channel.SG_READY_STATE: (1.0, 4.0),
    Channel.MODE: (0.0, float(len(MODES) - 1)),
    Channel.DEGREE_MINUTES: (-30000.0, 30000.0),
    Channel.COOLING_SETPOINT_C: (10.0, 40.0),
    Channel.POOL_TEMP_C: (0.0, 50.0),
    Channel.POOL_SETPOINT_C: (5.0, 45.0),
}


@dataclass(frozen=True)
class Reading:
    """One value of one channel at one instant."""

    channel: Channel
    at: datetime
    value: float
    quality: Quality = Quality.MEASURED

    @property
    def is_plausible(self) -> bool:
        """Whether the value lies in the channel's physical range (NaN does not)."""
        low, high = PLAUSIBLE[self.channel]
        return low <= self.value <= high


@dataclass(frozen=True)
class Notice:
    """Something the maker or the pump says its owner should know; ``key`` stays the same while it stands."""

    key: str
    message: str
    since_at: datetime


@dataclass(frozen=True)
class Snapshot:
    """All readings of one heat pump from one poll; ``raw`` is the vendor's answer for diagnostics, redacted.

    ``notices`` are all that stand now; None where this poll did not ask for them.
    """

    external_device_id: str
    polled_at: datetime
    readings: tuple[Reading, ...]
    raw: Mapping[str, object] = field(default_factory=dict)
    notices: tuple[Notice, ...] | None = None

    def value(self, channel: Channel) -> float | None:
        """The newest plausible value of ``channel``, or None."""
        found = [r for r in self.readings if r.channel is channel and r.is_plausible]
        return max(found, key=lambda r: r.at).value if found else None
