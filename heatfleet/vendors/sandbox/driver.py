"""Talks to the sandbox cloud: OAuth2 by redirect, bulk reads, settings by PATCH."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from urllib.parse import quote, urlencode

import msgspec

from heatfleet.domain.errors import AccessLost, Refused, TryAgain
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Snapshot
from heatfleet.vendors.kit.answers import Answer, protocol_changed
from heatfleet.vendors.kit.driver import DeviceRef, Grant, Receipt, RedirectStep, Write
from heatfleet.vendors.kit.http import Call, VendorHttp, call_for
from heatfleet.vendors.kit.quota import Purpose
from heatfleet.vendors.kit.redact import Redacted
from heatfleet.vendors.sandbox.points import LEVERS, VendorPoint, channels_of, to_readings, to_settings

IDS_PER_CALL = 50
OFFLINE_AFTER_S = 300.0


class _Tokens(msgspec.Struct):
    access_token: str
    refresh_token: str
    expires_in: int
    account: str


class _Setting(msgspec.Struct):
    id: str
    low: int
    high: int
    step: int


class _System(msgspec.Struct):
    id: str
    name: str
    maker: str
    model: str
    points: list[str]
    settings: list[_Setting]


class _Systems(msgspec.Struct):
    systems: list[_System]


class _State(msgspec.Struct):
    id: str
    online: bool
    points: list[VendorPoint]


class _States(msgspec.Struct):
    systems: list[_State]


class _Accepted(msgspec.Struct):
    reference: str


class _Error(msgspec.Struct):
    error: str
    settings: list[str] = []


class Driver:
    """The sandbox vendor's driver."""

    def __init__(self, http: VendorHttp, config: Mapping[str, str]) -> None:
        self._http, self._config = http, config
        self._base_url = config["base_url"].rstrip("/")
        self._levers = http.manifest.levers

    async def begin_sign_in(self, redirect_uri: str, state: str, language: str) -> RedirectStep:
        """The sandbox's sign-in page."""
        query = {
            "response_type": "code",
            "client_id": self._config["client_id"],
            "redirect_uri": redirect_uri,
            "state": state,
            "ui_locales": language,
        }
        return RedirectStep(f"{self._base_url}/oauth/authorize?{urlencode(query)}")

    async def finish_sign_in(self, answer: Mapping[str, str], redirect_uri: str) -> Grant:
        """The grant for the code that came back; ``AccessLost`` when the person said no or the code is worthless."""
        if "code" not in answer:
            code = "access_denied" if answer.get("error") == "access_denied" else "sign_in_failed"
            raise AccessLost("the sign-in was not completed", code=code)
        form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": redirect_uri}
        nobody_yet = sha256(answer["code"].encode()).hexdigest()[:16]  # the account is told only in the answer
        return await self._trade(form, f"sign-in {nobody_yet}")

    async def refresh(self, grant: Grant) -> Grant:
        """A fresh grant; the old refresh token is worthless from now on."""
        form = {"grant_type": "refresh_token", "refresh_token": grant.secret["refresh_token"]}
        return await self._trade(form, grant.account_id)

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        """The heat pumps of the account."""
        answer = await self._http.send(self._call("GET", "/v1/systems", grant))
        return [self._device(system) for system in answer.decode(_Systems).systems]

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot]:
        """Snapshots, 50 devices a call; a device that is off line answers with its last values and their times."""
        snapshots: list[Snapshot] = []
        for ids in _chunks(external_device_ids):
            answer = await self._http.send(self._call("GET", "/v1/readings", grant, params={"ids": ",".join(ids)}))
            snapshots += [self._snapshot(state) for state in answer.decode(_States).systems]
        return snapshots

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        """Set all of ``writes`` or none."""
        path = f"/v1/systems/{quote(external_device_id, safe='')}/settings"
        call = self._call("PATCH", path, grant, json=to_settings(writes))
        answer = await self._http.send(call)
        if answer.status == 409:
            raise TryAgain("the heat pump is off line", after_s=OFFLINE_AFTER_S, code="device_offline")
        return self._receipt(answer)

    def _receipt(self, answer: Answer) -> Receipt:
        at = self._http.clock.fleet_now()
        if answer.status == 422:
            said = answer.decode(_Error)
            rejected = tuple(LEVERS[point] for point in said.settings if point in LEVERS)
            return Receipt(accepted=False, at=at, detail=said.error, rejected=rejected)
        return Receipt(accepted=True, at=at, vendor_reference=answer.decode(_Accepted).reference)

    def _call(
        self, method: str, path: str, grant: Grant, params: Mapping[str, str] | None = None, json: object = None
    ) -> Call:
        accept = frozenset({409, 422}) if method != "GET" else frozenset[int]()
        call = call_for(grant, method, self._base_url + path)
        return replace(call, params=params or {}, json=json, accept=accept)

    async def _trade(self, form: Mapping[str, str], account: str) -> Grant:
        """A grant from the token endpoint; never repeated, because codes and refresh tokens are single use."""
        client = {"client_id": self._config["client_id"], "client_secret": self._config["client_secret"]}
        call = Call(
            "POST",
            f"{self._base_url}/oauth/token",
            account=account,
            purpose=Purpose.WRITE,
            form={**form, **client},
            accept=frozenset({400, 401}),
        )
        answer = await self._http.send(call)
        if answer.status != 200:
            raise _token_error(answer.decode(_Error).error)
        tokens = answer.decode(_Tokens)
        secret = {"access_token": tokens.access_token, "refresh_token": tokens.refresh_token}
        expires_at = self._http.clock.wall_now() + timedelta(seconds=tokens.expires_in)
        return Grant(tokens.account, secret, expires_at)

    def _device(self, system: _System) -> DeviceRef:
        levers = {LEVERS[s.id]: self._range(LEVERS[s.id], s) for s in system.settings if s.id in LEVERS}
        return DeviceRef(
            external_device_id=system.id,
            name=system.name,
            manufacturer=system.maker,
            model=system.model,
            channels=channels_of(system.points),
            levers=levers,
        )

    def _range(self, lever: Lever, setting: _Setting) -> LeverRange:
        promised = self._levers[lever]
        return replace(promised, minimum=setting.low / 10, maximum=setting.high / 10, step=setting.step / 10)

    def _snapshot(self, state: _State) -> Snapshot:
        raw = Redacted(lambda: msgspec.to_builtins(state))
        return Snapshot(state.id, self._http.clock.fleet_now(), to_readings(state.points), raw)


def _token_error(error: str) -> Exception:
    if error == "invalid_grant":
        return AccessLost("the sandbox no longer knows this sign-in", code="consent_lost")
    if error == "invalid_client":
        return Refused("the sandbox does not know this client", code="client_refused")
    return protocol_changed(f"the token endpoint says '{error[:40]}'")


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[i : i + IDS_PER_CALL] for i in range(0, len(ids), IDS_PER_CALL))
