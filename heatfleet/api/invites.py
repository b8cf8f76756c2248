"""One-time links by which a person sets a password."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.api.call import ApiResponse, Call
from heatfleet.api.operation import Doc, answer, operation
from heatfleet.api.services import BASE
from heatfleet.auth.permissions import Right, allow_role
from heatfleet.domain.errors import NotFound
from heatfleet.flows import invites
from heatfleet.store import users


class InviteOutput(msgspec.Struct, frozen=True):
    """A link for one person, good once."""

    url: str
    expires_at: datetime


@operation(
    "POST",
    f"{BASE}/org/{{org_id:uuid}}/users/{{user_id:uuid}}/invite",
    Doc(
        "invite_user",
        "Make a link by which a user sets a password",
        "Users",
        right=Right.INVITE_USER,
        answer=InviteOutput,
        description="The page behind `url` lets the person choose a password. The link is good for 72 hours and until a"
        " password is set; setting one signs the person out everywhere. Send it to nobody else: who has it can sign in"
        " as this person.",
    ),
)
async def invite_user(call: Call, org_id: UUID, user_id: UUID) -> ApiResponse:
    """The link."""
    services, now = call.services, call.services.clock.wall_now()
    async with services.database.read(org_id) as tx:
        user = await users.get(tx, org_id, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    allow_role(call.who(), Right.INVITE_USER, None, user.role)
    expires_at = (now + invites.LIFE).replace(microsecond=0)
    invite = await invites.invite(call.act(org_id), user_id, expires_at)
    secret = services.secrets.sign(invites.PURPOSE, invite.subject, now, invites.LIFE)
    made = InviteOutput(f"{services.public_url}/invite?secret={secret}", expires_at)
    return answer(made, headers={"Cache-Control": "no-store"})


HANDLERS = (invite_user,)
