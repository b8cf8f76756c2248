"""An owner disconnects: their settings come back first, then the grant is forgotten; nobody steers on."""

from __future__ import annotations

from uuid import UUID

import pytest

from heatfleet.domain.errors import AccessLost, Conflict, NotFound, TryAgain
from heatfleet.domain.levers import SteeringState
from heatfleet.flows import heat_pumps
from heatfleet.flows.plan import plan
from heatfleet.flows.release import release, sweep
from heatfleet.flows.steer import steer
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor
from heatfleet.store.database import FLEET
from heatfleet.store.ids import new_id
from tests.flows.test_steer import OWN, Fleet, fleet

__all__ = ["fleet"]


async def key_of(fleet: Fleet) -> tuple[UUID, UUID]:
    ((user_id,),) = await fleet.rows("select user_id from heat_pumps")
    return user_id, fleet.pump


async def disconnect(fleet: Fleet, org_id: UUID) -> None:
    user_id, _ = await key_of(fleet)
    act = Act(fleet.database, fleet.clock, Actor(f"user:{user_id}"), org_id)
    await heat_pumps.disconnect(act, (user_id, fleet.pump))


async def steered(fleet: Fleet) -> None:
    """The pump is moved, and seen moved."""
    await fleet.planned(SteeringState.MIN)
    assert (await steer(fleet.tools)).commands == 2
    await fleet.minutes(10)
    assert fleet.driver.settings != OWN


async def standing(fleet: Fleet) -> tuple[str, bool, bool]:
    """Lifecycle state, whether a grant is kept, whether the pump is polled."""
    ((state, grants, polls),) = await fleet.rows(
        "select lifecycle_state, (select count(*) from connections where grant_sealed is not null),"
        " (select count(*) from polls) from heat_pumps"
    )
    return state, grants > 0, polls > 0


async def test_settings_come_back_first_then_the_grant_is_forgotten(fleet: Fleet, org_id: UUID) -> None:
    await steered(fleet)
    await disconnect(fleet, org_id)
    assert await standing(fleet) == ("disconnected", True, True)
    assert await fleet.rows("select entrypoint from pgqueuer") == [("release",)]
    await release(fleet.tools, [fleet.pump])
    assert fleet.driver.settings == OWN
    await fleet.minutes(10)
    await fleet.minutes(10)
    assert await standing(fleet) == ("disconnected", False, False)
    ((connection_id, device, status),) = await fleet.rows(
        "select connection_id, external_device_id, connection_status from heat_pumps"
    )
    assert (connection_id, device, status) == (None, "", "unknown")
    assert await fleet.rows("select status, error_code from connections") == [("lost", "forgotten")]
    assert await fleet.rows("select count(*) from plan_steps where start_at > $1", fleet.clock.now) == [(0,)]


async def test_a_pump_that_was_never_moved_is_forgotten_at_its_next_reading(fleet: Fleet, org_id: UUID) -> None:
    await disconnect(fleet, org_id)
    await fleet.minutes(6)
    assert await standing(fleet) == ("disconnected", False, False)
    assert fleet.driver.sent == []


async def test_while_the_vendor_does_not_answer_the_grant_is_kept_to_give_back_with(fleet: Fleet, org_id: UUID) -> None:
    await steered(fleet)

    def fail() -> None:
        raise TryAgain("busy", after_s=1)

    fleet.driver.on_read, fleet.driver.on_write = fail, fail  # type: ignore[assignment]
    await disconnect(fleet, org_id)
    await release(fleet.tools, [fleet.pump])
    await fleet.minutes(70)
    assert await standing(fleet) == ("disconnected", True, True)
    fleet.driver.on_read, fleet.driver.on_write = lambda: None, lambda: None
    for _ in range(4):
        await sweep(fleet.tools)
        await fleet.minutes(70)
    assert fleet.driver.settings == OWN
    assert await standing(fleet) == ("disconnected", False, False)


