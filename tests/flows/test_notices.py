"""What a maker has to say reaches the owner once; what a maker wants to be paid for is said until it takes a write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from heatfleet.domain.errors import SUBSCRIPTION_NEEDED, Refused, TryAgain
from heatfleet.domain.levers import SteeringState
from heatfleet.domain.readings import Notice, Snapshot
from heatfleet.flows.monitor import monitor
from heatfleet.flows.steer import steer
from heatfleet.store.database import FLEET
from heatfleet.vendors.kit.driver import Grant, Unread
from tests.conftest import FakeClock
from tests.flows.test_steer import FakeDriver, Fleet, fleet
from tests.store.worlds import add_pump

__all__ = ["fleet"]
CUES = "select metadata ->> 'message', state from cues order by sent_at, metadata ->> 'key'"


class Telling(FakeDriver):
    """Tells notices, or leaves pumps unread."""

    notices: tuple[Notice, ...] | None = None
    unread: frozenset[str] = frozenset()
    asked: list[str]

    async def read(self, grant: Grant, ids: Sequence[str]) -> list[Any]:
        self.asked = list(ids)
        fault = TryAgain("the call budget is used up", after_s=9, code="quota_exceeded")
        found: list[Snapshot] = await super().read(grant, ids)
        told = [replace(one, notices=self.notices) for one in found]
        return [Unread(one.external_device_id, fault) if one.external_device_id in self.unread else one for one in told]


def telling(fleet: Fleet) -> Telling:
    """The fleet's driver, from now on one that tells."""
    driver = Telling(fleet.clock)
    fleet.driver, fleet.tools = driver, replace(fleet.tools, vendors=driver)
    return driver


def notice(clock: FakeClock, key: str = "alarm:183", message: str = "Clean the filter") -> Notice:
    return Notice(key, message, clock.now)


async def test_a_notice_is_raised_once_and_withdrawn_when_it_is_gone(fleet: Fleet) -> None:
    driver = telling(fleet)
    driver.notices = (notice(fleet.clock), notice(fleet.clock, "alarm:1", "Low pressure"))
    for _ in range(3):
        await fleet.minutes(5)
    assert await fleet.rows(CUES) == [("Low pressure", "active"), ("Clean the filter", "active")]
    driver.notices = None
    await fleet.minutes(5)
    assert {state for _, state in await fleet.rows(CUES)} == {"active"}, "a poll that did not ask knows nothing new"
    driver.notices = (notice(fleet.clock),)
    await fleet.minutes(5)
    assert await fleet.rows("select count(*) from cues where state = 'active'") == [(1,)]
    driver.notices = ()
    await fleet.minutes(5)
    assert {state for _, state in await fleet.rows(CUES)} == {"resolved"}


async def test_a_notice_that_was_read_is_not_raised_again_but_a_new_one_is(fleet: Fleet) -> None:
    driver = telling(fleet)
    driver.notices = (notice(fleet.clock),)
    await fleet.minutes(5)
    async with fleet.database.write(FLEET) as tx:
        await tx.execute("update cues set state = 'resolved'")
    await fleet.minutes(5)
    assert await fleet.rows(CUES) == [("Clean the filter", "resolved")]
    driver.notices = (notice(fleet.clock),)  # it has come anew
    await fleet.minutes(5)
    assert await fleet.rows(CUES) == [("Clean the filter", "resolved"), ("Clean the filter", "active")]


async def test_a_maker_that_wants_to_be_paid_is_a_warning_and_an_action_until_it_takes_a_write(fleet: Fleet) -> None:
    def refuse() -> None:
        raise Refused("pay first", code=SUBSCRIPTION_NEEDED)

    fleet.driver.on_write = refuse
    await fleet.planned(SteeringState.LOW)
    await steer(fleet.tools)
    await fleet.minutes(15)
    await steer(fleet.tools)
    sql = "select code, state, metadata ->> 'code' from cues"
    assert await fleet.rows(sql) == [("information", "active", SUBSCRIPTION_NEEDED)]
    assert await fleet.rows("select steering_status from heat_pumps") == [("warning",)]
    fleet.driver.on_write = lambda: None
    fleet.clock.advance(timedelta(hours=13))
    await monitor(fleet.tools)
    await fleet.planned(SteeringState.LOW)
    assert (await steer(fleet.tools)).commands > 0
    assert await fleet.rows(sql) == [("information", "resolved", SUBSCRIPTION_NEEDED)]


async def test_a_pump_whose_turn_did_not_come_is_at_no_fault_and_comes_first(fleet: Fleet, org_id: UUID) -> None:
    ((user_id, connection_id),) = await fleet.rows("select user_id, connection_id from heat_pumps")
    later = await add_pump(fleet.database, org_id, (user_id, connection_id), fleet.clock.now + timedelta(minutes=6))
    driver = telling(fleet)
    driver.unread = frozenset({str(fleet.pump)})
    await fleet.minutes(7)
    assert driver.asked == [str(fleet.pump), str(later)], "longest due first"
    statuses = "select connection_status, lifecycle_error from heat_pumps where id = $1"
    assert await fleet.rows(statuses, fleet.pump) == [("ok", None)]
    driver.unread = frozenset()
    await fleet.minutes(1)
    assert driver.asked == [str(fleet.pump)]
    assert await fleet.rows("select failures from polls where heat_pump_id = $1", fleet.pump) == [(0,)]
