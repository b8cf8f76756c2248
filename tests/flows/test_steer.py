"""Reading, steering and giving back with a driver that does as told: what is durable, what is refused, what is said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.domain.errors import SUBSCRIPTION_NEEDED, AccessLost, OutsideWorldError, Refused, TryAgain
from heatfleet.domain.levers import Lever, LeverRange, SteeringState
from heatfleet.domain.plans import Plan, PlanStep, Reason
from heatfleet.domain.readings import Channel, Reading, Snapshot
from heatfleet.domain.time_grid import MTU, floor_mtu
from heatfleet.flows.monitor import monitor
from heatfleet.flows.release import count_owed, release, sweep
from heatfleet.flows.steer import steer
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import plans
from heatfleet.store.database import FLEET, Database
from heatfleet.vendors.kit.driver import Grant, Receipt, Write
from heatfleet.vendors.kit.grants import SealKeys, grant_aad, seal
from tests.conftest import FakeClock
from tests.store.worlds import add_connection, add_pump, add_user, capabilities

KEYS = SealKeys((b"k" * 32,))
OWN = {Channel.CURVE_OFFSET_K: 0.0, Channel.DHW_SETPOINT_C: 55.0, Channel.DHW_BOOST: 0.0}
SENSED = {
    Channel.INDOOR_TEMP_C: 21.5, Channel.DHW_TEMP_C: 46.0, Channel.POWER_KW: 1.0, Channel.INDOOR_SETPOINT_C: 21.0
}  # fmt: skip


@dataclass
class FakeDriver:
    """One account's pumps, all alike; ``on_write`` and ``on_read`` may raise or answer for it."""

    clock: FakeClock
    settings: dict[Channel, float] = field(default_factory=lambda: dict(OWN))
    on_write: Callable[[], Receipt | None] = lambda: None
    on_read: Callable[[], None] = lambda: None
    sent: list[Write] = field(default_factory=list)

    def driver(self, _: str) -> FakeDriver:
        return self

    async def refresh(self, grant: Grant) -> Grant:
        return grant

    async def read(self, grant: Grant, ids: Sequence[str]) -> list[Snapshot]:
        self.on_read()
        now = self.clock.now
        readings = tuple(Reading(c, now, v) for c, v in {**SENSED, **self.settings}.items())
        return [Snapshot(id_, now, readings) for id_ in ids]

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        self.sent += writes
        answer = self.on_write()
        if answer is not None:
            return answer
        self.settings |= {Channel(w.lever.value): w.value for w in writes}
        return Receipt(True, self.clock.now)


@dataclass
class Fleet:
    database: Database
    clock: FakeClock
    driver: FakeDriver
    tools: Tools
    pump: UUID

    async def rows(self, sql: str, *args: Any) -> list[tuple[Any, ...]]:
        async with self.database.read(FLEET) as tx:
            return [tuple(row) for row in await tx.fetch(sql, *args)]

    async def planned(self, state: SteeringState, hot_water: bool = True) -> None:
        """A plan of one state for the next hours, with hot water, so that two levers are moved."""
        start = floor_mtu(self.clock.now)
        steps = [PlanStep(start + n * MTU, state, hot_water, 1.0, 21, 48, 0.3, Reason.DEAR_NOW) for n in range(24)]
        async with self.database.write(FLEET) as tx:
            ((version,),) = await tx.fetch("select policy_version from heat_pumps")
            await plans.replace(tx, {self.pump: Plan(tuple(steps), start, 1, version)})

    async def minutes(self, minutes: int) -> None:
        """Time passes, and what is due is read."""
        self.clock.advance(timedelta(minutes=minutes))
        await monitor(self.tools)


@pytest.fixture
async def fleet(database: Database, clock: FakeClock, org_id: UUID) -> Fleet:
    """One pump that has been read once."""
    user_id = await add_user(database, org_id)
    connection_id = await add_connection(database, org_id, user_id, b"", clock.now)
    sealed = seal(Grant("account", {"token": "x"}), KEYS, grant_aad(org_id, connection_id, "sandbox"))
    async with database.write(FLEET) as tx:
        await tx.execute("update connections set grant_sealed = $1", sealed)
    pump = await add_pump(database, org_id, (user_id, connection_id), clock.now)
    driver = FakeDriver(clock)
    found = Fleet(database, clock, driver, Tools(database, clock, driver, KEYS), pump)
    await monitor(found.tools)
    return found


