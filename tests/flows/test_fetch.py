"""Fetch and import: what is known by now and missing is got once, kept once, and plans are asked for once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.errors import Invalid, TryAgain
from heatfleet.domain.jobs import JobName
from heatfleet.domain.market_day import delivery_grid
from heatfleet.domain.tables import Source
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.flows.fetch import fetch_prices, fetch_weather, import_prices, zones_and_places
from heatfleet.markets.prices_file import parse_prices
from heatfleet.markets.source import DayPrices, SyntheticPrices
from heatfleet.store import jobs, prices, weather
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.weather.source import SyntheticWeather, WeatherRows


class Recorded:
    """The synthetic source, which notes what it was asked and may have a last day."""

    label = "recorded"

    def __init__(self, last: date = date.max) -> None:
        self.asked: list[date] = []
        self.last = last

    async def fetch(self, zone: str, day: date) -> DayPrices:
        self.asked.append(day)
        if day > self.last:
            raise TryAgain("not yet", after_s=900, code="not_published")
        return await SyntheticPrices().fetch(zone, day)


async def add_pump(database: Database, org_id: UUID, zone: str, *, active: bool = True, connected: bool = True) -> UUID:
    user_id, pump_id, connection_id = new_id(), new_id(), new_id()
    async with database.write(FLEET) as tx:
        await tx.execute(
            "insert into users (id, org_id, email, role) values ($1, $2, $3, 'user')",
            user_id,
            org_id,
            f"{user_id}@x.example",
        )
        await tx.execute(
            "insert into connections (id, org_id, user_id, vendor, account_id) values ($1, $2, $3, 'sandbox', 'a')",
            connection_id,
            org_id,
            user_id,
        )
        await tx.execute(
            "insert into heat_pumps (id, org_id, user_id, connection_id, price_zone, is_smart_optimization_active,"
            " external_device_id) values ($1, $2, $3, $4, $5, $6, $7)",
            pump_id,
            org_id,
            user_id,
            connection_id if connected else None,
            zone,
            active,
            str(pump_id),
        )
    return pump_id


async def planned(database: Database) -> list[str]:
    claimed = await jobs.claim(database, 100, names=[JobName.PLAN])
    return sorted(job.payload["heat_pump_id"] for job in claimed)


async def test_today_is_fetched_and_tomorrow_from_one_o_clock(database: Database, clock: Any) -> None:
    source = Recorded()
    clock.now = datetime(2024, 1, 8, 11, 59, tzinfo=UTC)  # 12:59 market time
    assert (await fetch_prices(database, clock, source, "AT")).changed == 96
    assert source.asked == [date(2024, 1, 8)]
    assert (await fetch_prices(database, clock, source, "AT")).changed == 0
    clock.advance(timedelta(minutes=1))
    assert (await fetch_prices(database, clock, source, "AT")).changed == 96
    assert source.asked == [date(2024, 1, 8), date(2024, 1, 9)]


@pytest.mark.parametrize(("day", "count"), [(date(2026, 3, 29), 92), (date(2026, 10, 25), 100)])
async def test_clock_change_days(database: Database, clock: Any, day: date, count: int) -> None:
    clock.now = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    assert (await fetch_prices(database, clock, Recorded(), "DE_LU")).changed == count


async def test_new_prices_have_the_zones_pumps_planned_once(
    database: Database, clock: Any, org_id: UUID, other_org_id: UUID
) -> None:
    mine = await add_pump(database, org_id, "AT")
    hourly = await add_pump(database, other_org_id, "AT_HOURLY")
    await add_pump(database, org_id, "DE_LU")
    await add_pump(database, org_id, "AT", active=False)
    await add_pump(database, org_id, "AT", connected=False)
    got = await fetch_prices(database, clock, Recorded(), "AT_HOURLY")
    assert got.plans == 2
    assert await planned(database) == sorted([str(mine), str(hourly)])
    assert (await fetch_prices(database, clock, Recorded(), "AT")).plans == 0
    assert await planned(database) == []


async def test_what_came_before_a_fault_is_kept(database: Database, clock: Any, org_id: UUID) -> None:
    await add_pump(database, org_id, "AT")
    clock.now = datetime(2024, 1, 8, 13, tzinfo=UTC)
    with pytest.raises(TryAgain, match="not yet"):
        await fetch_prices(database, clock, Recorded(last=date(2024, 1, 8)), "AT")
    async with database.read(FLEET) as tx:
        assert not np.isnan(await prices.prices_on(tx, "AT", delivery_grid(date(2024, 1, 8), "AT"))).any()
    assert len(await planned(database)) == 1


async def test_import_keeps_the_file_as_it_is_and_repeats_without_effect(
    database: Database, clock: Any, org_id: UUID
) -> None:
    await add_pump(database, org_id, "AT")
    text = "start_utc,AT,BE\n2024-01-08T00:00:00Z,-5.5,1\n2024-01-08T01:00:00Z,7,\n"
    file = parse_prices(text.encode(), Source("prices", "mine.csv"))
    first = await import_prices(database, clock, file)
    assert (first.zones, first.changed, first.plans) == ({"AT": 8, "BE": 4}, {"AT": 8, "BE": 4}, 1)
    assert first.end_at - first.first_at == timedelta(hours=2)
    again = await import_prices(database, clock, file, ["AT"])
    assert (again.changed, again.plans) == ({"AT": 0}, 0)
    async with database.read(FLEET) as tx:
        grid = TimeGrid(datetime(2024, 1, 8, tzinfo=UTC), 9)
        got = await prices.prices_on(tx, "AT", grid)
        assert await prices.source_on(tx, "AT", grid) == ["file mine.csv"]
    np.testing.assert_array_equal(got, [-5.5] * 4 + [7.0] * 4 + [np.nan])
    with pytest.raises(Invalid, match="no prices of zone 'HU'"):
        await import_prices(database, clock, file, ["HU"])


async def test_weather_of_a_day_back_and_three_ahead(database: Database, clock: Any) -> None:
    place = "48.2,16.4"
    got = await fetch_weather(database, clock, SyntheticWeather("AT"), place)
    assert got.changed == 4 * 96
    assert (await fetch_weather(database, clock, SyntheticWeather("AT"), place)).changed == 0
    async with database.read(FLEET) as tx:
        stored = await weather.weather_on(tx, place, TimeGrid(clock.now, 3 * 96))
    assert not np.isnan(stored.temp_c).any()
    assert not np.isnan(stored.ghi_kw_m2).any()


async def test_a_source_without_values_is_tried_again(database: Database, clock: Any) -> None:
    class Empty:
        label = "empty"

        async def fetch(self, place: str, grid: TimeGrid, now: datetime) -> WeatherRows:
            return WeatherRows(place, grid, np.full(grid.count, np.nan), None, self.label)

    with pytest.raises(TryAgain, match="empty has no weather"):
        await fetch_weather(database, clock, Empty(), "48.2,16.4")


async def test_zones_and_places_are_those_of_connected_pumps(database: Database, org_id: UUID) -> None:
    await add_pump(database, org_id, "AT_HOURLY")
    await add_pump(database, org_id, "DE_LU", active=False)
    await add_pump(database, org_id, "HU", connected=False)
    assert await zones_and_places(database) == (["AT", "DE_LU"], ["48.2,16.4", "50.1,8.7"])
