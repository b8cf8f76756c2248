"""Telemetry through its life: loaded, rolled up, packed, read as one, forgotten."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import numpy as np
import pytest

from heatfleet.domain.compaction import CHANNELS, Samples
from heatfleet.domain.readings import Channel
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.flows import keep
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import blocks, telemetry, telemetry_history, telemetry_packing
from heatfleet.store.database import FLEET, Database
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.vendors.kit.grants import SealKeys
from tests.conftest import FakeClock
from tests.store.worlds import small_fleet

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2024, 1, 8, tzinfo=UTC)


@pytest.fixture
def tools(database: Database, clock: FakeClock) -> Tools:
    return Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]


def polls(
    pump: UUID, org_id: UUID, start_at: datetime, count: int, every: timedelta = 15 * MINUTE
) -> list[TelemetryRow]:
    """Polls whose indoor temperature and meter tell their number."""
    return [
        TelemetryRow(
            pump,
            org_id,
            start_at + n * every,
            start_at + n * every,
            {Channel.INDOOR_TEMP_C: 20.0 + n % 4, Channel.ENERGY_KWH: 100.0 + n, Channel.MODE: 2.0 + n % 2},
            estimated=telemetry.mask([Channel.INDOOR_TEMP_C]) if n == 0 else 0,
        )
        for n in range(count)
    ]


async def save(database: Database, rows: list[TelemetryRow]) -> None:
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, rows)


async def count(database: Database, table: str) -> int:
    async with database.read(FLEET) as tx:
        return await tx.value(f"select count(*) from {table}")


async def read(database: Database, org_id: UUID, pump: UUID, days: int = 30) -> Samples:
    async with database.read(org_id) as tx:
        return await telemetry_history.samples(tx, org_id, pump, FIRST, FIRST + days * DAY)


def indoor(found: Samples) -> list[float]:
    return found.values[CHANNELS.index(Channel.INDOOR_TEMP_C)].tolist()


async def test_rows_of_many_weeks_and_again_are_stored_once(database: Database, clock: FakeClock, org_id: UUID) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    rows = polls(pump, org_id, FIRST, 20, DAY)
    await save(database, rows[:12])
    await save(database, rows[5:])
    await save(database, [*rows, rows[0]])
    assert await count(database, "telemetry") == 20


async def test_many_rows_of_a_pump_at_once_leave_the_newest_values(
    database: Database, clock: FakeClock, org_id: UUID
) -> None:
    one, two = await small_fleet(database, org_id, clock.now, 2)
    steps = [
        {Channel.INDOOR_TEMP_C: 20.0, Channel.DHW_TEMP_C: 50.0, Channel.FLOW_TEMP_C: 35.0},
        {Channel.INDOOR_TEMP_C: 21.0},
        {Channel.POWER_KW: 1.0},
    ]
    stale = [0, telemetry.mask([Channel.FLOW_TEMP_C]), 0]
    ats = [FIRST + n * MINUTE for n in range(3)]
    rows = [[TelemetryRow(p, org_id, ats[n], ats[n], steps[n], stale=stale[n]) for n in range(3)] for p in (one, two)]
    await save(database, [rows[0][1], rows[0][2], rows[0][0]])
    for row in rows[1]:
        await save(database, [row])
    async with database.read(FLEET) as tx:
        newest = await telemetry.latest(tx, [one, two])
    assert newest[one].values == newest[two].values
    assert newest[one].values == {Channel.INDOOR_TEMP_C: 21.0, Channel.DHW_TEMP_C: 50.0, Channel.POWER_KW: 1.0}
    assert newest[one].at == ats[2]


async def test_a_week_takes_rows_of_the_own_organisation_only_and_shows_none(
    database: Database, clock: FakeClock, org_id: UUID, other_org_id: UUID
) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    rows = polls(pump, org_id, FIRST, 1)
    await save(database, rows)
    with pytest.raises(asyncpg.CheckViolationError):
        async with database.write(other_org_id) as tx:
            await telemetry.save(tx, polls(pump, org_id, FIRST + HOUR, 1))
    with pytest.raises(asyncpg.CheckViolationError):
        async with database.pool.acquire() as connection:
            await connection.execute("insert into telemetry_2024w02 (heat_pump_id, org_id, at) values ($1, $2, $3)",
                                     pump, org_id, FIRST + HOUR)  # fmt: skip
    for sql in ("select * from telemetry_2024w02", "delete from telemetry_2024w02", "truncate telemetry_2024w02"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.write(FLEET) as tx:
                await tx.execute(sql)


async def test_packed_rows_read_as_before(database: Database, clock: FakeClock, org_id: UUID, tools: Tools) -> None:
    one, two = await small_fleet(database, org_id, clock.now, 2)
    await save(database, polls(one, org_id, FIRST, 20 * 96) + polls(two, org_id, FIRST + 5 * DAY, 96))
    before = await read(database, org_id, one), await read(database, org_id, two)
    grid = TimeGrid(FIRST, 14 * 96)
    async with database.read(FLEET) as tx:
        block = await blocks.block(tx, [two, one], grid)
    clock.now = FIRST + 20 * DAY + HOUR
    await asyncio.gather(keep.compact(tools), keep.compact(tools))
    assert await count(database, "telemetry") == 8 * 96
    assert await count(database, "telemetry_packed") == 13
    after = await read(database, org_id, one), await read(database, org_id, two)
    for was, is_now in zip(before, after, strict=True):
        assert is_now.at_s.tolist() == was.at_s.tolist()
        assert is_now.estimated.tolist() == was.estimated.tolist()
        np.testing.assert_allclose(is_now.values, was.values, atol=1e-9)
    async with database.read(FLEET) as tx:
        packed = await blocks.block(tx, [two, one], grid)
    for channel, values in block.channels.items():
        np.testing.assert_allclose(packed.channels[channel], values, atol=1e-5)
    for mode, values in block.shares.items():
        np.testing.assert_allclose(packed.shares[mode], values)


async def test_a_week_that_another_worker_is_dropping_is_no_fault(database: Database) -> None:
    async def also() -> int:
        async with database.write(FLEET) as tx:
            return await telemetry_packing.drop_empty_weeks(tx, FIRST + 60 * DAY)

    async with database.write(FLEET) as tx:
        await telemetry.ensure_weeks(tx, FIRST, FIRST + 14 * DAY)
    async with database.write(FLEET) as tx:
        assert await telemetry_packing.drop_empty_weeks(tx, FIRST + 60 * DAY) == 3
        other = asyncio.create_task(also())
        async with asyncio.timeout(30):
            waiting = "select count(*) from pg_locks where not granted"
            while not other.done() and not await tx.value(waiting):  # noqa: ASYNC110 - no event
                await asyncio.sleep(0.01)
    assert await other == 0


async def test_late_rows_of_a_packed_day_are_merged_and_rolled_up(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    rows = polls(pump, org_id, FIRST, 96)
    await save(database, [*rows[:40], *rows[44:]])
    clock.now = FIRST + 20 * DAY
    await keep.compact(tools)
    assert await count(database, "telemetry") == 0
    assert await count(database, "telemetry_hours") == 23
    await save(database, [*rows[38:44], *rows[90:]])
    assert (await read(database, org_id, pump)).count == 96, "read at once, and nothing twice"
    await keep.compact(tools)
    await keep.compact(tools)
    assert await count(database, "telemetry") == 0
    found = await read(database, org_id, pump)
    assert indoor(found) == [20.0 + n % 4 for n in range(96)]
    async with database.read(org_id) as tx:
        hours = await tx.fetch("select samples, indoor_temp_c, energy_kwh from telemetry_hours order by start_at")
        day = await tx.row("select samples, indoor_temp_c, energy_kwh, mode from telemetry_days")
    assert [tuple(row) for row in hours] == [(4, 21.5, 103.0 + 4 * n) for n in range(24)]
    assert tuple(day or ()) == (96, 21.5, 195.0, 3.0)


async def test_hours_are_made_when_they_end_and_again_when_rows_come_late(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    rows = polls(pump, org_id, FIRST, 12)
    await save(database, rows[1:11])
    clock.now = FIRST + 2 * HOUR + MINUTE
    await keep.roll_up(tools)
    async with database.read(org_id) as tx:
        assert [r[0] for r in await tx.fetch("select samples from telemetry_hours order by start_at")] == [3, 4]
    await save(database, [rows[0]])
    await asyncio.gather(keep.roll_up(tools), keep.roll_up(tools))
    async with database.read(org_id) as tx:
        hours = await tx.fetch("select samples, estimated, indoor_temp_c from telemetry_hours order by start_at")
    assert [tuple(row) for row in hours] == [(4, 1, 21.5), (4, 0, 21.5)]
    assert await count(database, "telemetry_days") == 0, "the day has not ended"


async def test_empty_weeks_go_and_retention_forgets(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools
) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    await save(database, polls(pump, org_id, FIRST, 4, DAY))
    clock.now = FIRST + 30 * DAY
    await keep.compact(tools)
    async with database.read(FLEET) as tx:
        weeks = await tx.fetch(
            "select inhrelid::regclass::text from pg_inherits where inhparent = 'telemetry'::regclass"
        )
    assert "telemetry_2024w02" not in [row[0] for row in weeks]
    await save(database, polls(pump, org_id, FIRST + HOUR, 1))
    assert (await read(database, org_id, pump)).count == 5, "a dropped week comes back for a late row"
    clock.now = FIRST + 732 * DAY
    await keep.compact(tools)
    assert (await count(database, "telemetry_packed"), await count(database, "telemetry_hours")) == (2, 3)
    clock.now = FIRST + 3000 * DAY
    await keep.compact(tools)
    assert (await count(database, "telemetry_packed"), await count(database, "telemetry_hours")) == (0, 0)
    assert await count(database, "telemetry_days") == 4


async def test_a_long_night_goes_on_where_it_stopped(
    database: Database, clock: FakeClock, org_id: UUID, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "BATCHES_MAX", 1)
    (pump,) = await small_fleet(database, org_id, clock.now)
    await save(database, polls(pump, org_id, FIRST, 3, 7 * DAY))
    clock.now = FIRST + 60 * DAY
    assert await keep.compact(tools) == clock.now + MINUTE
    assert await count(database, "telemetry") == 2
    while await keep.compact(tools) is not None:
        pass
    assert (await count(database, "telemetry"), await count(database, "telemetry_packed")) == (0, 3)


async def test_another_organisation_sees_nothing_of_it(
    database: Database, clock: FakeClock, org_id: UUID, other_org_id: UUID, tools: Tools
) -> None:
    (pump,) = await small_fleet(database, org_id, clock.now)
    await save(database, polls(pump, org_id, FIRST, 96))
    clock.now = FIRST + 20 * DAY
    await keep.compact(tools)
    async with database.read(other_org_id) as tx:
        for table in ("telemetry_packed", "telemetry_hours", "telemetry_days"):
            assert await tx.value(f"select count(*) from {table}") == 0
        found = await telemetry_history.samples(tx, org_id, pump, FIRST, FIRST + DAY)
    assert found.count == 0
