"""A home with a roof, from the sandbox's cloud to the Partner API: its surplus raises the pump, then it is expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import numpy as np

from heatfleet.domain.levers import Lever
from heatfleet.domain.plans import Reason
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store.database import Database
from heatfleet.thermal.arrays import Array
from heatfleet.weather.source import WeatherRows
from tests.api_server import Api, key_file, running_api
from tests.conftest import FakeClock
from tests.simulation.world import Air, World, world
from tests.support import FakeVendors

__all__ = ["key_file"]
QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
LEAST_W = 1500
ROOF, NONE = range(2)


def clear(grid: TimeGrid) -> tuple[Array, Array]:
    """Around 4 °C, and every day the same clear sky from 6 to 18 UTC."""
    hours = np.array([at.hour + at.minute / 60 for at in grid])
    ghi_kw_m2 = 0.5 * np.maximum(np.sin((hours - 6.0) / 12.0 * np.pi), 0.0)
    return 4.0 - 3.0 * np.cos((hours - 3.0) / 24.0 * 2 * np.pi), ghi_kw_m2


class ClearSky:
    """What comes is forecast."""

    label = "clear"

    async def fetch(self, place: str, grid: TimeGrid, now: datetime) -> WeatherRows:
        return WeatherRows(place, grid, *clear(grid), self.label)


@dataclass(frozen=True)
class Look:
    """What was seen of the home with the roof at an instant."""

    at: datetime
    is_active: bool
    export_w: float
    setpoint_c: float


async def look_later(fleet: World, api: Api) -> Look:
    """A quarter of an hour on."""
    await fleet.live(QUARTER)
    told = (await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body
    (pump,) = [one for one in told if one["id"] == str(fleet.pumps[ROOF])]
    sql = "select grid_export_kw from telemetry where heat_pump_id = $1 order by at desc limit 1"
    ((export_kw,),) = await fleet.rows(sql, fleet.pumps[ROOF])
    setpoint_c = fleet.settings(ROOF)[Lever.INDOOR_SETPOINT_C]
    return Look(fleet.clock.now, pump["is_inverter_forced_mode_active"], 1000 * export_kw, setpoint_c)


async def test_the_sun_of_a_roof_is_used_and_then_expected(
    database: Database, clock: FakeClock, org_id: UUID, key_file: Path
) -> None:
    async with (
        world(database, clock, org_id, homes=2, air=Air(clear, ClearSky()), seed=19) as fleet,
        running_api(database, clock, org_id, key_file, FakeVendors()) as api,
    ):
        await only_one_has_a_roof(fleet)
        for pump in fleet.pumps:
            await fleet.change(pump, is_inverter_forced_mode_enabled=True, min_solar_power_w=LEAST_W)
        looks = [await look_later(fleet, api) for _ in range(49)]
        await raised_while_the_sun_gives(fleet, looks)
        await given_back_when_it_goes(fleet, looks)
        await fleet.live(2 * DAY)
        await expected_tomorrow(fleet)


async def only_one_has_a_roof(fleet: World) -> None:
    found = await fleet.rows("select id, capabilities from heat_pumps")
    has = {id_: Channel.GRID_EXPORT_KW in capabilities["channels"] for id_, capabilities in found}
    assert [has[pump] for pump in fleet.pumps] == [True, False]


async def raised_while_the_sun_gives(fleet: World, looks: Sequence[Look]) -> None:
    """From the threshold on, and the room's setpoint is above the owner's once the write has reached it."""
    own_c = fleet.cloud.homes.own_settings(ROOF)[Lever.INDOOR_SETPOINT_C]
    first = [one.is_active for one in looks].index(True)
    assert looks[first].export_w >= LEAST_W > max(one.export_w for one in looks[:first])
    assert min(after.setpoint_c for now, after in pairwise(looks) if now.is_active) > own_c
    export_w = {one.at: one.export_w for one in looks}
    sent = await commands_of(fleet, ROOF)
    raised = [at for at, reason in sent if reason == Reason.SOLAR_SURPLUS]
    assert raised
    assert min(export_w[at] for at in raised) >= LEAST_W
    assert Reason.SOLAR_SURPLUS not in {reason for _, reason in await commands_of(fleet, NONE)}


async def given_back_when_it_goes(fleet: World, looks: Sequence[Look]) -> None:
    own_c = fleet.cloud.homes.own_settings(ROOF)[Lever.INDOOR_SETPOINT_C]
    dark = [one for one in looks if one.at.hour >= 18]
    assert dark
    assert not any(one.is_active or one.setpoint_c > own_c for one in dark)
    assert (await commands_of(fleet, ROOF))[-1][1] != Reason.SOLAR_SURPLUS


async def commands_of(fleet: World, home: int) -> list[tuple[datetime, str]]:
    sql = """
        select issued_at, reason_code from commands
        where heat_pump_id = $1 and lever = 'indoor_setpoint_c' order by issued_at"""
    return [(at, reason) for at, reason in await fleet.rows(sql, fleet.pumps[home])]


async def expected_tomorrow(fleet: World) -> None:
    """Its plan counts on tomorrow's sun, and only on the sun; nobody expects any for the home without a roof."""
    sql = "select start_at from plan_steps where heat_pump_id = $1 and start_at > $2 and reason_code = 'solar_surplus'"
    roof, none = [[at for (at,) in await fleet.rows(sql, pump, fleet.clock.now)] for pump in fleet.pumps]
    assert roof
    assert not none
    assert all(6 <= at.hour < 18 for at in roof)
