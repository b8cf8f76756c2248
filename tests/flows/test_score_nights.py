"""Yesterday is weighed at night, and after a week there is a score."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import TimeGrid, day_of, local_midnight
from heatfleet.flows.score import score, score_tonight
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import heat_pump_views, prices, scores, telemetry
from heatfleet.store.database import FLEET, Database
from heatfleet.store.heat_pump_views import HeatPumpFilter
from heatfleet.store.scores import ScoreDay
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.vendors.kit.grants import SealKeys
from tests.conftest import FakeClock
from tests.store.worlds import small_fleet

ZONE = zone_time("DE_LU")
DAY = timedelta(days=1)


@pytest.fixture
def tools(database: Database, clock: FakeClock) -> Tools:
    return Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]


def price_at(at: datetime) -> float:
    return 450.0 if at.hour in range(16, 21) else 60.0


def lived(pump: UUID, org_id: UUID, grid: TimeGrid, *, is_steered: bool) -> list[TelemetryRow]:
    """Telemetry of a house that heats more before the dear hours and less in them, if it is steered."""
    rows, energy = [], 0.0
    for at in grid:
        early, dear = at.hour in range(12, 16), at.hour in range(16, 21)
        shift = (2.0 if early else -2.0 if dear else 0.0) if is_steered else 0.0
        power = 1.0 + 0.3 * shift
        energy += power / 4
        values = {
            Channel.INDOOR_TEMP_C: 21.0, Channel.OUTDOOR_TEMP_C: 2.0, Channel.POWER_KW: power, Channel.MODE: 2.0,
            Channel.ENERGY_KWH: 100.0 + energy, Channel.HEAT_KWH: 300.0 + 3.5 * energy, Channel.CURVE_OFFSET_K: shift,
            Channel.INDOOR_SETPOINT_C: 21.0,
        }  # fmt: skip
        rows.append(TelemetryRow(pump, org_id, at, at, values))
    return rows


async def world(database: Database, clock: FakeClock, org_id: UUID, *, is_steered: bool) -> tuple[UUID, datetime]:
    """A pump with a week behind it, and when its day began."""
    (pump,) = await small_fleet(database, org_id, clock.now, 1)
    midnight = local_midnight(day_of(clock.now, ZONE), ZONE)
    grid = TimeGrid(midnight - 9 * DAY, 9 * 96 + 24)
    async with database.write(FLEET) as tx:
        await telemetry.ensure_weeks(tx, grid.start_at, grid.end_at)
        await prices.save(tx, "DE_LU", list(grid), np.array([price_at(at) for at in grid]), "test", clock.now)
        await telemetry.save(tx, lived(pump, org_id, grid, is_steered=is_steered))
        # The lever as it stands now: the owner's own.
        await telemetry.save(
            tx,
            [
                TelemetryRow(
                    pump,
                    org_id,
                    grid.end_at,
                    grid.end_at,
                    {Channel.CURVE_OFFSET_K: 0.0, Channel.INDOOR_SETPOINT_C: 21.0},
                )
            ],
        )
    return pump, midnight


async def shown(database: Database, org_id: UUID) -> float | None:
    async with database.read(org_id) as tx:
        (view,) = await heat_pump_views.find(tx, org_id, HeatPumpFilter())
    return view.optimization_score


async def days(database: Database, org_id: UUID, pump: UUID) -> list[ScoreDay]:
    async with database.read(org_id) as tx:
        return await scores.days_since(tx, [pump], datetime(2000, 1, 1).date())


@pytest.mark.parametrize("is_steered", [True, False])
async def test_a_week_well_steered_has_a_score_and_one_left_alone_has_nothing(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools, is_steered: bool
) -> None:
    pump, midnight = await world(database, clock, org_id, is_steered=is_steered)
    for back in range(6, 0, -1):
        assert await score(tools, [pump], midnight - back * DAY) == [pump]
        assert (await shown(database, org_id) is None) == (back > 1), "null before there is a week"
    await score(tools, [pump], midnight)
    found = await shown(database, org_id)
    assert found is not None
    assert found > 20.0 if is_steered else found < 5.0
    assert len(await days(database, org_id, pump)) == 7
    await score(tools, [pump], midnight)
    assert len(await days(database, org_id, pump)) == 7, "a night may come twice"


async def test_homes_take_turns_and_one_given_back_has_no_score(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump, midnight = await world(database, clock, org_id, is_steered=True)
    clock.now = midnight
    turns = []
    for _ in range(7):
        turns.append(await score_tonight(tools))
        clock.advance(timedelta(hours=1))
    assert sum(turns) == 1
    async with database.write(FLEET) as tx:
        await scores.save_scores(tx, {pump: 71.0})
    assert await shown(database, org_id) == 71.0
    async with database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set is_smart_optimization_active = false")
    assert await score(tools, [pump], midnight) == []
    await score_tonight(tools)
    assert await shown(database, org_id) is None


async def test_without_prices_or_readings_nothing_is_weighed(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    pump, midnight = await world(database, clock, org_id, is_steered=True)
    assert await score(tools, [pump], midnight - 30 * DAY) == []
    async with database.write(FLEET) as tx:
        await tx.execute("delete from telemetry where at >= $1 and at < $2", midnight - DAY, midnight)
    await score(tools, [pump], midnight)
    (day,) = await days(database, org_id, pump)
    assert day.known_share == 0.0


async def test_no_organisation_sees_another(
    database: Database, clock: FakeClock, org_id: UUID, other_org_id: UUID, tools: Tools
) -> None:
    pump, midnight = await world(database, clock, org_id, is_steered=True)
    await score(tools, [pump], midnight)
    assert len(await days(database, org_id, pump)) == 1
    assert await days(database, other_org_id, pump) == []
