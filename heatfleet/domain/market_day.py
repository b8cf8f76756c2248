"""Delivery days of the market: when one begins, how many quarter-hours it has, when its prices become known.

The coupled European auction trades days of Central European time whatever the zone's own clock says; Great Britain
trades its own. Results of delivery day D are taken as known from 13:00 market time on D − 1.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from heatfleet.domain.time_grid import TimeGrid, day_of, local_day, local_midnight

PUBLISHED_AT = time(13)
_COUPLED = ZoneInfo("Europe/Brussels")
_BRITISH = ZoneInfo("Europe/London")


def market_time(zone: str) -> ZoneInfo:
    """The clock by which the auction of ``zone`` cuts its days."""
    return _BRITISH if zone == "UK" else _COUPLED


def delivery_day(at: datetime, zone: str) -> date:
    """The delivery day that holds ``at``."""
    return day_of(at, market_time(zone))


def delivery_grid(day: date, zone: str) -> TimeGrid:
    """The 92, 96 or 100 quarter-hours of a delivery day."""
    return local_day(day, market_time(zone))


def published_at(day: date, zone: str) -> datetime:
    """The UTC instant from which the prices of delivery ``day`` may be used."""
    clock = market_time(zone)
    eve = datetime.combine(day - timedelta(days=1), PUBLISHED_AT, clock)
    return eve.astimezone(UTC)


def last_visible_day(now: datetime, zone: str) -> date:
    """The latest delivery day whose prices are known at ``now``."""
    tomorrow = delivery_day(now, zone) + timedelta(days=1)
    return tomorrow if now >= published_at(tomorrow, zone) else tomorrow - timedelta(days=1)


def visible_until(now: datetime, zone: str) -> datetime:
    """End (exclusive, UTC) of the prices known at ``now``: the end of today's or, from 13:00, of tomorrow's day."""
    return local_midnight(last_visible_day(now, zone) + timedelta(days=1), market_time(zone))
