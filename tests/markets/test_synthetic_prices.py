"""The bundled fortnight: plausible, repeatable, and in step with the local week whatever the date."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.time_grid import TimeGrid, local_day, local_midnight
from heatfleet.markets.synthetic import synthetic_prices


def fortnight(day: date) -> TimeGrid:
    return TimeGrid(local_midnight(day, zone_time("DE_LU")), 14 * 96)


def test_prices_look_like_winter() -> None:
    price = synthetic_prices(fortnight(date(2024, 1, 1)), "DE_LU")
    by_hour = price.reshape(14, 24, 4).mean(axis=(0, 2))
    assert 50 < price.mean() < 90
    assert 4 <= np.count_nonzero(price < 0) <= 80
    assert by_hour.argmax() in (17, 18, 19)
    assert by_hour[8] > by_hour[13] > by_hour[3]
    weekday, sunday = price.reshape(14, 96)[[0, 1, 7, 8]].mean(), price.reshape(14, 96)[[6, 13]].mean()
    assert sunday < weekday


def test_the_fortnight_repeats_in_local_time_across_a_clock_change() -> None:
    winter = synthetic_prices(local_day(date(2026, 3, 16), zone_time("DE_LU")), "DE_LU")
    summer = synthetic_prices(local_day(date(2026, 3, 30), zone_time("DE_LU")), "DE_LU")
    np.testing.assert_array_equal(winter, summer)


def test_clock_change_days_have_92_and_100_prices() -> None:
    assert synthetic_prices(local_day(date(2026, 3, 29), zone_time("DE_LU")), "DE_LU").shape == (92,)
    assert synthetic_prices(local_day(date(2026, 10, 25), zone_time("DE_LU")), "DE_LU").shape == (100,)


def test_any_part_equals_the_same_part_of_the_whole() -> None:
    whole = fortnight(date(2026, 11, 16))
    part = TimeGrid(whole.start_at + timedelta(hours=31), 40)
    np.testing.assert_array_equal(synthetic_prices(part, "DE_LU"), synthetic_prices(whole, "DE_LU")[124:164])
    assert synthetic_prices(TimeGrid(datetime(2026, 1, 1, tzinfo=UTC), 0), "DE_LU").shape == (0,)
