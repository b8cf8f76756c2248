"""The driver and the emulated cloud over HTTP: what the points alone cannot show. Traps carry their names."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from heatfleet.domain.errors import SUBSCRIPTION_NEEDED, AccessLost, Refused, TryAgain
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Channel, Quality, Snapshot
from heatfleet.vendors.kit.driver import Cannot, DeviceRef, Driver, Grant, Hindrance, RedirectStep, Unread, Write
from heatfleet.vendors.kit.emulation.asgi import Request, Response, answer
from heatfleet.vendors.kit.emulation.cloud import Place
from heatfleet.vendors.kit.emulation.faults import Fault
from heatfleet.vendors.kit.emulation.homes import mild_winter
from heatfleet.vendors.kit.emulation.robot import sign_in_by_redirect
from heatfleet.vendors.kit.grants import TokenStale
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from heatfleet.vendors.myuplink.emulator import PASSWORD, Emulator, device_id, system_id, username
from tests.vendors.serving import served

REDIRECT_URI = "http://localhost:8000/connect/callback"
F730, S735, CTC, F1255 = map(device_id, range(4))


class Watched(Emulator):
    """Notes which calls come in."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.calls: list[str] = []

    async def handle(self, request: Request) -> Response:
        self.calls.append(f"{request.method} {request.path}")
        return await super().handle(request)

    def taken(self) -> list[str]:
        """The calls since last asked, without the ids in them."""
        calls, self.calls = self.calls, []
        return ["/".join(part for part in call.split("/") if "-" not in part or "smart" in part) for call in calls]


@dataclass
class World:
    cloud: Watched
    driver: Driver
    base_url: str
    browser: aiohttp.ClientSession
    clock: Any

    async def connect(self, system: int | None = None, scope: str | None = None) -> Grant:
        """Sign in as a system's owner, or as the installer of all."""
        step = await self.driver.begin_sign_in(REDIRECT_URI, "s", "de")
        assert isinstance(step, RedirectStep)
        url = step.url if scope is None else step.url.replace("READSYSTEM+WRITESYSTEM+offline_access", scope)
        name = self.cloud.installer()[0] if system is None else username(system)
        back = await sign_in_by_redirect(self.browser, url, name, PASSWORD)
        return await self.driver.finish_sign_in(back, REDIRECT_URI)

    async def device(self, grant: Grant, external_device_id: str) -> DeviceRef:
        found = await self.driver.list_devices(grant)
        return next(one for one in found if one.external_device_id == external_device_id)

    async def snapshot(self, grant: Grant, external_device_id: str) -> Snapshot:
        [found] = await self.driver.read(grant, [external_device_id])
        assert isinstance(found, Snapshot)
        return found


@asynccontextmanager
async def world_of(clock: Any, systems: list[list[int]], **config: str) -> AsyncIterator[World]:
    cloud = Watched(Place(clock, mild_winter, seed=2), systems)
    session = VendorSession(clock)
    async with served(cloud) as root, aiohttp.ClientSession() as browser:
        settings = {**cloud.config(root), **config}
        driver = load_registry(session.http, {"myuplink": settings}).driver("myuplink")
        yield World(cloud, driver, root, browser, clock)
        await session.close()


@pytest.fixture
async def world(clock: Any) -> AsyncIterator[World]:
    async with world_of(clock, [[0], [1], [2, 3]]) as made:
        yield made


# Signing in


async def test_asks_for_reading_writing_and_lasting_access(world: World) -> None:
    step = await world.driver.begin_sign_in(REDIRECT_URI, "s", "de")
    assert isinstance(step, RedirectStep)
    query = parse_qs(urlsplit(step.url).query)
    assert query["scope"] == ["READSYSTEM WRITESYSTEM offline_access"]
    assert query["redirect_uri"] == [REDIRECT_URI]


async def test_trap_without_offline_access_there_is_no_refresh_token(world: World) -> None:
    with pytest.raises(Refused) as caught:
        await world.connect(0, scope="READSYSTEM+WRITESYSTEM")
    assert caught.value.code == "no_refresh_token"


