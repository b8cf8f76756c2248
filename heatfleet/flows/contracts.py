"""Energy contracts: made, changed, ended; the owner's heat pumps are planned with the new price at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.domain.errors import NotFound
from heatfleet.domain.tariff import check_prices
from heatfleet.flows.toolbox import Act, require_version
from heatfleet.flows.toolbox_people import replan, require_building, require_user
from heatfleet.store import audit, contracts
from heatfleet.store.audit import Entry
from heatfleet.store.contracts import EnergyContract
from heatfleet.store.database import WriteTx
from heatfleet.store.ids import new_id


async def create(act: Act, user_id: UUID, fields: Mapping[str, Any]) -> UUID:
    """The id of a new contract of the user; :class:`NotFound` (user), :class:`Invalid` (prices, building)."""
    contract_id, now, given = new_id(), act.clock.wall_now(), _checked(fields)
    async with act.database.write(act.org_id) as tx:
        await require_user(tx, act.org_id, user_id)
        await require_building(tx, act.org_id, user_id, given.get("building_id"))
        await contracts.insert(tx, act.org_id, user_id, contract_id, given, now)
        entry = Entry("create", "energy_contract", contract_id, None, given)
        await audit.record(tx, act.org_id, act.actor, entry, now)
        await replan(tx, act.org_id, user_id)
    return contract_id


async def change(
    act: Act, key: tuple[UUID, UUID], fields: Mapping[str, Any], if_match: frozenset[int] | None = None
) -> None:
    """Saves what differs of the contract ``(user_id, contract_id)``.

    :class:`NotFound`, :class:`Invalid` (prices, building), :class:`PreconditionFailed`.
    """
    given = _checked(fields)
    async with act.database.write(act.org_id) as tx:
        contract = await _load(tx, act.org_id, key)
        require_version(contract.version, if_match)
        changed = {name: value for name, value in given.items() if getattr(contract, name) != value}
        if not changed:
            return
        await require_building(tx, act.org_id, key[0], changed.get("building_id"))
        await _save(tx, act, contract, "change", changed)


async def delete(act: Act, key: tuple[UUID, UUID], if_match: frozenset[int] | None = None) -> None:
    """Ends the contract ``(user_id, contract_id)`` softly; :class:`NotFound`, :class:`PreconditionFailed`."""
    async with act.database.write(act.org_id) as tx:
        contract = await _load(tx, act.org_id, key)
        require_version(contract.version, if_match)
        await _save(tx, act, contract, "delete", {"deleted_at": act.clock.wall_now()})


async def _load(tx: WriteTx, org_id: UUID, key: tuple[UUID, UUID]) -> EnergyContract:
    contract = await contracts.get_for_update(tx, org_id, *key)
    if contract is None:
        raise NotFound("There is no such energy contract.")
    return contract


async def _save(tx: WriteTx, act: Act, contract: EnergyContract, action: str, changed: Mapping[str, Any]) -> None:
    now, before = act.clock.wall_now(), {name: getattr(contract, name) for name in changed}
    await contracts.update(tx, act.org_id, contract.id, changed, contract.version + 1, now)
    entry = Entry(action, "energy_contract", contract.id, before, changed)
    await audit.record(tx, act.org_id, act.actor, entry, now)
    await replan(tx, act.org_id, contract.user_id)


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are stored; raises :class:`Invalid` where prices are out of order."""
    prices = fields.get("energy_prices")
    if prices is None:
        return dict(fields)
    froms: list[datetime] = [entry["timestamp"] for entry in prices]
    check_prices(froms, "energy_prices")
    return {**fields, "energy_prices": msgspec.to_builtins(prices)}
