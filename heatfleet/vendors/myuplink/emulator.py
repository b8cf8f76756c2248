"""The myUplink cloud, played: OAuth2 with scopes, systems, points as raw as the real ones, late writes, call limits.

Its homes are the kit's virtual homes. What it answers beyond the recordings is as its README says.
"""

from __future__ import annotations

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from re import Match, Pattern
from re import compile as pattern
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import msgspec

from heatfleet.domain.clock import Clock
from heatfleet.domain.levers import Lever
from heatfleet.vendors.kit.emulation.asgi import Request, Response, answer, fail
from heatfleet.vendors.kit.emulation.cloud import HomesCloud, Place
from heatfleet.vendors.kit.emulation.homes import mild_winter
from heatfleet.vendors.kit.emulation.oauth import Account, OAuthServer, Token
from heatfleet.vendors.myuplink.emulated_pumps import Pumps, model_of, scaled, takes

CLIENT_ID = "7d0c4d6e-2a55-4c1b-9d4e-5b1f0c9a7e21"
CLIENT_SECRET = "EmulatedCloudSecretOf32Characters"  # noqa: S105 - shown on purpose: the app of the emulated cloud
PASSWORD = "nibe-demo"  # noqa: S105 - shown on the sign-in page
INSTALLER = "installer@nibe.example"
CALLS_PER_MINUTE, TOKEN_S = 25, 3600


class _OAuth(OAuthServer):
    """Access tokens that name their subject, and answers that do not name the account."""

    def access_text(self, account_id: str) -> str:
        """A token that looks like the real one's."""
        claims = {"sub": str(uuid5(NAMESPACE_URL, f"emulated:{account_id}"))}
        parts = (urlsafe_b64encode(msgspec.json.encode(one)).decode().rstrip("=") for one in ({"alg": "none"}, claims))
        return ".".join((*parts, secrets.token_urlsafe(24)))

    def told_of(self, account_id: str) -> dict[str, Any]:
        """Nothing."""
        return {}


