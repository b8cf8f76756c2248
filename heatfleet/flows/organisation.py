"""The organisation itself: its making, its machine clients, its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import NotFound
from heatfleet.flows.toolbox import Act, require_version
from heatfleet.store import audit, clients, organisations, revocations
from heatfleet.store.audit import Actor, Entry
from heatfleet.store.clients import Client
from heatfleet.store.database import FLEET, Database, WriteTx
from heatfleet.store.ids import new_id
from heatfleet.store.organisations import Organisation

FOUNDER = Actor("flow:organisation")


async def create_organisation(database: Database, clock: Clock, name: str) -> UUID:
    """The id of a new organisation."""
    org_id, now = new_id(), clock.wall_now()
    async with database.write(FLEET) as tx:
        await organisations.insert(tx, org_id, name, now)
        await audit.record(tx, org_id, FOUNDER, Entry("create", "organisation", org_id, None, {"name": name}), now)
    return org_id


async def create_client(act: Act, name: str, secret_sha256: bytes) -> UUID:
    """The id of a new machine client; of its secret only the digest is ever stored."""
    client_id, now = new_id(), act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        await clients.insert(tx, Client(client_id, act.org_id, name, secret_sha256, now, None))
        await audit.record(tx, act.org_id, act.actor, Entry("create", "client", client_id, None, {"name": name}), now)
    return client_id


async def revoke_client(act: Act, client_id: UUID) -> None:
    """Ends the client for good, with every token it was given; raises :class:`NotFound`, unless it ended before."""
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        client = await clients.get_for_update(tx, act.org_id, client_id)
        if client is None:
            raise NotFound("There is no such client.")
        if client.revoked_at is not None:
            return
        await clients.revoke(tx, act.org_id, client_id, now)
        await revocations.end_tokens_of_client(tx, act.org_id, client_id, now)
        entry = Entry("revoke", "client", client_id, {"revoked_at": None}, {"revoked_at": now})
        await audit.record(tx, act.org_id, act.actor, entry, now)


async def change_settings(act: Act, changes: Mapping[str, Any], if_match: frozenset[int] | None) -> None:
    """Saves what differs; :class:`PreconditionFailed`."""
    async with act.database.write(act.org_id) as tx:
        organisation = await _lock(tx, act.org_id)
        require_version(organisation.version, if_match)
        await _save(tx, act, organisation, changes)


async def set_surcharge(act: Act, zone: str, per_kwh: float) -> None:
    """What the organisation adds to the wholesale price of ``zone`` [currency/kWh] where a contract says nothing."""
    async with act.database.write(act.org_id) as tx:
        organisation = await _lock(tx, act.org_id)
        surcharges = {**organisation.surcharge_per_zone, zone: per_kwh}
        await _save(tx, act, organisation, {"surcharge_per_zone": surcharges})


async def _lock(tx: WriteTx, org_id: UUID) -> Organisation:
    organisation = await organisations.get_for_update(tx, org_id)
    if organisation is None:
        raise NotFound("There is no such organisation.")
    return organisation


async def _save(tx: WriteTx, act: Act, organisation: Organisation, changes: Mapping[str, Any]) -> None:
    """The changed fields, the new version and their audit row."""
    now = act.clock.wall_now()
    changed = {name: value for name, value in changes.items() if getattr(organisation, name) != value}
    if not changed:
        return
    before = {name: getattr(organisation, name) for name in changed}
    await organisations.update(tx, act.org_id, changed, organisation.version + 1, now)
    entry = Entry("change", "organisation", act.org_id, before, changed)
    await audit.record(tx, act.org_id, act.actor, entry, now)
