"""One contract for every vendor folder, against its emulator over real HTTP.

bronze = reads, silver = survives, gold = steers and confirms. The level is measured: the last test prints it.
"""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from importlib.resources import files
from typing import Any

import aiohttp
import pytest
import structlog

from heatfleet.domain.errors import AccessLost, OutsideWorldError, Refused, TryAgain
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Channel, Snapshot
from heatfleet.vendors.kit.driver import (
    DeviceCodeStep,
    DeviceRef,
    Driver,
    FormStep,
    Grant,
    PairStep,
    RedirectStep,
    Write,
)
from heatfleet.vendors.kit.emulation.contract import EmulatedVendor
from heatfleet.vendors.kit.emulation.faults import Fault
from heatfleet.vendors.kit.grants import GrantLocks, GrantStore, TokenStale, with_grant
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.levels import Level, kept_level, level_of
from heatfleet.vendors.kit.manifest import Manifest, SignInKind
from heatfleet.vendors.kit.registry import find_vendors, load_registry
from tests.vendors.serving import served

VENDORS = sorted(find_vendors())
REDIRECT_URI = "http://localhost:8000/connect/callback"
STEPS = {
    SignInKind.REDIRECT: RedirectStep,
    SignInKind.FORM: FormStep,
    SignInKind.DEVICE_CODE: DeviceCodeStep,
    SignInKind.PAIR: PairStep,
}
_passed: dict[str, set[str]] = {name: set() for name in VENDORS}


@dataclass
class Bench:
    """A vendor under test: its driver, the emulated cloud behind, a signed-in account."""

    manifest: Manifest
    driver: Driver
    cloud: EmulatedVendor
    clock: Any
    grant: Grant

    async def advance(self, by: timedelta) -> None:
        """Let time pass; the account's owner keeps the grant fresh."""
        self.clock.advance(by)
        if self.grant.expires_at is not None and self.grant.expires_at <= self.clock.wall_now():
            self.grant = await self.driver.refresh(self.grant)

    async def devices(self) -> list[DeviceRef]:
        return list(await self.driver.list_devices(self.grant))

    async def values(self, device: DeviceRef) -> dict[Channel, float]:
        [snapshot] = await self.driver.read(self.grant, [device.external_device_id])
        assert isinstance(snapshot, Snapshot)
        return {reading.channel: reading.value for reading in snapshot.readings}

    async def has_failed_as(self, fault: Fault, times: int = 3) -> OutsideWorldError:
        """What reading raises while ``fault`` lasts."""
        self.clock.advance(timedelta(minutes=1))  # small budgets are for a minute
        [device, *_] = await self.devices()
        self.cloud.faults.next(fault, times, path="/")
        with pytest.raises(OutsideWorldError) as caught:
            await self.driver.read(self.grant, [device.external_device_id])
        self.cloud.faults.clear()
        return caught.value


@asynccontextmanager
async def bench_of(name: str, clock: Any) -> AsyncIterator[Bench]:
    cloud = import_module(f"{find_vendors()[name].package}.emulator").for_contract(clock)
    session = VendorSession(clock)
    async with served(cloud) as base_url, aiohttp.ClientSession() as browser:
        driver = load_registry(session.http, {name: cloud.config(base_url)}).driver(name)
        step = await driver.begin_sign_in(REDIRECT_URI, "state-1", "en")
        answer = await cloud.sign_in(browser, step)
        if isinstance(step, RedirectStep):
            assert answer["state"] == "state-1", "the state must come back"
        grant = await driver.finish_sign_in(answer, REDIRECT_URI)
        yield Bench(find_vendors()[name].manifest, driver, cloud, clock, grant)
        await session.close()


@pytest.fixture(params=VENDORS)
async def bench(request: pytest.FixtureRequest, clock: Any) -> AsyncIterator[Bench]:
    async with bench_of(request.param, clock) as made:
        yield made


@pytest.fixture
def passed(bench: Bench) -> Callable[[str], None]:
    """Call it at the end of a test to count the ability as shown."""
    return _passed[bench.manifest.name].add


async def test_signs_in_through_the_promised_step(bench: Bench, passed: Callable[[str], None]) -> None:
    step = await bench.driver.begin_sign_in(REDIRECT_URI, "s", "de")
    assert isinstance(step, STEPS[bench.manifest.sign_in])
    assert bench.grant.account_id
    with pytest.raises((AccessLost, Refused, TryAgain)) as caught:
        await bench.driver.finish_sign_in({"error": "access_denied", "state": "s"}, REDIRECT_URI)
    if isinstance(caught.value, TryAgain):
        assert caught.value.code == "sign_in_pending", "nobody has done their part yet"
        assert bench.manifest.sign_in in (SignInKind.PAIR, SignInKind.DEVICE_CODE)
    passed("sign_in")


