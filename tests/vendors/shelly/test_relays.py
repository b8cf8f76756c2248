"""Relays: contacts, timers, addresses that people type, digests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from heatfleet.domain.errors import AccessLost, Invalid, Refused, TryAgain
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Channel
from heatfleet.vendors.kit.driver import Grant, Write
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.network import is_within, parse_networks
from heatfleet.vendors.kit.registry import find_vendors, load_registry
from heatfleet.vendors.shelly.digest import parse_challenge
from heatfleet.vendors.shelly.driver import Driver
from heatfleet.vendors.shelly.emulator import Emulator
from heatfleet.vendors.shelly.places import parse_wirings
from heatfleet.vendors.shelly.points import Outputs, outputs_of_first, outputs_of_second
from tests.vendors.serving import served

STATE = Lever.SG_READY_STATE


class Wall:
    """Two pumps' relays, a driver, and what a test looks at."""

    def __init__(self, relays: Emulator, driver: Driver, grant: Grant, base_url: str) -> None:
        self.relays, self.driver, self.grant, self.base_url = relays, driver, grant, base_url

    async def set(self, pump: int, state: int, lasts_s: float | None = None) -> None:
        ids = [d.external_device_id for d in await self.driver.list_devices(self.grant)]
        assert (await self.driver.write(self.grant, ids[pump], [Write(STATE, state, lasts_s)])).accepted

    async def state(self, pump: int) -> float | None:
        ids = [d.external_device_id for d in await self.driver.list_devices(self.grant)]
        [snapshot] = await self.driver.read(self.grant, [ids[pump]])
        return snapshot.value(Channel.SG_READY_STATE)


@asynccontextmanager
async def wall_of(clock: Any) -> AsyncIterator[Wall]:
    relays, session = Emulator(clock), VendorSession(clock)
    async with served(relays) as base_url:
        driver: Any = load_registry(session.http, {"shelly": relays.config(base_url)}).driver("shelly")
        grant = await driver.finish_sign_in(relays.form(base_url), "")
        yield Wall(relays, driver, grant, base_url)
    await session.close()


@pytest.fixture
async def wall(clock: Any) -> AsyncIterator[Wall]:
    async with wall_of(clock) as made:
        yield made


@pytest.mark.parametrize("pump", [0, 1], ids=["second generation", "first generation"])
async def test_a_contact_opens_by_the_relays_own_timer(wall: Wall, clock: Any, pump: int) -> None:
    await wall.set(pump, 3, lasts_s=900)
    clock.advance(timedelta(seconds=899))
    assert await wall.state(pump) == 3
    clock.advance(timedelta(seconds=1))
    assert await wall.state(pump) == 2
    assert wall.relays.homes.setting(pump, STATE, clock.now) == 2.0, "the pump saw it"


@pytest.mark.parametrize("pump", [0, 1])
async def test_a_renewed_contact_stays_closed(wall: Wall, clock: Any, pump: int) -> None:
    for _ in range(4):
        await wall.set(pump, 1, lasts_s=300)
        clock.advance(timedelta(seconds=200))
    assert await wall.state(pump) == 1


async def test_nothing_stands_longer_than_an_hour_when_nobody_says_how_long(wall: Wall, clock: Any) -> None:
    await wall.set(0, 1)
    clock.advance(timedelta(hours=1))
    assert await wall.state(0) == 2


@pytest.mark.parametrize("pump", [0, 1])
async def test_the_pump_never_sees_forced_on_between_two_states(wall: Wall, clock: Any, pump: int) -> None:
    seen: list[int] = []
    signal = wall.relays._signal
    wall.relays._signal = lambda home, at: (seen.append(wall.relays.state_of(home)), signal(home, at))[1]  # type: ignore
    for state in (1, 3, 1, 2, 3, 2):
        await wall.set(pump, state)
        clock.advance(timedelta(seconds=10))
    assert 4 not in seen
    assert seen[-1] == 2


async def test_contacts_that_do_not_follow_are_told(wall: Wall) -> None:
    wall.relays.ignored_writes = 9
    with pytest.raises(TryAgain):
        await wall.set(0, 3)


