"""Calendar periods: local midnights, clock changes, weeks from Monday, whole periods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from heatfleet.domain.calendar_periods import Resolution, back, count, touched

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(("noon", "hours"), [((2024, 3, 31, 12), 23), ((2024, 10, 27, 12), 25), ((2024, 1, 8, 12), 24)])
def test_a_day_lasts_from_local_midnight_to_local_midnight(noon: tuple[int, ...], hours: int) -> None:
    (day,) = touched(Resolution.DAY, BERLIN, utc(*noon), utc(*noon) + HOUR)
    assert day.end_at - day.start_at == hours * HOUR
    assert day.start_at.astimezone(BERLIN).hour == day.end_at.astimezone(BERLIN).hour == 0


def test_the_day_is_that_of_the_zone() -> None:
    (here,) = touched(Resolution.DAY, BERLIN, utc(2024, 7, 1, 22, 30), utc(2024, 7, 1, 23))
    assert here.start_at == utc(2024, 7, 1, 22)
    (there,) = touched(Resolution.DAY, ZoneInfo("Europe/London"), utc(2024, 7, 1, 22, 30), utc(2024, 7, 1, 22, 45))
    assert there.start_at == utc(2024, 6, 30, 23)


@pytest.mark.parametrize(
    ("resolution", "start", "end"),
    [
        (Resolution.WEEK, (2024, 2, 26), (2024, 3, 4)),  # 29 February was a Thursday
        (Resolution.MONTH, (2024, 2, 1), (2024, 3, 1)),
        (Resolution.QUARTER, (2024, 1, 1), (2024, 4, 1)),
        (Resolution.YEAR, (2024, 1, 1), (2025, 1, 1)),
    ],
)
def test_longer_periods_begin_where_the_calendar_says(
    resolution: Resolution, start: tuple[int, ...], end: tuple[int, ...]
) -> None:
    (period,) = touched(resolution, BERLIN, utc(2024, 2, 29), utc(2024, 2, 29, 1))
    assert period.start_at == datetime(*start, tzinfo=BERLIN)
    assert period.end_at == datetime(*end, tzinfo=BERLIN)


@pytest.mark.parametrize("resolution", list(Resolution))
def test_periods_follow_each_other_without_gap_and_cover_the_time(resolution: Resolution) -> None:
    since, until = utc(2022, 12, 30, 7), utc(2025, 1, 2, 9)
    periods = touched(resolution, BERLIN, since, until)
    assert len(periods) == count(resolution, BERLIN, since, until)
    assert periods[0].start_at <= since < periods[0].end_at
    assert periods[-1].start_at < until <= periods[-1].end_at
    assert all(a.end_at == b.start_at for a, b in pairwise(periods))


def test_a_time_that_ends_at_midnight_does_not_touch_the_next_day() -> None:
    assert count(Resolution.DAY, BERLIN, utc(2024, 1, 7, 23), utc(2024, 1, 8, 23)) == 1
    assert count(Resolution.DAY, BERLIN, utc(2024, 1, 8, 23), utc(2024, 1, 8, 23)) == 0


def test_back_counts_the_period_that_holds_the_instant() -> None:
    now = utc(2024, 3, 31, 12)
    assert back(Resolution.DAY, BERLIN, now, 1) == utc(2024, 3, 30, 23)
    assert back(Resolution.WEEK, BERLIN, now, 2) == utc(2024, 3, 17, 23)
    assert back(Resolution.MONTH, BERLIN, now, 12) == utc(2023, 3, 31, 22)