class Emulator(HomesCloud):
    """The cloud as an ASGI application; ``systems`` = which homes stand together in one system."""

    def __init__(
        self, place: Place, systems: Sequence[Sequence[int]], *, calls_per_minute: int = CALLS_PER_MINUTE
    ) -> None:
        super().__init__(place, _oauth(place.clock, len(systems)), sum(map(len, systems)), calls_per_minute)
        self.systems = [list(homes) for homes in systems]
        self.alarms: dict[int, list[dict[str, Any]]] = {}
        self.without_subscription: set[int] = set()
        self.is_subscription_enforced = self.is_subscription_broken = False
        self.viewers: set[int] = set()
        self.pumps = Pumps(self.homes, place.clock)
        self.pumps.move_in()
        self.load()
        self._routes: list[tuple[str, Pattern[str], Callable[[Request, Match[str]], Response]]] = [
            ("GET", pattern(r"/v2/protected-ping"), lambda request, found: Response(204)),
            ("GET", pattern(r"/v2/systems/me"), self._systems),
            ("GET", pattern(r"/v2/systems/([^/]+)/notifications/active"), self._notifications),
            ("GET", pattern(r"/v2/systems/([^/]+)/subscriptions"), self._subscriptions),
            ("GET", pattern(r"/v2/devices/([^/]+)"), self._device),
            ("GET", pattern(r"/v[23]/devices/([^/]+)/points"), self._points),
            ("PATCH", pattern(r"/v2/devices/([^/]+)/points"), self._patch),
            ("GET", pattern(r"/v2/devices/([^/]+)/smart-home-categories"), self._categories),
            ("GET", pattern(r"/v2/devices/([^/]+)/smart-home-zones"), self._zones),
            ("PATCH", pattern(r"/v2/devices/([^/]+)/zones/([^/]+)"), self._patch_zone),
        ]

    # What the cloud answers

    async def handle(self, request: Request) -> Response:
        """The answer of the cloud; everything but signing in and the ping counts against the account's calls."""
        if request.path.startswith("/oauth/"):
            self._kept.save_soon()
            return self._sign_in(request)
        if request.path == "/v2/ping":
            return Response(204)
        token, headers = self.enter(request)
        scope = token.scope.split()
        if ("READSYSTEM" if request.method == "GET" else "WRITESYSTEM") not in scope:
            fail(403, "insufficient_scope", headers)
        for method, path, route in self._routes:
            if method == request.method and (found := path.fullmatch(request.path)):
                response = route(request, found)
                return replace(response, headers={**response.headers, **headers})
        fail(404, "not_found", headers)

    def _sign_in(self, request: Request) -> Response:
        routes = {
            ("GET", "/oauth/authorize"): self.oauth.page,
            ("POST", "/oauth/sign-in"): self.oauth.sign_in,
            ("POST", "/oauth/token"): self.oauth.token,
        }
        route = routes.get((request.method, request.path))
        return route(request) if route else fail(404, "not_found")

    def _systems(self, request: Request, found: Match[str]) -> Response:
        own = self._systems_of(self.oauth.bearer(request))
        page, size = int(request.query.get("page", "1")), int(request.query.get("itemsPerPage", "10"))
        told = [self._system(system) for system in own[(page - 1) * size : page * size]]
        return answer({"page": page, "itemsPerPage": size, "numItems": len(own), "systems": told})

    def _system(self, system: int) -> dict[str, Any]:
        homes = [home for home in self.systems[system] if home not in self._removed]
        return {
            "systemId": system_id(system),
            "name": f"House {system + 1}",
            "securityLevel": "viewer" if system in self.viewers else "admin",
            "hasAlarm": any(self.alarms.get(home) for home in homes),
            "country": "Germany",
            "devices": [self._about(home) for home in homes],
        }

    def _about(self, home: int) -> dict[str, Any]:
        return {
            "id": device_id(home),
            "connectionState": "Disconnected" if home in self.pumps.offline else "Connected",
            "currentFwVersion": "9682R7",
            "product": {"serialNumber": f"0660{home:04d}", "name": model_of(home).product},
        }

    def _device(self, request: Request, found: Match[str]) -> Response:
        home = self._home(request, found[1])
        features = {"settings": True, "boostHotWater": True, "getZones": model_of(home).has_zones}
        firmware = {"currentFwVersion": "9682R7", "desiredFwVersion": "9682R7"}
        return answer({**self._about(home), "firmware": firmware, "availableFeatures": features})

    def _notifications(self, request: Request, found: Match[str]) -> Response:
        system = self._system_called(request, found[1])
        alarms = [alarm for home in self.systems[system] for alarm in self.alarms.get(home, ())]
        return answer({"page": 1, "itemsPerPage": 99, "numItems": len(alarms), "notifications": alarms})

    def _subscriptions(self, request: Request, found: Match[str]) -> Response:
        system = self._system_called(request, found[1])
        if self.is_subscription_broken:
            fail(500, "internal_server_error")
        if system in self.without_subscription:
            return Response(204)
        until = self.clock.wall_now() + timedelta(days=200)
        return answer({"subscriptions": [{"type": "manage", "validUntil": until}]})

    def _categories(self, request: Request, found: Match[str]) -> Response:
        home = self._home(request, found[1])
        said = {category for spec in model_of(home).specs for category in spec.categories}
        return answer(dict.fromkeys(sorted(said), True))

    def _zones(self, request: Request, found: Match[str]) -> Response:
        home = self._home(request, found[1])
        if not model_of(home).has_zones:
            return answer([])
        values = self.pumps.values(home)
        zone = {
            "zoneId": "1", "name": "Heating circuit 1", "commandOnly": False, "supportedModes": "off,heat",
            "mode": "heat", "temperature": round(values["room"], 1), "setpoint": None,
            "setpointHeat": values["setpoint"], "setpointCool": None, "setpointRangeMin": 5, "setpointRangeMax": 30,
            "isCelsius": True,
        }  # fmt: skip
        return answer([zone])

    # Points

    def _points(self, request: Request, found: Match[str]) -> Response:
        home = self._home(request, found[1])
        points = self.pumps.points(home)
        wanted = {one for one in request.query.get("parameters", "").split(",") if one}
        points = [point for point in points if not wanted or point["parameterId"] in wanted]
        is_scaled = request.path.startswith("/v3/")
        return answer([scaled(point) if is_scaled else point for point in points])

    # Writes

    def _patch(self, request: Request, found: Match[str]) -> Response:
        home = self._home(request, found[1])
        self._refuse_reader(home)
        wanted = request.json()
        if not isinstance(wanted, dict) or not wanted:
            fail(400, "no_points")
        values = self.pumps.values(home) | ({"sg_on": 1.0} if self._is_sg_coming(wanted) else {})
        specs = {key: model_of(home).spec(key, values) for key in wanted}
        if any(spec is None or not takes(spec, wanted[key]) for key, spec in specs.items()):
            fail(400, "invalid_parameter")
        payload, is_ignored = {}, not self.takes_effect(home)
        for key, spec in specs.items():
            assert spec is not None
            payload[key] = self.pumps.move(home, spec, float(wanted[key]), is_ignored=is_ignored)
        self._kept.save_soon()
        return answer({"status": 200, "payload": payload})

    def _is_sg_coming(self, wanted: Mapping[str, Any]) -> bool:
        return str(wanted.get("10613", "")) == "1"

    def _patch_zone(self, request: Request, found: Match[str]) -> Response:
        home = self._home(request, found[1])
        self._refuse_reader(home)
        wanted = request.json()
        setpoint = wanted.get("setpointHeat") if isinstance(wanted, dict) else None
        if not model_of(home).has_zones or found[2] != "1":
            fail(404, "no_such_zone")
        if not isinstance(setpoint, int | float) or not 5 <= setpoint <= 30:
            fail(400, "invalid_setpoint")
        if home not in self.pumps.offline and self.takes_effect(home):
            self.homes.write(home, Lever.INDOOR_SETPOINT_C, float(setpoint), self.now)
        self._kept.save_soon()
        return answer({"status": 200, "payload": {"setpointHeat": "modified"}})

    def _refuse_reader(self, home: int) -> None:
        system = next(n for n, homes in enumerate(self.systems) if home in homes)
        if system in self.viewers or (self.is_subscription_enforced and system in self.without_subscription):
            fail(403, "forbidden")

    # Whose

    def _systems_of(self, token: Token) -> list[int]:
        return [*range(len(self.systems))] if token.account_id == "all" else [int(token.account_id)]

    def _system_called(self, request: Request, external_id: str) -> int:
        own = {system_id(system): system for system in self._systems_of(self.oauth.bearer(request))}
        return own[external_id] if external_id in own else fail(404, "no_such_system")

    def _home(self, request: Request, external_id: str) -> int:
        own = self._systems_of(self.oauth.bearer(request))
        homes = {device_id(h): h for system in own for h in self.systems[system] if h not in self._removed}
        return homes[external_id] if external_id in homes else fail(404, "no_such_device")

    # What survives a restart, and what a demo or a test does from behind

    def to_state(self) -> dict[str, Any]:
        """What must survive a restart."""
        return {**super().to_state(), "played": self.pumps.played}

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Go on where ``to_state`` left off."""
        super().from_state(state)
        self.pumps.played = [dict(one) for one in state["played"]]

    def installer(self) -> tuple[str, str]:
        """The account that sees all systems."""
        return INSTALLER, PASSWORD

    def home_of(self, external_device_id: str) -> int:
        """The home behind a device's id."""
        return int(external_device_id.split("-")[2])

    def config(self, base_url: str) -> Mapping[str, str]:
        """The driver's settings."""
        return {"base_url": base_url + self.base_path, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}

    def owner_sets(self, external_device_id: str, lever: Lever, value: float) -> None:
        """Let the owner change a setting by hand."""
        self.pumps.owner_sets(self.home_of(external_device_id), lever, value)

    def play(self, external_device_id: str, name: str, value: float) -> None:
        """Set what is only played, see ``Pumps.play``."""
        self.pumps.play(self.home_of(external_device_id), name, value)

    def set_offline(self, external_device_id: str, is_offline: bool = True) -> None:
        """Cut a heat pump off the cloud, or bring it back."""
        self.advance()
        self.pumps.set_offline(self.home_of(external_device_id), is_offline)

    def raise_alarm(self, external_device_id: str, number: int, header: str, description: str = "") -> None:
        """Let a heat pump complain."""
        home = self.home_of(external_device_id)
        alarm = {
            "id": f"{number}-{home}", "alarmNumber": number, "deviceId": external_device_id, "severity": 2,
            "status": "Active", "createdDatetime": self.now.isoformat(timespec="seconds"), "statusHistory": [],
            "header": header, "description": description, "equipName": model_of(home).product,
        }  # fmt: skip
        self.alarms.setdefault(home, []).append(alarm)

    def clear_alarms(self, external_device_id: str) -> None:
        """Let it be content again."""
        self.alarms.pop(self.home_of(external_device_id), None)