async def test_a_wrong_password_is_found_at_sign_in(wall: Wall) -> None:
    form = wall.relays.form(wall.base_url) | {"password": "guess"}
    with pytest.raises(AccessLost):
        await wall.driver.finish_sign_in(form, "")


async def test_one_contact_alone_has_no_other_state(wall: Wall) -> None:
    form = wall.relays.form(wall.base_url)
    ranges = []
    for k1, k2 in (("/first-k1", ""), ("", "/first-k2"), ("/pro2#1", "")):
        answer = form | {
            "contact_1": k1 and wall.base_url + k1, "contact_2": k2 and wall.base_url + k2, "meter": "",
        }  # fmt: skip
        [device] = await wall.driver.list_devices(await wall.driver.finish_sign_in(answer, ""))
        ranges.append((device.levers[STATE].minimum, device.levers[STATE].maximum))
        assert device.channels == {Channel.SG_READY_STATE}
    assert ranges == [(1, 2), (2, 3), (1, 2)]


@pytest.mark.parametrize(
    "address",
    ["http://user:pw@192.168.1.20", "192.168.1.20#7", "ftp://192.168.1.20", "192.168.1.20?x=1", "a b", "\n", ",,", ""],
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(Refused):
        parse_wirings({"contact_1": address})


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/x", "http://10.0.0.1", "http://[::1]:80", "http://relay.example", "https://8.8.8.8"]
)
async def test_addresses_outside_the_operators_networks_are_not_called(clock: Any, url: str) -> None:
    session = VendorSession(clock)
    driver: Any = load_registry(session.http, {"shelly": {"networks": "192.168.1.0/24"}}).driver("shelly")
    with pytest.raises((Refused, TryAgain)) as caught:
        await driver.finish_sign_in({"contact_1": url}, "")
    await session.close()
    assert caught.value.code in ("forbidden_address", "unreachable", "timeout")
    assert not is_within(url, parse_networks("192.168.1.0/24"))


def test_without_networks_it_cannot_be_chosen(clock: Any) -> None:
    registry = load_registry(lambda *_: pytest.fail("no client"), {})  # type: ignore[arg-type]
    assert not registry.is_usable("shelly")
    assert find_vendors()["shelly"].manifest.is_local
    with pytest.raises(Invalid):
        parse_networks("192.168.1.20/24")


async def test_a_digest_is_what_another_implementation_makes(wall: Wall) -> None:
    """aiohttp's own middleware signs in at the emulated relay; the driver did so when the wall was made."""
    digest = aiohttp.DigestAuthMiddleware("admin", "relays")
    async with (
        aiohttp.ClientSession(middlewares=(digest,)) as session,
        session.get(f"{wall.base_url}/pro2/rpc/Shelly.GetStatus") as answer,
    ):
        assert answer.status == 200
        assert "switch:1" in await answer.json()


def test_only_sha256_digests_are_answered() -> None:
    assert parse_challenge('Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"') is not None
    assert parse_challenge('Digest realm="r", nonce="n", algorithm=MD5') is None
    assert parse_challenge('Basic realm="r"') is None


def test_every_kind_of_meter_is_read() -> None:
    assert outputs_of_second({"em:0": {"total_act_power": 1200.0}, "emdata:0": {"total_act": 5000.0}}) == Outputs(
        {}, 1.2, 5.0
    )
    assert outputs_of_second({"em1:0": {"act_power": 10}, "em1data:0": {"total_act_energy": 1}}).power_kw == 0.01
    assert outputs_of_second({"switch:0": {"output": True, "apower": 50.0, "aenergy": {"total": 2.0}}}) == Outputs(
        {0: True}, 0.05, 0.002
    )
    first = outputs_of_first({"relays": [{"ison": False}], "meters": [{"power": 60.0, "total": 60_000}]})
    assert first == Outputs({0: False}, 0.06, 1.0)
    phases = [{"power": 500.0, "total": 100.0, "is_valid": True}] * 3
    assert outputs_of_first({"relays": [], "emeters": phases}) == Outputs({}, 1.5, 0.3)
