"""Two relay contacts as the SG-Ready input of a heat pump: closes with the relay's own timer, opens for good.

Contacts that open go first, so that on the way from one state to another the pump never sees "forced on".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec

from heatfleet.domain.errors import AccessLost, Refused, TryAgain
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Channel, Snapshot
from heatfleet.vendors.kit.answers import protocol_changed
from heatfleet.vendors.kit.driver import DeviceRef, FormField, FormStep, Grant, Receipt, Write
from heatfleet.vendors.kit.grants import TokenStale
from heatfleet.vendors.kit.http import VendorHttp
from heatfleet.vendors.shelly.places import Place, Wiring, parse_wirings
from heatfleet.vendors.shelly.points import CONTACTS, Outputs, range_of, sg_ready_state, to_readings
from heatfleet.vendors.shelly.relay import Login, Relay, RelayHttp

LASTS_S = 3600.0  # when nobody says how long
FIELDS = (
    FormField("contact_1", "Relay at SG-Ready contact 1: address, such as 192.168.1.20 (#1 = its second channel)"),
    FormField("contact_2", "Relay at contact 2; empty = the next channel of the same relay"),
    FormField("meter", "Energy meter on the heat pump's supply, if there is one: its address"),
    FormField("username", "User name of the relays (most have admin)"),
    FormField("password", "Password of the relays, if they have one", "password"),
)


class _Contact(msgspec.Struct, frozen=True):
    relay: Relay
    channel: int


class _Pump(msgspec.Struct, frozen=True):
    """What was found at sign-in; kept in the grant."""

    id: str
    k1: _Contact | None
    k2: _Contact | None
    meter: Relay | None = None

    @property
    def relays(self) -> dict[str, Relay]:
        """Every relay to ask, by address."""
        found = [one.relay for one in (self.k1, self.k2) if one is not None]
        return {relay.url: relay for relay in (*found, *([self.meter] if self.meter else []))}


class Driver:
    """The driver of relays in the owner's network."""

    def __init__(self, http: VendorHttp, config: Mapping[str, str]) -> None:
        self._clock, self._relays = http.clock, RelayHttp(http)
        self._promised = http.manifest.levers[Lever.SG_READY_STATE]

    async def begin_sign_in(self, redirect_uri: str, state: str, language: str) -> FormStep:
        """Where the relays are."""
        return FormStep(FIELDS)

    async def finish_sign_in(self, answer: Mapping[str, str], redirect_uri: str) -> Grant:
        """The grant for relays that answer at these addresses and take the password."""
        wirings = parse_wirings(answer)
        account = sha256(repr(wirings).encode()).hexdigest()[:16]
        login = Login(account, answer.get("username", "").strip() or "admin", answer.get("password", ""))
        pumps = [await self._found(wiring, login) for wiring in wirings]
        secret = {"pumps": msgspec.json.encode(pumps).decode(), "username": login.username}
        if login.password:
            secret["password"] = login.password
        return Grant(account, secret)

    async def refresh(self, grant: Grant) -> Grant:
        """The same grant while the relays take its password; else ``AccessLost``."""
        try:
            await self.list_devices(grant)
        except TokenStale:
            raise AccessLost("the relays no longer take this password", code="access_denied") from None
        return grant

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        """The heat pumps behind the relays, as far as these answer."""
        login, found = _login(grant), []
        for pump in _pumps(grant):
            outputs = await self._ask(pump, login)
            found.append(self._device(pump, outputs[pump.meter.url] if pump.meter else Outputs()))
        return found

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot]:
        """What contacts and meters show; a pump at whose address there is no relay any more is left out."""
        login, snapshots = _login(grant), []
        for pump in _pumps(grant):
            if pump.id in external_device_ids:
                try:
                    snapshots.append(self._snapshot(pump, await self._ask(pump, login)))
                except Refused:
                    continue
        return snapshots

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        """Signals the state asked for and looks whether the contacts followed."""
        pump = next((p for p in _pumps(grant) if p.id == external_device_id), None)
        if pump is None:
            raise Refused("no such heat pump", code="not_found")
        for write in writes:
            state = round(write.value)
            if write.lever is not Lever.SG_READY_STATE or not self._takes(pump, state):
                return Receipt(False, self._clock.fleet_now(), "state not available", rejected=(write.lever,))
            await self._signal(pump, state, LASTS_S if write.lasts_s is None else write.lasts_s, _login(grant))
        return Receipt(accepted=True, at=self._clock.fleet_now())

    async def _signal(self, pump: _Pump, state: int, lasts_s: float, login: Login) -> None:
        contacts = [(c, on) for c, on in zip((pump.k1, pump.k2), CONTACTS[state], strict=True) if c is not None]
        for contact, is_closed in sorted(contacts, key=lambda pair: pair[1]):
            await self._relays.switch(contact.relay, contact.channel, lasts_s if is_closed else None, login)
        if _state(pump, await self._ask(pump, login)) != state:
            raise TryAgain("the contacts did not follow", after_s=60, code="device_offline")

    def _takes(self, pump: _Pump, state: int) -> bool:
        limits = range_of(self._promised, has_k1=pump.k1 is not None, has_k2=pump.k2 is not None)
        return limits.minimum <= state <= limits.maximum

    async def _ask(self, pump: _Pump, login: Login) -> dict[str, Outputs]:
        """What each relay of the pump shows, by address."""
        return {url: await self._relays.outputs(relay, login) for url, relay in pump.relays.items()}

    async def _found(self, wiring: Wiring, login: Login) -> _Pump:
        """The pump with its contacts; ``Refused`` when a relay lacks the channel that was named."""
        k1 = await self._contact(wiring.k1, login)
        place = wiring.k2 or (Place(k1.relay.url, k1.channel + 1) if k1 else None)
        k2 = await self._contact(place, login, is_optional=wiring.k2 is None)
        meter = None if wiring.meter is None else await self._relays.identify(wiring.meter, login.account)
        first = k1 or k2
        assert first is not None, "a wiring has at least one contact"
        pump = _Pump(f"{first.relay.id}:{first.channel}", k1, k2, meter)
        await self._check(pump, login)
        return pump

    async def _contact(self, place: Place | None, login: Login, *, is_optional: bool = False) -> _Contact | None:
        if place is None:
            return None
        relay = await self._relays.identify(place.url, login.account)
        channel = place.channel or 0
        try:
            has_channel = channel in (await self._relays.outputs(relay, login)).is_closed
        except TokenStale:
            raise AccessLost("the relay does not take this password", code="access_denied") from None
        if has_channel:
            return _Contact(relay, channel)
        if is_optional:
            return None
        raise Refused("the relay has no such channel", code="no_channel")

    async def _check(self, pump: _Pump, login: Login) -> None:
        outputs = await self._ask(pump, login)
        if pump.meter is not None and outputs[pump.meter.url].power_kw is None:
            raise Refused("this device measures no power", code="no_meter")

    def _device(self, pump: _Pump, meter: Outputs) -> DeviceRef:
        measured = {Channel.POWER_KW: meter.power_kw, Channel.ENERGY_KWH: meter.energy_kwh}
        first = pump.k1 or pump.k2
        assert first is not None
        return DeviceRef(
            external_device_id=pump.id,
            name=f"SG-Ready heat pump at {first.relay.id}",
            manufacturer="SG-Ready",
            model="heat pump at relay contacts",
            channels=frozenset({Channel.SG_READY_STATE, *(c for c, value in measured.items() if value is not None)}),
            levers={
                Lever.SG_READY_STATE: range_of(self._promised, has_k1=pump.k1 is not None, has_k2=pump.k2 is not None)
            },
        )

    def _snapshot(self, pump: _Pump, outputs: Mapping[str, Outputs]) -> Snapshot:
        now, state = self._clock.fleet_now(), _state(pump, outputs)
        meter = outputs[pump.meter.url] if pump.meter else Outputs()
        return Snapshot(pump.id, now, to_readings(state, meter, now), {"sg_ready_state": state})


def _state(pump: _Pump, outputs: Mapping[str, Outputs]) -> int:
    try:
        closed = [c is not None and outputs[c.relay.url].is_closed[c.channel] for c in (pump.k1, pump.k2)]
    except KeyError:
        raise protocol_changed("a contact of the relay is gone") from None
    return sg_ready_state(*closed)


def _login(grant: Grant) -> Login:
    return Login(grant.account_id, grant.secret["username"], grant.secret.get("password", ""))


def _pumps(grant: Grant) -> list[_Pump]:
    return msgspec.json.decode(grant.secret["pumps"], type=list[_Pump])
