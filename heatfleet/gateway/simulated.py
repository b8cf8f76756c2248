"""A virtual heat pump in place of a real one, for trying the gateway out; its home is ``thermal.simulate``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from heatfleet.clocks import FleetClock
from heatfleet.domain.errors import Refused
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Reading, Snapshot
from heatfleet.vendors.kit.driver import DeviceRef, Grant, Receipt, Write
from heatfleet.vendors.kit.emulation.homes import SENSORS, VirtualHomes, mild_winter
from heatfleet.vendors.kit.emulation.told import CHANNEL_OF, told_readings

STATE = Lever.SG_READY_STATE
RANGE = LeverRange(1, 3, 1, settle_h=0.02, expires_by_itself=True)


class VirtualPump:
    """One pump with SG-Ready contacts that open by a timer."""

    def __init__(self, device_id: str, clock: FleetClock, seed: int) -> None:
        self._id, self._clock = device_id, clock
        self._homes = VirtualHomes(1, seed, mild_winter, clock.fleet_now())
        self._opens_at: datetime | None = None

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        """The one pump."""
        channels = frozenset({*CHANNEL_OF.values(), Channel.SG_READY_STATE})
        return [DeviceRef(self._id, "Virtual heat pump", "SG-Ready", "virtual", channels, {STATE: RANGE})]

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot]:
        """Its sensors and its contacts."""
        now = self._live()
        at, row = self._homes.sensors(0, now)
        found = told_readings(at, dict(zip(SENSORS, map(float, row), strict=True)))
        state = Reading(Channel.SG_READY_STATE, now, self._homes.setting(0, STATE, now))
        return [Snapshot(self._id, now, (*found, state))]

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        """Closes the contacts with a timer."""
        now = self._live()
        for write in writes:
            if write.lever is not STATE or not RANGE.minimum <= write.value <= RANGE.maximum:
                raise Refused("no such state", code="refused")
            self._homes.owner_sets(0, STATE, write.value, now)
            self._opens_at = None if write.lasts_s is None else now + timedelta(seconds=write.lasts_s)
        return Receipt(accepted=True, at=now)

    def _live(self) -> datetime:
        now = self._clock.advance()
        if self._opens_at is not None and self._opens_at <= now:
            self._homes.owner_sets(0, STATE, 2.0, self._opens_at)
            self._opens_at = None
        self._homes.advance(now)
        return now
