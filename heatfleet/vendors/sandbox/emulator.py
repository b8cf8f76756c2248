"""The sandbox cloud: accounts, bulk reads, settings that arrive late; its homes are the kit's virtual homes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.domain.clock import Clock
from heatfleet.domain.levers import Lever
from heatfleet.thermal.arrays import Array
from heatfleet.vendors.kit.emulation.asgi import Request, Response, answer, fail
from heatfleet.vendors.kit.emulation.cloud import HomesCloud, Place
from heatfleet.vendors.kit.emulation.homes import SENSORS, Weather, mild_winter
from heatfleet.vendors.kit.emulation.oauth import Account, OAuthServer

CLIENT_ID = "heatfleet"
CLIENT_SECRET = "sandbox-demo-secret"  # noqa: S105 - shown on purpose: the client of the built-in demo cloud
PASSWORD = "sandbox"  # noqa: S105 - shown on the sign-in page
INSTALLER = "installer@sandbox.example"
MAX_IDS = 50
MISSING = -32768

KINDS: Sequence[tuple[str, str, Sequence[str]]] = (
    ("Room 8", "room", ("set.room", "set.tank", "set.boost")),
    ("Curve 6", "curve", ("set.shift", "set.tank", "set.boost")),
    ("Ready 10", "sg", ("set.sg", "set.tank")),
)
"""Model, kind, and the settings each kind takes; homes take turns."""
MORE = ("set.cool", "set.pool")
"""Settings of any kind whose home can cool or has a pool."""

LIMITS: Mapping[str, tuple[Lever, int, int, int]] = {
    "set.room": (Lever.INDOOR_SETPOINT_C, 100, 280, 5),
    "set.shift": (Lever.CURVE_OFFSET_K, -100, 100, 10),
    "set.tank": (Lever.DHW_SETPOINT_C, 350, 600, 10),
    "set.boost": (Lever.DHW_BOOST, 0, 10, 10),
    "set.sg": (Lever.SG_READY_STATE, 10, 40, 10),
    "set.cool": (Lever.COOLING_SETPOINT_C, 180, 300, 5),
    "set.pool": (Lever.POOL_SETPOINT_C, 100, 350, 5),
}
"""Setting → lever behind it, lowest, highest, step (tenths)."""
_PER_UNIT = {"input": 1000.0, "consumed": 1000.0, "delivered": 1000.0, "export": 1000.0}
_ACTIVITIES = ("off", "resting", "house", "tank", "thawing", "cooling", "pool")

Report = tuple[datetime, Array, dict[str, tuple[datetime, float]]]


class Emulator(HomesCloud):
    """The sandbox cloud as an ASGI application, alone or mounted under ``base_path``."""

    def __init__(
        self,
        seed: int,
        homes_count: int,
        clock: Clock,
        weather: Weather,
        *,
        state_path: Path | None = None,
        base_path: str = "/emulators/sandbox",
        zone: str = "Europe/Berlin",
        calls_per_minute: int = 1200,
        access_token_s: int = 600,
        redirect_origins: Sequence[str] = (),
    ) -> None:
        place = Place(clock, weather, seed, zone, base_path, state_path, redirect_origins)
        super().__init__(place, _oauth(clock, homes_count), homes_count, calls_per_minute)
        self.oauth.access_token_s = access_token_s
        self._offline: dict[int, Report] = {}
        self._references = 0
        self.load()
        self._routes: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("GET", "/oauth/authorize"): self.oauth.page,
            ("POST", "/oauth/sign-in"): self.oauth.sign_in,
            ("POST", "/oauth/token"): self.oauth.token,
            ("GET", "/v1/systems"): self._list,
            ("GET", "/v1/readings"): self._read,
        }

    # What the cloud answers

    async def handle(self, request: Request) -> Response:
        """The answer of the cloud; readings and settings count against the account's calls."""
        route = self._routes.get((request.method, request.path))
        if request.path.startswith("/oauth/"):
            self._kept.save_soon()
            return route(request) if route else fail(404, "not_found")
        _, headers = self.enter(request)
        found = route(request) if route else self._maybe_patch(request)
        return replace(found, headers={**found.headers, **headers})

    def _maybe_patch(self, request: Request) -> Response:
        parts = request.path.strip("/").split("/")
        if request.method == "PATCH" and len(parts) == 4 and parts[:2] == ["v1", "systems"] and parts[3] == "settings":
            return self._write(request, parts[2])
        fail(404, "not_found")

    def _list(self, request: Request) -> Response:
        return answer({"systems": [self._system(home) for home in self._homes_of(request)]})

    def _system(self, home: int) -> dict[str, Any]:
        model, kind, _ = KINDS[home % len(KINDS)]
        settings = self._settings(home)
        return {
            "id": device_id(home),
            "name": f"Home {home + 1}",
            "maker": "Sandbox",
            "model": model,
            "kind": kind,
            "points": [*self._sensors(home), *self._readable(home)],
            "settings": [dict(zip(("id", "low", "high", "step"), (s, *LIMITS[s][1:]), strict=True)) for s in settings],
        }

    def _read(self, request: Request) -> Response:
        wanted = [part for part in request.query.get("ids", "").split(",") if part]
        if not wanted or len(wanted) > MAX_IDS:
            fail(400, "between_1_and_50_ids")
        own = {device_id(home): home for home in self._homes_of(request)}
        return answer({"systems": [self._readings(own[one]) for one in wanted if one in own]})

    def _readings(self, home: int) -> dict[str, Any]:
        at, sensors, settings = self._offline.get(home) or self._report(home)
        values, has = zip(SENSORS, sensors, strict=True), self._sensors(home)
        points = [{"id": n, "value": _shown(n, v), "at": at} for n, v in values if n in has]
        points += [{"id": name, "value": round(v * 10), "at": when} for name, (when, v) in settings.items()]
        return {"id": device_id(home), "online": home not in self._offline, "points": points}

    def _report(self, home: int) -> Report:
        now = self.clock.fleet_now()
        at, sensors = self.homes.sensors(home, now)
        settings = {name: (now, self.homes.setting(home, LIMITS[name][0], now)) for name in self._readable(home)}
        return at, sensors, settings

    def _settings(self, home: int) -> list[str]:
        """Settings a home takes: those of its kind, and of what it has."""
        more = [name for name in MORE if self.homes.has(home, LIMITS[name][0])]
        return [*KINDS[home % len(KINDS)][2], *more]

    def _sensors(self, home: int) -> list[str]:
        return [name for name in SENSORS if self.homes.shows(home, name)]

    def _readable(self, home: int) -> list[str]:
        """Settings a home shows: its own, and the room setpoint, which every display has."""
        return list(dict.fromkeys(["set.room", *self._settings(home)]))

    def _write(self, request: Request, system: str) -> Response:
        home = next((h for h in self._homes_of(request) if device_id(h) == system), None)
        if home is None:
            fail(404, "no_such_system")
        wanted = request.json()
        if not isinstance(wanted, dict) or not wanted:
            fail(400, "no_settings")
        known = self._settings(home)
        refused = [name for name, value in wanted.items() if name not in known or not _takes(name, value)]
        if refused:
            return answer({"error": "setting_refused", "settings": refused}, 422)
        if home in self._offline:
            fail(409, "system_offline")
        self._send(home, wanted)
        self._references += 1
        self._kept.save_soon()
        return answer({"reference": f"w{self._references}"})

    def _send(self, home: int, wanted: Mapping[str, int]) -> None:
        if not self.takes_effect(home):
            return
        for name, value in wanted.items():
            self.homes.write(home, LIMITS[name][0], value / 10, self.clock.fleet_now())

    def _homes_of(self, request: Request) -> list[int]:
        account_id = self.oauth.account_of(request)
        homes = range(self.homes.count) if account_id == "all" else [int(account_id)]
        return [home for home in homes if home not in self._removed]

    def to_state(self) -> dict[str, Any]:
        """What must survive a restart."""
        return {**super().to_state(), "references": self._references}

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Go on where ``to_state`` left off."""
        super().from_state(state)
        self._references = state["references"]

    # What a demo or a test does from behind

    def username(self, home: int) -> str:
        """The e-mail address of a home's account; the password is ``PASSWORD``."""
        return _username(home)

    def installer(self) -> tuple[str, str]:
        """The account that sees all homes."""
        return INSTALLER, PASSWORD

    def home_of(self, external_device_id: str) -> int:
        """The home behind the sandbox's id."""
        return home_of(external_device_id)

    def config(self, base_url: str) -> Mapping[str, str]:
        """The driver's settings."""
        return {"base_url": base_url + self.base_path}

    def owner_sets(self, external_device_id: str, lever: Lever, value: float) -> None:
        """Let the owner change a setting by hand."""
        self.homes.owner_sets(home_of(external_device_id), lever, value, self.clock.fleet_now())

    def set_offline(self, external_device_id: str, is_offline: bool = True) -> None:
        """Cut a heat pump off its cloud, which goes on showing its last values, or bring it back."""
        self.advance()
        home = home_of(external_device_id)
        self._offline.pop(home, None)
        if is_offline:
            self._offline[home] = self._report(home)


