"""Organisations, users and buildings: create and change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import NotFound
from heatfleet.flows.toolbox import Act, require_version
from heatfleet.store import audit, buildings, clients, organisations, users
from heatfleet.store.audit import Entry
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id

ADDRESS = frozenset(
    {"street_and_number", "street_add_info", "zip_code", "town", "country_iso2", "latitude", "longitude"}
)


async def create_organisation(database: Database, clock: Clock, name: str) -> UUID:
    """The id of a new organisation."""
    org_id = new_id()
    async with database.write(FLEET) as tx:
        await organisations.insert(tx, org_id, name, clock.wall_now())
    return org_id


async def create_client(act: Act, name: str, secret_sha256: bytes) -> UUID:
    """The id of a new machine client; of its secret only the digest is ever stored."""
    client_id, now = new_id(), act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        await clients.insert(tx, act.org_id, client_id, name, secret_sha256, now)
        await audit.record(tx, act.org_id, act.actor, Entry("create", "client", client_id, None, {"name": name}), now)
    return client_id


async def set_surcharge(act: Act, zone: str, per_kwh: float) -> None:
    """What the organisation adds to the wholesale price of ``zone`` [currency/kWh] where a contract says nothing."""
    async with act.database.write(act.org_id) as tx:
        await organisations.set_surcharge(tx, act.org_id, zone, per_kwh, act.clock.wall_now())


async def create_user(act: Act, fields: Mapping[str, Any]) -> UUID:
    """The id of a new user; :class:`Conflict` when the e-mail is taken. ``password_hash`` may be among the fields."""
    user_id, now = new_id(), act.clock.wall_now()
    fields = dict(fields)
    if ADDRESS & fields.keys():
        fields["location_last_updated"] = now
    async with act.database.write(act.org_id) as tx:
        await users.insert(tx, act.org_id, user_id, fields, now)
        shown = {name: value for name, value in fields.items() if name != "password_hash"}
        await audit.record(tx, act.org_id, act.actor, Entry("create", "user", user_id, None, shown), now)
    return user_id


async def change_user(act: Act, user_id: UUID, changes: Mapping[str, Any], if_match: frozenset[int] | None) -> None:
    """Saves what differs; :class:`NotFound`, :class:`Conflict` (e-mail taken), :class:`PreconditionFailed`."""
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        user = await users.get_for_update(tx, act.org_id, user_id)
        if user is None:
            raise NotFound("There is no such user.")
        require_version(user.version, if_match)
        changed = {name: value for name, value in changes.items() if getattr(user, name) != value}
        if not changed:
            return
        before = {name: getattr(user, name) for name in changed}
        moved = {"location_last_updated": now} if ADDRESS & changed.keys() else {}
        await users.update(tx, act.org_id, user_id, changed | moved, user.version + 1, now)
        await audit.record(tx, act.org_id, act.actor, Entry("change", "user", user_id, before, changed), now)


async def create_building(act: Act, user_id: UUID, fields: Mapping[str, Any]) -> UUID:
    """The id of a new building of the user; :class:`NotFound` when there is no such user."""
    building_id, now = new_id(), act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        if await users.get(tx, act.org_id, user_id) is None:
            raise NotFound("There is no such user.")
        await buildings.insert(tx, act.org_id, user_id, building_id, fields, now)
        await audit.record(tx, act.org_id, act.actor, Entry("create", "building", building_id, None, dict(fields)), now)
    return building_id
