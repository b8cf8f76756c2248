"""Some virtual days of a small fleet with faults: whatever happens, the promises hold."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import timedelta
from uuid import UUID

import pytest

from heatfleet.domain.jobs import JobName
from heatfleet.domain.levers import Lever
from heatfleet.flows.release import count_owed, release_all
from heatfleet.store import jobs
from heatfleet.store.database import FLEET, Database
from heatfleet.vendors.kit.emulation.faults import Fault
from heatfleet.vendors.sandbox.emulator import device_id
from tests.conftest import FakeClock
from tests.simulation.world import Killed, World, world

HOUR = timedelta(hours=1)
ROOM, CURVE, READY, EXTRA = range(4)
MOVED = {
    ROOM: (Lever.INDOOR_SETPOINT_C, Lever.DHW_SETPOINT_C, Lever.DHW_BOOST),
    CURVE: (Lever.CURVE_OFFSET_K, Lever.DHW_SETPOINT_C, Lever.DHW_BOOST),
    READY: (Lever.SG_READY_STATE, Lever.DHW_SETPOINT_C),
}


async def test_two_virtual_days_with_faults(
    database: Database, clock: FakeClock, org_id: UUID, other_org_id: UUID
) -> None:
    async with world(database, clock, org_id, homes=4) as fleet:
        await fleet.live(3 * HOUR)
        await connected_and_steered(fleet)
        await the_cloud_stumbles(fleet)
        await the_owner_takes_over(fleet)
        await a_pause_is_kept(fleet)
        await a_worker_dies_between_write_and_receipt(fleet)
        await a_pump_vanishes(fleet)
        await fleet.live(12 * HOUR)
        await promises_hold(fleet)
        await nobody_else_sees_anything(fleet, other_org_id)
        await consent_is_withdrawn_and_given_again(fleet)
        await optimisation_is_switched_off(fleet)
        await a_pump_is_deleted(fleet)
        await everything_is_given_back(fleet)
        await promises_hold(fleet)


async def connected_and_steered(fleet: World) -> None:
    states = await fleet.rows("select control_state, connection_status, monitoring_status from heat_pumps")
    assert {tuple(row) for row in states} == {("steering", "ok", "ok")}
    assert await fleet.rows("select 1 from commands where status = 'confirmed'")
    assert not await fleet.rows("select 1 from commands where status = 'unconfirmed'")
    (count,) = (await fleet.rows("select count(*) from plan_steps"))[0]
    assert count >= 4 * 96


async def the_cloud_stumbles(fleet: World) -> None:
    """Expired tokens, 429, 5xx, cut connections and nonsense are survived; the statuses are good again afterwards."""
    for fault, times in ((Fault.TOKEN_EXPIRED, 1), (Fault.TOO_MANY, 2), (Fault.HTML_502, 4), (Fault.NONSENSE, 1)):
        fleet.cloud.faults.next(fault, times)
        await fleet.live(HOUR / 2)
    fleet.cloud.faults.next(Fault.CUT, 5)
    await fleet.live(HOUR)
    fleet.cloud.faults.clear()
    await fleet.live(2 * HOUR)
    states = await fleet.rows("select connection_status, lifecycle_state from heat_pumps")
    assert {tuple(row) for row in states} == {("ok", "authenticated")}
    assert not await fleet.rows("select 1 from cues")


async def the_owner_takes_over(fleet: World) -> None:
    """A setting changed by hand becomes the new baseline, and that lever is left alone for twelve hours."""
    pump = fleet.pumps[ROOM]
    ours = (
        "select 1 from baselines where heat_pump_id = $1 and lever = 'indoor_setpoint_c' and written_value <> own_value"
    )
    while not await fleet.rows(ours, pump):
        await fleet.live(HOUR / 4)
    await fleet.live(HOUR / 6)
    fleet.cloud.owner_sets(device_id(ROOM), Lever.INDOOR_SETPOINT_C, 19.0)
    await fleet.live(HOUR)
    taken_at = fleet.clock.now
    await fleet.live(4 * HOUR)
    assert fleet.settings(ROOM)[Lever.INDOOR_SETPOINT_C] == 19.0
    later = "select 1 from commands where heat_pump_id = $1 and lever = 'indoor_setpoint_c' and issued_at > $2"
    assert not await fleet.rows(later, pump, taken_at)


async def a_pause_is_kept(fleet: World) -> None:
    """While paused nothing is raised and no water is heated by us; the pause ends by itself."""
    pump, since = fleet.pumps[CURVE], fleet.clock.now
    await fleet.change(pump, is_pause_power_active=True, pause_power_until=since + 2 * HOUR)
    await ask(fleet, JobName.PLAN, pump)
    await fleet.live(2 * HOUR - timedelta(minutes=1))
    (state,) = await fleet.rows("select control_state, current_state from heat_pumps where id = $1", pump)
    assert tuple(state) == ("paused", "min")
    sent = "select lever, value from commands where heat_pump_id = $1 and issued_at > $2 and purpose <> 'release'"
    assert all(value <= {"curve_offset_k": -2, "dhw_setpoint_c": 35, "dhw_boost": 0}[lever]
               for lever, value in await fleet.rows(sent, pump, since))  # fmt: skip
    assert fleet.settings(CURVE)[Lever.CURVE_OFFSET_K] == -2
    await fleet.live(HOUR)
    (after,) = await fleet.rows("select is_pause_power_active, control_state from heat_pumps where id = $1", pump)
    assert tuple(after) == (False, "steering")


async def a_worker_dies_between_write_and_receipt(fleet: World) -> None:
    """The command is known before it is sent: the next reading confirms it, nothing is written twice."""
    fragile = fleet.vendors.made["sandbox"]
    fragile.kill_after_write = True
    with pytest.raises(Killed):
        await fleet.live(12 * HOUR)
    lost = await fleet.rows("select id from commands where status = 'sent'")
    assert lost
    await fleet.live(HOUR)
    (settled,) = await fleet.rows("select status, receipt from commands where id = $1", lost[0][0])
    assert settled[0] in {"confirmed", "overridden"}
    assert settled[1] is None


async def a_pump_vanishes(fleet: World) -> None:
    """The others go on; the lost one says why."""
    fleet.cloud.remove_device(device_id(EXTRA))
    await fleet.live(3 * HOUR)
    sql = "select connection_status, lifecycle_error, control_state from heat_pumps where id = $1"
    (gone,) = await fleet.rows(sql, fleet.pumps[EXTRA])
    assert tuple(gone) == ("error", "device_gone", "lost")
    (other,) = await fleet.rows(sql, fleet.pumps[ROOM])
    assert tuple(other)[:2] == ("ok", None)


async def consent_is_withdrawn_and_given_again(fleet: World) -> None:
    """One cue per pump and incident; what is owed stays owed until somebody signs in again."""
    grants = await fleet.rows("select id, grant_sealed from connections")
    fleet.cloud.revoke_all()
    await fleet.live(4 * HOUR)
    cues = await fleet.rows("select heat_pump_id, count(*) from cues where state = 'active' group by 1")
    assert {count for _, count in cues} == {1}
    states = await fleet.rows("select control_state, connection_status, lifecycle_state from heat_pumps")
    assert {tuple(row) for row in states} == {("lost", "error", "error")}
    owed = await count_owed(fleet.tools)
    await fleet.live(HOUR)
    assert await count_owed(fleet.tools) == owed
    assert len(grants) == 1
    await fleet.sign_in_again(grants[0][0])
    await fleet.live(2 * HOUR)
    assert not await fleet.rows("select 1 from cues where state = 'active' and heat_pump_id <> $1", fleet.pumps[EXTRA])


async def optimisation_is_switched_off(fleet: World) -> None:
    pump = fleet.pumps[CURVE]
    await fleet.change(pump, is_smart_optimization_active=False)
    await ask(fleet, JobName.RELEASE, pump)
    await fleet.live(HOUR)
    assert_owners(fleet, CURVE)
    (state,) = await fleet.rows("select control_state, current_state from heat_pumps where id = $1", pump)
    assert tuple(state) == ("observing", None)


async def a_pump_is_deleted(fleet: World) -> None:
    pump = fleet.pumps[READY]
    await fleet.change(pump, is_smart_optimization_active=False, deleted_at=fleet.clock.now)
    await ask(fleet, JobName.RELEASE, pump)
    await fleet.live(HOUR)
    assert_owners(fleet, READY)
    assert not await fleet.rows("select 1 from polls where heat_pump_id = $1", pump)


async def everything_is_given_back(fleet: World) -> None:
    """A planned stop: all pumps that can be reached are back at their owners' settings, seen."""
    await release_all(fleet.tools, switch_off=True)
    await fleet.live(HOUR)
    owed = await fleet.rows("select distinct heat_pump_id from baselines where release_owed_since is not null")
    assert {row[0] for row in owed} <= {fleet.pumps[EXTRA]}, "only the pump nobody can reach is still owed"
    assert fleet.settings(ROOM)[Lever.INDOOR_SETPOINT_C] == 19.0, "the owner's later choice counts"
    assert_owners(fleet, ROOM, but=Lever.INDOOR_SETPOINT_C)


