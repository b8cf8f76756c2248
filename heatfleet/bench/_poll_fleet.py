"""The fleet that ``heatfleet bench poll`` polls: accounts signed in at the cloud, pumps, two days of history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import msgspec

from heatfleet.domain.capabilities import Capabilities
from heatfleet.store import telemetry
from heatfleet.store.database import FLEET, Database, WriteTx
from heatfleet.store.ids import new_id
from heatfleet.vendors.kit.driver import DeviceRef, Driver, Grant, RedirectStep
from heatfleet.vendors.kit.emulation.robot import sign_in_by_redirect
from heatfleet.vendors.kit.grants import SealKeys, grant_aad, seal
from heatfleet.vendors.sandbox.emulator import INSTALLER, PASSWORD

REDIRECT = "http://127.0.0.1/callback"
VENDOR = "sandbox"
HISTORY = timedelta(days=2)
STEERED_SHARE = 0.5


@dataclass(frozen=True)
class Account:
    """A grant and the devices that are read with it."""

    grant: Grant
    devices: Sequence[DeviceRef]


async def installers(driver: Driver, browser: aiohttp.ClientSession, per_account: int) -> list[Account]:
    """Accounts of ``per_account`` pumps each, whose installer sees them all."""
    grant = await _sign_in(driver, browser, INSTALLER)
    devices = list(await driver.list_devices(grant))
    return [Account(grant, devices[at : at + per_account]) for at in range(0, len(devices), per_account)]


async def owners(driver: Driver, browser: aiohttp.ClientSession, devices: Sequence[DeviceRef]) -> list[Account]:
    """An account of its own for each of these pumps, in the order of the cloud's homes."""
    names = (f"home-{number}@sandbox.example" for number in range(1, len(devices) + 1))
    return [Account(await _sign_in(driver, browser, n), [d]) for n, d in zip(names, devices, strict=True)]


async def _sign_in(driver: Driver, browser: aiohttp.ClientSession, username: str) -> Grant:
    step = await driver.begin_sign_in(REDIRECT, "state", "en")
    assert isinstance(step, RedirectStep)
    return await driver.finish_sign_in(await sign_in_by_redirect(browser, step.url, username, PASSWORD), REDIRECT)


async def store_fleet(database: Database, keys: SealKeys, accounts: Sequence[Account], now: datetime) -> UUID:
    """The organisation whose pumps these are: connected, due at ``now``, half of them moved by us."""
    org_id, user_id = new_id(), new_id()
    async with database.write(FLEET) as tx:
        await tx.execute("insert into organisations (id, name) values ($1, 'Bench')", org_id)
        sql = "insert into users (id, org_id, email, role) values ($1, $2, $3, 'user')"
        await tx.execute(sql, user_id, org_id, f"{user_id}@example.com")
        for account in accounts:
            await _store_account(tx, (org_id, user_id), keys, account, now)
        await tx.execute(_STEER, org_id, now, STEERED_SHARE)
        await telemetry.ensure_weeks(tx, now - HISTORY, now + timedelta(days=1))
        await tx.raw.execute(_HISTORY, org_id, now - HISTORY, now, timeout=600)
        await tx.execute(_NEWEST, org_id, now)
    return org_id


async def _store_account(
    tx: WriteTx, whose: tuple[UUID, UUID], keys: SealKeys, account: Account, now: datetime
) -> None:
    connection_id, (org_id, user_id) = new_id(), whose
    sealed = seal(account.grant, keys, grant_aad(org_id, connection_id, VENDOR))
    expires_at = account.grant.expires_at
    await tx.execute(_CONNECTION, connection_id, org_id, user_id, VENDOR, account.grant.account_id, sealed, expires_at)
    given: list[list[Any]] = [
        [new_id() for _ in account.devices],
        [device.external_device_id for device in account.devices],
        [msgspec.to_builtins(Capabilities(d.channels, d.levers).to_json()) for d in account.devices],
    ]
    await tx.execute(_PUMPS, *given, org_id, user_id, connection_id, VENDOR)
    await tx.execute(_POLLS, given[0], org_id, connection_id, now)


_CONNECTION = """
insert into connections (id, org_id, user_id, vendor, account_id, grant_sealed, grant_expires_at)
values ($1, $2, $3, $4, $5, $6, $7)"""
_PUMPS = """
insert into heat_pumps (id, org_id, user_id, connection_id, vendor, external_device_id, capabilities, lifecycle_state,
  is_smart_optimization_active, is_space_heating_enabled, is_hot_water_heating_enabled, price_zone)
select id, $4, $5, $6, $7, device, able, 'authenticated', true, true, true, 'DE_LU'
from unnest($1::uuid[], $2::text[], $3::jsonb[]) as g(id, device, able)"""
_POLLS = """
insert into polls (heat_pump_id, org_id, connection_id, due_at, last_contact_at)
select id, $2, $3, $4, $4 from unnest($1::uuid[]) id"""
_STEER = """
with moved as (
  insert into baselines (heat_pump_id, org_id, lever, own_value, captured_at, written_value, written_at, settle_at,
    ends_at, attempts, release_owed_since)
  select id, org_id, 'dhw_setpoint_c', 50, $2::timestamptz, 48, $2, $2, $2::timestamptz + interval '30 days', 1, $2
  from heat_pumps where org_id = $1 and random() < $3 returning heat_pump_id, org_id
)
insert into commands (id, org_id, heat_pump_id, lever, value, previous_value, state, purpose, reason_code, status,
  attempt, issued_at, ends_at, settle_at)
select uuidv7(), org_id, heat_pump_id, 'dhw_setpoint_c', 48, 50, 'low', 'steer', 'dear_now', 'sent', 1, $2,
  $2::timestamptz + interval '30 days', $2 from moved"""
_HISTORY = """
insert into telemetry (heat_pump_id, org_id, at, indoor_temp_c, outdoor_temp_c, flow_temp_c, return_temp_c, dhw_temp_c,
  power_kw, energy_kwh, heat_kwh, indoor_setpoint_c, mode)
select h.id, h.org_id, at, 21 + random(), 2 + random(), 35 + random(), 30 + random(), 48 + random(), 1 + random(),
  1000, 3500, 21, 2
from heat_pumps h, generate_series($2::timestamptz, $3::timestamptz - interval '5 minutes', interval '5 minutes') at
where h.org_id = $1"""
_NEWEST = """
insert into device_latest (heat_pump_id, org_id, at, polled_at, indoor_temp_c, outdoor_temp_c, dhw_temp_c, power_kw)
select id, org_id, $2::timestamptz - interval '5 minutes', $2, 21, 2, 48, 1 from heat_pumps where org_id = $1"""
