"""A limit of the grid: shared over connections, in the plan at once, stronger than the sun, and proven."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.domain.jobs import JobName
from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Reason
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import TimeGrid, floor_mtu
from heatfleet.flows import plan as planner
from heatfleet.flows.grid_limits import NewLimit, create, end
from heatfleet.flows.keep import LIMITS_KEPT, tidy
from heatfleet.flows.plan import plan
from heatfleet.flows.steer import steer
from heatfleet.flows.toolbox import Act
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_limits import limits_kw
from heatfleet.store import grid_limits, jobs, plans
from heatfleet.store.audit import Actor
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.thermal.model import ThermalModels
from heatfleet.vendors.kit.grants import SealKeys
from tests.conftest import FakeClock
from tests.flows.test_plan import days_of_prices, pump_with
from tests.flows.test_steer import Fleet, fleet
from tests.store.worlds import small_fleet

__all__ = ["fleet"]
HOUR = timedelta(hours=1)


@pytest.fixture
def act(database: Database, clock: FakeClock, org_id: UUID) -> Act:
    return Act(database, clock, Actor("client:operator"), org_id)


@pytest.fixture
def tools(database: Database, clock: FakeClock) -> Tools:
    return Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]


def asked(act: Act, pumps: Sequence[UUID], limit_w: int, hours: float = 2.0, **more: object) -> NewLimit:
    now = act.clock.fleet_now()
    return replace(NewLimit(limit_w, now, now + hours * HOUR, tuple(pumps)), **more)  # type: ignore[arg-type]


async def building_of(database: Database, pumps: Sequence[UUID]) -> UUID:
    """A building that these heat pumps are put into."""
    building = new_id()
    async with database.write(FLEET) as tx:
        await tx.execute(
            """insert into buildings (id, org_id, user_id, name, created_at, updated_at)
               select $1, org_id, user_id, 'Home', now(), now() from heat_pumps where id = $2""",
            building,
            pumps[0],
        )
        await tx.execute("update heat_pumps set building_id = $1 where id = any($2)", building, list(pumps))
    return building


async def limits(database: Database, pumps: Sequence[UUID], start_at: datetime) -> list[list[float]] | None:
    async with database.read(FLEET) as tx:
        found = await limits_kw(tx, pumps, TimeGrid(start_at, 12))
    return None if found is None else found.tolist()


async def test_a_limit_is_shared_over_connections_and_its_pumps_are_planned(database: Database, act: Act) -> None:
    alone, one, other = await small_fleet(database, act.org_id, act.clock.fleet_now(), 3)
    await building_of(database, [one, other])
    limit_id = await create(act, asked(act, [alone, one], 5000))
    async with database.read(act.org_id) as tx:
        limit = await grid_limits.get(tx, act.org_id, limit_id)
        shares = {share.heat_pump_id: share for share in await grid_limits.shares_of(tx, [limit_id])}
        audited = await tx.fetch("select action, object_kind from audit where object_id = $1", limit_id)
    assert limit is not None
    assert (limit.limit_w, limit.effective_w) == (5000, 8400), "4.2 kW for each of two connections"
    assert (shares[alone].limit_w, shares[one].limit_w, shares[other].limit_w) == (4200, 2100, 2100)
    assert shares[one].connection == shares[other].connection != shares[alone].connection
    assert [tuple(row) for row in audited] == [("create", "grid_limit")]
    waiting = await jobs.claim(database, 9, names=(JobName.PLAN,))
    assert {job.payload["heat_pump_id"] for job in waiting} == {str(alone), str(one), str(other)}


async def test_what_is_on_the_plate_raises_the_floor(database: Database, act: Act) -> None:
    (pump,) = await small_fleet(database, act.org_id, act.clock.fleet_now(), 1)
    limit_id = await create(act, asked(act, [pump], 0, connected_power_w={pump: 15000.0}))
    async with database.read(act.org_id) as tx:
        (share,) = await grid_limits.shares_of(tx, [limit_id])
    assert (share.least_w, share.limit_w) == (6000, 6000)


async def test_a_limit_holds_for_the_quarter_hours_it_touches_and_the_least_of_several_counts(
    database: Database, act: Act, clock: FakeClock
) -> None:
    pump, free = await small_fleet(database, act.org_id, clock.now, 2)
    assert await limits(database, [pump, free], clock.now) is None
    start = floor_mtu(clock.now)
    clock.now = start + timedelta(minutes=20)
    await create(act, asked(act, [pump], 9000, 0.5))
    await create(act, asked(act, [pump], 5000, 0.25))
    found = await limits(database, [pump, free], start)
    assert found is not None
    np.testing.assert_array_equal(found[0], [np.nan, 5.0, 5.0, 9.0] + 8 * [np.nan])
    assert np.isnan(found[1]).all()


async def test_a_limit_that_was_taken_back_limits_nobody(database: Database, act: Act, clock: FakeClock) -> None:
    (pump,) = await small_fleet(database, act.org_id, clock.now, 1)
    limit_id = await create(act, asked(act, [pump], 4200))
    clock.advance(timedelta(minutes=30))
    await end(act, limit_id)
    await end(act, limit_id)
    assert await limits(database, [pump], floor_mtu(clock.now)) is None
    async with database.read(act.org_id) as tx:
        assert await tx.value("select count(*) from audit where action = 'end'") == 1
    with pytest.raises(NotFound):
        await end(act, new_id())


async def test_pumps_of_others_cannot_be_limited(database: Database, act: Act, other_org_id: UUID) -> None:
    (theirs,) = await small_fleet(database, other_org_id, act.clock.fleet_now(), 1)
    with pytest.raises(Invalid):
        await create(act, asked(act, [theirs], 4200))
    building = await building_of(database, [theirs])
    with pytest.raises(Invalid):
        await create(act, asked(act, [], 4200, building_id=building))
    async with database.read(FLEET) as tx:
        assert await tx.value("select count(*) from grid_limits") == 0


async def test_the_plan_keeps_within_the_limit_while_it_holds(
    database: Database, act: Act, clock: FakeClock, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pump that draws much: 5 kW while it heats, of which two behind one connection may have 2.1 each."""
    pump = await pump_with(database, act.org_id, clock.now)
    beside = await pump_with(database, act.org_id, clock.now)
    await building_of(database, [pump, beside])
    await days_of_prices(database, clock.now)
    poor = planner.models_of

    def models_of(*args: object) -> ThermalModels:
        found = poor(*args)  # type: ignore[arg-type]
        response = replace(found.response, cop_foot=np.full(found.count, 1.6), cop_outdoor_per_k=np.zeros(found.count))
        return replace(found, response=response)

    monkeypatch.setattr(planner, "models_of", models_of)

    async def powers() -> list[float]:
        assert pump in await plan(tools, [pump])
        async with database.read(act.org_id) as tx:
            rows = await plans.of_pump(tx, act.org_id, pump, clock.now, clock.now + 2 * HOUR)
        return [row.power_kw for row in rows]

    assert max(await powers()) > 2.2
    limit_id = await create(act, asked(act, [pump], 4200))
    assert max(await powers()) <= 2.1 + 1e-6
    await end(act, limit_id)
    assert max(await powers()) > 2.2


