"""The sandbox cloud over HTTP: sign-in, rotation and reuse, call limits, late writes, lost devices, restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from heatfleet.domain.errors import AccessLost, Refused, TryAgain
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Channel, Snapshot
from heatfleet.vendors.kit.driver import Driver, Grant, RedirectStep, Write
from heatfleet.vendors.kit.emulation import kept
from heatfleet.vendors.kit.emulation.homes import SENSORS, mild_winter, warm_summer
from heatfleet.vendors.kit.emulation.robot import sign_in_by_redirect
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from heatfleet.vendors.sandbox.emulator import CLIENT_ID, PASSWORD, Emulator, device_id
from tests.vendors.serving import served

REDIRECT_URI = "http://localhost:8000/connect/callback"


@dataclass
class Sandbox:
    cloud: Emulator
    driver: Driver
    base_url: str
    browser: aiohttp.ClientSession
    clock: Any

    async def connect(self, home: int = 0) -> Grant:
        """Sign in as the owner of a home, as the demo does."""
        step = await self.driver.begin_sign_in(REDIRECT_URI, "s", "de")
        assert isinstance(step, RedirectStep)
        answer = await sign_in_by_redirect(self.browser, step.url, self.cloud.username(home), PASSWORD)
        return await self.driver.finish_sign_in(answer, REDIRECT_URI)

    def page(self, **changes: str) -> str:
        query = {"response_type": "code", "client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "state": "s"} | changes
        return f"{self.base_url}/oauth/authorize?{urlencode(query)}"


def cloud_of(clock: Any, **options: Any) -> Emulator:
    return Emulator(seed=2, homes_count=6, clock=clock, weather=mild_winter, **options)


@pytest.fixture
async def sandbox(clock: Any) -> AsyncIterator[Sandbox]:
    cloud = cloud_of(clock, calls_per_minute=30)
    session = VendorSession(clock)
    async with served(cloud) as root, aiohttp.ClientSession() as browser:
        config = dict(cloud.config(root))
        driver = load_registry(session.http, {"sandbox": config}).driver("sandbox")
        yield Sandbox(cloud, driver, config["base_url"], browser, clock)
        await session.close()


async def test_an_account_sees_its_own_home_only(sandbox: Sandbox) -> None:
    grant = await sandbox.connect(4)
    devices = await sandbox.driver.list_devices(grant)
    assert [d.external_device_id for d in devices] == [device_id(4)]
    assert await sandbox.driver.read(grant, [device_id(3)]) == []
    with pytest.raises(Refused):
        await sandbox.driver.write(grant, device_id(3), [Write(Lever.DHW_SETPOINT_C, 45.0)])


async def test_the_page_needs_no_script_and_shows_the_accounts(sandbox: Sandbox) -> None:
    async with sandbox.browser.get(sandbox.page()) as response:
        page, policy = await response.text(), response.headers["Content-Security-Policy"]
    assert "<script" not in page
    assert "home-1@sandbox.example" in page
    assert PASSWORD in page
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "form-action 'self' http://localhost:8000;" in policy


async def test_the_page_escapes_what_it_is_given(sandbox: Sandbox) -> None:
    async with sandbox.browser.get(sandbox.page(state='"><script>alert(1)</script>', login_hint="<b>")) as response:
        page = await response.text()
    assert "<script" not in page
    assert "<b>" not in page


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://evil.example/",
        "http://a;b@localhost/",
        "javascript:alert(1)",
        "http://localhost/\r\nSet-Cookie: a=b",
        "",
    ],
)
async def test_it_redirects_nowhere_strange(sandbox: Sandbox, redirect_uri: str) -> None:
    async with sandbox.browser.get(sandbox.page(redirect_uri=redirect_uri)) as response:
        assert response.status == 400


async def test_a_wrong_password_shows_the_page_again(sandbox: Sandbox) -> None:
    with pytest.raises(AccessLost):
        await sign_in_by_redirect(sandbox.browser, sandbox.page(), "home-1@sandbox.example", "wrong")


async def test_cancelling_comes_back_as_denied(sandbox: Sandbox) -> None:
    form = {"client_id": CLIENT_ID, "redirect_uri": REDIRECT_URI, "state": "s", "answer": "cancel"}
    async with sandbox.browser.post(f"{sandbox.base_url}/oauth/sign-in", data=form, allow_redirects=False) as response:
        assert response.headers["Location"] == f"{REDIRECT_URI}?error=access_denied&state=s"
    with pytest.raises(AccessLost) as caught:
        await sandbox.driver.finish_sign_in({"error": "access_denied"}, REDIRECT_URI)
    assert caught.value.code == "access_denied"


async def test_a_code_works_once_and_not_for_long(sandbox: Sandbox) -> None:
    answer = await sign_in_by_redirect(sandbox.browser, sandbox.page(), sandbox.cloud.username(0), PASSWORD)
    with pytest.raises(AccessLost):
        await sandbox.driver.finish_sign_in(answer, "http://localhost:8000/other")
    answer = await sign_in_by_redirect(sandbox.browser, sandbox.page(), sandbox.cloud.username(0), PASSWORD)
    await sandbox.driver.finish_sign_in(answer, REDIRECT_URI)
    with pytest.raises(AccessLost):
        await sandbox.driver.finish_sign_in(answer, REDIRECT_URI)
    late = await sign_in_by_redirect(sandbox.browser, sandbox.page(), sandbox.cloud.username(0), PASSWORD)
    sandbox.clock.advance(timedelta(seconds=61))
    with pytest.raises(AccessLost):
        await sandbox.driver.finish_sign_in(late, REDIRECT_URI)


async def test_refresh_tokens_rotate_and_a_reused_one_revokes_the_family(sandbox: Sandbox) -> None:
    first = await sandbox.connect()
    other = await sandbox.connect()
    second = await sandbox.driver.refresh(first)
    assert second.secret["refresh_token"] != first.secret["refresh_token"]
    assert await sandbox.driver.list_devices(second)
    with pytest.raises(AccessLost) as caught:
        await sandbox.driver.refresh(first)
    assert caught.value.code == "consent_lost"
    with pytest.raises(AccessLost):
        await sandbox.driver.refresh(second)
    with pytest.raises(TryAgain):
        await sandbox.driver.list_devices(second)
    assert await sandbox.driver.list_devices(other), "another sign-in of the same account is untouched"


async def test_an_unknown_client_is_refused(sandbox: Sandbox) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": CLIENT_ID, "client_secret": "wrong"}
    async with sandbox.browser.post(f"{sandbox.base_url}/oauth/token", data=form) as response:
        assert response.status == 401


async def test_the_call_window_is_told_and_enforced(sandbox: Sandbox) -> None:
    token = (await sandbox.connect()).secret["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    left = []
    for _ in range(31):
        async with sandbox.browser.get(f"{sandbox.base_url}/v1/systems", headers=headers) as response:
            left.append(int(response.headers["RateLimit-Remaining"]))
            status, wait_s = response.status, response.headers.get("Retry-After")
    assert left == [*range(29, -1, -1), 0]
    assert status == 429
    assert wait_s is not None
    sandbox.clock.advance(timedelta(seconds=int(wait_s)))
    async with sandbox.browser.get(f"{sandbox.base_url}/v1/systems", headers=headers) as response:
        assert response.status == 200


async def test_the_driver_heeds_a_smaller_window_than_promised(sandbox: Sandbox) -> None:
    """The cloud allows 30 calls a minute, the manifest says 1200: the headers win, and writes keep their reserve."""
    grant = await sandbox.connect()
    for _ in range(24):
        await sandbox.driver.list_devices(grant)
    with pytest.raises(TryAgain, match="budget"):
        await sandbox.driver.list_devices(grant)
    assert (await sandbox.driver.write(grant, device_id(0), [Write(Lever.DHW_SETPOINT_C, 45.0)])).accepted


async def test_a_write_shows_after_its_delay(sandbox: Sandbox) -> None:
    grant = await sandbox.connect()
    before = await setting(sandbox, grant)
    await sandbox.driver.write(grant, device_id(0), [Write(Lever.INDOOR_SETPOINT_C, 24.5)])
    sandbox.clock.advance(timedelta(seconds=4))
    assert await setting(sandbox, grant) == before
    sandbox.clock.advance(timedelta(seconds=56))
    assert await setting(sandbox, grant) == 24.5


async def setting(sandbox: Sandbox, grant: Grant) -> float | None:
    [snapshot] = await sandbox.driver.read(grant, [device_id(0)])
    return snapshot.value(Channel.INDOOR_SETPOINT_C)


async def test_an_ignored_write_never_shows(sandbox: Sandbox) -> None:
    grant = await sandbox.connect()
    before = await setting(sandbox, grant)
    sandbox.cloud.ignore_writes(device_id(0))
    assert (await sandbox.driver.write(grant, device_id(0), [Write(Lever.INDOOR_SETPOINT_C, 24.5)])).accepted
    sandbox.clock.advance(timedelta(minutes=5))
    assert await setting(sandbox, grant) == before


async def test_a_device_off_line_shows_old_values_and_takes_no_writes(sandbox: Sandbox) -> None:
    grant = await sandbox.connect()
    sandbox.cloud.set_offline(device_id(0))
    sandbox.clock.advance(timedelta(minutes=9))
    [snapshot] = await sandbox.driver.read(grant, [device_id(0)])
    assert all(snapshot.polled_at - reading.at >= timedelta(minutes=9) for reading in snapshot.readings)
    with pytest.raises(TryAgain) as caught:
        await sandbox.driver.write(grant, device_id(0), [Write(Lever.INDOOR_SETPOINT_C, 22.0)])
    assert caught.value.code == "device_offline"
    sandbox.cloud.set_offline(device_id(0), False)
    assert (await sandbox.driver.write(grant, device_id(0), [Write(Lever.INDOOR_SETPOINT_C, 22.0)])).accepted


@pytest.mark.parametrize(
    ("home", "write"),
    [
        (0, Write(Lever.INDOOR_SETPOINT_C, 28.5)),
        (0, Write(Lever.INDOOR_SETPOINT_C, 21.3)),
        (0, Write(Lever.CURVE_OFFSET_K, 1.0)),
        (1, Write(Lever.CURVE_OFFSET_K, 0.5)),
        (2, Write(Lever.SG_READY_STATE, 5.0)),
        (2, Write(Lever.DHW_BOOST, 1.0)),
        (2, Write(Lever.COOLING_SETPOINT_C, 17.5)),
        (1, Write(Lever.COOLING_SETPOINT_C, 24.0)),
        (0, Write(Lever.COOLING_SETPOINT_C, 24.0)),
        (2, Write(Lever.POOL_SETPOINT_C, 28.0)),
    ],
)
async def test_what_a_device_does_not_take_is_rejected_whole(sandbox: Sandbox, home: int, write: Write) -> None:
    grant = await sandbox.connect(home)
    good = Write(Lever.DHW_SETPOINT_C, 59.0)
    receipt = await sandbox.driver.write(grant, device_id(home), [good, write])
    assert (receipt.accepted, receipt.rejected) == (False, (write.lever,))
    sandbox.clock.advance(timedelta(minutes=2))
    [snapshot] = await sandbox.driver.read(grant, [device_id(home)])
    assert snapshot.value(Channel.DHW_SETPOINT_C) != 59.0


async def test_homes_with_a_roof_tell_what_they_feed_in(sandbox: Sandbox) -> None:
    """At noon more than nothing, at night less; a home without a roof has no such point."""
    while sandbox.clock.now.hour != 12:
        sandbox.clock.advance(timedelta(hours=1))
    roofed = [home for home in range(sandbox.cloud.homes.count) if sandbox.cloud.homes.shows(home, "export")]
    assert 0 < len(roofed) < sandbox.cloud.homes.count
    for home in range(sandbox.cloud.homes.count):
        grant = await sandbox.connect(home)
        (device,) = await sandbox.driver.list_devices(grant)
        assert (Channel.GRID_EXPORT_KW in device.channels) == (home in roofed)
        (snapshot,) = await sandbox.driver.read(grant, [device_id(home)])
        assert (snapshot.value(Channel.GRID_EXPORT_KW) is not None) == (home in roofed)
    grant = await sandbox.connect(roofed[0])
    (noon,) = await sandbox.driver.read(grant, [device_id(roofed[0])])
    sandbox.clock.advance(timedelta(hours=10))
    (night,) = await sandbox.driver.read(await sandbox.driver.refresh(grant), [device_id(roofed[0])])
    assert told(noon, Channel.GRID_EXPORT_KW) > 0.0 > told(night, Channel.GRID_EXPORT_KW)


async def test_homes_that_cool_and_pools_say_so_and_are_moved(clock: Any) -> None:
    cloud = Emulator(seed=2, homes_count=6, clock=clock, weather=warm_summer)
    session = VendorSession(clock)
    async with served(cloud) as root, aiohttp.ClientSession() as browser:
        driver = load_registry(session.http, {"sandbox": cloud.config(root)}).driver("sandbox")
        step = await driver.begin_sign_in(REDIRECT_URI, "s", "en")
        grant = await driver.finish_sign_in(await cloud.sign_in(browser, step), REDIRECT_URI)
        devices = await driver.list_devices(grant)
        cool = {d.external_device_id for d in devices if Lever.COOLING_SETPOINT_C in d.levers}
        pools = {d.external_device_id for d in devices if Lever.POOL_SETPOINT_C in d.levers}
        assert (cool, pools) == ({device_id(2), device_id(3), device_id(5)}, {device_id(0)})
        assert {d.external_device_id for d in devices if Channel.POOL_TEMP_C in d.channels} == pools
        both = [device_id(0), device_id(2)]
        before = {s.external_device_id: s for s in await driver.read(grant, both)}
        await driver.write(grant, device_id(0), [Write(Lever.POOL_SETPOINT_C, 32.0)])
        await driver.write(grant, device_id(2), [Write(Lever.COOLING_SETPOINT_C, 20.5)])
        modes = set()
        for _ in range(72):
            clock.advance(timedelta(minutes=20))
            cloud.advance()
            modes |= {
                (one, cloud.homes.sensors(one, clock.fleet_now())[1][SENSORS.index("activity")]) for one in (0, 2)
            }
        grant = await driver.refresh(grant)
        after = {s.external_device_id: s for s in await driver.read(grant, both)}
    await session.close()
    assert {(0, 6.0), (2, 5.0)} <= modes
    assert not {(0, 5.0), (2, 6.0)} & modes
    warmer, cooler = ((before[device_id(home)], after[device_id(home)]) for home in (0, 2))
    assert told(warmer[1], Channel.POOL_TEMP_C) > told(warmer[0], Channel.POOL_TEMP_C) + 0.5
    assert told(cooler[0], Channel.COOLING_SETPOINT_C) == cloud.homes.own_settings(2)[Lever.COOLING_SETPOINT_C]
    assert told(cooler[1], Channel.COOLING_SETPOINT_C) == 20.5


def told(snapshot: Snapshot, channel: Channel) -> float:
    value = snapshot.value(channel)
    assert value is not None
    return value


async def test_a_restarted_cloud_knows_its_homes_and_tokens(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    first = cloud_of(sandbox.clock, state_path=path)
    session = VendorSession(sandbox.clock)
    async with served(first) as root:
        driver = load_registry(session.http, {"sandbox": first.config(root)}).driver("sandbox")
        step = await driver.begin_sign_in(REDIRECT_URI, "s", "en")
        grant = await driver.finish_sign_in(await first.sign_in(sandbox.browser, step), REDIRECT_URI)
        await driver.write(grant, device_id(0), [Write(Lever.INDOOR_SETPOINT_C, 24.5)])
        sandbox.clock.advance(timedelta(hours=3))
        first.homes.advance(sandbox.clock.fleet_now())
    assert path.stat().st_mode & 0o077 == 0
    assert grant.secret["refresh_token"] not in path.read_text()
    second = cloud_of(sandbox.clock, state_path=path)
    assert second.homes.at == first.homes.at
    async with served(second) as root:
        driver = load_registry(session.http, {"sandbox": second.config(root)}).driver("sandbox")
        grant = await driver.refresh(grant)
        [snapshot] = await driver.read(grant, [device_id(0)])
    assert snapshot.value(Channel.INDOOR_SETPOINT_C) == 24.5
    await session.close()


async def test_a_killed_cloud_knows_the_settings_it_took(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "SAVE_WITHIN_S", 0.0)
    path = tmp_path / "sandbox.json"
    killed = cloud_of(sandbox.clock, state_path=path)
    session = VendorSession(sandbox.clock)
    async with served(killed) as root:
        driver = load_registry(session.http, {"sandbox": killed.config(root)}).driver("sandbox")
        step = await driver.begin_sign_in(REDIRECT_URI, "s", "en")
        grant = await driver.finish_sign_in(await killed.sign_in(sandbox.browser, step), REDIRECT_URI)
        await driver.write(grant, device_id(0), [Write(Lever.INDOOR_SETPOINT_C, 24.5)])
        again = cloud_of(sandbox.clock, state_path=path)  # while the other still runs: nothing was closed
    await session.close()
    later = sandbox.clock.fleet_now() + timedelta(minutes=5)
    assert again.homes.setting(0, Lever.INDOOR_SETPOINT_C, later) == 24.5