async def test_lists_pumps_with_what_each_can_do(bench: Bench, passed: Callable[[str], None]) -> None:
    devices = await bench.devices()
    assert devices
    assert len({d.external_device_id for d in devices}) == len(devices)
    for device in devices:
        assert device.external_device_id
        assert device.model
        assert device.channels <= bench.manifest.channels
        assert set(device.levers) <= set(bench.manifest.levers)
    assert set().union(*(d.channels for d in devices)) == bench.manifest.channels, "promised channels nobody has"
    assert set().union(*(d.levers for d in devices)) == set(bench.manifest.levers), "promised levers nobody has"
    passed("list")


async def test_reads_every_promised_channel_in_range(bench: Bench, passed: Callable[[str], None]) -> None:
    devices = await bench.devices()
    await bench.advance(timedelta(hours=1))
    snapshots = {s.external_device_id: s for s in await bench.driver.read(bench.grant, [*map(_id, devices)])}
    for device in devices:
        snapshot = snapshots[device.external_device_id]
        assert isinstance(snapshot, Snapshot)
        assert {r.channel for r in snapshot.readings} == device.channels
        for reading in snapshot.readings:
            assert reading.is_plausible, reading
            assert reading.at.utcoffset() == timedelta(0)
            assert timedelta(0) <= snapshot.polled_at - reading.at <= timedelta(hours=1)
    passed("read")


async def test_meters_count_up_and_agree_with_power(bench: Bench, passed: Callable[[str], None]) -> None:
    devices = [d for d in await bench.devices() if Channel.ENERGY_KWH in d.channels]
    before = [(await bench.values(d))[Channel.ENERGY_KWH] for d in devices]
    await bench.advance(timedelta(days=1))
    after = [(await bench.values(d))[Channel.ENERGY_KWH] for d in devices]
    used = [b - a for a, b in zip(before, after, strict=True)]
    assert all(0.1 < kwh < 300.0 for kwh in used), used
    passed("meters")


async def test_survives_an_expired_token(bench: Bench, passed: Callable[[str], None]) -> None:
    fault = await bench.has_failed_as(Fault.TOKEN_EXPIRED)
    if bench.grant.expires_at is None and isinstance(fault, AccessLost):
        return passed("expired_token")  # what never expires is refused for good
    assert isinstance(fault, TokenStale)
    stored = [bench.grant]

    async def load() -> Grant:
        return stored[-1]

    async def save(grant: Grant) -> None:
        stored.append(grant)

    locks = GrantLocks()
    store = GrantStore(load, save, lambda: locks.lock("c"))
    bench.cloud.faults.next(Fault.TOKEN_EXPIRED)
    devices = await with_grant(bench.driver, store, bench.clock, bench.driver.list_devices)
    assert devices
    assert len(stored) == 2, "refreshed once and saved"
    if bench.grant.expires_at is not None:
        bench.clock.advance(timedelta(days=1))
        with pytest.raises(TokenStale):
            await bench.driver.list_devices(bench.grant)
        assert await with_grant(bench.driver, store, bench.clock, bench.driver.list_devices)
    return passed("expired_token")


async def test_survives_too_many_calls(bench: Bench, passed: Callable[[str], None]) -> None:
    fault = await bench.has_failed_as(Fault.TOO_MANY)
    assert isinstance(fault, TryAgain)
    assert 5 <= fault.after_s <= 3600
    with pytest.raises(TryAgain) as at_once:
        await bench.devices()
    assert at_once.value.code == "quota_exceeded", "does not even ask while it must wait"
    bench.clock.advance(timedelta(seconds=fault.after_s))
    assert await bench.devices()
    passed("too_many")


@pytest.mark.parametrize("fault", [Fault.HTML_502, Fault.CUT])
async def test_survives_a_broken_cloud(bench: Bench, fault: Fault, passed: Callable[[str], None]) -> None:
    raised = await bench.has_failed_as(fault)
    assert isinstance(raised, TryAgain)
    assert raised.after_s > 0
    bench.cloud.faults.next(fault, times=1, path="/")
    assert await bench.devices(), "one broken answer is repeated away"
    passed(fault)


@pytest.mark.parametrize("fault", [Fault.NONSENSE, Fault.OTHER_SHAPE])
async def test_survives_nonsense(bench: Bench, fault: Fault, passed: Callable[[str], None]) -> None:
    raised = await bench.has_failed_as(fault)
    assert isinstance(raised, TryAgain)
    assert raised.code == "protocol_changed"
    passed(fault)


async def test_survives_a_vanished_pump(bench: Bench, passed: Callable[[str], None]) -> None:
    [gone, stays, *_] = await bench.devices()
    bench.cloud.remove_device(gone.external_device_id)
    snapshots = await bench.driver.read(bench.grant, [gone.external_device_id, stays.external_device_id])
    assert [s.external_device_id for s in snapshots] == [stays.external_device_id]
    lever, what = next(iter(gone.levers.items()))
    with pytest.raises(Refused):
        await bench.driver.write(bench.grant, gone.external_device_id, [Write(lever, what.minimum)])
    passed("vanished")