def assert_owners(fleet: World, home: int, but: Lever | None = None) -> None:
    own, now = fleet.cloud.homes.own_settings(home), fleet.settings(home)
    assert {lever: now[lever] for lever in MOVED[home] if lever is not but} == {
        lever: own[lever] for lever in MOVED[home] if lever is not but
    }


async def promises_hold(fleet: World) -> None:
    assert not await fleet.rows("select 1 from commands where ends_at <= issued_at")
    assert not await fleet.rows("select 1 from commands where ends_at > issued_at + interval '2 hours'")
    await dwell_is_kept(fleet)
    await blocks_are_short(fleet)
    await tanks_are_not_held_cold(fleet)


async def dwell_is_kept(fleet: World) -> None:
    """Between two changes of a lever lie 15 minutes; only a release may come sooner."""
    last = {}
    sql = "select heat_pump_id, lever, issued_at, purpose, reason_code from commands order by issued_at"
    for pump, lever, at, purpose, _ in await fleet.rows(sql):
        if purpose != "release" and (pump, lever) in last:
            assert at - last[pump, lever] >= timedelta(minutes=14), (pump, lever, at)
        last[pump, lever] = at
    day = """
        select heat_pump_id, lever, date_trunc('day', issued_at), count(*) from commands
        where purpose <> 'release' group by 1, 2, 3"""
    assert all(row[3] <= 24 for row in await fleet.rows(day))