def device_id(home: int) -> str:
    """The cloud's id of a home's heat pump."""
    return f"emmy-r-{home}-20240201-0660{home:04d}-aa-bb-cc-dd-ee-ff"


def system_id(system: int) -> str:
    """The cloud's id of a system."""
    return str(uuid5(NAMESPACE_URL, f"emulated-system:{system}"))


def username(system: int) -> str:
    """The e-mail address of a system's owner."""
    return f"owner-{system + 1}@nibe.example"


def _oauth(clock: Clock, systems_count: int) -> OAuthServer:
    hint = f"{username(0)} … {username(systems_count - 1)} (one house each), {INSTALLER} (all of them)"
    owners = [Account(str(system), username(system), PASSWORD) for system in range(systems_count)]
    return _OAuth(
        clock, [*owners, Account("all", INSTALLER, PASSWORD)], {CLIENT_ID: CLIENT_SECRET},
        title="NIBE heat pumps (emulated)", hint=hint, access_token_s=TOKEN_S, offline_scope="offline_access",
    )  # fmt: skip


def for_contract(clock: Clock) -> Emulator:
    """The cloud that ``tests/vendors/test_every_driver.py`` talks to."""
    return Emulator(Place(clock, mild_winter), [[0], [1], [2, 3]])


def for_demo(place: Place) -> Emulator:
    """A street of NIBE and CTC heat pumps to click in, one of which complains."""
    cloud = Emulator(place, [[0], [1], [2], [3], [4, 5]])
    cloud.raise_alarm(device_id(1), 183, "Clean the air filter", "The filter has not been cleaned for three months.")
    return cloud