async def test_the_sun_raises_nobody_under_a_limit_and_what_pumps_do_is_noted(fleet: Fleet) -> None:
    async with fleet.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set is_inverter_forced_mode_enabled = true, min_solar_power_w = 1500")
    ((org_id,),) = await fleet.rows("select org_id from heat_pumps")
    act = Act(fleet.database, fleet.clock, Actor("client:operator"), org_id)
    await fleet.planned(SteeringState.LOW, hot_water=False)
    fleet.driver.settings[Channel.GRID_EXPORT_KW] = 3.0
    limit_id = await create(act, asked(act, [fleet.pump], 4200, 1.0))
    await fleet.minutes(5)
    await steer(fleet.tools)
    await steer(fleet.tools)
    assert fleet.driver.settings[Channel.CURVE_OFFSET_K] < 0.0, "as planned"
    async with fleet.database.read(org_id) as tx:
        noted = await grid_limits.evidence(tx, limit_id, None, None, 10)
    at = floor_mtu(fleet.clock.now)
    assert [(one.at, one.limit_w, one.power_w, one.state) for one in noted] == [(at, 4200, 1000, "low")]
    for _ in range(14):
        await fleet.minutes(5)
    await steer(fleet.tools)
    async with fleet.database.read(org_id) as tx:
        assert len(await grid_limits.evidence(tx, limit_id, None, None, 10)) == 1, "the limit is over"
    assert {reason for (reason,) in await fleet.rows("select reason_code from commands")} >= {Reason.SOLAR_SURPLUS}


async def test_the_proof_is_kept_for_two_years(database: Database, act: Act, clock: FakeClock, tools: Tools) -> None:
    (pump,) = await small_fleet(database, act.org_id, clock.now, 1)
    await create(act, asked(act, [pump], 4200))
    clock.advance(timedelta(days=731))
    await tidy(tools)
    async with database.read(FLEET) as tx:
        assert await tx.value("select count(*) from grid_limits") == 1
    clock.advance(LIMITS_KEPT - timedelta(days=730))
    await tidy(tools)
    async with database.read(FLEET) as tx:
        assert await tx.value("select count(*) from grid_limits") == 0
        assert await tx.value("select count(*) from grid_limit_shares") == 0
