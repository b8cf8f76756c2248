"""Raising a heat pump to use what the roof would feed into the grid (``is_inverter_forced_mode_enabled``).

A pure function of the measured export: it begins at ``min_solar_power_w`` and goes on while something is left, for the
raised pump itself uses up what was exported; both last for a quarter of an hour at least.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LOOK_BACK = timedelta(hours=24)
DWELL = timedelta(minutes=15)
GOES_ON_SHARE = 0.25  # of the threshold
FRESH_FOR = timedelta(minutes=30)


@dataclass(frozen=True)
class Export:
    """Power fed into the grid [kW] at one instant; negative = taken from it."""

    at: datetime
    power_kw: float


@dataclass(frozen=True)
class SolarSurplus:
    """Whether there is enough to raise the pump, and since when it was there last; None = not in the last day."""

    is_enough: bool = False
    since: datetime | None = None


def solar_surplus(trace: Sequence[Export], min_solar_power_w: int, now: datetime) -> SolarSurplus:
    """The surplus at ``now`` after ``trace`` (in order); old readings end it."""
    begins_kw = min_solar_power_w / 1000
    ends_kw = GOES_ON_SHARE * begins_kw
    found, turned_at = SolarSurplus(), None
    for export in trace:
        may_turn = turned_at is None or export.at - turned_at >= DWELL
        if may_turn and not found.is_enough and export.power_kw >= begins_kw:
            found, turned_at = SolarSurplus(True, export.at), export.at
        elif may_turn and found.is_enough and export.power_kw < ends_kw:
            found, turned_at = SolarSurplus(False, found.since), export.at
    is_stale = not trace or now - trace[-1].at > FRESH_FOR
    return SolarSurplus(found.is_enough and not is_stale, found.since)
