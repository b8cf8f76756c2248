"""What the worker keeps: due-table, telemetry, plans, baselines, commands, models."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Plan, PlanStep, Reason, TankAim
from heatfleet.domain.readings import Channel, OperationalMode
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.store import (
    baselines,
    blocks,
    commands,
    connections,
    models,
    plans,
    polls,
    pump_states,
    telemetry,
    timetable,
)
from heatfleet.store.baselines import Moved, Seen
from heatfleet.store.commands import Command, Outcome
from heatfleet.store.connections import Lost
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.store.models import NewModel
from heatfleet.store.polls import PollDone
from heatfleet.store.telemetry import EnergyHour, TelemetryRow
from tests.conftest import FakeClock
from tests.store.worlds import add_pump, add_user, small_fleet

MINUTE = timedelta(minutes=1)


async def write(database: Database, call: Callable[..., Awaitable[Any]], *args: Any) -> Any:
    async with database.write(FLEET) as tx:
        return await call(tx, *args)


async def test_a_poll_is_leased_once_and_due_again_later(database: Database, clock: FakeClock, org_id: UUID) -> None:
    ids = await small_fleet(database, org_id, clock.now, 3)
    first = await write(database, polls.lease, clock.now, clock.now, 2)
    second = await write(database, polls.lease, clock.now, clock.now, 9)
    assert (len(first), len(second)) == (2, 1)
    assert await write(database, polls.lease, clock.now, clock.now, 9) == []
    later = clock.now + 5 * MINUTE
    await write(database, polls.settle, [PollDone(one.heat_pump_id, later, 0, clock.now) for one in first])
    assert await write(database, polls.next_due_at, clock.now) == later
    assert len(await write(database, polls.lease, clock.now, clock.now + polls.LEASE + MINUTE, 9)) == 1, "lease ended"
    await write(database, polls.bring_forward, [(first[0].heat_pump_id, later - MINUTE)])
    due = await write(database, polls.of_pumps, ids)
    assert due[first[0].heat_pump_id].due_at == later - MINUTE


async def test_a_task_is_leased_by_one_worker(database: Database, clock: FakeClock) -> None:
    await write(database, timetable.add, {"steer": clock.now})
    await write(database, timetable.add, {"steer": clock.now + MINUTE, "learn": clock.now + MINUTE})
    assert await write(database, timetable.lease, clock.now, clock.now) == {"steer": clock.now}
    assert await write(database, timetable.lease, clock.now, clock.now) == {}
    assert await write(database, timetable.next_due_at, clock.now) == clock.now + MINUTE
    await write(database, timetable.done, "steer", clock.now + MTU)
    assert await write(database, timetable.next_due_at, clock.now + 20 * MINUTE) == clock.now + MINUTE


def row(pump: UUID, org_id: UUID, at: datetime, values: dict[Channel, float], **other: Any) -> TelemetryRow:
    return TelemetryRow(pump, org_id, at, at, values, **other)


async def test_telemetry_keeps_the_newest_value_of_every_channel(
    database: Database, clock: FakeClock, org_id: UUID
) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    first = row(pump, org_id, clock.now, {Channel.INDOOR_TEMP_C: 21.0, Channel.DHW_TEMP_C: 48.0})
    await write(database, telemetry.save, [first])
    await write(database, telemetry.save, [first])
    then = clock.now + 5 * MINUTE
    stale = telemetry.mask([Channel.DHW_TEMP_C])
    await write(database, telemetry.save, [row(pump, org_id, then, {Channel.POWER_KW: 1.5}, stale=stale)])
    await write(database, telemetry.save, [row(pump, org_id, clock.now + MINUTE, {Channel.INDOOR_TEMP_C: 9.0})])
    newest = (await write(database, telemetry.latest, [pump]))[pump]
    assert newest.at == then
    assert newest.values == {Channel.INDOOR_TEMP_C: 21.0, Channel.POWER_KW: 1.5}
    async with database.read(FLEET) as tx:
        assert await tx.value("select count(*) from telemetry") == 3


async def test_energy_adds_up_by_the_hour(database: Database, clock: FakeClock, org_id: UUID) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    await write(database, telemetry.save, [row(pump, org_id, clock.now, {Channel.POWER_KW: 1.0})])
    hours = [EnergyHour(pump, org_id, clock.now - timedelta(hours=h), 1.0, "measured") for h in (0, 0, 30, 200, 900)]
    await write(database, telemetry.add_energy, hours)
    await write(database, telemetry.add_energy, [EnergyHour(pump, org_id, clock.now, 0.5, "estimated")])
    assert await write(database, telemetry.refresh_consumption, clock.now) == 1
    async with database.read(org_id) as tx:
        found = await tx.row(
            "select consumption_last_day_kwh, consumption_last_week_kwh, consumption_last_month_kwh from device_latest"
        )
        assert tuple(found or ()) == (2.5, 3.5, 4.5)
        quality = await tx.value("select quality from energy_hours where hour_at = $1", clock.now)
        assert quality == "estimated"


async def test_a_block_is_arrays_by_home_and_step(database: Database, clock: FakeClock, org_id: UUID) -> None:
    ids = await small_fleet(database, org_id, clock.now, 2)
    values = [{Channel.INDOOR_TEMP_C: 20.0 + n, Channel.ENERGY_KWH: 5.0 + n, Channel.MODE: 3.0} for n in range(4)]
    rows = [row(ids[1], org_id, clock.now + 5 * n * MINUTE, values[n]) for n in range(4)]
    await write(database, telemetry.save, rows)
    async with database.read(FLEET) as tx:
        block = await blocks.block(tx, ids, TimeGrid(clock.now, 3))
    indoor = block.channels[Channel.INDOOR_TEMP_C]
    assert indoor.shape == (2, 3)
    assert np.isnan(indoor[0]).all()
    assert indoor[1, :2].tolist() == [21.0, 23.0]
    assert block.channels[Channel.ENERGY_KWH][1, :2].tolist() == [7.0, 8.0]
    assert block.shares[OperationalMode.HOT_WATER][1, 0] == 1.0


def plan(start_at: datetime, count: int, policy_version: int = 1) -> Plan:
    steps = [
        PlanStep(start_at + n * MTU, SteeringState.LOW, n == 1, 1.0, 21.0, 48.0, 0.3, Reason.CHEAP_NOW)
        for n in range(count)
    ]
    return Plan(tuple(steps), start_at, 1, policy_version)


async def test_a_plan_replaces_from_its_first_step_on_and_only_for_its_own_policy(
    database: Database, clock: FakeClock, org_id: UUID
) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    assert await write(database, plans.replace, {pump: plan(clock.now, 8)}) == [pump]
    assert await write(database, plans.replace, {pump: plan(clock.now + 4 * MTU, 2)}) == [pump]
    assert await write(database, plans.replace, {pump: plan(clock.now, 8, policy_version=2)}) == []
    async with database.read(org_id) as tx:
        rows = await plans.of_pump(tx, org_id, pump, clock.now, clock.now + timedelta(days=1))
        assert [r.start_at for r in rows] == [clock.now + n * MTU for n in range(6)]
        step = (await plans.in_force(tx, [pump], clock.now + MTU + MINUTE))[pump]
    assert (step.state, step.hot_water, step.reason) == (SteeringState.LOW, True, Reason.CHEAP_NOW)


async def test_a_planned_tank_is_read_back_as_it_was_wanted(database: Database, clock: FakeClock, org_id: UUID) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    aims = (TankAim(47.5, None), TankAim(None, 49.0), TankAim(None, None), None)
    made = plan(clock.now, len(aims))
    steps = tuple(replace(step, tank=aim) for step, aim in zip(made.steps, aims, strict=True))
    await write(database, plans.replace, {pump: replace(made, steps=steps)})
    async with database.read(org_id) as tx:
        found = [(await plans.in_force(tx, [pump], clock.now + n * MTU))[pump].tank for n in range(len(aims))]
    assert found == list(aims)


def moved(pump: UUID, org_id: UUID, at: datetime, value: float, own: float = 21.0) -> Moved:
    return Moved(pump, org_id, "indoor_setpoint_c", own, value, at, at + 5 * MINUTE, at + 60 * MINUTE, 1)


async def test_the_first_own_value_counts_until_it_was_seen_restored(
    database: Database, clock: FakeClock, org_id: UUID
) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    now = clock.now
    await write(database, baselines.capture, [moved(pump, org_id, now, 23.0)])
    await write(database, baselines.capture, [moved(pump, org_id, now + MTU, 20.0, own=23.0)])
    late = Seen(pump, "indoor_setpoint_c", now, "restored")
    await write(database, baselines.save_seen, [late])
    (kept,) = (await write(database, baselines.of_pumps, [pump]))[pump]
    assert (kept.own_value, kept.written_value, kept.release_owed_since) == (21.0, 20.0, now)
    assert await write(database, baselines.ended, now + timedelta(hours=2)) == [pump]
    await write(database, baselines.save_seen, [Seen(pump, "indoor_setpoint_c", now + MTU, "restored")])
    assert await write(database, baselines.owed) == []
    await write(database, baselines.capture, [moved(pump, org_id, now + 2 * MTU, 20.0, own=22.0)])
    (again,) = (await write(database, baselines.of_pumps, [pump]))[pump]
    assert again.own_value == 22.0


def command(pump: UUID, org_id: UUID, at: datetime, value: float, purpose: str = "steer") -> Command:
    end = at + timedelta(hours=1)
    return Command(
        new_id(), org_id, pump, "sg_ready_state", value, 2.0, "min", purpose, "dear_now", "sent", 1, at, end, end
    )


async def test_commands_are_counted_and_settled_once(database: Database, clock: FakeClock, org_id: UUID) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    sent = [command(pump, org_id, clock.now - timedelta(hours=h), 1.0) for h in (25, 3, 2)]
    release = command(pump, org_id, clock.now - MINUTE, 2.0, "release")
    await write(database, commands.insert, [*sent, release])
    (use,) = (await write(database, commands.uses, [pump], clock.now))[pump]
    assert (use.writes, use.blocks) == (2, 2)
    last = (await write(database, commands.newest, [pump]))[pump, "sg_ready_state"]
    assert last.id == release.id
    await write(database, commands.settle, [Outcome(last.id, "confirmed", {"a": 1}, clock.now)])
    await write(database, commands.settle, [Outcome(last.id, "unconfirmed")])
    last = (await write(database, commands.newest, [pump]))[pump, "sg_ready_state"]
    assert (last.status, last.receipt) == ("confirmed", {"a": 1})


async def test_models_are_versions(database: Database, clock: FakeClock, org_id: UUID) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    for n in range(2):
        await write(database, models.add, [NewModel(pump, org_id, "ols", {"n": n}, 0.2, clock.now)])
    found = (await write(database, models.in_force, [pump]))[pump]
    assert (found.version, found.parameters) == (2, {"n": 1})


async def test_a_lost_connection_asks_once_to_sign_in_again(database: Database, clock: FakeClock, org_id: UUID) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    due = (await write(database, polls.of_pumps, [pump]))[pump]
    lost = Lost(due.connection_id, "consent_lost", "revoked")
    for _ in range(2):
        await write(database, connections.mark_lost, [lost], clock.now)
    async with database.read(org_id) as tx:
        assert await tx.value("select count(*) from cues where state = 'active'") == 1
        found = await tx.row("select lifecycle_state, lifecycle_error, connection_status from heat_pumps")
        assert tuple(found or ()) == ("error", "consent_lost", "error")
    await write(database, connections.mark_alive, [due.connection_id], [pump], clock.now)
    async with database.read(org_id) as tx:
        assert await tx.value("select count(*) from cues where state = 'active'") == 0
        assert await tx.value("select lifecycle_state from heat_pumps") == "authenticated"


async def test_pause_and_away_fall_by_themselves(database: Database, clock: FakeClock, org_id: UUID) -> None:
    user_id = await add_user(database, org_id)
    key = (user_id, (await _connection(database, org_id, user_id, clock.now)))
    ended = {"is_pause_power_active": True, "pause_power_until": clock.now}
    away = {"away_mode_start": clock.now - 2 * MINUTE, "away_mode_end": clock.now}
    paused = await add_pump(database, org_id, key, clock.now, **ended)
    gone = await add_pump(database, org_id, key, clock.now, **away)
    assert await write(database, pump_states.settle_policies, clock.now) == 2
    assert await write(database, pump_states.settle_policies, clock.now) == 0
    found = await write(database, pump_states.pumps, [paused, gone])
    assert found[paused].is_pause_power_active is False
    assert (found[gone].away_mode_start, found[gone].away_mode_end) == (None, None)
    assert found[gone].is_away_mode_enabled


async def _connection(database: Database, org_id: UUID, user_id: UUID, now: datetime) -> UUID:
    from tests.store.worlds import add_connection

    return await add_connection(database, org_id, user_id, b"", now)


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_pumps_to_steer_come_in_pages(database: Database, clock: FakeClock, org_id: UUID, limit: int) -> None:
    ids = await small_fleet(database, org_id, clock.now, 4)
    await write(database, pump_states.switch_off, ids[:2], clock.now)
    await write(database, baselines.capture, [moved(ids[0], org_id, clock.now, 23.0)])
    found: list[UUID] = []
    while page := await write(database, pump_states.to_steer, found[-1] if found else None, limit):
        found += page
    assert found == sorted([ids[0], *ids[2:]])
    assert await write(database, pump_states.count_steered) == 2
