"""Calendar periods on a zone's own clock: days of 23, 24 or 25 hours, weeks from Monday, months, quarters, years."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from heatfleet.domain.time_grid import day_of, local_midnight


class Resolution(StrEnum):
    """Lengths of calendar periods."""

    DAY = "1DAY"
    WEEK = "1WEEK"
    MONTH = "1MONTH"
    QUARTER = "1QUARTER"
    YEAR = "1YEAR"


_DAYS = {Resolution.DAY: 1, Resolution.WEEK: 7}
_MONTHS = {Resolution.MONTH: 1, Resolution.QUARTER: 3, Resolution.YEAR: 12}


@dataclass(frozen=True)
class Period:
    """From ``start_at`` to before ``end_at`` (UTC), local midnights both."""

    resolution: Resolution
    start_at: datetime
    end_at: datetime


def count(resolution: Resolution, zone: ZoneInfo, since: datetime, until: datetime) -> int:
    """How many periods the time from ``since`` to before ``until`` touches."""
    first, last = _ends(resolution, zone, since, until)
    return max(last - first + 1, 0)


def touched(resolution: Resolution, zone: ZoneInfo, since: datetime, until: datetime) -> list[Period]:
    """The whole periods that the time from ``since`` to before ``until`` touches, in order."""
    first, last = _ends(resolution, zone, since, until)
    starts = [local_midnight(_first_day(resolution, number), zone) for number in range(first, last + 2)]
    return [Period(resolution, start, end) for start, end in pairwise(starts)]


def back(resolution: Resolution, zone: ZoneInfo, at: datetime, periods: int) -> datetime:
    """Start of the first of the last ``periods`` periods, the one that holds ``at`` included."""
    number = _number(resolution, day_of(at, zone))
    return local_midnight(_first_day(resolution, number - periods + 1), zone)


def _ends(resolution: Resolution, zone: ZoneInfo, since: datetime, until: datetime) -> tuple[int, int]:
    """Numbers of the first and the last period touched."""
    just_before = until - datetime.resolution
    return _number(resolution, day_of(since, zone)), _number(resolution, day_of(just_before, zone))


def _number(resolution: Resolution, day: date) -> int:
    """Periods are numbered on from the year 1, whose first day is a Monday."""
    if resolution in _DAYS:
        return (day.toordinal() - 1) // _DAYS[resolution]
    return (day.year * 12 + day.month - 1) // _MONTHS[resolution]


def _first_day(resolution: Resolution, number: int) -> date:
    if resolution in _DAYS:
        return date.fromordinal(number * _DAYS[resolution] + 1)
    year, month = divmod(number * _MONTHS[resolution], 12)
    return date(year, month + 1, 1)
