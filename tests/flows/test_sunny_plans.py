"""What the roof leaves over: the plan sees it coming, steering uses it when it is there."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Reason
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows.plan import plan
from heatfleet.flows.steer import steer
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_homes import load
from heatfleet.store import plans, prices, telemetry, weather
from heatfleet.store.database import FLEET, Database
from heatfleet.store.plans import PlanRow
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.store.weather import WeatherOnGrid
from heatfleet.vendors.kit.grants import SealKeys
from tests.conftest import FakeClock
from tests.flows.test_plan import VALUES, pump_with
from tests.flows.test_steer import Fleet, fleet

__all__ = ["fleet"]
ROOF_KW = 9.0
DAY = timedelta(days=1)


@pytest.fixture
def tools(database: Database, clock: FakeClock) -> Tools:
    return Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]


def sun(at: datetime) -> float:
    """[kW/m²], every day alike."""
    return float(0.6 * max(np.sin((at.hour + at.minute / 60 - 6) / 12 * np.pi), 0.0))


async def sunny_days(database: Database, now: datetime, pump: UUID, org_id: UUID) -> None:
    """Ten days of sun and export behind, two of sun ahead; every hour costs the same."""
    grid = TimeGrid(now - 10 * DAY, 12 * 96)
    ghi = np.array([sun(at) for at in grid])
    async with database.write(FLEET) as tx:
        loaded = await load(tx, [pump], only_optimised=True)
        place = outlook.place_of_site(loaded.sites[pump])
        await weather.save(tx, place, grid, WeatherOnGrid(np.full(grid.count, 6.0), ghi), "test", now)
        await prices.save(tx, "DE_LU", list(grid), np.full(grid.count, 90.0), "test", now)
        seen = [at for at in grid if at < now]
        rows = [
            TelemetryRow(pump, org_id, at, at, VALUES | {Channel.GRID_EXPORT_KW: ROOF_KW * sun(at) - 1.0})
            for at in seen
        ]
        await telemetry.ensure_weeks(tx, grid.start_at, grid.end_at)
        await telemetry.save(tx, rows)


async def planned(database: Database, org_id: UUID, pump: UUID, now: datetime) -> list[PlanRow]:
    async with database.read(org_id) as tx:
        return await plans.of_pump(tx, org_id, pump, now, now + 2 * DAY)


async def test_a_plan_heats_while_the_roof_is_expected_to_give(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    clock.now = clock.now.replace(hour=0, minute=0)
    pump = await pump_with(database, org_id, clock.now, is_inverter_forced_mode_enabled=True, min_solar_power_w=2000)
    await sunny_days(database, clock.now, pump, org_id)
    assert await plan(tools, [pump]) == [pump]
    rows = await planned(database, org_id, pump, clock.now)
    noon = [row for row in rows if sun(row.start_at) * ROOF_KW - 1.0 > 3.0]
    dark = [row for row in rows if sun(row.start_at) == 0.0]
    assert Reason.SOLAR_SURPLUS in {row.reason_code for row in noon}
    assert Reason.SOLAR_SURPLUS not in {row.reason_code for row in dark}
    assert max(row.price or 0.0 for row in noon) < 0.5 * min(row.price or 0.0 for row in dark)
    async with database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set is_inverter_forced_mode_enabled = false")
    assert await plan(tools, [pump]) == [pump]
    sunny = {row.start_at for row in noon}
    without = [row for row in await planned(database, org_id, pump, clock.now) if row.start_at in sunny]
    assert sum(row.power_kw for row in noon) > 1.1 * sum(row.power_kw for row in without)


@pytest.mark.parametrize("wanted", [True, False])
async def test_an_owner_who_does_not_want_it_pays_the_same_at_noon(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools, wanted: bool
) -> None:
    """Nor one whose roof leaves less than what is asked for."""
    pump = await pump_with(
        database, org_id, clock.now, is_inverter_forced_mode_enabled=wanted, min_solar_power_w=9000 if wanted else 100
    )
    await sunny_days(database, clock.now, pump, org_id)
    assert await plan(tools, [pump]) == [pump]
    rows = await planned(database, org_id, pump, clock.now)
    assert {round(row.price or 0.0, 6) for row in rows} == {0.09}


async def test_a_measured_surplus_raises_the_pump_and_its_end_gives_it_back(fleet: Fleet) -> None:
    """Through the vendor's lever, whatever the plan says of the hour."""
    async with fleet.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set is_inverter_forced_mode_enabled = true, min_solar_power_w = 1500")
    await fleet.planned(SteeringState.LOW, hot_water=False)
    fleet.driver.settings[Channel.GRID_EXPORT_KW] = 1.6
    await fleet.minutes(5)
    await steer(fleet.tools)
    assert fleet.driver.settings[Channel.CURVE_OFFSET_K] > 0.0
    assert await fleet.rows("select current_state from heat_pumps") == [("max",)]
    assert {reason for (reason,) in await fleet.rows("select reason_code from commands")} == {Reason.SOLAR_SURPLUS}
    fleet.driver.settings[Channel.GRID_EXPORT_KW] = 0.0
    for _ in range(4):
        await fleet.minutes(5)
    await steer(fleet.tools)
    assert fleet.driver.settings[Channel.CURVE_OFFSET_K] < 0.0, "as planned"
