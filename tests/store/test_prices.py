"""Prices and weather at rest: written twice they are the same; clock-change days keep their 92 and 100 steps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from heatfleet.domain.market_day import delivery_grid
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store import prices, weather
from heatfleet.store.database import FLEET, Database
from heatfleet.store.weather import WeatherOnGrid

AT = datetime(2024, 1, 8, 6, tzinfo=UTC)


async def save(database: Database, zone: str, grid: TimeGrid, values: np.ndarray) -> int:
    async with database.write(FLEET) as tx:
        return await prices.save(tx, zone, list(grid), values, "test", AT)


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 92), (date(2026, 1, 1), 96), (date(2026, 10, 25), 100)])
async def test_days_come_back_whole_and_writing_twice_changes_nothing(
    database: Database, day: date, count: int
) -> None:
    grid = delivery_grid(day, "DE_LU")
    values = np.linspace(-80.5, 300.25, count)
    assert await save(database, "DE_LU", grid, values) == count
    assert await save(database, "DE_LU", grid, values) == 0
    values[3] += 1
    assert await save(database, "DE_LU", grid, values) == 1
    async with database.read(FLEET) as tx:
        np.testing.assert_array_equal(await prices.prices_on(tx, "DE_LU", grid), values)
        assert np.isnan(await prices.prices_on(tx, "AT", grid)).all()
        assert await prices.known_until(tx, "DE_LU") == grid.end_at - timedelta(minutes=15)
        assert await prices.source_on(tx, "DE_LU", grid) == ["test"]


async def test_parts_and_holes_are_nan(database: Database) -> None:
    grid = TimeGrid(AT, 8)
    values = np.array([1, np.nan, 3, 4, 5, 6, 7, 8.0])
    assert await save(database, "AT", grid, values) == 7
    async with database.read(FLEET) as tx:
        got = await prices.prices_on(tx, "AT", TimeGrid(AT - timedelta(minutes=30), 12))
        hourly = await prices.prices_on(tx, "AT_HOURLY", TimeGrid(AT + timedelta(minutes=75), 3))
    np.testing.assert_array_equal(got, [np.nan, np.nan, *values, np.nan, np.nan])
    np.testing.assert_array_equal(hourly, [6.5, 6.5, 6.5])


async def test_weather_forecasts_are_replaced_and_measurements_stay(database: Database) -> None:
    grid = TimeGrid(AT, 4)
    nothing = np.full(4, np.nan)

    async def put(temp: float, made_at: datetime) -> int:
        rows = WeatherOnGrid(np.full(4, temp), nothing)
        async with database.write(FLEET) as tx:
            return await weather.save(tx, "48.2,16.4", grid, rows, "test", made_at)

    assert await put(1.0, AT) == 4  # one measured, three forecast
    assert await put(1.0, AT) == 0
    assert await put(2.0, AT - timedelta(hours=1)) == 3  # a forecast of all four does not touch the measured one
    assert await put(3.0, AT + timedelta(hours=1)) == 4  # all measured now
    async with database.read(FLEET) as tx:
        got = await weather.weather_on(tx, "48.2,16.4", TimeGrid(AT - timedelta(minutes=15), 6))
        assert await weather.last_fetched_at(tx, "48.2,16.4") == AT + timedelta(hours=1)
    np.testing.assert_array_equal(got.temp_c, [np.nan, 3, 3, 3, 3, np.nan])
    assert np.isnan(got.ghi_kw_m2).all()
