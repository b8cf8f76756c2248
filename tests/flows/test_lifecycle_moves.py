"""Lifecycle and monitoring status as the flows write them: whatever happens, only along the table."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import UUID

import pytest

from heatfleet.domain.errors import AccessLost, OutsideWorldError, Refused, TryAgain
from heatfleet.domain.readings import Channel
from heatfleet.domain.statuses import FROZEN_AFTER, TRANSITIONS, Lifecycle
from heatfleet.flows import heat_pumps
from heatfleet.flows.monitor import monitor
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor
from heatfleet.store.database import FLEET
from tests.flows.test_steer import SENSED, Fleet, fleet

__all__ = ["fleet"]
FAULTS: tuple[OutsideWorldError | None, ...] = (
    None,
    AccessLost("revoked", code="consent_lost"),
    TryAgain("busy", after_s=9),
    TryAgain("later", after_s=60, code="quota_exceeded"),
    Refused("gone", code="device_gone"),
)


def fails_with(fleet: Fleet, fault: OutsideWorldError | None) -> None:
    def fail() -> None:
        if fault is not None:
            raise fault

    fleet.driver.on_read = fail


async def standing(fleet: Fleet) -> tuple[str, str | None]:
    ((state, error),) = await fleet.rows("select lifecycle_state, lifecycle_error from heat_pumps")
    return state, error


@pytest.mark.parametrize("seed", range(4))
async def test_no_flow_leaves_the_table_of_lifecycle_states(fleet: Fleet, org_id: UUID, seed: int) -> None:
    dice = random.Random(seed)
    state, error = await standing(fleet)
    for _ in range(12):
        fails_with(fleet, dice.choice(FAULTS))
        await fleet.minutes(dice.choice((5, 20, 70)))
        after, error = await standing(fleet)
        assert after == state or Lifecycle(after) in TRANSITIONS[Lifecycle(state)], (state, after)
        assert (error is not None) == (after == Lifecycle.ERROR)
        state = after
    ((user_id,),) = await fleet.rows("select user_id from heat_pumps")
    act = Act(fleet.database, fleet.clock, Actor("test"), org_id)
    await heat_pumps.delete(act, (user_id, fleet.pump))
    for fault in FAULTS:
        fails_with(fleet, fault)
        await fleet.minutes(70)
        assert (await standing(fleet))[0] == Lifecycle.DELETED


async def test_a_pump_that_is_not_there_for_an_hour_is_an_error_with_its_code(fleet: Fleet) -> None:
    fails_with(fleet, Refused("the account no longer has this heat pump", code="device_gone"))
    await fleet.minutes(5)
    assert await standing(fleet) == ("authenticated", None)
    await fleet.minutes(61)
    assert await standing(fleet) == ("error", "device_gone")
    fails_with(fleet, None)
    await fleet.minutes(61)
    assert await standing(fleet) == ("authenticated", None)


async def test_a_pending_pump_cannot_be_lost(fleet: Fleet) -> None:
    async with fleet.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set lifecycle_state = 'pending'")
    fails_with(fleet, AccessLost("revoked", code="consent_lost"))
    await fleet.minutes(5)
    assert await standing(fleet) == ("pending", None)


async def test_a_temperature_that_never_changes_is_a_monitoring_warning(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def status() -> str:
        ((found,),) = await fleet.rows("select monitoring_status from heat_pumps")
        return str(found)

    async with fleet.database.write(FLEET) as tx:
        await tx.execute("""update heat_pumps set capabilities = jsonb_set(capabilities, '{channels}', '["mode"]')""")
    until = fleet.clock.now + FROZEN_AFTER
    wobble = 0.0
    while fleet.clock.now < until:
        wobble = 0.1 - wobble
        for channel in (Channel.DHW_TEMP_C, Channel.INDOOR_TEMP_C):
            monkeypatch.setitem(SENSED, channel, 21.5 + wobble)
        await fleet.minutes(30)
    assert await status() == "ok"
    for _ in range(74):
        wobble = 0.1 - wobble
        monkeypatch.setitem(SENSED, Channel.DHW_TEMP_C, 45.0 + wobble)
        await fleet.minutes(30)
    assert await status() == "warning", "the room has said the same for a day and a half"
    monkeypatch.setitem(SENSED, Channel.INDOOR_TEMP_C, 20.0)
    await fleet.minutes(30)
    await monitor(fleet.tools)
    fleet.clock.advance(timedelta(minutes=30))
    await monitor(fleet.tools)
    assert await status() == "ok"
