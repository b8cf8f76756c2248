"""The demo's organisation and people: made at the first start, found again at every later one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from heatfleet.auth.passwords import hash_password, new_secret, secret_digest
from heatfleet.demo import credentials
from heatfleet.demo.credentials import ADMIN_EMAIL, USER_EMAIL, Credentials
from heatfleet.domain.clock import Clock
from heatfleet.flows import accounts, organisation
from heatfleet.flows.toolbox import Act
from heatfleet.store import organisations
from heatfleet.store.audit import Actor
from heatfleet.store.database import Database

ACTOR = Actor("flow:demo")
NAME = "Stadtwerke Beispiel"


@dataclass(frozen=True)
class Town:
    """Where the demo plays: its price zone and what stands on top of the wholesale price [currency/kWh]."""

    zone: str
    adder: float


async def settle_in(database: Database, clock: Clock, home: Path, town: Town) -> Credentials:
    """The credentials of the demo's organisation, which exists when this returns."""
    kept = credentials.load(home)
    if kept is None or not await _exists(database, UUID(kept.org_id)):
        kept = await _found(database, clock)
        credentials.keep(home, kept)
    await organisation.set_surcharge(act_of(database, clock, kept), town.zone, town.adder)
    return kept


def act_of(database: Database, clock: Clock, who: Credentials) -> Act:
    """The demo at work in its organisation."""
    return Act(database, clock, ACTOR, UUID(who.org_id))


async def _exists(database: Database, org_id: UUID) -> bool:
    async with database.read(org_id) as tx:
        return await organisations.get(tx, org_id) is not None


async def _found(database: Database, clock: Clock) -> Credentials:
    org_id = await organisation.create_organisation(database, clock, NAME)
    act = Act(database, clock, ACTOR, org_id)
    secret, password = new_secret(), secrets.token_urlsafe(12)
    client_id = await organisation.create_client(act, "demo", secret_digest(secret))
    admin = {"email": ADMIN_EMAIL, "role": "admin", "first_name": "Ada", "password_hash": await hash_password(password)}
    await accounts.create_user(act, admin)
    user_id = await accounts.create_user(act, {"email": USER_EMAIL, "role": "user", "first_name": "Uwe"})
    return Credentials(str(org_id), str(client_id), secret, str(user_id), ADMIN_EMAIL, password)
