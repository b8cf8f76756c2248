"""The cloud's calls: one method each, answers as values. Knows addresses and statuses, decides nothing."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from heatfleet.domain.errors import AccessLost, Refused, TryAgain
from heatfleet.vendors.kit.answers import Answer, protocol_changed
from heatfleet.vendors.kit.driver import Grant
from heatfleet.vendors.kit.grants import TokenStale
from heatfleet.vendors.kit.http import Call, VendorHttp, call_for
from heatfleet.vendors.kit.quota import Purpose
from heatfleet.vendors.myuplink.shapes import (
    Notification,
    Notifications,
    Patched,
    Subscriptions,
    System,
    Systems,
    TokenError,
    Tokens,
    VendorPoint,
    Zone,
)

READ, WRITE, OFFLINE = "READSYSTEM", "WRITESYSTEM", "offline_access"
SCOPE = f"{READ} {WRITE} {OFFLINE}"
PAGE, MOST_PAGES = 99, 20
LANGUAGE = {"Accept-Language": "en-GB"}
SUBSCRIPTION_NEEDED = "subscription_needed"
_POINT_LIST = msgspec.json.Decoder(list[VendorPoint])


class Cloud:
    """The calls of one app at the cloud."""

    def __init__(self, http: VendorHttp, config: Mapping[str, str]) -> None:
        self.http = http
        self._base_url = config["base_url"].rstrip("/")
        self._client = {"client_id": config["client_id"], "client_secret": config["client_secret"]}
        self.is_scaled = config.get("points_version") == "3"

    # Signing in

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        """The cloud's sign-in page."""
        query = {
            "response_type": "code",
            "client_id": self._client["client_id"],
            "scope": SCOPE,
            "redirect_uri": redirect_uri,
            "state": state,
        }
        return f"{self._base_url}/oauth/authorize?{urlencode(query)}"

    async def trade(self, form: Mapping[str, str], known: Grant | None) -> Grant:
        """A grant from the token endpoint; never repeated, because codes and refresh tokens are single use."""
        budget = known.account_id if known else f"sign-in {_digest(form.get('code', ''))}"
        call = Call(
            "POST", f"{self._base_url}/oauth/token", account=budget, purpose=Purpose.WRITE,
            form={**form, **self._client}, accept=frozenset({400, 401}),
        )  # fmt: skip
        answer = await self.http.send(call)
        if answer.status != 200:
            raise _token_error(answer.decode(TokenError).error)
        tokens = answer.decode(Tokens)
        if not tokens.refresh_token:
            raise Refused("the cloud gave no lasting access (offline_access)", code="no_refresh_token")
        secret = {"access_token": tokens.access_token, "refresh_token": tokens.refresh_token, "scope": tokens.scope}
        account = known.account_id if known else _account_of(tokens)
        return Grant(account, secret, self.http.clock.wall_now() + timedelta(seconds=tokens.expires_in))

    # Reading

    async def systems(self, grant: Grant) -> list[System]:
        """All systems of the account."""
        found: list[System] = []
        for page in range(1, MOST_PAGES + 1):
            query = {"page": str(page), "itemsPerPage": str(PAGE)}
            told = (await self._get(grant, "/v2/systems/me", query)).decode(Systems)
            found += told.systems
            if len(told.systems) < PAGE or len(found) >= (told.num_items or 0):
                break
        return found

    async def points(self, grant: Grant, device_id: str) -> list[VendorPoint]:
        """All points of a device; ``Refused`` (forbidden, not_found) when the account does not have it."""
        version = "v3" if self.is_scaled else "v2"
        answer = await self._get(grant, f"/{version}/devices/{quote(device_id, safe='')}/points")
        try:
            return _POINT_LIST.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise protocol_changed(f"unexpected answer: {fault}") from None

    async def zones(self, grant: Grant, device_id: str) -> list[Zone]:
        """The zones of a device; none where the model has none."""
        try:
            answer = await self._get(grant, f"/v2/devices/{quote(device_id, safe='')}/smart-home-zones")
        except Refused:
            return []
        zones: list[Zone] = answer.decode(list[Zone]) if answer.body else []
        return zones

    async def notifications(self, grant: Grant, system_id: str) -> list[Notification]:
        """What stands at a system."""
        path = f"/v2/systems/{quote(system_id, safe='')}/notifications/active"
        answer = await self._get(grant, path, {"page": "1", "itemsPerPage": str(PAGE)})
        told: Notifications = answer.decode(Notifications) if answer.body else Notifications([])
        return told.notifications

    async def may_manage(self, grant: Grant, system_id: str) -> bool | None:
        """Whether the paid service for changing settings runs; None when the cloud does not say (it may answer 500)."""
        path = f"/v2/systems/{quote(system_id, safe='')}/subscriptions"
        try:
            answer = await self._get(grant, path)
        except (Refused, TryAgain) as fault:
            if isinstance(fault, TokenStale):
                raise
            return None
        if answer.status == 204 or not answer.body:
            return False
        now = self.http.clock.wall_now()
        services: Subscriptions = answer.decode(Subscriptions)
        return any(one.type == "manage" and one.is_valid(now) for one in services.subscriptions)

    # Writing

    async def patch_points(self, grant: Grant, device_id: str, values: Mapping[str, str]) -> frozenset[str]:
        """The points that were refused; ``Refused`` (subscription_needed) when this account may not change anything."""
        return await self._patch(grant, f"/v2/devices/{quote(device_id, safe='')}/points", dict(values))

    async def patch_zone(self, grant: Grant, device_id: str, zone_id: str, values: Mapping[str, float]) -> bool:
        """Whether a zone's setpoint was taken."""
        path = f"/v2/devices/{quote(device_id, safe='')}/zones/{quote(zone_id, safe='')}"
        return not await self._patch(grant, path, dict(values))

    async def _patch(self, grant: Grant, path: str, values: Mapping[str, Any]) -> frozenset[str]:
        call = self._call("PATCH", path, grant, json=values)
        answer = await self.http.send(call)
        if answer.status in (401, 403):
            await self._raise_unless_token_is_good(grant)
            raise Refused("the maker lets this account read only", code=SUBSCRIPTION_NEEDED)
        if answer.status == 400:
            return frozenset(values)
        patched: Patched = answer.decode(Patched) if answer.body else Patched()
        return patched.refused

    async def _raise_unless_token_is_good(self, grant: Grant) -> None:
        """``TokenStale`` when it is the token that is refused, not the write."""
        await self._get(grant, "/v2/protected-ping")

    async def _get(self, grant: Grant, path: str, params: Mapping[str, str] | None = None) -> Answer:
        return await self.http.send(self._call("GET", path, grant, params=params))

    def _call(
        self, method: str, path: str, grant: Grant, params: Mapping[str, str] | None = None, json: object = None
    ) -> Call:
        accept = frozenset({400, 401, 403}) if method != "GET" else frozenset[int]()
        call = call_for(grant, method, self._base_url + path)
        return replace(call, params=params or {}, json=json, headers=LANGUAGE, accept=accept)


def _account_of(tokens: Tokens) -> str:
    """Who has signed in: the subject the access token names, else a name of this sign-in's own."""
    parts = tokens.access_token.split(".")
    if len(parts) == 3:
        try:
            claims = msgspec.json.decode(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        except (ValueError, msgspec.DecodeError):
            claims = None
        if isinstance(claims, dict) and isinstance(claims.get("sub"), str) and claims["sub"]:
            return str(claims["sub"])
    return f"sign-in {_digest(tokens.refresh_token)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _token_error(error: str) -> Exception:
    if error == "invalid_grant":
        return AccessLost("the cloud no longer knows this sign-in", code="consent_lost")
    if error in ("invalid_client", "unauthorized_client"):
        return Refused("the cloud does not know this app", code="client_refused")
    return protocol_changed(f"the token endpoint says '{error[:40]}'")
