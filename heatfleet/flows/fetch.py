"""Prices and weather arrive: what is missing is fetched, stored once, and the pumps it concerns are planned anew."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import OutsideWorldError, TryAgain
from heatfleet.domain.jobs import JobName
from heatfleet.domain.market_day import delivery_day, delivery_grid, last_visible_day
from heatfleet.domain.time_grid import MTU, TimeGrid, floor_mtu
from heatfleet.markets.prices_file import PriceFile
from heatfleet.markets.source import DayPrices, PriceSource
from heatfleet.store import carbon, jobs, prices, weather
from heatfleet.store.database import FLEET, Database, WriteTx
from heatfleet.store.jobs import NewJob
from heatfleet.store.weather import WeatherOnGrid
from heatfleet.store.zone_values import HOURLY, Given
from heatfleet.weather.source import WeatherSource

HINDCAST = timedelta(days=1)
HORIZON = timedelta(days=3)
_MTU_S = int(MTU.total_seconds())
Save = Callable[[WriteTx, str, Given], Awaitable[int]]


@dataclass(frozen=True)
class Fetched:
    """What a fetch brought: quarter-hours new or changed, plans asked for, where it came from."""

    changed: int
    plans: int
    source: str


@dataclass(frozen=True)
class Imported:
    """What an import brought, per zone: quarter-hours in the file, those new or changed, and plans asked for."""

    file: str
    zones: dict[str, int]
    changed: dict[str, int]
    plans: int
    first_at: datetime
    end_at: datetime


async def fetch_prices(database: Database, clock: Clock, source: PriceSource, zone: str) -> Fetched:
    """Stores what is missing of the prices of ``zone`` known by now (today; from 13:00 tomorrow), plans its pumps.

    Days got before a fault are kept; then ``TryAgain`` or ``Refused`` of the source is raised.
    """
    zone = HOURLY.get(zone, zone)
    now = clock.fleet_now()
    missing = await _missing_days(database, zone, now)
    days, fault = await _fetch_days(source, zone, missing)
    changed, plans = 0, 0
    async with database.write(FLEET) as tx:
        for day in days:
            changed += await _save_day(tx, day, clock.wall_now())
        if changed:
            plans = await _plan_zone(tx, zone)
    if fault is not None:
        raise fault
    return Fetched(changed, plans, source.label)


async def fetch_weather(database: Database, clock: Clock, source: WeatherSource, place: str) -> Fetched:
    """Stores the last day's weather and the forecast of the next three for a place; ``TryAgain`` or ``Refused``."""
    now = clock.fleet_now()
    start_at = floor_mtu(now - HINDCAST)
    grid = TimeGrid(start_at, (HINDCAST + HORIZON) // MTU)
    rows = await source.fetch(place, grid, now)
    if np.isnan(rows.temp_c).all():
        raise TryAgain(f"{source.label} has no weather of {place}", after_s=900, code="not_published")
    ghi = np.full(grid.count, np.nan) if rows.ghi_kw_m2 is None else rows.ghi_kw_m2
    async with database.write(FLEET) as tx:
        changed = await weather.save(tx, place, grid, WeatherOnGrid(rows.temp_c, ghi), rows.source, now)
    return Fetched(changed, 0, rows.source)


async def import_prices(
    database: Database, clock: Clock, file: PriceFile, zones: Sequence[str] | None = None
) -> Imported:
    """Stores a price file as it is (no re-dating) and plans the pumps of its zones; repeating it changes nothing."""

    async def save(tx: WriteTx, zone: str, given: Given) -> int:
        return await prices.save(tx, zone, given.starts, given.values, given.source, given.fetched_at)

    return await _import(database, clock, file, list(file.zones if zones is None else zones), save)


async def import_carbon(database: Database, clock: Clock, file: PriceFile) -> Imported:
    """Stores a file of carbon intensities as it is and plans the pumps of its zones; repeating it changes nothing."""
    return await _import(database, clock, file, list(file.zones), carbon.save)


async def _import(database: Database, clock: Clock, file: PriceFile, zones: Sequence[str], save: Save) -> Imported:
    """What was stored of each zone of a file."""
    starts, length = _quarters(file)
    held, changed, plans = {}, {}, 0
    async with database.write(FLEET) as tx:
        for zone in zones:
            values = np.repeat(file.series(zone).value, length)
            held[zone] = int(np.count_nonzero(~np.isnan(values)))
            given = Given(starts, values, f"file {file.source.file}", clock.wall_now())
            changed[zone] = await save(tx, zone, given)
            if changed[zone]:
                plans += await _plan_zone(tx, zone)
    return Imported(file.source.file, held, changed, plans, starts[0], starts[-1] + MTU)


async def zones_and_places(database: Database) -> tuple[list[str], list[str]]:
    """The price zones and the places of weather that the connected heat pumps need: what the timetable fetches."""
    async with database.read(FLEET) as tx:
        return await prices.zones_in_use(tx), await weather.places_in_use(tx)


async def _missing_days(database: Database, zone: str, now: datetime) -> list[date]:
    """Delivery days known by now whose prices are not stored whole."""
    today, last = delivery_day(now, zone), last_visible_day(now, zone)
    days = [today + timedelta(days=n) for n in range((last - today).days + 1)]
    async with database.read(FLEET) as tx:
        return [d for d in days if np.isnan(await prices.prices_on(tx, zone, delivery_grid(d, zone))).any()]


async def _fetch_days(
    source: PriceSource, zone: str, days: Sequence[date]
) -> tuple[list[DayPrices], OutsideWorldError | None]:
    """The days in order, up to the first fault, and that fault."""
    fetched: list[DayPrices] = []
    for day in days:
        try:
            fetched.append(await source.fetch(zone, day))
        except OutsideWorldError as fault:
            return fetched, fault
    return fetched, None


async def _save_day(tx: WriteTx, day: DayPrices, fetched_at: datetime) -> int:
    return await prices.save(tx, day.zone, list(day.grid), day.price_per_mwh, day.source, fetched_at)


async def _plan_zone(tx: WriteTx, zone: str) -> int:
    """How many plans were asked for: one per pump that follows the zone's prices."""
    pumps = await prices.listeners(tx, zone)
    wanted = [
        NewJob(JobName.PLAN, {"org_id": str(p.org_id), "heat_pump_id": str(p.id)}, dedupe_key=f"{JobName.PLAN}:{p.id}")
        for p in pumps
    ]
    await jobs.enqueue_many(tx, wanted)
    return len(pumps)


def _quarters(file: PriceFile) -> tuple[list[datetime], int]:
    """The quarter-hours of a file's rows, and how many each row has."""
    length = file.resolution // MTU
    first_s = file.start_utc.astype(np.int64)
    at_s = (first_s[:, None] + np.arange(length)[None, :] * _MTU_S).ravel()
    return [datetime.fromtimestamp(int(s), UTC) for s in at_s], length