async def test_a_command_is_sent_confirmed_and_not_repeated(fleet: Fleet) -> None:
    await fleet.planned(SteeringState.MIN)
    assert (await steer(fleet.tools)).commands == 2
    assert {(w.lever, w.value) for w in fleet.driver.sent} == {(Lever.CURVE_OFFSET_K, -2), (Lever.DHW_BOOST, 1)}
    await fleet.minutes(8)
    assert await fleet.rows("select distinct status from commands") == [("confirmed",)]
    states = await fleet.rows("select control_state, current_state, actual_state, steering_status from heat_pumps")
    assert states == [("steering", "min", "min", "ok")]
    await fleet.minutes(7)
    assert (await steer(fleet.tools)).commands == 0
    held = await fleet.rows("select ends_at from baselines where lever = 'curve_offset_k'")
    assert held == [(fleet.clock.now + timedelta(hours=1),)]


async def test_what_is_owed_is_durable_before_anything_is_sent(fleet: Fleet) -> None:
    seen: list[Any] = []

    async def look() -> None:
        seen.extend(await fleet.rows("select lever, own_value, release_owed_since is not null from baselines"))

    write = fleet.driver.write

    async def looking(grant: Grant, id_: str, writes: Sequence[Write]) -> Receipt:
        await look()
        return await write(grant, id_, writes)

    fleet.driver.write = looking  # type: ignore[method-assign]
    await fleet.planned(SteeringState.LOW)
    await steer(fleet.tools)
    assert sorted(seen) == [("curve_offset_k", 0.0, True), ("dhw_boost", 0.0, True)]


async def test_everything_is_given_back_and_seen(fleet: Fleet) -> None:
    await fleet.planned(SteeringState.LOW)
    await steer(fleet.tools)
    await fleet.minutes(8)
    assert await count_owed(fleet.tools) == 1
    fleet.driver.on_write = lambda: Receipt(False, fleet.clock.now, "busy") if not fleet.driver.settings else None
    await release(fleet.tools, [fleet.pump])
    assert await count_owed(fleet.tools) == 1, "accepted is not yet seen"
    await fleet.minutes(8)
    assert await count_owed(fleet.tools) == 0
    assert fleet.driver.settings == OWN


async def test_a_release_is_repeated_until_it_is_seen(fleet: Fleet) -> None:
    await fleet.planned(SteeringState.LOW)
    await steer(fleet.tools)
    await fleet.minutes(8)
    async with fleet.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set is_smart_optimization_active = false")
    deaf = fleet.driver.settings
    fleet.driver.on_write = lambda: Receipt(True, fleet.clock.now)  # says yes and does nothing
    for _ in range(3):
        assert (await sweep(fleet.tools)).commands == 2
        await fleet.minutes(8)
        assert fleet.driver.settings is deaf
    fleet.driver.on_write = lambda: None
    await sweep(fleet.tools)
    await fleet.minutes(8)
    assert await count_owed(fleet.tools) == 0
    assert fleet.driver.settings == OWN


@pytest.mark.parametrize(
    ("fault", "status", "steering"),
    [
        (Refused("no"), "rejected", "error"),
        (Refused("pay first", code=SUBSCRIPTION_NEEDED), "rejected", "warning"),
        (TryAgain("later", after_s=9), "unconfirmed", "warning"),
    ],
)
async def test_a_write_that_fails(fleet: Fleet, fault: OutsideWorldError, status: str, steering: str) -> None:
    def fail() -> None:
        raise fault

    fleet.driver.on_write = fail
    await fleet.planned(SteeringState.LOW)
    await steer(fleet.tools)
    await fleet.minutes(8)
    assert await fleet.rows("select distinct status, receipt ->> 'code' from commands") == [(status, fault.code)]
    assert await fleet.rows("select steering_status from heat_pumps") == [(steering,)]
    await fleet.minutes(7)
    again = await steer(fleet.tools)
    assert again.commands == (0 if status == "rejected" else 2), "what was refused is not repeated"


async def test_after_three_unseen_tries_we_let_go(fleet: Fleet) -> None:
    fleet.driver.on_write = lambda: Receipt(True, fleet.clock.now)
    await fleet.planned(SteeringState.LOW)
    for attempt in (1, 2, 3):
        assert (await steer(fleet.tools)).commands == 2, attempt
        await fleet.minutes(8)
        await fleet.minutes(7)
    assert (await steer(fleet.tools)).commands == 0
    assert await fleet.rows("select steering_status from heat_pumps") == [("error",)]


