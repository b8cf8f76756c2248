"""The myUplink driver: OAuth2 by redirect, one call a device for its points, settings by PATCH.

What an account may be asked is little (25 calls a minute), so a poll is one call a device. Systems and notices are
asked for every half hour; a device that is silent is asked about, because the cloud goes on showing old values.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from heatfleet.domain.errors import AccessLost, Refused, TryAgain
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Notice, Snapshot
from heatfleet.vendors.kit.driver import DeviceRef, Grant, Receipt, RedirectStep, Unread, Write
from heatfleet.vendors.kit.grants import TokenStale
from heatfleet.vendors.kit.http import VendorHttp
from heatfleet.vendors.kit.redact import Redacted
from heatfleet.vendors.myuplink import probe
from heatfleet.vendors.myuplink.cloud import Cloud
from heatfleet.vendors.myuplink.mapping import DeviceMap, resolve, with_zones
from heatfleet.vendors.myuplink.memory import ASK_SYSTEMS_EVERY, PROBE_HOLDS, Account, Probed, Remembered
from heatfleet.vendors.myuplink.points import Answer, Moment, Patch, to_notices, to_patch, to_readings
from heatfleet.vendors.myuplink.shapes import Device

QUIET = timedelta(minutes=10)
MOST_NOTICE_CALLS = 3  # of one read, so that the readings of a large account do not wait for them
OFFLINE_AFTER_S = 300.0

T = TypeVar("T")
Key = tuple[str, str]  # account, device or system


class Driver:
    """The driver of all brands at this cloud."""

    def __init__(self, http: VendorHttp, config: Mapping[str, str]) -> None:
        self._http, self._cloud = http, Cloud(http, config)
        self._promised = http.manifest.levers
        self._accounts: Remembered[str, Account] = Remembered()
        self._probed: Remembered[Key, Probed] = Remembered()
        self._manages: Remembered[Key, tuple[datetime | None, bool | None]] = Remembered()

    # Signing in

    async def begin_sign_in(self, redirect_uri: str, state: str, language: str) -> RedirectStep:
        """The cloud's sign-in page."""
        return RedirectStep(self._cloud.authorize_url(redirect_uri, state))

    async def finish_sign_in(self, answer: Mapping[str, str], redirect_uri: str) -> Grant:
        """The grant for the code that came back; ``AccessLost`` when the person said no or the code is worthless."""
        if "code" not in answer:
            code = "access_denied" if answer.get("error") == "access_denied" else "sign_in_failed"
            raise AccessLost("the sign-in was not completed", code=code)
        form = {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": redirect_uri}
        return await self._cloud.trade(form, None)

    async def refresh(self, grant: Grant) -> Grant:
        """A fresh grant; the old refresh token is worthless from now on."""
        form = {"grant_type": "refresh_token", "refresh_token": grant.secret["refresh_token"]}
        return await self._cloud.trade(form, grant)

    # What there is

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        """The heat pumps of the account; what was probed minutes ago is not asked for again."""
        account = await self._ask_systems(grant)
        found: list[DeviceRef] = []
        for system in account.systems:
            abilities = [await self._abilities(grant, device) for device in system.devices]
            told = [one for one in abilities if one is not None and one.channels]
            if told:
                may_manage = await self._may_manage(grant, system.system_id)
                access = probe.Access(system, grant.secret.get("scope", ""), may_manage)
                found += [probe.device_ref(one, access) for one in told]
        return found

    async def _abilities(self, grant: Grant, device: Device) -> probe.Abilities | None:
        """What a device shows; None when it is there no more."""
        key = (grant.account_id, device.id)
        probed = self._probed.get(key)
        if probed is None or self._now() - probed.at > PROBE_HOLDS:
            try:
                await self._look(grant, device.id)
            except Refused:
                return None
            probed = self._probed[key]
        return probe.Abilities(device, probed.known, probed.channels)

    async def _may_manage(self, grant: Grant, system_id: str) -> bool | None:
        key = (grant.account_id, system_id)
        asked_at, may_manage = self._manages.get(key, (None, None))
        if asked_at is None or self._now() - asked_at > PROBE_HOLDS:
            may_manage = await self._cloud.may_manage(grant, system_id)
            self._manages[key] = (self._now(), may_manage)
        return may_manage

    # Reading

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot | Unread]:
        """Snapshots; the devices for which the budget is used up, or that come after a fault, stay unread."""
        found: list[Snapshot | Unread] = []
        fault: TryAgain | None = None
        asked: set[str] = set()
        for device_id in external_device_ids:
            if fault is None:
                try:
                    found += await self._snapshot(grant, device_id, asked)
                    continue
                except TokenStale:
                    raise
                except TryAgain as passing:
                    fault = passing
            found.append(Unread(device_id, fault))
        if fault is not None and all(isinstance(one, Unread) for one in found):
            raise fault
        return found

    async def _snapshot(self, grant: Grant, device_id: str, asked: set[str]) -> list[Snapshot]:
        """The device's snapshot, or nothing when the account does not have it; ``asked`` = for whose notices."""
        await self._keep_account(grant)
        try:
            answer, known = await self._look(grant, device_id)
        except Refused:
            return []
        moment = await self._moment(grant, device_id, answer)
        notices = await self._notices(grant, device_id, answer, asked)
        readings = to_readings(answer, known, moment)
        raw = Redacted(lambda: {point.id: point.value for point in answer.points})
        return [Snapshot(device_id, self._http.clock.fleet_now(), readings, raw, notices)]

    async def _look(self, grant: Grant, device_id: str) -> tuple[Answer, DeviceMap]:
        """The device's points, zones where they are needed, and the map made of them."""
        key = (grant.account_id, device_id)
        points = await self._cloud.points(grant, device_id)
        account, probed = self._accounts.get(grant.account_id), self._probed.get(key)
        product = account.product_of(device_id) if account else ""
        known = resolve(points, product, self._promised, is_scaled=self._cloud.is_scaled)
        zones = probed.zones if probed else None
        answer = Answer(points)
        must_ask = known.wants_zones if zones is None else bool(zones) and known.needs_zones
        if must_ask:
            zones = tuple(await self._cloud.zones(grant, device_id))
            answer = Answer(points, zones)
        known = with_zones(known, zones or (), self._promised)
        channels = frozenset(r.channel for r in to_readings(answer, known, Moment(self._http.clock.fleet_now())))
        self._probed[key] = Probed(known, channels, self._now(), zones)
        return answer, known

    async def _moment(self, grant: Grant, device_id: str, answer: Answer) -> Moment:
        """Now, and whether the cloud hears the device; asked anew when nothing has changed for a while."""
        now = self._http.clock.fleet_now()
        newest = answer.index.newest_at
        account = self._accounts.get(grant.account_id)
        is_quiet = newest is not None and now - newest > QUIET
        if is_quiet and (asked := await self._if_it_may(self._ask_systems(grant))):
            return Moment(now, asked.is_connected(device_id))
        is_known_lost = account is not None and account.is_connected(device_id) is False
        return Moment(now, False if is_known_lost else None)

    # Systems and notices, every half hour

    async def _keep_account(self, grant: Grant) -> None:
        """Ask for the account's systems when it is time."""
        known = self._accounts.get(grant.account_id)
        if known is None or self._now() - known.asked_at >= ASK_SYSTEMS_EVERY:
            await self._if_it_may(self._ask_systems(grant))

    async def _if_it_may(self, call: Awaitable[T]) -> T | None:
        """What a call answers that a reading can do without; None when the cloud or the budget does not allow it."""
        try:
            return await call
        except TokenStale:
            raise
        except (TryAgain, Refused):
            return None

    async def _ask_systems(self, grant: Grant) -> Account:
        """The account's systems as they are now; their notifications are due again every half hour."""
        known, now = self._accounts.get(grant.account_id), self._now()
        systems = tuple(await self._cloud.systems(grant))
        if known is None or now - known.asked_at >= ASK_SYSTEMS_EVERY:
            account = Account(systems, now)
        else:
            account = replace(known, systems=systems)
        self._accounts[grant.account_id] = account
        return account

    async def _notices(
        self, grant: Grant, device_id: str, answer: Answer, asked: set[str]
    ) -> tuple[Notice, ...] | None:
        """What stands at the device; None when it was told this half hour, or the budget does not allow to ask."""
        account = self._accounts.get(grant.account_id)
        system = account.system_of(device_id) if account else None
        if account is None or system is None or device_id in account.told:
            return None
        said = account.said.get(system.system_id)
        if said is None:
            if len(asked) >= MOST_NOTICE_CALLS:
                return None
            asked.add(system.system_id)
            said = await self._if_it_may(self._cloud.notifications(grant, system.system_id))
        if said is None:
            return None
        self._accounts[grant.account_id] = account.with_notifications(device_id, system.system_id, said)
        return to_notices(answer, said, device_id, self._http.clock.fleet_now())

    # Writing

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        """Send the writes in one PATCH (two where requests must be switched on first, one more for each zone)."""
        known = await self._known(grant, external_device_id)
        patch, at = to_patch(writes, known), self._http.clock.fleet_now()
        if patch.unknown:
            return Receipt(accepted=False, at=at, detail="the device does not have it", rejected=patch.unknown)
        rejected = await self._send(grant, external_device_id, patch)
        detail = "the value is not taken" if rejected else ""
        return Receipt(accepted=not rejected, at=at, detail=detail, rejected=tuple(sorted(rejected)))

    async def _send(self, grant: Grant, device_id: str, patch: Patch) -> set[Lever]:
        """The levers that were refused."""
        refused = set[str]()
        for values in (patch.before, patch.points):
            if values:
                refused |= await self._cloud.patch_points(grant, device_id, values)
        rejected = {patch.levers[point] for point in refused if point in patch.levers}
        for zone_id, setpoint in patch.zones.items():
            if not await self._cloud.patch_zone(grant, device_id, zone_id, setpoint):
                rejected.add(Lever.INDOOR_SETPOINT_C)
        return rejected

    async def _known(self, grant: Grant, device_id: str) -> DeviceMap:
        probed = self._probed.get((grant.account_id, device_id))
        if probed is not None:
            return probed.known
        _, known = await self._look(grant, device_id)
        return known

    def _now(self) -> datetime:
        return self._http.clock.fleet_now()
