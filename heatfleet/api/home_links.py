"""Links by which owners open the page of their own heat pump."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.heat_pumps import ONE
from heatfleet.api.operation import Doc, Param, answer, operation
from heatfleet.api.parse import Query
from heatfleet.auth.permissions import Right
from heatfleet.flows import home


class HomeLinkOutput(msgspec.Struct, frozen=True):
    """A link to the owner's page of one heat pump."""

    url: str
    expires_at: datetime


@operation(
    "POST",
    f"{ONE}/home-link",
    Doc(
        "create_home_link",
        "Make a link to the owner's own page",
        "User Heat Pumps",
        right=Right.CHANGE_HEAT_PUMP,
        answer=HomeLinkOutput,
        errors=(409,),
        query=(Param("revoke_older", bool, "If true, links made before are no good any more.", False),),
        description="On the page the owner sees what the heat pump does and why, and sets comfort band, hot water,"
        " away, pause and uses, or disconnects. The link is good any number of times for"
        f" {home.LIFE.days} days, until the owner is deleted, the heat pump is deleted or disconnected, or older links"
        " are revoked. Send it to the owner only: who has it, has the page. 409 for a heat pump that its owner has"
        " disconnected.",
    ),
)
async def create_home_link(call: Call, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> ApiResponse:
    """The link."""
    query = Query(call.query)
    revoke_older = query.take("revoke_older", bool, False)
    query.done()
    services, now = call.services, call.services.clock.wall_now()
    key = await home.new_key(call.act(org_id), user_id, heat_pump_id, revoke_older=revoke_older)
    url = home.link_to(services.secrets, services.public_url, key, now)
    made = HomeLinkOutput(url, (now + home.LIFE).replace(microsecond=0))
    return answer(made, headers={"Cache-Control": "no-store"})


HANDLERS = (create_home_link,)
