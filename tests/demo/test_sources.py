"""Where the demo's prices and weather come from, and that it says so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from heatfleet.demo import sources
from heatfleet.demo.sources import Wanted, choose, price_record, weather_record
from heatfleet.domain.errors import Invalid, TryAgain
from heatfleet.domain.market_day import delivery_grid
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.markets.source import DayPrices, FilePrices
from heatfleet.weather.source import WeatherRows

NOW = datetime(2026, 1, 12, 14, 5, tzinfo=UTC)
WITHIN_THE_HOUR = TimeGrid(datetime(2026, 1, 12, 14, 5, tzinfo=UTC), 11, timedelta(minutes=5))


def wanted(prices: Path | None = None, weather: Path | None = None) -> Wanted:
    return Wanted("DE_LU", prices, weather, 1, NOW)


class Offline:
    """A live source that nobody reaches."""

    label = "nobody"

    def __init__(self, _session: object) -> None:
        pass

    async def fetch(self, *_asked: object) -> object:
        raise TryAgain("no connection", after_s=60)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No live source answers."""
    monkeypatch.setattr(sources, "EnergyCharts", Offline)
    monkeypatch.setattr(sources, "OpenMeteo", Offline)


@pytest.mark.usefixtures("offline")
async def test_without_anything_it_is_synthetic_and_says_so() -> None:
    chosen = await choose(wanted())
    assert all("SYNTHETIC" in note for note in chosen.notes)
    temp_c, ghi = chosen.truth(WITHIN_THE_HOUR)
    assert temp_c.shape == ghi.shape == (11,)
    assert np.isfinite(temp_c).all()
    prices = await chosen.prices.fetch("DE_LU", date(2026, 1, 13))
    assert np.isfinite(prices.price_per_mwh).all()


async def test_files_are_laid_onto_today(tmp_path: Path) -> None:
    stamps = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(31 * 24)]
    prices, weather = tmp_path / "prices.csv", tmp_path / "weather.csv"
    prices.write_text("start_utc,DE_LU\n" + "".join(f"{at:%Y-%m-%dT%H:%M:%SZ},{at.day}\n" for at in stamps))
    weather.write_text("start_utc,t2m_c\n" + "".join(f"{at:%Y-%m-%dT%H:%M:%SZ},{at.hour - 10}\n" for at in stamps))
    chosen = await choose(wanted(prices, weather))
    assert "prices.csv" in chosen.notes[0]
    assert "irradiance estimated" in chosen.notes[1]
    day = await chosen.prices.fetch("DE_LU", date(2026, 1, 13))
    assert set(day.price_per_mwh[4:]) == {13.0}
    temp_c, ghi = chosen.truth(WITHIN_THE_HOUR)
    assert temp_c[0] == pytest.approx(4.0 + 5 / 60, abs=0.02)
    assert (np.diff(temp_c) > 0).all(), "straight lines between the rows"
    assert (ghi >= 0).all()


async def test_a_file_without_the_zone_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("start_utc,AT\n2024-01-01T00:00:00Z,1\n2024-01-01T01:00:00Z,2\n2024-01-01T02:00:00Z,3\n")
    with pytest.raises(Invalid, match="DE_LU"):
        await choose(wanted(prices=file))


async def test_a_live_week_repeats() -> None:
    days = [date(2026, 1, 5) + timedelta(days=n) for n in range(8)]
    record = price_record("live", "DE_LU", [day_of(day, float(day.day)) for day in days])
    source = FilePrices(record)
    assert set((await source.fetch("DE_LU", date(2026, 1, 12))).price_per_mwh) == {12.0}
    later = (await source.fetch("DE_LU", date(2026, 1, 20))).price_per_mwh
    assert np.isfinite(later).all(), "days to come repeat the week"


def day_of(day: date, price: float) -> DayPrices:
    grid = delivery_grid(day, "DE_LU")
    return DayPrices("DE_LU", grid, np.full(grid.count, price), "live")


def test_live_weather_keeps_its_sun() -> None:
    grid = TimeGrid(datetime(2026, 1, 5, tzinfo=UTC), 96)
    rows = WeatherRows("50.1,8.7", grid, np.zeros(96), np.full(96, 0.1), "live")
    assert weather_record("live", rows).ghi_kw_m2["50.1,8.7"][0] == pytest.approx(0.1)
    bare = WeatherRows("50.1,8.7", grid, np.zeros(96), None, "live")
    assert not weather_record("live", bare).ghi_kw_m2
