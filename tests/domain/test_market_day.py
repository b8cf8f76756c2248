"""Delivery days: 92, 96, 100 quarter-hours, and prices known from 13:00 market time on the eve."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.domain.market_day import delivery_day, delivery_grid, published_at, visible_until


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2024-01-08T11:59", "2024-01-08T23:00"),  # 12:59 in winter
        ("2024-01-08T12:00", "2024-01-09T23:00"),
        ("2024-07-08T10:59", "2024-07-08T22:00"),  # 12:59 in summer
        ("2024-07-08T11:00", "2024-07-09T22:00"),
        ("2024-03-30T12:00", "2024-03-31T22:00"),  # the 23-hour day becomes known
        ("2024-03-31T11:00", "2024-04-01T22:00"),
        ("2024-10-26T11:00", "2024-10-27T23:00"),  # the 25-hour day becomes known
        ("2024-10-27T11:59", "2024-10-27T23:00"),
        ("2024-10-27T12:00", "2024-10-28T23:00"),
    ],
)
def test_visible_until(now: str, until: str) -> None:
    assert visible_until(utc(now), "DE_LU") == utc(until)


def test_the_coupled_market_has_one_clock_and_britain_another() -> None:
    assert visible_until(utc("2024-01-08T12:00"), "EE") == utc("2024-01-09T23:00")
    assert visible_until(utc("2024-01-08T12:59"), "UK") == utc("2024-01-09T00:00")
    assert visible_until(utc("2024-01-08T13:00"), "UK") == utc("2024-01-10T00:00")


def test_days_of_92_96_and_100_quarter_hours() -> None:
    counts = [delivery_grid(d, "DE_LU").count for d in (date(2026, 3, 29), date(2026, 6, 1), date(2026, 10, 25))]
    assert counts == [92, 96, 100]


@given(st.datetimes(datetime(2020, 1, 1), datetime(2032, 1, 1)), st.sampled_from(["DE_LU", "UK", "PT"]))
def test_between_eleven_and_37_hours_are_always_known(naive: datetime, zone: str) -> None:
    now = naive.replace(tzinfo=UTC)
    known = visible_until(now, zone) - now
    assert timedelta(hours=10) < known <= timedelta(hours=37)
    assert published_at(delivery_day(visible_until(now, zone) - timedelta(seconds=1), zone), zone) <= now
