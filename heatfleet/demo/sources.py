"""Where the demo's prices and weather come from: the files named, else the live sources, else the synthetic fortnight.

Fleet time runs ahead of real time, so live data are taken as a record of about a week that days to come repeat.
The virtual homes live in the true weather; everybody else sees it through a source, with a forecast's errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import aiohttp
import numpy as np
import structlog

from heatfleet.domain.alignment import Floats, instants
from heatfleet.domain.errors import OutsideWorldError
from heatfleet.domain.market_day import delivery_day
from heatfleet.domain.places import place_or_city
from heatfleet.domain.price_zones import zone_facts
from heatfleet.domain.tables import Source
from heatfleet.domain.time_grid import MTU, TimeGrid, floor_mtu
from heatfleet.markets.energy_charts import EnergyCharts
from heatfleet.markets.prices_file import PriceFile, load_prices
from heatfleet.markets.source import DayPrices, FilePrices, PriceSource, SyntheticPrices
from heatfleet.weather.open_meteo import OpenMeteo
from heatfleet.weather.source import FileWeather, SyntheticWeather, WeatherRows, WeatherSource, place_number
from heatfleet.weather.synthetic import synthetic_weather
from heatfleet.weather.weather_file import WeatherFile, align_weather, load_weather

log = structlog.get_logger("heatfleet.demo")

T = TypeVar("T")

LIVE_WITHIN_S = 4.0
LIVE_DAYS = 8
Truth = Callable[[TimeGrid], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Wanted:
    """What the command line asked for, and the real now."""

    zone: str
    prices: Path | None
    weather: Path | None
    seed: int
    now: datetime


@dataclass(frozen=True)
class DemoSources:
    """Prices, forecasts, the true weather by 5 minutes, and what must be said about them."""

    prices: PriceSource
    weather: WeatherSource
    truth: Truth
    notes: tuple[str, ...]


async def choose(wanted: Wanted) -> DemoSources:
    """The sources; ``Invalid`` for a file that cannot be used. Takes at most a few seconds without a network."""
    prices, weather = await asyncio.gather(_prices(wanted), _weather(wanted))
    notes = (f"prices: {prices[1]}", f"weather: {weather[2]}")
    return DemoSources(prices[0], weather[0], weather[1], notes)


async def _prices(wanted: Wanted) -> tuple[PriceSource, str]:
    if wanted.prices is not None:
        file = load_prices(wanted.prices)
        file.series(wanted.zone)  # complains now if the zone is not in it
        return FilePrices(file), f"{file.source.file}, laid onto today by month, day and hour"
    live = await _live(lambda session: _recent_prices(session, wanted))
    if live is not None:
        return _RecordedPrices(live), f"{EnergyCharts.label}, live; days to come repeat the last week"
    return SyntheticPrices(), "SYNTHETIC winter fortnight (no live source answered)"


async def _weather(wanted: Wanted) -> tuple[WeatherSource, Truth, str]:
    if wanted.weather is not None:
        file, note = _with_sun(load_weather(wanted.weather), wanted)
        return FileWeather(file, wanted.seed), _truth_of(file, wanted), f"{file.source.file}, laid onto today{note}"
    live = await _live(lambda session: _recent_weather(session, wanted))
    if live is not None:
        file, note = _with_sun(live, wanted)
        said = f"{OpenMeteo.label}, live; days to come repeat the last week{note}"
        return _RecordedWeather(file, wanted.seed), _truth_of(file, wanted), said
    source = SyntheticWeather(wanted.zone, wanted.seed)
    return source, _five_minutes(lambda grid: synthetic_weather(grid, wanted.zone)), "SYNTHETIC winter fortnight"


@dataclass(frozen=True)
class _RecordedPrices(FilePrices):
    """Live prices kept as a record."""

    @property
    def label(self) -> str:
        """The source's name."""
        return self.file.source.file


@dataclass(frozen=True)
class _RecordedWeather(FileWeather):
    """Live weather kept as a record."""

    @property
    def label(self) -> str:
        """The source's name."""
        return self.file.source.file


