"""Carbon as a second price: imported once, it moves heat out of dirty hours where it has a price, and only there."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.jobs import JobName
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.flows.fetch import import_carbon
from heatfleet.flows.plan import plan
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.markets.prices_file import load_carbon
from heatfleet.store import jobs, plans, prices
from heatfleet.store.database import FLEET, Database
from heatfleet.store.plans import PlanRow
from heatfleet.vendors.kit.grants import SealKeys
from tests.conftest import FakeClock
from tests.flows.test_plan import pump_with

DAY = timedelta(days=1)
DIRTY = range(15, 21)


@pytest.fixture
def tools(database: Database, clock: FakeClock) -> Tools:
    return Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]


def a_file(folder: Path, clock: FakeClock) -> Path:
    """Hours of three days: 600 g/kWh in the evening, 100 otherwise."""
    start = clock.now.replace(hour=0, minute=0) - DAY
    rows = [f"{start + n * timedelta(hours=1):%Y-%m-%dT%H:%MZ},{600 if n % 24 in DIRTY else 100}" for n in range(96)]
    path = folder / "carbon.csv"
    path.write_text("\n".join(["start_utc,DE_LU [g/kWh]", *rows]), encoding="utf-8")
    return path


async def flat_prices(database: Database, clock: FakeClock) -> None:
    grid = TimeGrid(clock.now - DAY, 4 * 96)
    async with database.write(FLEET) as tx:
        await prices.save(tx, "DE_LU", list(grid), np.full(grid.count, 200.0), "test", clock.now)


async def planned(database: Database, org_id: UUID, pump: UUID, tools: Tools) -> list[PlanRow]:
    assert await plan(tools, [pump]) == [pump]
    async with database.read(org_id) as tx:
        return (await plans.of_pump(tx, org_id, pump, tools.clock.fleet_now(), tools.clock.fleet_now() + DAY))[:96]


async def planned_without_a_price(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools, file: Path
) -> tuple[UUID, list[PlanRow]]:
    """A pump and its plan, with intensities known and no price of theirs."""
    pump = await pump_with(database, org_id, clock.now)
    await flat_prices(database, clock)
    await import_carbon(database, clock, load_carbon(file))
    return pump, await planned(database, org_id, pump, tools)


def in_dirty_hours(rows: list[PlanRow]) -> float:
    """Share of the electricity that is used in them."""
    dirty = sum(row.power_kw for row in rows if row.start_at.hour in DIRTY)
    return dirty / sum(row.power_kw for row in rows)


async def test_a_file_is_stored_once_and_its_pumps_are_planned(
    database: Database, clock: FakeClock, org_id: UUID, tmp_path: Path
) -> None:
    await pump_with(database, org_id, clock.now)
    file = load_carbon(a_file(tmp_path, clock))
    first, again = [await import_carbon(database, clock, file) for _ in range(2)]
    assert (first.zones, first.changed, first.plans) == ({"DE_LU": 4 * 96}, {"DE_LU": 4 * 96}, 1)
    assert (again.changed, again.plans) == ({"DE_LU": 0}, 0)
    assert [job.name for job in await jobs.claim(database, 9, names=(JobName.PLAN,))] == [JobName.PLAN]


async def test_where_carbon_has_a_price_heat_leaves_the_dirty_hours_and_the_price_shown_stays(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools, tmp_path: Path
) -> None:
    pump, free = await planned_without_a_price(database, clock, org_id, tools, a_file(tmp_path, clock))
    async with database.write(FLEET) as tx:
        await tx.execute("update organisations set carbon_price_per_kg = 0.3 where id = $1", org_id)
    priced = await planned(database, org_id, pump, tools)
    assert in_dirty_hours(priced) < 0.8 * in_dirty_hours(free)
    assert {round(row.price or 0.0, 4) for row in [*free, *priced]} == {0.2}


async def test_another_organisations_price_of_carbon_is_not_ours(
    database: Database, clock: FakeClock, org_id: UUID, other_org_id: UUID, tools: Tools, tmp_path: Path
) -> None:
    pump, free = await planned_without_a_price(database, clock, org_id, tools, a_file(tmp_path, clock))
    async with database.write(FLEET) as tx:
        await tx.execute("update organisations set carbon_price_per_kg = 0.3 where id = $1", other_org_id)
    theirs = await pump_with(database, other_org_id, clock.now)
    assert await plan(tools, [pump, theirs]) == sorted([pump, theirs])
    async with database.read(org_id) as tx:
        again = (await plans.of_pump(tx, org_id, pump, clock.now, clock.now + DAY))[:96]
    assert in_dirty_hours(again) > 0.9 * in_dirty_hours(free)


async def test_a_price_without_intensities_changes_nothing(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump = await pump_with(database, org_id, clock.now)
    await flat_prices(database, clock)
    free = await planned(database, org_id, pump, tools)
    async with database.write(FLEET) as tx:
        await tx.execute("update organisations set carbon_price_per_kg = 0.3 where id = $1", org_id)
    assert [row.power_kw for row in await planned(database, org_id, pump, tools)] == [row.power_kw for row in free]
