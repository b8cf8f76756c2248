"""Relays of both generations wired to heat pumps: each under a path of its own, timers and digest included.

``/pro2`` (two channels, second generation, digest) is wired to the pump of home 1, which ``/em3`` meters; ``/first-k1``
and ``/first-k2`` (one channel each, first generation, Basic) are wired to the pump of home 2. Time is the fleet
clock's; the homes are ``VirtualHomes``.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Any

import aiohttp

from heatfleet.domain.clock import Clock
from heatfleet.domain.levers import Lever
from heatfleet.vendors.kit.driver import FormStep, SignInStep
from heatfleet.vendors.kit.emulation.asgi import EmulatedCloud, Request, Response, answer, fail
from heatfleet.vendors.kit.emulation.homes import SENSORS, VirtualHomes, mild_winter
from heatfleet.vendors.shelly.digest import Challenge, Spent, authorization, digest_parts
from heatfleet.vendors.shelly.points import CONTACTS, sg_ready_state

USERNAME, PASSWORD = "admin", "relays"


@dataclass
class Contact:
    """One contact, closed until its timer ends."""

    home: int
    is_k1: bool
    is_closed: bool = False
    timer_s: float | None = None
    opens_at: datetime | None = None


@dataclass(frozen=True)
class Box:
    """One relay or meter on the wall."""

    generation: int
    id: str
    model: str
    contacts: tuple[Contact, ...] = ()
    metered_home: int | None = None


class Emulator(EmulatedCloud):
    """The relays of two homes as one ASGI application."""

    def __init__(self, clock: Clock, seed: int = 1) -> None:
        super().__init__("")
        self.clock = clock
        self.homes = VirtualHomes(2, seed, mild_winter, clock.fleet_now())
        self.password, self._nonce, self._base_url = PASSWORD, secrets.token_hex(8), ""
        self.boxes = {
            "pro2": Box(2, "shellypro2-ec6260811234", "SPSW-202XE16EU", (Contact(0, True), Contact(0, False))),
            "em3": Box(2, "shellypro3em-ec6260815678", "SPEM-003CEBEU", metered_home=0),
            "first-k1": Box(1, "5ECF7F1632E8", "SHSW-1", (Contact(1, True),)),
            "first-k2": Box(1, "5ECF7F1632E9", "SHSW-1", (Contact(1, False),)),
        }
        self.ignored_writes = 0

    async def handle(self, request: Request) -> Response:
        """The answer of the relay whose path it is."""
        name, _, rest = request.path.strip("/").partition("/")
        box = self.boxes.get(name)
        if box is None:
            fail(404, "nothing here")
        self._catch_up()
        if rest == "shelly":
            return answer(_identity(box))
        return (self._first if box.generation == 1 else self._second)(box, rest, request)

    def _second(self, box: Box, rest: str, request: Request) -> Response:
        self._check_digest(box, request)
        if rest == "rpc/Shelly.GetStatus":
            return answer(self._status(box))
        if rest == "rpc/Switch.Set" and request.method == "POST":
            asked = request.json()
            contact = _contact(box, asked.get("id"))
            was = contact.is_closed
            self._turn(contact, asked.get("on"), asked.get("toggle_after"))
            return answer({"was_on": was})
        return answer({"code": 404, "message": f"No handler for {rest}"}, 404)

    def _first(self, box: Box, rest: str, request: Request) -> Response:
        expected = f"Basic {b64encode(f'{USERNAME}:{self.password}'.encode()).decode()}"
        if not compare_digest(request.headers.get("authorization", ""), expected):
            return Response(401, b"401 Unauthorized", "text/plain", {"WWW-Authenticate": f'Basic realm="{box.id}"'})
        if rest == "status":
            return answer(
                {"relays": [{"ison": c.is_closed, "has_timer": c.opens_at is not None} for c in box.contacts]}
            )
        if rest.startswith("relay/"):
            contact = _contact(box, int(rest[6:]) if rest[6:].isdigit() else None)
            timer = request.query.get("timer")
            self._turn(contact, request.query.get("turn") == "on", float(timer) if timer else None)
            return answer(_shown(contact))
        return Response(404, b"Not Found", "text/plain")

    def _status(self, box: Box) -> dict[str, Any]:
        status: dict[str, Any] = {"sys": {"mac": box.id[-12:]}}
        for number, contact in enumerate(box.contacts):
            timer = {} if contact.opens_at is None else {"timer_duration": contact.timer_s}
            status[f"switch:{number}"] = {"id": number, "source": "HTTP_in", "output": contact.is_closed, **timer}
        if box.metered_home is not None:
            sensors = dict(zip(SENSORS, self.homes.sensors(box.metered_home, self.clock.fleet_now())[1], strict=True))
            status["em:0"] = {"id": 0, "total_act_power": round(float(sensors["input"]) * 1000, 1)}
            status["emdata:0"] = {"id": 0, "total_act": round(float(sensors["consumed"]) * 1000, 1)}
        return status

    def _check_digest(self, box: Box, request: Request) -> None:
        values = digest_parts(request.headers.get("authorization", ""))
        if {"nc", "cnonce", "uri", "response"} <= values.keys() and values["uri"].endswith(request.path):
            spent, asked = Spent(int(values["nc"], 16), values["cnonce"]), (request.method, values["uri"])
            right = authorization(Challenge(box.id, self._nonce), (USERNAME, self.password), asked, spent)
            if compare_digest(digest_parts(right)["response"], values["response"]):
                return
        header = f'Digest qop="auth", realm="{box.id}", nonce="{self._nonce}", algorithm=SHA-256'
        fail(401, "unauthorized", {"WWW-Authenticate": header})

    def _turn(self, contact: Contact, is_closed: object, timer_s: float | None) -> None:
        if not isinstance(is_closed, bool):
            fail(400, "Invalid argument")
        if self.ignored_writes > 0:
            self.ignored_writes -= 1
            return
        now = self.clock.fleet_now()
        contact.is_closed, contact.timer_s = is_closed, timer_s
        contact.opens_at = None if timer_s is None else now + timedelta(seconds=timer_s)
        self._signal(contact.home, now)

    def _catch_up(self) -> None:
        """Let timers end at their instants, then the homes go on to now."""
        now = self.clock.fleet_now()
        contacts = [contact for box in self.boxes.values() for contact in box.contacts]
        while ended := [c for c in contacts if c.opens_at is not None and c.opens_at <= now]:
            first = min(ended, key=lambda c: c.opens_at or now)
            at, first.is_closed, first.opens_at = first.opens_at or now, not first.is_closed, None
            self._signal(first.home, at)
        self.homes.advance(now)

    def _signal(self, home: int, at: datetime) -> None:
        self.homes.owner_sets(home, Lever.SG_READY_STATE, float(self.state_of(home)), at)

    def state_of(self, home: int) -> int:
        """What the contacts of a home signal."""
        contacts = [c for box in self.boxes.values() for c in box.contacts if c.home == home]
        closed = {c.is_k1: c.is_closed for c in contacts}
        return sg_ready_state(closed.get(True, False), closed.get(False, False))

    # What a test does from behind

    def config(self, base_url: str) -> Mapping[str, str]:
        """The driver's settings."""
        self._base_url = base_url
        return {"networks": "127.0.0.0/8"}

    async def sign_in(self, session: aiohttp.ClientSession, step: SignInStep) -> Mapping[str, str]:
        """Where the relays of both pumps are."""
        assert isinstance(step, FormStep)
        return self.form(self._base_url)

    def form(self, base_url: str) -> dict[str, str]:
        """What a person with both pumps types."""
        return {
            "contact_1": f"{base_url}/pro2, {base_url}/first-k1",
            "contact_2": f", {base_url}/first-k2",
            "meter": f"{base_url}/em3",
            "username": USERNAME,
            "password": PASSWORD,
        }

    def remove_device(self, external_device_id: str) -> None:
        """Let the relays of a pump vanish: something else answers at their addresses."""
        home = self._home_of(external_device_id)
        gone = [n for n, box in self.boxes.items() if box.metered_home == home or _is_at(box, home)]
        for name in gone:
            del self.boxes[name]

    def owner_sets(self, external_device_id: str, lever: Lever, value: float) -> None:
        """Let the owner press the buttons on the relays."""
        self._catch_up()
        home = self._home_of(external_device_id)
        for box in self.boxes.values():
            for contact in box.contacts:
                if contact.home == home:
                    contact.is_closed, contact.opens_at = CONTACTS[round(value)][0 if contact.is_k1 else 1], None
        self._signal(home, self.clock.fleet_now())

    def revoke_all(self) -> None:
        """Let the owner change the password of every relay."""
        self.password = secrets.token_hex(8)

    def _home_of(self, external_device_id: str) -> int:
        return 0 if external_device_id.startswith("shellypro2") else 1


def _is_at(box: Box, home: int) -> bool:
    return any(contact.home == home for contact in box.contacts)


def _identity(box: Box) -> dict[str, Any]:
    if box.generation == 1:
        return {"type": box.model, "mac": box.id, "auth": True, "fw": "20230913-112003/v1.14.0", "num_outputs": 1}
    return {"id": box.id, "mac": box.id[-12:].upper(), "model": box.model, "gen": 2, "ver": "1.4.4", "auth_en": True}


def _shown(contact: Contact) -> dict[str, bool]:
    return {"ison": contact.is_closed, "has_timer": contact.opens_at is not None}


def _contact(box: Box, number: object) -> Contact:
    if not isinstance(number, int) or not 0 <= number < len(box.contacts):
        fail(500, "Argument 'id' not found")
    return box.contacts[number]


def for_contract(clock: Clock) -> Emulator:
    """The relays that ``tests/vendors/test_every_driver.py`` talks to."""
    return Emulator(clock)
