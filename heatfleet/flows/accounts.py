"""Users and buildings: create and change, and what becomes of a home's heat pumps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from heatfleet.domain.errors import NotFound
from heatfleet.flows.toolbox import Act, require_version
from heatfleet.flows.toolbox_people import PLACE, replan, require_user
from heatfleet.store import audit, buildings, contracts, users
from heatfleet.store.audit import Entry
from heatfleet.store.buildings import Building
from heatfleet.store.database import WriteTx
from heatfleet.store.ids import new_id

ADDRESS = frozenset(
    {"street_and_number", "street_add_info", "zip_code", "town", "country_iso2", "latitude", "longitude"}
)
PLANNED_WITH = PLACE | {"property_size_m2", "property_age", "num_occupants"}
"""What planning looks at of a building."""


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
        if PLACE & changed.keys():
            await replan(tx, act.org_id, user_id)


async def create_building(act: Act, user_id: UUID, fields: Mapping[str, Any]) -> UUID:
    """The id of a new building of the user; :class:`NotFound` when there is no such user."""
    building_id, now = new_id(), act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        await require_user(tx, act.org_id, user_id)
        await buildings.insert(tx, act.org_id, user_id, building_id, fields, now)
        await audit.record(tx, act.org_id, act.actor, Entry("create", "building", building_id, None, dict(fields)), now)
    return building_id


async def change_building(
    act: Act, key: tuple[UUID, UUID], changes: Mapping[str, Any], if_match: frozenset[int] | None
) -> None:
    """Saves what differs of the building ``(user_id, building_id)``; :class:`NotFound`, :class:`PreconditionFailed`."""
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        building = await _load_building(tx, act.org_id, key)
        require_version(building.version, if_match)
        changed = {name: value for name, value in changes.items() if getattr(building, name) != value}
        if not changed:
            return
        before = {name: getattr(building, name) for name in changed}
        await buildings.update(tx, act.org_id, building.id, changed, building.version + 1, now)
        entry = Entry("change", "building", building.id, before, changed)
        await audit.record(tx, act.org_id, act.actor, entry, now)
        if PLANNED_WITH & changed.keys():
            await replan(tx, act.org_id, *key)


async def delete_building(act: Act, key: tuple[UUID, UUID], if_match: frozenset[int] | None) -> None:
    """Deletes the building ``(user_id, building_id)`` softly and ends its contracts; its heat pumps run on without it.

    :class:`NotFound`, :class:`PreconditionFailed`.
    """
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        building = await _load_building(tx, act.org_id, key)
        require_version(building.version, if_match)
        await replan(tx, act.org_id, *key)
        await buildings.update(tx, act.org_id, building.id, {"deleted_at": now}, building.version + 1, now)
        await contracts.delete_of_building(tx, act.org_id, building.id, now)
        moved = await buildings.move_out(tx, act.org_id, building.id, now)
        out = [Entry("change", "heat_pump", id_, {"building_id": building.id}, {"building_id": None}) for id_ in moved]
        entries = [Entry("delete", "building", building.id), *out]
        await audit.record_many(tx, act.org_id, act.actor, entries, now)


async def _load_building(tx: WriteTx, org_id: UUID, key: tuple[UUID, UUID]) -> Building:
    building = await buildings.get_for_update(tx, org_id, *key)
    if building is None:
        raise NotFound("There is no such building.")
    return building