async def test_says_when_access_is_lost(bench: Bench, passed: Callable[[str], None]) -> None:
    bench.cloud.revoke_all()
    with pytest.raises((AccessLost, TokenStale)):
        await bench.devices()
    with pytest.raises(AccessLost):
        await bench.driver.refresh(bench.grant)
    passed("revoked")


async def test_one_line_down_one_up_and_no_secrets(bench: Bench, passed: Callable[[str], None]) -> None:
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            fault = await bench.has_failed_as(Fault.HTML_502)
            assert not any(secret in repr(fault) for secret in bench.grant.secret.values())
        assert await bench.devices()
    ours = [line for line in lines if line["event"].startswith("vendor account")]
    assert [line["event"].rsplit(" ", 1)[1] for line in ours].count("down") == 3, "each outage once"
    assert ours[-1]["event"] == "vendor account up"
    text = repr(lines)
    assert not any(secret in text for secret in bench.grant.secret.values())
    assert REDIRECT_URI not in text
    passed("down_line")


async def test_moves_every_lever_confirms_and_restores(bench: Bench, passed: Callable[[str], None]) -> None:
    moved = set()
    for device in await bench.devices():
        before = await bench.values(device)
        for lever, what in device.levers.items():
            own = before[Channel(lever)]
            other = what.clamp(own + what.step) if own < what.maximum else what.clamp(own - what.step)
            await _moves(bench, device, lever, other)
            await _moves(bench, device, lever, own)
            moved.add(lever)
    assert moved == set(bench.manifest.levers)
    passed("levers")


async def _moves(bench: Bench, device: DeviceRef, lever: Lever, value: float) -> None:
    what = device.levers[lever]
    receipt = await bench.driver.write(bench.grant, device.external_device_id, [Write(lever, value)])
    assert receipt.accepted
    await bench.advance(timedelta(hours=what.settle_h))
    assert what.equal((await bench.values(device))[Channel(lever)], value)
    again = await bench.driver.write(bench.grant, device.external_device_id, [Write(lever, value)])
    assert again.accepted, "a repeated write does no harm"


async def test_refused_values_are_told(bench: Bench, passed: Callable[[str], None]) -> None:
    [device, *_] = await bench.devices()
    lever, what = next(iter(device.levers.items()))
    writes = [Write(lever, what.maximum + 20 * what.step)]
    try:
        receipt = await bench.driver.write(bench.grant, device.external_device_id, writes)
    except Refused:
        return passed("refusal")
    assert not receipt.accepted
    assert lever in receipt.rejected
    return passed("refusal")


async def test_shows_what_the_owner_set_by_hand(bench: Bench, passed: Callable[[str], None]) -> None:
    [device, *_] = await bench.devices()
    lever, what = next(iter(device.levers.items()))
    bench.cloud.owner_sets(device.external_device_id, lever, what.maximum)
    await bench.advance(timedelta(hours=what.settle_h))
    assert what.equal((await bench.values(device))[Channel(lever)], what.maximum)
    passed("owner")


async def test_stays_within_its_own_budget(clock: Any) -> None:
    """A driver that is asked too often is stopped by us, before the vendor stops it."""
    for name in VENDORS:
        async with bench_of(name, clock) as bench:
            calls = sum(b.calls for b in bench.manifest.account_budgets) or 1000
            with pytest.raises(TryAgain, match="budget"):
                await _ask(bench, calls + 1)


@pytest.mark.parametrize("name", VENDORS)
def test_makes_no_client_of_its_own_and_knows_no_other_vendor(name: str) -> None:
    vendor = find_vendors()[name]
    played = ("emulat", "homes.py")
    sources = [f for f in files(vendor.package).iterdir() if f.name.endswith(".py") and not f.name.startswith(played)]
    assert {"driver.py", "points.py"} <= {file.name for file in sources}
    for file in sources:
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        imported |= {str(n.module) for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        assert not {m.split(".")[0] for m in imported} & {
            "aiohttp",
            "httpx",
            "requests",
            "urllib3",
            "socket",
            "asyncio",
        }
        ours = {m for m in imported if m.startswith("heatfleet.vendors.")}
        assert all(m.startswith(("heatfleet.vendors.kit.", vendor.package)) for m in ours), ours
        assert not any("emulat" in m or m.endswith(".homes") for m in imported), "no looking behind the cloud"


async def _ask(bench: Bench, times: int) -> None:
    for _ in range(times):
        await bench.devices()


@pytest.mark.parametrize("name", VENDORS)
def test_level(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Prints the measured level of each vendor; every folder in this project must reach at least bronze."""
    shown = _passed[name]
    if not shown:
        pytest.skip("measured only when the whole file runs")
    level, package = level_of(shown), find_vendors()[name].package
    with capsys.disabled():
        print(f"\n  {name}: {level}")
    assert level is kept_level(package), f"measured {level}: write it into {package}/level.txt, then docs/vendors.md"
    assert level is not Level.NONE


def _id(device: DeviceRef) -> str:
    return device.external_device_id