async def test_trap_refresh_tokens_rotate_and_an_old_one_is_the_end(world: World) -> None:
    first = await world.connect(0)
    second = await world.driver.refresh(first)
    assert second.secret["refresh_token"] != first.secret["refresh_token"]
    assert second.account_id == first.account_id
    assert await world.driver.list_devices(second)
    with pytest.raises(AccessLost) as caught:
        await world.driver.refresh(first)
    assert caught.value.code == "consent_lost"


async def test_the_account_is_the_tokens_subject_whoever_signs_in_again(world: World) -> None:
    assert (await world.connect(0)).account_id == (await world.connect(0)).account_id
    assert (await world.connect(0)).account_id != (await world.connect(1)).account_id


async def test_an_app_that_is_not_known_is_told_so(clock: Any) -> None:
    async with world_of(clock, [[0]], client_secret="wrong") as world:
        with pytest.raises(Refused) as caught:
            await world.connect(0)
    assert caught.value.code == "client_refused"


# What there is


async def test_each_model_can_do_what_it_can(world: World) -> None:
    found = {one.external_device_id: one for one in await world.driver.list_devices(await world.connect())}
    assert [(one.manufacturer, one.model) for one in found.values()] == [
        ("NIBE", "F730 CU 3x400V"), ("NIBE", "S735-7"), ("CTC", "CTC EcoZenith i555 Pro"), ("NIBE", "NIBE F1255-6 PC"),
    ]  # fmt: skip
    hot_water = {Lever.DHW_BOOST, Lever.DHW_SETPOINT_C}
    assert set(found[F730].levers) == {Lever.CURVE_OFFSET_K, Lever.INDOOR_SETPOINT_C} | hot_water
    assert set(found[S735].levers) == set(found[F730].levers) | {Lever.SG_READY_STATE}
    assert set(found[CTC].levers) == {Lever.INDOOR_SETPOINT_C, Lever.DHW_BOOST}
    assert set(found[F1255].levers) == {Lever.CURVE_OFFSET_K} | hot_water


async def test_what_a_device_cannot_is_told_with_the_reason(world: World) -> None:
    found = {one.external_device_id: one for one in await world.driver.list_devices(await world.connect())}
    assert Cannot(Channel.INDOOR_TEMP_C, Hindrance.SENSOR) in found[F1255].cannot
    assert Cannot(Lever.INDOOR_SETPOINT_C, Hindrance.SENSOR) in found[F1255].cannot
    assert Cannot(Channel.POWER_KW, Hindrance.MODEL) in found[CTC].cannot
    assert found[S735].cannot == ()


@pytest.mark.parametrize(("is_broken", "expected"), [(False, Hindrance.SUBSCRIPTION), (True, None)])
async def test_trap_subscriptions_answer_200_204_or_500(
    world: World, is_broken: bool, expected: Hindrance | None
) -> None:
    world.cloud.without_subscription = {0}
    world.cloud.is_subscription_broken = is_broken
    device = await world.device(await world.connect(0), F730)
    assert set(device.levers), "tried all the same"
    reasons = {one.why for one in device.cannot if isinstance(one.what, Lever)}
    assert reasons == ({expected} if expected else set())


async def test_an_expired_subscription_is_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    expired = {"subscriptions": [{"type": "manage", "validUntil": "2020-01-01T00:00:00"}, {"type": "history"}]}
    monkeypatch.setattr(world.cloud, "_subscriptions", lambda request, found: answer(expired))
    world.cloud._routes = [
        (method, path, (lambda r, f: answer(expired)) if "subscriptions" in path.pattern else route)
        for method, path, route in world.cloud._routes
    ]
    device = await world.device(await world.connect(0), F730)
    assert Cannot(Lever.CURVE_OFFSET_K, Hindrance.SUBSCRIPTION) in device.cannot


async def test_who_may_only_look_gets_no_levers(world: World) -> None:
    world.cloud.viewers = {1}
    viewer = await world.device(await world.connect(1), S735)
    reader = await world.device(await world.connect(0, scope="READSYSTEM+offline_access"), F730)
    for device in (viewer, reader):
        assert device.levers == {}
        assert Cannot(Lever.CURVE_OFFSET_K, Hindrance.PERMISSION) in device.cannot