async def test_an_owners_change_is_adopted(fleet: Fleet) -> None:
    await fleet.planned(SteeringState.LOW)
    await steer(fleet.tools)
    await fleet.minutes(8)
    fleet.driver.settings[Channel.CURVE_OFFSET_K] = 3.0
    await fleet.minutes(7)
    sql = "select own_value, written_value, release_owed_since from baselines where lever = 'curve_offset_k'"
    assert await fleet.rows(sql) == [(3.0, None, None)]
    assert await fleet.rows("select steering_status, actual_state from heat_pumps") == [("warning", None)]
    await fleet.planned(SteeringState.MIN)
    await steer(fleet.tools)
    assert fleet.driver.settings[Channel.CURVE_OFFSET_K] == 3.0


@pytest.mark.parametrize(
    ("fault", "connection", "lifecycle"),
    [
        (TryAgain("quota", after_s=60, code="quota_exceeded"), "warning", ("authenticated", None)),
        (AccessLost("revoked", code="consent_lost"), "error", ("error", "consent_lost")),
    ],
)
async def test_a_read_that_fails(
    fleet: Fleet, fault: OutsideWorldError, connection: str, lifecycle: tuple[str, str | None]
) -> None:
    def fail() -> None:
        raise fault

    fleet.driver.on_read = fail
    await fleet.minutes(5)
    sql = "select connection_status, lifecycle_state, lifecycle_error from heat_pumps"
    assert await fleet.rows(sql) == [(connection, *lifecycle)]
    await fleet.minutes(70)
    assert await fleet.rows("select connection_status, monitoring_status from heat_pumps") == [("error", "error")]
    fleet.driver.on_read = lambda: None
    await fleet.minutes(70)
    assert await fleet.rows(sql) == [("ok", "authenticated", None)]


async def test_stale_readings_end_steering(fleet: Fleet) -> None:
    await fleet.planned(SteeringState.LOW)
    await steer(fleet.tools)
    await fleet.minutes(8)
    fleet.clock.advance(timedelta(minutes=45))
    await steer(fleet.tools)
    assert await fleet.rows("select control_state, current_state from heat_pumps") == [("lost", None)]
    assert fleet.driver.settings == OWN


async def _behind_a_gateway(fleet: Fleet) -> None:
    """The pump has nothing but an SG-Ready lever whose writes end by themselves, and is planned to be raised."""
    ends = {Lever.SG_READY_STATE: LeverRange(1, 3, 1, settle_h=0.02, expires_by_itself=True)}
    async with fleet.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set capabilities = $1", capabilities(ends))
    fleet.driver.settings = {Channel.SG_READY_STATE: 2.0}
    await fleet.minutes(5)
    await fleet.planned(SteeringState.MAX)


async def test_a_write_that_ends_by_itself_is_renewed_without_a_command(fleet: Fleet) -> None:
    await _behind_a_gateway(fleet)
    assert (await steer(fleet.tools)).commands == 1
    assert fleet.driver.sent == [Write(Lever.SG_READY_STATE, 3.0, 3600.0)], "it has an end of its own"
    await fleet.minutes(15)
    assert (await steer(fleet.tools)).commands == 0
    assert fleet.driver.sent[1:] == [Write(Lever.SG_READY_STATE, 3.0, 3600.0)]
    assert await fleet.rows("select status from commands") == [("confirmed",)]
    fleet.driver.settings = {Channel.SG_READY_STATE: 2.0}
    await fleet.minutes(15)
    assert await fleet.rows("select release_owed_since, backed_off_until from baselines") == [(None, None)]
    assert (await steer(fleet.tools)).commands == 1, "contact is back, and nobody takes it for the owner's hand"


async def test_a_renewal_that_fails_does_no_harm(fleet: Fleet) -> None:
    await _behind_a_gateway(fleet)
    await steer(fleet.tools)
    await fleet.minutes(15)

    def fail() -> None:
        raise TryAgain("off line", after_s=60)

    fleet.driver.on_write = fail
    assert (await steer(fleet.tools)).commands == 0
    assert await fleet.rows("select status from commands") == [("confirmed",)]
