"""Links to the owner's page of a heat pump: whom they let in, and which of them are good."""

from __future__ import annotations

from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import one


class LinkFacts(msgspec.Struct, frozen=True):
    """What a link to a living heat pump of a living user is judged by; ``language`` is that of the newest consent."""

    user_id: UUID
    version: int
    lifecycle_state: str
    language: str | None


_FACTS = """
select h.user_id, h.home_link_version, h.lifecycle_state,
  (select c.language from consents c where c.heat_pump_id = h.id order by c.given_at desc limit 1)
from heat_pumps h join users u on u.id = h.user_id
where h.org_id = $1 and h.id = $2 and h.deleted_at is null and u.deleted_at is null"""


async def facts(tx: ReadTx, org_id: UUID, heat_pump_id: UUID) -> LinkFacts | None:
    """What links to this heat pump are judged by; None where it or its owner is gone."""
    return one(LinkFacts, await tx.row(_FACTS, org_id, heat_pump_id))


async def revoke(tx: WriteTx, org_id: UUID, heat_pump_id: UUID) -> None:
    """No link made before is good any more."""
    sql = "update heat_pumps set home_link_version = home_link_version + 1 where org_id = $1 and id = $2"
    await tx.execute(sql, org_id, heat_pump_id)
