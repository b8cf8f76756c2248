"""A virtual heat pump in place of a real one, for trying the gateway out; its home is ``thermal.simulate``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from heatfleet.clocks import FleetClock
from heatfleet.domain.errors import Refused
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import MODES, Channel, OperationalMode, Reading, Snapshot
from heatfleet.vendors.kit.driver import DeviceRef, Grant, Receipt, Write
from heatfleet.vendors.kit.emulation.homes import SENSORS, VirtualHomes, mild_winter

STATE = Lever.SG_READY_STATE
RANGE = LeverRange(1, 3, 1, settle_h=0.02, expires_by_itself=True)
CHANNELS = {
    "room": Channel.INDOOR_TEMP_C,
    "outside": Channel.OUTDOOR_TEMP_C,
    "supply": Channel.FLOW_TEMP_C,
    "back": Channel.RETURN_TEMP_C,
    "tank": Channel.DHW_TEMP_C,
    "input": Channel.POWER_KW,
    "consumed": Channel.ENERGY_KWH,
    "delivered": Channel.HEAT_KWH,
}
MODE_OF = (
    OperationalMode.OFF,
    OperationalMode.STANDBY,
    OperationalMode.HEATING,
    OperationalMode.HOT_WATER,
    OperationalMode.DEFROST,
)
"""The simulation's activity in our words."""


class VirtualPump:
    """One pump with SG-Ready contacts that open by a timer."""

    def __init__(self, device_id: str, clock: FleetClock, seed: int) -> None:
        self._id, self._clock = device_id, clock
        self._homes = VirtualHomes(1, seed, mild_winter, clock.fleet_now())
        self._opens_at: datetime | None = None

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        """The one pump."""
        channels = frozenset({*CHANNELS.values(), Channel.MODE, Channel.SG_READY_STATE})
        return [DeviceRef(self._id, "Virtual heat pump", "SG-Ready", "virtual", channels, {STATE: RANGE})]

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot]:
        """Its sensors and its contacts."""
        now = self._live()
        at, row = self._homes.sensors(0, now)
        sensors = dict(zip(SENSORS, map(float, row), strict=True))
        mode = float(MODES.index(MODE_OF[int(sensors.pop("activity"))]))
        found = [Reading(CHANNELS[name], at, value) for name, value in sensors.items()]
        found += [Reading(Channel.MODE, at, mode), Reading(Channel.SG_READY_STATE, now, self._state(now))]
        return [Snapshot(self._id, now, tuple(found))]

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        """Closes the contacts with a timer."""
        now = self._live()
        for write in writes:
            if write.lever is not STATE or not RANGE.minimum <= write.value <= RANGE.maximum:
                raise Refused("no such state", code="refused")
            self._homes.owner_sets(0, STATE, write.value, now)
            self._opens_at = None if write.lasts_s is None else now + timedelta(seconds=write.lasts_s)
        return Receipt(accepted=True, at=now)

    def _state(self, now: datetime) -> float:
        return self._homes.setting(0, STATE, now)

    def _live(self) -> datetime:
        now = self._clock.advance()
        if self._opens_at is not None and self._opens_at <= now:
            self._homes.owner_sets(0, STATE, 2.0, self._opens_at)
            self._opens_at = None
        self._homes.advance(now)
        return now