async def blocks_are_short(fleet: World) -> None:
    """SG-Ready 1 is never read back for more than two hours in a row (and the time between two polls)."""
    since = None
    sql = "select at, sg_ready_state from telemetry where heat_pump_id = $1 and sg_ready_state is not null order by at"
    for at, state in await fleet.rows(sql, fleet.pumps[READY]):
        since = (since or at) if state == 1 else None
        assert since is None or at - since <= timedelta(hours=2, minutes=15)


async def tanks_are_not_held_cold(fleet: World) -> None:
    """Below the minimum our setting never keeps a pump from charging for two quarter-hours in a row."""
    cold: dict[UUID, int] = defaultdict(int)
    sql = """
        select heat_pump_id, at, dhw_temp_c, dhw_setpoint_c from telemetry t join heat_pumps h on h.id = t.heat_pump_id
        where not exists (select from commands c where c.heat_pump_id = t.heat_pump_id and c.reason_code = 'pause'
          and t.at between c.issued_at - interval '1 hour' and c.issued_at + interval '4 hours') order by at"""
    own = {p: fleet.cloud.homes.own_settings(n)[Lever.DHW_SETPOINT_C] for n, p in enumerate(fleet.pumps)}
    for pump, at, tank_c, setpoint_c in await fleet.rows(sql):
        is_held = tank_c is not None and tank_c < 44.5 and setpoint_c is not None and setpoint_c < own[pump]
        cold[pump] = cold[pump] + 1 if is_held else 0
        assert cold[pump] <= 3, (pump, at, tank_c, setpoint_c)


async def nobody_else_sees_anything(fleet: World, other_org_id: UUID) -> None:
    tables = (
        "heat_pumps",
        "commands",
        "telemetry",
        "plan_steps",
        "baselines",
        "polls",
        "device_latest",
        "energy_hours",
        "score_days",
        "grid_limits",
        "grid_limit_shares",
        "grid_limit_evidence",
    )
    async with fleet.database.read(other_org_id) as tx:
        for table in tables:
            assert await tx.value(f"select count(*) from {table}") == 0, table
    async with fleet.database.read(fleet.org_id) as tx:
        assert await tx.value("select count(*) from commands") > 0


async def ask(fleet: World, name: JobName, pump: UUID) -> None:
    """The job that the API's flow would put in."""
    async with fleet.database.write(FLEET) as tx:
        await jobs.enqueue(tx, name, {"org_id": str(fleet.org_id), "heat_pump_id": str(pump)})


async def test_two_workers_share_the_work(database: Database, clock: FakeClock, org_id: UUID) -> None:
    """Side by side they poll everything once and send nothing twice."""
    async with world(database, clock, org_id) as fleet:
        other = fleet.another_worker()
        for _ in range(8):
            await asyncio.gather(fleet.worker.run_due(), other.run_due())
            clock.advance(timedelta(minutes=15))
        twice = """
            select heat_pump_id, lever, issued_at from commands group by 1, 2, 3 having count(*) > 1"""
        assert not await fleet.rows(twice)
        (polled,) = (await fleet.rows("select count(*) from telemetry"))[0]
        assert polled >= 3 * 7
