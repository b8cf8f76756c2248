"""Time as half-open UTC steps of one market time unit (15 minutes).

Local days have 92, 96 or 100 quarter-hours; only this file and ``price_zones.py`` know that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MTU = timedelta(minutes=15)
STEP_H = 0.25


@dataclass(frozen=True)
class TimeGrid:
    """``count`` half-open steps of ``step`` from ``start_at`` (aware UTC)."""

    start_at: datetime
    count: int
    step: timedelta = MTU

    def __post_init__(self) -> None:
        assert self.start_at.utcoffset() == timedelta(0), "grids start at an aware UTC instant"
        assert self.count >= 0

    @property
    def end_at(self) -> datetime:
        """First instant after the grid."""
        return self.start_at + self.count * self.step

    @property
    def step_h(self) -> float:
        """Step length [h]."""
        return self.step / timedelta(hours=1)

    def index(self, at: datetime) -> int:
        """Index of the step that holds ``at`` (may lie outside ``0..count``)."""
        return (at - self.start_at) // self.step

    def at(self, index: int) -> datetime:
        """Start of step ``index``."""
        return self.start_at + index * self.step

    def __iter__(self) -> Iterator[datetime]:
        return (self.at(i) for i in range(self.count))


def floor_mtu(at: datetime) -> datetime:
    """Start of the quarter-hour that holds ``at`` (UTC)."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute - at.minute % 15, second=0, microsecond=0)


def ceil_mtu(at: datetime) -> datetime:
    """First quarter-hour start that is not before ``at`` (UTC)."""
    floor = floor_mtu(at)
    return floor if floor == at else floor + MTU


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The UTC instant at which the local ``day`` begins."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def local_day(day: date, zone: ZoneInfo) -> TimeGrid:
    """The quarter-hours of a local day: 92, 96 or 100 of them."""
    start_at = local_midnight(day, zone)
    return TimeGrid(start_at, (local_midnight(day + timedelta(days=1), zone) - start_at) // MTU)


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The local day that holds ``at``."""
    return at.astimezone(zone).date()
