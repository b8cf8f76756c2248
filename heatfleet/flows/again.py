"""A person signs in again for a heat pump whose connection was lost: the same account, the same device, a new grant.

Nothing changes when another account came: what the owner allowed holds for that heat pump only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from heatfleet.domain.errors import Conflict, NotFound
from heatfleet.domain.statuses import Lifecycle, moved
from heatfleet.flows.toolbox import Act, session_still_open
from heatfleet.flows.toolbox_connect import Account, Counter, OtherAccount, abilities_of, open_account
from heatfleet.store import audit, connections, heat_pumps, onboarding, polls
from heatfleet.store.audit import Entry
from heatfleet.store.connections import Connection
from heatfleet.store.database import WriteTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.onboarding import OnboardingSession
from heatfleet.vendors.kit.driver import DeviceRef
from heatfleet.vendors.kit.grants import grant_aad, seal


@dataclass(frozen=True)
class Waiting:
    """The heat pump that waits for its owner, and the connection it had."""

    pump: HeatPump
    connection: Connection


async def waiting(act: Act, session: OnboardingSession) -> Waiting | None:
    """What the session signs in again for; None when it connects a heat pump, for the first time or
    after its owner disconnected it (which withdrew the consent).

    :class:`NotFound` when the pump is gone.
    """
    if session.heat_pump_id is None:
        return None
    async with act.database.read(act.org_id) as tx:
        pump = await heat_pumps.get(tx, act.org_id, session.heat_pump_id)
        if pump is None or pump.deleted_at is not None:
            raise NotFound("There is no such heat pump.")
        connection = await connections.get(tx, act.org_id, pump.connection_id) if pump.connection_id else None
    return None if connection is None or pump.is_gone else Waiting(pump, connection)


async def sign_in_again(act: Act, counter: Counter, session: OnboardingSession) -> UUID:
    """The id of the pump, whose connection lives again with the grant just given; its cue is settled.

    :class:`OtherAccount` when it is not the pump's account: nothing has changed then.
    """
    lost, account = await waiting(act, session), open_account(act.org_id, counter, session)
    if lost is None:
        raise Conflict("This heat pump was not connected before.")
    device = _same(lost, account)
    async with connections.refreshing(act.database, lost.connection.id), act.database.write(act.org_id) as tx:
        await session_still_open(tx, act.org_id, session.id)
        await _save_grant(tx, act, counter, lost.connection, account)
        await _revive(tx, act, lost, device)
        await onboarding.close(tx, act.org_id, session.id, "done", lost.pump.id)
    return lost.pump.id


def _same(lost: Waiting, account: Account) -> DeviceRef:
    """The pump's own device; raises :class:`OtherAccount`."""
    device = account.device(lost.pump.external_device_id)
    is_same = (account.vendor, account.grant.account_id) == (lost.connection.vendor, lost.connection.account_id)
    if not is_same or device is None:
        raise OtherAccount("This is not the account that the heat pump was connected with.")
    return device


async def _save_grant(tx: WriteTx, act: Act, counter: Counter, connection: Connection, account: Account) -> None:
    sealed = seal(account.grant, counter.seal_keys, grant_aad(act.org_id, connection.id, connection.vendor))
    await connections.save_grant(tx, connection, sealed, account.grant.expires_at, act.clock.wall_now())


async def _revive(tx: WriteTx, act: Act, lost: Waiting, device: DeviceRef) -> None:
    """All pumps of the connection are alive and read at once; this one knows anew what it can do."""
    wall, fleet, connection_id = act.clock.wall_now(), act.clock.fleet_now(), lost.connection.id
    pumps = await connections.living_pumps(tx, act.org_id, connection_id)
    await connections.mark_alive(tx, [connection_id], pumps, wall)
    await polls.bring_forward(tx, [(id_, fleet) for id_ in pumps])
    pump = await heat_pumps.get_for_update(tx, act.org_id, lost.pump.id)
    if pump is None:
        raise NotFound("There is no such heat pump.")
    fields: dict[str, Any] = {
        "lifecycle_state": moved(pump.lifecycle_state, Lifecycle.AUTHENTICATED),
        "lifecycle_error": None,
        "connection_status": "ok",
        "capabilities": abilities_of(device),
    }
    await heat_pumps.update(tx, act.org_id, pump.id, fields, pump.version + 1, wall)
    after = {"vendor": lost.connection.vendor}
    await audit.record(tx, act.org_id, act.actor, Entry("sign_in_again", "heat_pump", pump.id, None, after), wall)