async def test_nobody_steers_a_disconnected_pump_even_if_it_is_switched_on(fleet: Fleet, org_id: UUID) -> None:
    await steered(fleet)
    await disconnect(fleet, org_id)
    user_id, _ = await key_of(fleet)
    partner = Act(fleet.database, fleet.clock, Actor("client:x"), org_id)
    await heat_pumps.change(partner, (user_id, fleet.pump), {"is_smart_optimization_active": True})
    assert await plan(fleet.tools, [fleet.pump]) == []
    await fleet.planned(SteeringState.MAX)
    await steer(fleet.tools)
    assert fleet.driver.settings == OWN
    for _ in range(3):
        await fleet.minutes(10)
        await steer(fleet.tools)
    assert fleet.driver.settings == OWN
    assert (await standing(fleet))[1:] == (False, False)


async def test_a_lost_sign_in_asks_no_one_who_has_left_to_sign_in_again(fleet: Fleet, org_id: UUID) -> None:
    def fail() -> None:
        raise AccessLost("revoked", code="consent_lost")

    await steered(fleet)
    fleet.driver.on_read = fail
    await fleet.minutes(10)
    assert await fleet.rows("select code from cues where state = 'active'") == [("reauthenticate",)]
    await disconnect(fleet, org_id)
    await fleet.minutes(70)
    assert await fleet.rows("select code from cues where state = 'active'") == []
    assert (await standing(fleet))[0] == "disconnected"


async def test_connected_again_while_it_was_being_read_it_is_not_forgotten(
    fleet: Fleet, org_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    from heatfleet.flows import monitor

    await disconnect(fleet, org_id)
    read = monitor._read

    async def reconnected(tools: object, known: object) -> object:
        async with fleet.database.write(FLEET) as tx:
            await tx.execute("update heat_pumps set lifecycle_state = 'authenticated'")
        return await read(tools, known)  # type: ignore[arg-type]

    monkeypatch.setattr(monitor, "_read", reconnected)
    await fleet.minutes(6)
    assert await standing(fleet) == ("authenticated", True, True)
    ((connection_id,),) = await fleet.rows("select connection_id from heat_pumps")
    assert connection_id is not None


async def test_who_may_not(fleet: Fleet, org_id: UUID, other_org_id: UUID) -> None:
    user_id, pump_id = await key_of(fleet)
    act = Act(fleet.database, fleet.clock, Actor("test"), org_id)
    foreign = Act(fleet.database, fleet.clock, Actor("test"), other_org_id)
    for who, key in ((foreign, (user_id, pump_id)), (act, (new_id(), pump_id)), (act, (user_id, new_id()))):
        with pytest.raises(NotFound):
            await heat_pumps.disconnect(who, key)
    async with fleet.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set lifecycle_state = 'pending'")
    with pytest.raises(Conflict):
        await heat_pumps.disconnect(act, (user_id, pump_id))


async def test_it_is_noted_and_consent_is_withdrawn(fleet: Fleet, org_id: UUID) -> None:
    user_id, pump_id = await key_of(fleet)
    async with fleet.database.write(FLEET) as tx:
        await tx.execute(
            "insert into consents (id, org_id, user_id, heat_pump_id, vendor, scopes, language, text_version, given_at)"
            " values ($1, $2, $3, $4, 'sandbox', '{read,write}', 'de', '1', now())",
            new_id(), org_id, user_id, pump_id,
        )  # fmt: skip
    await disconnect(fleet, org_id)
    assert await fleet.rows("select withdrawn_at from consents") == [(fleet.clock.wall_now(),)]
    ((actor, action, before, after),) = await fleet.rows("select actor, action, before, after from audit")
    assert (actor, action) == (f"user:{user_id}", "disconnect")
    assert (before, after) == ({"lifecycle_state": "authenticated"}, {"lifecycle_state": "disconnected"})
