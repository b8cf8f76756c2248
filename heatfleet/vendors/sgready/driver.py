"""Talks to our own server's gateway bridge: a code pairs, a secret reads last states and sends commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from urllib.parse import quote

from heatfleet.domain.errors import AccessLost, TryAgain
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Snapshot
from heatfleet.vendors.kit.answers import Answer
from heatfleet.vendors.kit.driver import DeviceRef, Grant, PairStep, Receipt, Write
from heatfleet.vendors.kit.gateway_contract import (
    AckStatus,
    Claimed,
    Code,
    CommandDone,
    CommandWanted,
    Device,
    Devices,
    Failure,
    Pairing,
    PairingWanted,
)
from heatfleet.vendors.kit.grants import TokenStale
from heatfleet.vendors.kit.http import Call, VendorHttp
from heatfleet.vendors.kit.quota import Purpose
from heatfleet.vendors.sgready.points import to_command, to_device, to_readings

PENDING_AFTER_S = 3.0
OFFLINE_AFTER_S = 60.0


class Driver:
    """The driver of heat pumps behind gateways."""

    def __init__(self, http: VendorHttp, config: Mapping[str, str]) -> None:
        self._http, self._base_url = http, config["bridge_url"].rstrip("/") + "/gateway"
        self._channels, self._levers = http.manifest.channels, http.manifest.levers

    async def begin_sign_in(self, redirect_uri: str, state: str, language: str) -> PairStep:
        """The code that the gateway is to be started with."""
        answer = await self._http.send(self._call("POST", "/pairings", "pairing", json=PairingWanted(state)))
        return PairStep(answer.decode(Pairing).code)

    async def finish_sign_in(self, answer: Mapping[str, str], redirect_uri: str) -> Grant:
        """The grant for the gateway that was started with the code.

        ``TryAgain`` (``sign_in_pending``) until it has told of a heat pump, ``AccessLost`` when the code is over.
        """
        code = answer.get("code", "")
        if not code:
            raise AccessLost("the pairing was not completed", code="access_denied")
        account = f"pairing {sha256(code.encode()).hexdigest()[:16]}"
        call = self._call("POST", "/claims", account, json=Code(code), accept={404, 409})
        found = await self._http.send(call)
        if found.status == 409:
            raise TryAgain("the gateway has not answered yet", after_s=PENDING_AFTER_S, code="sign_in_pending")
        if found.status == 404:
            raise AccessLost("the pairing code is unknown or over", code="sign_in_failed")
        claimed = found.decode(Claimed)
        return Grant(str(claimed.gateway_id), {"secret": claimed.secret})

    async def refresh(self, grant: Grant) -> Grant:
        """The same grant while the gateway is ours; ``AccessLost`` when it was revoked."""
        try:
            await self._devices(grant)
        except TokenStale:
            raise AccessLost("the gateway was revoked", code="consent_lost") from None
        return grant

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        """The heat pumps that the gateway has told of."""
        return [to_device(device, self._channels, self._levers) for device in await self._devices(grant)]

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot]:
        """The last states; a pump whose gateway is off line answers with its last values and their times."""
        now = self._http.clock.fleet_now()
        return [
            Snapshot(device.id, now, to_readings(device, self._channels), {"is_online": device.is_online})
            for device in await self._devices(grant)
            if device.id in external_device_ids
        ]

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        """Sends the writes together; ``TryAgain`` (``device_offline``) when the gateway did not do them in time."""
        refused = tuple(w.lever for w in writes if not self._takes(w))
        if refused:
            return Receipt(False, self._http.clock.fleet_now(), "not available", rejected=refused)
        wanted = CommandWanted(*to_command(writes))
        path = f"/devices/{quote(external_device_id, safe='')}/commands"
        call = self._call("POST", path, grant.account_id, grant, json=wanted, accept={409, 422})
        return self._receipt(await self._http.send(call), writes)

    def _receipt(self, answer: Answer, writes: Sequence[Write]) -> Receipt:
        at, levers = self._http.clock.fleet_now(), tuple(write.lever for write in writes)
        if answer.status == 422:
            return Receipt(False, at, answer.decode(Failure).error, rejected=levers)
        if answer.status == 409:
            raise TryAgain("the gateway is off line", after_s=OFFLINE_AFTER_S, code="device_offline")
        done = answer.decode(CommandDone)
        if done.status is AckStatus.REFUSED:
            return Receipt(False, at, done.detail, str(done.id), levers)
        if done.status is not AckStatus.DONE:
            raise TryAgain("the gateway did not do it in time", after_s=OFFLINE_AFTER_S, code="device_offline")
        return Receipt(True, at, vendor_reference=str(done.id))

    def _takes(self, write: Write) -> bool:
        limits = self._levers.get(Lever(write.lever))
        return limits is not None and limits.minimum <= write.value <= limits.maximum

    async def _devices(self, grant: Grant) -> list[Device]:
        answer = await self._http.send(self._call("GET", "/devices", grant.account_id, grant))
        found: list[Device] = answer.decode(Devices).devices
        return found

    def _call(
        self,
        method: str,
        path: str,
        account: str,
        grant: Grant | None = None,
        *,
        json: object = None,
        accept: set[int] | None = None,
    ) -> Call:
        return Call(
            method,
            self._base_url + path,
            account=account,
            purpose=Purpose.READ if method == "GET" else Purpose.WRITE,
            token=grant.secret["secret"] if grant is not None else "",
            json=json,
            accept=frozenset(accept or ()),
            is_idempotent=path.endswith("/commands"),
        )
