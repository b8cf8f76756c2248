"""Electricity used between two readings, and the hours it falls into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from heatfleet.domain.readings import PLAUSIBLE, Channel, Quality

LONGEST_GAP = timedelta(hours=6)  # a meter tells what was used over a gap, but not when
LONGEST_GUESS = timedelta(minutes=30)
_HOUR = timedelta(hours=1)


def energy_between(
    before: Mapping[Channel, float], before_at: datetime, after: Mapping[Channel, float], after_at: datetime
) -> tuple[float, Quality] | None:
    """Energy [kWh] used from one reading to the next, by the meter or else by power; None when it cannot be told."""
    gap = after_at - before_at
    if gap <= timedelta(0):
        return None
    meters = before.get(Channel.ENERGY_KWH), after.get(Channel.ENERGY_KWH)
    if meters[0] is not None and meters[1] is not None:
        used_kwh = meters[1] - meters[0]
        if 0 <= used_kwh <= PLAUSIBLE[Channel.POWER_KW][1] * (gap / _HOUR):
            return used_kwh, Quality.MEASURED if gap <= LONGEST_GAP else Quality.ESTIMATED
    powers = before.get(Channel.POWER_KW), after.get(Channel.POWER_KW)
    if powers[0] is None or powers[1] is None or gap > LONGEST_GUESS:
        return None
    return (powers[0] + powers[1]) / 2 * (gap / _HOUR), Quality.ESTIMATED


def by_hour(start_at: datetime, end_at: datetime, energy_kwh: float) -> Iterator[tuple[datetime, float]]:
    """The hours that a span touches, each with its share of the energy by time."""
    at = start_at
    while at < end_at:
        hour = at.replace(minute=0, second=0, microsecond=0)
        until = min(hour + _HOUR, end_at)
        yield hour, energy_kwh * ((until - at) / (end_at - start_at))
        at = until