async def _live(ask: Callable[[aiohttp.ClientSession], Awaitable[T]]) -> T | None:
    """What the live source says, or None when it does not answer in time."""
    try:
        async with asyncio.timeout(LIVE_WITHIN_S), aiohttp.ClientSession() as session:
            return await ask(session)
    except (OutsideWorldError, TimeoutError) as fault:
        log.info("no live data", why=str(fault) or "no answer in time")
        return None


async def _recent_prices(session: aiohttp.ClientSession, wanted: Wanted) -> PriceFile:
    source, today = EnergyCharts(session), delivery_day(wanted.now, wanted.zone)
    days = [today - timedelta(days=n) for n in range(LIVE_DAYS - 1, -1, -1)]
    return price_record(source.label, wanted.zone, [await source.fetch(wanted.zone, day) for day in days])


def price_record(label: str, zone: str, days: Sequence[DayPrices]) -> PriceFile:
    """Delivery days in a row as if they were a file."""
    starts = np.concatenate([instants(day.grid) for day in days])
    values = np.concatenate([day.price_per_mwh for day in days])
    return PriceFile(Source("prices", label), MTU, starts, {zone: values})


async def _recent_weather(session: aiohttp.ClientSession, wanted: Wanted) -> WeatherFile:
    start_at = floor_mtu(wanted.now - timedelta(days=LIVE_DAYS - 3))
    grid = TimeGrid(start_at, LIVE_DAYS * 96)
    rows = await OpenMeteo(session).fetch(place_or_city(None, None, wanted.zone), grid, wanted.now)
    return weather_record(OpenMeteo.label, rows)


def weather_record(label: str, rows: WeatherRows) -> WeatherFile:
    """Weather on a grid as if it were a file."""
    sun = {} if rows.ghi_kw_m2 is None else {rows.place: rows.ghi_kw_m2}
    return WeatherFile(Source("weather", label), MTU, instants(rows.grid), {rows.place: rows.temp_c}, sun)


def _with_sun(file: WeatherFile, wanted: Wanted) -> tuple[WeatherFile, str]:
    """The file with an estimated irradiance where it has none, and a note that says so."""
    missing = [place for place in file.places if place not in file.ghi_kw_m2]
    if not missing:
        return file, ""
    from heatfleet.thermal.sun import estimated_ghi_kw_m2

    facts = zone_facts(wanted.zone)
    where = (file.latitude, file.longitude)
    latitude, longitude = (facts.latitude, facts.longitude) if None in where else where
    times = [datetime.fromtimestamp(int(at), UTC) for at in file.start_utc.astype(np.int64)]
    sun = estimated_ghi_kw_m2(times, latitude or 0.0, longitude or 0.0, wanted.seed)
    said = "; irradiance estimated (clear sky x a seeded cloud factor)"
    return replace(file, ghi_kw_m2={**file.ghi_kw_m2, **dict.fromkeys(missing, sun)}), said


def _truth_of(file: WeatherFile, wanted: Wanted) -> Truth:
    """The file's weather at the place where the homes stand, without errors."""
    name = file.places[place_number(place_or_city(None, None, wanted.zone)) % len(file.places)]

    def quarters(grid: TimeGrid) -> tuple[Floats, Floats]:
        temp_c, ghi, _ = align_weather(file, grid, place=name, allow_uncovered_before=grid.end_at)
        return temp_c, np.zeros(grid.count) if ghi is None else ghi

    return _five_minutes(quarters)


def _five_minutes(quarters: Callable[[TimeGrid], tuple[Floats, Floats]]) -> Truth:
    """A weather by the quarter-hour as one on any finer grid, on straight lines between."""

    def truth(grid: TimeGrid) -> tuple[Floats, Floats]:
        start_at = floor_mtu(grid.start_at)
        coarse = TimeGrid(start_at, (grid.end_at - start_at) // MTU + 2)
        temp_c, ghi = quarters(coarse)
        at = instants(grid).astype(np.int64)
        known = instants(coarse).astype(np.int64)
        return np.interp(at, known, temp_c), np.interp(at, known, ghi)

    return truth
