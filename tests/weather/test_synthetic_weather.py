"""The bundled fortnight of weather stays in its range and keeps local time."""

from __future__ import annotations

from datetime import date

import numpy as np

from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.time_grid import TimeGrid, local_day, local_midnight
from heatfleet.weather.synthetic import RANGE_C, synthetic_weather


def test_range_frost_and_sun() -> None:
    grid = TimeGrid(local_midnight(date(2024, 1, 1), zone_time("AT")), 14 * 96)
    temp_c, ghi_kw_m2 = synthetic_weather(grid, "AT")
    assert RANGE_C[0] <= temp_c.min() < -3
    assert 6 < temp_c.max() <= RANGE_C[1]
    assert 7 <= int(temp_c.reshape(14, 96).mean(axis=1).argmin()) <= 11
    by_step = ghi_kw_m2.reshape(14, 96)
    assert by_step[:, :32].max() == 0.0
    assert 0.1 < by_step[:, 50].mean() < 0.3


def test_same_local_time_before_and_after_the_clock_change() -> None:
    before = synthetic_weather(local_day(date(2026, 10, 19), zone_time("AT")), "AT")
    after = synthetic_weather(local_day(date(2026, 11, 2), zone_time("AT")), "AT")
    np.testing.assert_array_equal(before, after)
