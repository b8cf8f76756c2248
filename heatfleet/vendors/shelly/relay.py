"""One relay over HTTP: who it is, what its contacts show, closing and opening one. Both generations.

The second generation and later speak JSON-RPC behind a digest; the first has plain paths behind HTTP Basic.
"""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from heatfleet.vendors.kit.answers import Answer, protocol_changed
from heatfleet.vendors.kit.grants import TokenStale
from heatfleet.vendors.kit.http import Call, VendorHttp
from heatfleet.vendors.kit.quota import Purpose
from heatfleet.vendors.shelly.digest import Challenge, Spent, authorization, parse_challenge
from heatfleet.vendors.shelly.points import Outputs, outputs_of_first, outputs_of_second

MAX_CHALLENGES = 1000


class Relay(msgspec.Struct, frozen=True):
    """A relay that has told who it is."""

    url: str
    generation: int
    id: str
    model: str


@dataclass(frozen=True)
class Login:
    """Who asks: the account whose budget is used, user name and password of the relays."""

    account: str = field(repr=False)
    username: str = field(repr=False)
    password: str = field(repr=False)


class _First(msgspec.Struct):
    type: str
    mac: str


class _Second(msgspec.Struct):
    id: str
    model: str
    gen: int


class RelayHttp:
    """Speaks to relays through the vendor's one way out."""

    def __init__(self, http: VendorHttp) -> None:
        self._http = http
        self._challenges: OrderedDict[str, tuple[Challenge, int]] = OrderedDict()

    async def identify(self, url: str, account: str) -> Relay:
        """Which relay stands at ``url``; it says so to everybody."""
        answer = await self._http.send(Call("GET", f"{url}/shelly", account=account))
        if b'"gen"' in answer.body:
            told = answer.decode(_Second)
            return Relay(url, told.gen, told.id.lower(), told.model)
        first = answer.decode(_First)
        return Relay(url, 1, f"{first.type}-{first.mac}".lower(), first.type)

    async def outputs(self, relay: Relay, login: Login) -> Outputs:
        """What its contacts and meters show now."""
        path = "/status" if relay.generation == 1 else "/rpc/Shelly.GetStatus"
        answer = await self._ask(relay, Call("GET", relay.url + path, account=login.account), login)
        status = answer.decode(dict[str, Any])
        try:
            found = outputs_of_first(status) if relay.generation == 1 else outputs_of_second(status)
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise protocol_changed(f"unexpected status: {type(fault).__name__}") from None
        if not found.is_closed and found.power_kw is None:
            raise protocol_changed("the relay tells of no contact and no meter")
        return found

    async def switch(self, relay: Relay, channel: int, lasts_s: float | None, login: Login) -> None:
        """Close a contact for ``lasts_s`` seconds, by the relay's own timer; None opens it for good."""
        call = Call(
            "POST", f"{relay.url}/rpc/Switch.Set", account=login.account, purpose=Purpose.WRITE, is_idempotent=True
        )
        if relay.generation == 1:
            turn = {"turn": "off"} if lasts_s is None else {"turn": "on", "timer": str(round(lasts_s))}
            call = replace(call, method="GET", url=f"{relay.url}/relay/{channel}", params=turn)
        elif lasts_s is None:
            call = replace(call, json={"id": channel, "on": False})
        else:
            call = replace(call, json={"id": channel, "on": True, "toggle_after": round(lasts_s)})
        await self._ask(relay, call, login)

    async def _ask(self, relay: Relay, call: Call, login: Login) -> Answer:
        """The answer to ``call``, signed as the relay wants it; ``TokenStale`` when the password is not taken."""
        if not login.password:
            return await self._http.send(call)
        if relay.generation == 1:
            plain = b64encode(f"{login.username}:{login.password}".encode()).decode()
            return await self._http.send(replace(call, headers={"Authorization": f"Basic {plain}"}))
        first = replace(call, accept=frozenset({401}), headers=self._signed(relay, call, login))
        answer = await self._http.send(first)
        if answer.status != 401:
            return answer
        challenge = parse_challenge(answer.headers.get("www-authenticate", ""))
        if challenge is None:
            raise TokenStale("the relay does not take the password")
        self._remember(relay.url, challenge, 0)
        return await self._http.send(replace(call, headers=self._signed(relay, call, login)))

    def _signed(self, relay: Relay, call: Call, login: Login) -> Mapping[str, str]:
        if relay.url not in self._challenges:
            return {}
        challenge, count = self._challenges[relay.url]
        self._remember(relay.url, challenge, count + 1)
        path = urlsplit(call.url).path + (f"?{urlencode(call.params)}" if call.params else "")
        spent = Spent(count + 1, secrets.token_hex(8))
        user = (login.username, login.password)
        return {"Authorization": authorization(challenge, user, (call.method, path), spent)}

    def _remember(self, url: str, challenge: Challenge, count: int) -> None:
        self._challenges[url] = (challenge, count)
        self._challenges.move_to_end(url)
        if len(self._challenges) > MAX_CHALLENGES:
            self._challenges.popitem(last=False)
