"""Some virtual summer days of a small fleet: rooms are cooled, pools heated, and everything is given back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np

from heatfleet.domain.levers import DHW_LEVERS, Lever
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.flows.release import count_owed, release_all
from heatfleet.store.database import Database
from heatfleet.thermal.arrays import Array
from heatfleet.weather.source import WeatherRows
from tests.conftest import FakeClock
from tests.simulation.world import Air, World, world

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HOMES = 6
COOLING = 5  # operational mode
FEW_READINGS = 2  # a quarter-hour of cooling or heating makes no day of it
OWNERS = (Lever.COOLING_SETPOINT_C, Lever.POOL_SETPOINT_C, Lever.INDOOR_SETPOINT_C, Lever.CURVE_OFFSET_K)


@dataclass(frozen=True)
class HotThenMild:
    """Days of 26 °C and sun, then 16 °C under clouds; told as it comes."""

    mild_from: datetime
    label: str = "made up"

    def air(self, grid: TimeGrid) -> tuple[Array, Array]:
        """Outdoor temperature [°C] and sun [kW/m²], (step,)."""
        hour = np.array([at.hour + at.minute / 60 for at in grid])
        is_hot = np.array([at < self.mild_from for at in grid])
        swing, sun = -5.0 * np.cos((hour - 3.0) / 12.0 * np.pi), np.maximum(0.0, np.cos((hour - 12.0) / 4.0))
        return np.where(is_hot, 26.0, 16.0) + swing, np.where(is_hot, 0.7, 0.1) * sun

    async def fetch(self, place: str, grid: TimeGrid, now: datetime) -> WeatherRows:
        """The same, whoever asks."""
        temp_c, sun = self.air(grid)
        return WeatherRows(place, grid, temp_c, sun, self.label)


async def test_summer_days(database: Database, clock: FakeClock, org_id: UUID) -> None:
    air = HotThenMild(clock.now + 2 * DAY)
    async with world(database, clock, org_id, HOMES, Air(air.air, air)) as fleet:
        own = [fleet.settings(home) for home in range(HOMES)]
        for pump in fleet.pumps:
            await fleet.change(pump, is_space_cooling_enabled=True, is_pool_heating_enabled=True)
        await fleet.live(2 * DAY)
        await rooms_are_cooled(fleet)
        await fleet.live(2 * DAY)
        await pools_are_heated(fleet)
        await never_both_in_one_day(fleet)
        for pump in fleet.pumps:
            await fleet.change(pump, is_smart_optimization_active=False)
        await release_all(fleet.tools)
        await fleet.live(2 * HOUR)
        assert await count_owed(fleet.tools) == 0
        assert [{lever: fleet.settings(home)[lever] for lever in OWNERS} for home in range(HOMES)] == [
            {lever: one[lever] for lever in OWNERS} for one in own
        ]


async def rooms_are_cooled(fleet: World) -> None:
    """By their own setpoint, confirmed; whoever cannot is not asked."""
    rows = await fleet.rows("select heat_pump_id, count(*) from commands where lever = 'cooling_setpoint_c' group by 1")
    asked = {fleet.pumps.index(row[0]) for row in rows}
    can = {home for home in range(HOMES) if fleet.cloud.homes.has(home, Lever.COOLING_SETPOINT_C)}
    assert asked
    assert asked <= can
    status = await fleet.rows("select distinct status from commands where lever = 'cooling_setpoint_c'")
    assert {row[0] for row in status} <= {"confirmed", "sent", "accepted"}
    assert await fleet.rows("select 1 from plan_steps where cooling and reason_code <> 'steady'")


async def pools_are_heated(fleet: World) -> None:
    raised = "select 1 from commands where lever = 'pool_setpoint_c' and purpose = 'pool' and value > previous_value"
    assert await fleet.rows(raised)
    assert not await fleet.rows("select 1 from plan_steps where pool_heating and hot_water")
    assert await fleet.rows("select 1 from telemetry where mode = 6"), "and the pump did"


async def never_both_in_one_day(fleet: World) -> None:
    """No pump heated and cooled within a day, and none was asked for the one within a day of doing the other."""
    did: dict[tuple[UUID, bool], list[datetime]] = defaultdict(list)
    for pump, at, mode in await fleet.rows("select heat_pump_id, at, mode from telemetry where mode in (2, 5)"):
        did[pump, mode == COOLING].append(at)
    assert any(cooled for _, cooled in did)
    for (pump, cooled), times in did.items():
        assert not [at for at in did.get((pump, not cooled), ()) if _lately(times, at)]
    for pump, at, lever in await fleet.rows(
        "select heat_pump_id, issued_at, lever from commands where purpose = 'steer'"
    ):
        if lever in DHW_LEVERS:
            continue
        other = _lately(did[pump, lever != Lever.COOLING_SETPOINT_C], at)
        assert len(other) <= FEW_READINGS, f"{lever} moved at {at}, the pump did otherwise at {other}"


def _lately(times: list[datetime], until: datetime) -> list[datetime]:
    return [at for at in times if until - DAY < at <= until]
