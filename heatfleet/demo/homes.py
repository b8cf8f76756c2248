"""Connects the virtual homes as people would: a session each, the sandbox's own sign-in page, one reading, done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import aiohttp
import structlog

from heatfleet.domain.errors import HeatfleetError
from heatfleet.flows import accounts, connect, onboarding
from heatfleet.flows.onboarding import NewSession
from heatfleet.flows.toolbox import Act
from heatfleet.flows.toolbox_connect import Counter
from heatfleet.store import users
from heatfleet.store.fleet_table import connected_devices
from heatfleet.vendors.kit.driver import RedirectStep
from heatfleet.vendors.kit.emulation.robot import sign_in_by_redirect
from heatfleet.vendors.sandbox.emulator import PASSWORD, Emulator, device_id

VENDOR = "sandbox"
AT_ONCE = 8
DONE_PAGE = "/connect/done"  # says whether a pump was connected

log = structlog.get_logger("heatfleet.demo")


@dataclass(frozen=True)
class Street:
    """Where homes are connected: who acts, the counter, the cloud that plays the vendor, the zone, our address."""

    act: Act
    counter: Counter
    cloud: Emulator
    zone: str
    base_url: str


async def connect_all(street: Street, count: int) -> int:
    """How many homes are newly connected; those of an earlier start are left as they are."""
    async with street.act.database.read(street.act.org_id) as tx:
        known = await connected_devices(tx, street.act.org_id, VENDOR)
    missing = [home for home in range(count) if device_id(home) not in known]
    gate = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession() as browser:
        done = await asyncio.gather(*(_gated(gate, street, browser, home) for home in missing))
    return sum(done)


async def _gated(gate: asyncio.Semaphore, street: Street, browser: aiohttp.ClientSession, home: int) -> bool:
    async with gate:
        try:
            await _connect(street, browser, home)
        except HeatfleetError as error:
            log.warning("a home was not connected", home=home + 1, why=str(error))
            return False
        return True


async def _connect(street: Street, browser: aiohttp.ClientSession, home: int) -> None:
    """One owner's way through the Connect flow."""
    act = street.act
    user_id = await _owner(street, home)
    session_id = await new_session(act, user_id, street.zone, street.base_url)
    session = await onboarding.open_session(act.database, act.clock, session_id)
    nonce = f"demo-{home}"
    step = await connect.begin_sign_in(act, street.counter, session, VENDOR, (nonce, nonce))
    assert isinstance(step, RedirectStep)
    answer = await sign_in_by_redirect(browser, step.url, street.cloud.username(home), PASSWORD)
    session = await onboarding.open_session(act.database, act.clock, session_id)
    devices = await connect.finish_sign_in(act, street.counter, session, nonce, answer)
    assert len(devices) == 1, "each of these accounts has one heat pump"
    session = await onboarding.open_session(act.database, act.clock, session_id)
    await connect.connect(act, street.counter, session, {})


async def _owner(street: Street, home: int) -> UUID:
    """The owner of a home, found again if an earlier start got that far."""
    email = f"owner-{home + 1}@demo.example"
    known = await owners(street.act, [email])
    return known[0] if known else await accounts.create_user(street.act, {"email": email, "role": "user"})


async def owners(act: Act, emails: Sequence[str]) -> list[UUID]:
    """Ids of the users with these e-mail addresses."""
    async with act.database.read(act.org_id) as tx:
        return [u.id for email in emails for u in await users.find(tx, act.org_id, users.UserFilter(q=email, limit=1))]


async def new_session(act: Act, user_id: UUID, zone: str, base_url: str) -> UUID:
    """The id of an onboarding session that ends on our own pages and switches optimisation on."""
    wanted = NewSession(
        user_id=user_id,
        language="en",
        price_zone_default=zone,
        success_url=base_url + DONE_PAGE,
        cancel_url=base_url + DONE_PAGE,
        is_smart_optimization_active_default=True,
    )
    return await onboarding.create_session(act, wanted)