async def test_more_systems_than_a_page_holds(clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heatfleet.vendors.myuplink.cloud.PAGE", 2)
    async with world_of(clock, [[0], [1], [2], [3], [4]]) as world:
        assert len(await world.driver.list_devices(await world.connect())) == 5


async def test_a_large_account_is_probed_in_several_goes_without_beginning_anew(clock: Any) -> None:
    async with world_of(clock, [[home] for home in range(14)]) as world:
        grant = await world.connect()
        goes, found = 0, None
        while found is None and goes < 5:
            goes += 1
            with suppress_own_budget():
                found = await world.driver.list_devices(grant)
            clock.advance(timedelta(minutes=1))
    assert found is not None
    assert len(found) == 14
    assert goes <= 3


# Reading


async def test_a_poll_is_one_call_and_systems_and_notices_are_asked_for_every_half_hour(world: World) -> None:
    grant = await world.connect(0)
    world.cloud.taken()
    snapshot = await world.snapshot(grant, F730)
    once = ["GET /v2/systems/me", "GET /v2/devices/points", "GET /v2/systems/notifications/active"]
    assert world.cloud.taken() == once
    assert snapshot.notices == ()
    for _ in range(5):
        world.clock.advance(timedelta(minutes=5))
        assert (await world.snapshot(grant, F730)).notices is None
    assert world.cloud.taken() == ["GET /v2/devices/points"] * 5
    world.clock.advance(timedelta(minutes=5))
    await world.snapshot(grant, F730)
    assert world.cloud.taken() == once


async def test_two_devices_of_a_system_share_one_call_for_notices_and_each_gets_its_own(world: World) -> None:
    grant = await world.connect(2)
    world.cloud.raise_alarm(CTC, 183, "Low pressure", "Call somebody.")
    ctc, f1255 = await world.driver.read(grant, [CTC, F1255])
    assert isinstance(ctc, Snapshot)
    assert isinstance(f1255, Snapshot)
    assert world.cloud.taken().count("GET /v2/systems/notifications/active") == 1
    assert [notice.message for notice in ctc.notices or ()] == ["Low pressure: Call somebody."]
    assert f1255.notices == ()
    world.cloud.clear_alarms(CTC)
    world.clock.advance(timedelta(minutes=31))
    assert (await world.snapshot(grant, CTC)).notices == ()


async def test_a_reading_does_without_notices_when_the_cloud_cannot_tell_them(world: World) -> None:
    grant = await world.connect(0)
    world.cloud.faults.next(Fault.HTML_502, 6, path="/v2/systems/")  # three tries each: systems, notifications
    snapshot = await world.snapshot(grant, F730)
    assert snapshot.notices is None
    assert snapshot.value(Channel.OUTDOOR_TEMP_C) is not None
    world.cloud.faults.clear()
    assert (await world.snapshot(grant, F730)).notices == (), "asked again at once"


async def test_subscriptions_are_not_asked_for_with_every_look(world: World) -> None:
    grant = await world.connect(0)
    for _ in range(3):
        await world.driver.list_devices(grant)
    assert world.cloud.taken().count("GET /v2/systems/subscriptions") == 1


async def test_smart_price_adaption_is_a_notice(world: World) -> None:
    grant = await world.connect(1)
    world.cloud.play(S735, "smart_price", 1.0)
    assert [notice.key for notice in (await world.snapshot(grant, S735)).notices or ()] == ["smart_price"]


async def test_trap_a_disconnected_device_answers_with_old_values(world: World) -> None:
    grant = await world.connect(0)
    world.cloud.set_offline(F730)
    world.clock.advance(timedelta(minutes=50))
    lost = await world.snapshot(grant, F730)
    assert all(lost.polled_at - reading.at >= timedelta(minutes=49) for reading in lost.readings)
    world.cloud.set_offline(F730, False)
    assert min(lost.polled_at - r.at for r in (await world.snapshot(grant, F730)).readings) < timedelta(minutes=6)


async def test_trap_settings_unchanged_for_days_are_as_fresh_as_the_device(world: World) -> None:
    snapshot = await world.snapshot(await world.connect(0), F730)
    ages = {reading.channel: snapshot.polled_at - reading.at for reading in snapshot.readings}
    assert ages[Channel.CURVE_OFFSET_K] < timedelta(minutes=6)


@pytest.mark.parametrize("version", ["2", "3"])
async def test_trap_both_point_lists_give_the_same_limits(clock: Any, version: str) -> None:
    async with world_of(clock, [[0]], points_version=version) as world:
        device = await world.device(await world.connect(0), F730)
        assert any(f"/v{version}/devices" in call for call in world.cloud.calls)
    limits = device.levers[Lever.INDOOR_SETPOINT_C]
    assert (limits.minimum, limits.maximum, limits.step) == (5.0, 30.0, 0.5)


async def test_power_of_the_f_series_is_marked_as_estimated(world: World) -> None:
    snapshot = await world.snapshot(await world.connect(0), F730)
    [power] = [reading for reading in snapshot.readings if reading.channel is Channel.POWER_KW]
    assert power.quality is Quality.ESTIMATED


# The budget: 25 calls a minute for all devices of an account


async def test_polling_never_starves_writes(clock: Any) -> None:
    async with world_of(clock, [[home] for home in range(24)]) as world:
        grant = await world.connect()
        ids = [device_id(home) for home in range(24)]
        found = await world.driver.read(grant, ids)
        unread = [one for one in found if isinstance(one, Unread)]
        assert 0 < len(unread) < 24, "some were read, the rest has to wait"
        assert {one.fault.code for one in unread} == {"quota_exceeded"}
        assert [one.external_device_id for one in found] == ids
        assert (await world.driver.write(grant, ids[0], [Write(Lever.CURVE_OFFSET_K, 2.0)])).accepted
        clock.advance(timedelta(minutes=1))
        later = await world.driver.read(grant, [one.external_device_id for one in unread][:8])  # zones and notices too
        assert not any(isinstance(one, Unread) for one in later)


@contextmanager
def suppress_own_budget() -> Iterator[None]:
    """Our own count may say no; a 429 of the cloud may not come."""
    try:
        yield
    except TryAgain as fault:
        if fault.detail != "the call budget is used up":
            raise


async def test_the_cloud_never_had_to_say_no(clock: Any) -> None:
    async with world_of(clock, [[home] for home in range(24)]) as world:
        grant = await world.connect()
        for _ in range(40):
            clock.advance(timedelta(seconds=5))
            for call in (
                world.driver.read(grant, [device_id(home) for home in range(24)]),
                world.driver.write(grant, device_id(0), [Write(Lever.CURVE_OFFSET_K, 1.0)]),
            ):
                with suppress_own_budget():
                    await call


async def test_the_app_can_have_a_budget_of_its_own(clock: Any) -> None:
    async with world_of(clock, [[0], [1]], app_budget="4/60") as world:
        first, second = [await world.connect(system) for system in (0, 1)]
        with suppress_own_budget():
            await world.driver.list_devices(first)
        with pytest.raises(TryAgain, match="budget"):
            await world.driver.list_devices(second)


# Writing


async def moved(world: World, grant: Grant, device: str, write: Write) -> float | None:
    """The lever's value after a write has had its time."""
    assert (await world.driver.write(grant, device, [write])).accepted
    world.clock.advance(timedelta(minutes=6))
    return (await world.snapshot(grant, device)).value(Channel(write.lever.value))


async def test_trap_a_write_shows_late_and_the_old_value_until_then(world: World) -> None:
    grant = await world.connect(0)
    before = (await world.snapshot(grant, F730)).value(Channel.CURVE_OFFSET_K)
    await world.driver.write(grant, F730, [Write(Lever.CURVE_OFFSET_K, 3.0)])
    world.clock.advance(timedelta(seconds=4))
    assert (await world.snapshot(grant, F730)).value(Channel.CURVE_OFFSET_K) == before
    world.clock.advance(timedelta(seconds=56))
    assert (await world.snapshot(grant, F730)).value(Channel.CURVE_OFFSET_K) == 3.0


async def test_several_levers_are_one_call(world: World) -> None:
    grant = await world.connect(0)
    await world.snapshot(grant, F730)
    world.cloud.taken()
    writes = [Write(Lever.CURVE_OFFSET_K, -2.0), Write(Lever.DHW_BOOST, 1.0), Write(Lever.DHW_SETPOINT_C, 58.0)]
    assert (await world.driver.write(grant, F730, writes)).accepted
    assert world.cloud.taken() == ["PATCH /v2/devices/points"]


async def test_trap_sg_ready_needs_a_switch_whose_points_appear_afterwards(world: World) -> None:
    grant = await world.connect(1)
    assert await moved(world, grant, S735, Write(Lever.SG_READY_STATE, 4.0)) == 4.0
    assert await moved(world, grant, S735, Write(Lever.SG_READY_STATE, 2.0)) == 2.0
    points = await world.driver._cloud.points(grant, S735)  # type: ignore[attr-defined]
    assert next(p.value for p in points if p.id == "10613") == 0, "off again, as the owner had it"
    assert not any(p.id == "10614" for p in points)


async def test_a_zone_is_moved_through_its_own_address(world: World) -> None:
    grant = await world.connect(2)
    assert await moved(world, grant, CTC, Write(Lever.INDOOR_SETPOINT_C, 23.0)) == 23.0
    assert "PATCH /v2/devices/zones/1" in world.cloud.taken()


async def test_trap_the_setpoints_own_point_takes_a_write_in_vain_so_its_zone_is_moved(
    world: World,
) -> None:
    grant = await world.connect(1)
    before = (await world.snapshot(grant, S735)).value(Channel.INDOOR_SETPOINT_C)
    refused = await world.driver._cloud.patch_points(grant, S735, {"47751": "23"})  # type: ignore[attr-defined]
    world.clock.advance(timedelta(minutes=6))
    assert (refused, (await world.snapshot(grant, S735)).value(Channel.INDOOR_SETPOINT_C)) == (frozenset(), before)
    assert await moved(world, grant, S735, Write(Lever.INDOOR_SETPOINT_C, 23.0)) == 23.0
    calls = world.cloud.taken()
    assert "PATCH /v2/devices/zones/1" in calls
    assert calls.count("GET /v2/devices/smart-home-zones") == 1, "the point tells it, so a poll stays one call"


async def test_a_driver_that_has_just_started_reads_before_it_writes(world: World) -> None:
    grant = await world.connect(1)
    assert (await world.driver.write(grant, S735, [Write(Lever.CURVE_OFFSET_K, 1.0)])).accepted


async def test_trap_an_accepted_write_to_a_disconnected_device_never_shows(world: World) -> None:
    grant = await world.connect(0)
    world.cloud.set_offline(F730)
    assert await moved(world, grant, F730, Write(Lever.CURVE_OFFSET_K, 5.0)) == 0.0


async def test_trap_a_missing_subscription_shows_at_the_write(world: World) -> None:
    world.cloud.without_subscription, world.cloud.is_subscription_enforced = {0}, True
    grant = await world.connect(0)
    with pytest.raises(Refused) as caught:
        await world.driver.write(grant, F730, [Write(Lever.CURVE_OFFSET_K, 1.0)])
    assert caught.value.code == SUBSCRIPTION_NEEDED


async def test_trap_a_write_with_a_stale_token_is_not_a_missing_subscription(world: World) -> None:
    grant = await world.connect(0)
    await world.snapshot(grant, F730)
    world.clock.advance(timedelta(hours=2))
    with pytest.raises(TokenStale):
        await world.driver.write(grant, F730, [Write(Lever.CURVE_OFFSET_K, 1.0)])


async def test_a_write_without_the_scope_is_refused(world: World) -> None:
    reader = await world.connect(0, scope="READSYSTEM+offline_access")
    with pytest.raises(Refused) as caught:
        await world.driver.write(reader, F730, [Write(Lever.CURVE_OFFSET_K, 1.0)])
    assert caught.value.code == SUBSCRIPTION_NEEDED


async def test_a_lever_the_device_does_not_have_is_rejected_whole(world: World) -> None:
    grant = await world.connect(0)
    before = (await world.snapshot(grant, F730)).value(Channel.CURVE_OFFSET_K)
    writes = [Write(Lever.CURVE_OFFSET_K, 4.0), Write(Lever.SG_READY_STATE, 3.0)]
    receipt = await world.driver.write(grant, F730, writes)
    assert (receipt.accepted, receipt.rejected) == (False, (Lever.SG_READY_STATE,))
    world.clock.advance(timedelta(minutes=6))
    assert (await world.snapshot(grant, F730)).value(Channel.CURVE_OFFSET_K) == before


async def test_trap_a_point_that_says_it_can_be_written_and_cannot(world: World) -> None:
    grant = await world.connect(1)
    refused = await world.driver._cloud.patch_points(grant, S735, {"781": "-60"})  # type: ignore[attr-defined]
    assert refused == {"781"}


async def test_nobody_sees_or_moves_anothers_device(world: World) -> None:
    grant = await world.connect(0)
    assert await world.driver.read(grant, [S735]) == []
    with pytest.raises(Refused):
        await world.driver.write(grant, S735, [Write(Lever.CURVE_OFFSET_K, 1.0)])
    other = await world.connect(1)
    await world.snapshot(other, S735)
    with pytest.raises(Refused):
        await world.driver.write(grant, S735, [Write(Lever.CURVE_OFFSET_K, 1.0)])


# The emulator itself


async def test_the_emulated_cloud_tells_its_window_and_enforces_it(world: World) -> None:
    grant = await world.connect(0)
    headers = {"Authorization": f"Bearer {grant.secret['access_token']}"}
    left, statuses = [], []
    for _ in range(26):
        async with world.browser.get(f"{world.base_url}/v2/protected-ping", headers=headers) as response:
            left.append(int(response.headers["RateLimit-Remaining"]))
            statuses.append(response.status)
    assert left == [*range(24, -1, -1), 0]
    assert statuses == [204] * 25 + [429]


async def test_the_emulated_cloud_knows_its_homes_and_tokens_after_a_restart(world: World, tmp_path: Path) -> None:
    place = Place(world.clock, mild_winter, state_path=tmp_path / "cloud.json")
    session = VendorSession(world.clock)
    first = Emulator(place, [[0], [1]])
    async with served(first) as root:
        driver = load_registry(session.http, {"myuplink": dict(first.config(root))}).driver("myuplink")
        step = await driver.begin_sign_in(REDIRECT_URI, "s", "en")
        grant = await driver.finish_sign_in(await first.sign_in(world.browser, step), REDIRECT_URI)
        await driver.write(grant, S735, [Write(Lever.SG_READY_STATE, 3.0), Write(Lever.CURVE_OFFSET_K, 2.0)])
    world.clock.advance(timedelta(minutes=6))
    second = Emulator(replace(place), [[0], [1]])
    async with served(second) as root:
        driver = load_registry(session.http, {"myuplink": dict(second.config(root))}).driver("myuplink")
        grant = await driver.refresh(grant)
        [snapshot] = await driver.read(grant, [S735])
    await session.close()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.value(Channel.CURVE_OFFSET_K) == 2.0
    assert snapshot.value(Channel.SG_READY_STATE) == 3.0


async def test_the_emulated_cloud_answers_the_other_addresses_too(world: World) -> None:
    headers = {"Authorization": f"Bearer {(await world.connect(2)).secret['access_token']}"}

    async def get(path: str) -> tuple[int, Any]:
        async with world.browser.get(world.base_url + path, headers=headers) as response:
            return response.status, await response.json() if response.status == 200 else None

    assert (await get("/v2/ping"))[0] == 204
    assert (await get(f"/v2/devices/{CTC}"))[1]["availableFeatures"]["getZones"] is True
    assert (await get(f"/v2/devices/{CTC}/smart-home-categories"))[1]["sh-outdoorTemp"] is True
    assert [p["parameterId"] for p in (await get(f"/v2/devices/{CTC}/points?parameters=61001"))[1]] == ["61001"]
    assert (await get(f"/v2/devices/{F730}/points"))[0] == 404
    assert (await get(f"/v2/systems/{system_id(0)}/notifications/active"))[0] == 404
