"""Forecast errors: as large as real ones, agreeing within a run, never touching what has been."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from heatfleet.domain.places import coordinates_of, place_of, place_or_city
from heatfleet.domain.tables import Source
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.weather.forecast import error_k, with_forecast_errors
from heatfleet.weather.source import FileWeather, SyntheticWeather
from heatfleet.weather.weather_file import parse_weather

NOW = datetime(2026, 1, 5, 6, tzinfo=UTC)


def test_errors_grow_as_real_ones_do() -> None:
    grid = TimeGrid(NOW, 193)
    zero = np.zeros(grid.count)
    errors = np.array([with_forecast_errors(zero, None, grid, NOW, seed)[0] for seed in range(600)])
    spread = errors.std(axis=0)
    assert spread[0] == 0.0
    assert spread[4] == pytest.approx(0.5, abs=0.08)
    assert 1.3 < spread[96] < 1.7
    assert 1.6 < spread[192] < 2.1
    assert np.abs(errors.mean(axis=0)).max() < 0.35
    neighbours = np.corrcoef(errors[:, 96], errors[:, 97])[0, 1]
    far = np.corrcoef(errors[:, 48], errors[:, 192])[0, 1]
    assert neighbours > 0.95 > 0.3 > far


def test_the_past_stays_and_the_seed_decides() -> None:
    grid = TimeGrid(NOW - timedelta(hours=5), 96)
    temp, ghi = np.full(96, 3.0), np.full(96, 0.2)
    first = with_forecast_errors(temp, ghi, grid, NOW, 1)
    again = with_forecast_errors(temp, ghi, grid, NOW, 1)
    other = with_forecast_errors(temp, ghi, grid, NOW, 2)
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    np.testing.assert_array_equal(first[0][:21], temp[:21])
    assert first[1] is not None
    assert first[1].min() >= 0.0
    assert np.abs(first[1] - ghi).max() > 0.01


def test_successive_forecasts_of_a_run_agree_however_the_grid_is_cut() -> None:
    early = with_forecast_errors(np.zeros(200), None, TimeGrid(NOW, 200), NOW, 3)[0]
    later_at = NOW + timedelta(hours=1)
    later = with_forecast_errors(np.zeros(196), None, TimeGrid(later_at, 196), later_at, 3)[0]
    ratio = later[1:] / early[5:]
    lead_h = np.arange(1, 196) * 0.25
    np.testing.assert_allclose(ratio, error_k(lead_h) / error_k(lead_h + 1.0))


def test_places_are_tenths_of_a_degree() -> None:
    assert place_of(48.21, -0.04) == "48.2,0.0"
    assert coordinates_of("48.2,-16.4") == (48.2, -16.4)
    assert place_or_city(None, None, "AT") == "48.2,16.4"


async def test_file_and_synthetic_sources_show_the_future_with_errors() -> None:
    rows = "\n".join(f"2026-01-{d:02d}T{h:02d}:00:00Z,{d},{-d}" for d in range(1, 15) for h in range(24))
    file = parse_weather(f"start_utc,a,b\n{rows}".encode(), Source("weather", "w.csv"))
    grid = TimeGrid(NOW - timedelta(days=1), 192)
    places = {(await FileWeather(file).fetch(f"{n}.0,1.0", grid, NOW)).temp_c[0] > 0 for n in range(12)}
    assert places == {True, False}
    for source in (FileWeather(file), SyntheticWeather("AT")):
        got = await source.fetch("48.2,16.4", grid, NOW)
        assert not np.isnan(got.temp_c).any()
        assert source.label == got.source