def device_id(home: int) -> str:
    """The sandbox's id of a home's heat pump."""
    return f"SBX-{home + 1:04d}"


def home_of(external_device_id: str) -> int:
    """The home behind the sandbox's id."""
    return int(external_device_id.removeprefix("SBX-")) - 1


def _takes(name: str, value: object) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    _, low, high, step = LIMITS[name]
    return low <= value <= high and (value - low) % step == 0


def _shown(name: str, value: float) -> int | str:
    """A sensor's value as the cloud sends it: tenths, W, Wh, or a word."""
    if name == "activity":
        return _ACTIVITIES[int(value)]
    return MISSING if np.isnan(value) else round(value * _PER_UNIT.get(name, 10.0))


def _oauth(clock: Clock, homes_count: int) -> OAuthServer:
    hint = f"{_username(0)} … {_username(homes_count - 1)} (one heat pump each), {INSTALLER} (all of them)"
    clients = {CLIENT_ID: CLIENT_SECRET}
    return OAuthServer(clock, _accounts(homes_count), clients, title="Sandbox heat pumps", hint=hint)


def _username(home: int) -> str:
    return f"home-{home + 1}@sandbox.example"


def _accounts(homes_count: int) -> list[Account]:
    own = [Account(str(home), _username(home), PASSWORD) for home in range(homes_count)]
    return [*own, Account("all", INSTALLER, PASSWORD)]


def for_contract(clock: Clock) -> Emulator:
    """The cloud that ``tests/vendors/test_every_driver.py`` talks to."""
    return Emulator(seed=1, homes_count=6, clock=clock, weather=mild_winter, base_path="")
