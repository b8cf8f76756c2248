"""Plays our bridge with a gateway of two pumps behind it, for the contract of drivers; homes are ``VirtualHomes``.

The real bridge is ``heatfleet/bridge/``, the real gateway ``heatfleet/gateway/``; tests/bridge joins both.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import aiohttp
import msgspec

from heatfleet.domain.clock import Clock
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.vendors.kit.driver import PairStep, SignInStep
from heatfleet.vendors.kit.emulation.asgi import EmulatedCloud, Request, Response, answer, fail
from heatfleet.vendors.kit.emulation.homes import SENSORS, VirtualHomes, mild_winter
from heatfleet.vendors.kit.emulation.told import CHANNEL_OF, told_readings
from heatfleet.vendors.kit.gateway_contract import (
    AckStatus,
    Claimed,
    Code,
    CommandDone,
    CommandWanted,
    Device,
    Devices,
    Pairing,
    Profile,
    Values,
    values_of,
)

GATEWAY_ID = UUID(int=7)
STATE = Lever.SG_READY_STATE
TOLD = {"pump-1": sorted([*CHANNEL_OF.values(), str(STATE)]), "pump-2": ["power_kw", str(STATE)]}


class Emulator(EmulatedCloud):
    """The bridge of one gateway."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("")
        self.clock = clock
        self.homes = VirtualHomes(2, 1, mild_winter, clock.fleet_now())
        self.secret = secrets.token_urlsafe(16)
        self.codes: set[str] = set()
        self.paired: set[str] = set()
        self.devices = list(TOLD)
        self.ends_at: dict[str, datetime] = {}

    async def handle(self, request: Request) -> Response:
        """The answer of the bridge."""
        self._catch_up()
        path = request.path.removeprefix("/gateway")
        if path == "/pairings":
            self.codes.add(code := secrets.token_hex(4).upper())
            return answer(Pairing(code, 3600))
        if path == "/claims":
            return self._claim(msgspec.convert(request.json(), Code).code)
        if request.headers.get("authorization") != f"Bearer {self.secret}":
            fail(401, "unknown_secret")
        if path == "/devices":
            return answer(Devices([self._device(one) for one in self.devices]))
        _, _, device, _ = path.split("/")
        return self._command(device, msgspec.convert(request.json(), CommandWanted))

    def _claim(self, code: str) -> Response:
        if code not in self.codes:
            fail(404, "unknown_code")
        if code not in self.paired:
            fail(409, "pairing_pending")
        return answer(Claimed(GATEWAY_ID, self.secret))

    def _device(self, device: str) -> Device:
        levers = {str(STATE): LeverRange(1, 3, 1, settle_h=0.02, expires_by_itself=True)}
        profile = Profile(f"Home {device[-1]}", "SG-Ready", "virtual", TOLD[device], levers)
        return Device(device, profile, self._values(device), True)

    def _values(self, device: str) -> Values:
        home, now = list(TOLD).index(device), self.clock.fleet_now()
        at, row = self.homes.sensors(home, now)
        found = told_readings(at, dict(zip(SENSORS, map(float, row), strict=True)))
        return {**values_of(found), str(STATE): (now, self.homes.setting(home, STATE, now))}

    def _command(self, device: str, wanted: CommandWanted) -> Response:
        if device not in self.devices:
            fail(404, "no_such_device")
        now = self.clock.fleet_now()
        self.homes.owner_sets(list(TOLD).index(device), STATE, wanted.writes[STATE], now)
        self.ends_at[device] = now + timedelta(seconds=wanted.ttl_s)
        return answer(CommandDone(UUID(int=secrets.randbits(128)), AckStatus.DONE))

    def _catch_up(self) -> None:
        """What has passed its end goes back to the pump's own programme; the homes live on."""
        now = self.clock.fleet_now()
        for device, at in [(d, at) for d, at in self.ends_at.items() if at <= now]:
            del self.ends_at[device]
            self.homes.owner_sets(list(TOLD).index(device), STATE, 2.0, at)
        self.homes.advance(now)

    # What a test does from behind

    def config(self, base_url: str) -> Mapping[str, str]:
        """The driver's settings."""
        return {"bridge_url": base_url}

    async def sign_in(self, session: aiohttp.ClientSession, step: SignInStep) -> Mapping[str, str]:
        """Somebody starts the gateway with the code."""
        assert isinstance(step, PairStep)
        self.paired.add(step.code)
        return {"code": step.code}

    def remove_device(self, external_device_id: str) -> None:
        """Let the gateway no longer tell of a pump."""
        self.devices.remove(external_device_id)

    def owner_sets(self, external_device_id: str, lever: Lever, value: float) -> None:
        """Let somebody in the home close the contacts."""
        self.ends_at.pop(external_device_id, None)
        self.homes.owner_sets(list(TOLD).index(external_device_id), lever, value, self.clock.fleet_now())

    def revoke_all(self) -> None:
        """Let the gateway be revoked."""
        self.secret = secrets.token_urlsafe(16)


def for_contract(clock: Clock) -> Emulator:
    """The bridge that ``tests/vendors/test_every_driver.py`` talks to."""
    return Emulator(clock)
