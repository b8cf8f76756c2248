"""Invitations: a person sets a password by a link that is good until one is set."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from heatfleet.domain.errors import HeatfleetError, NotFound
from heatfleet.flows.toolbox import Act
from heatfleet.store import audit, organisations, users
from heatfleet.store.audit import Entry
from heatfleet.store.database import Database, ReadTx

LIFE = timedelta(hours=72)
PURPOSE = "invite"


class InviteUsed(HeatfleetError):
    """A password was set since the link was made, by this link or otherwise."""


class Invite(msgspec.Struct, frozen=True):
    """What a link says: for whom, and which password (as a digest of its hash) it may replace."""

    org_id: UUID
    user_id: UUID
    replaces: str

    @property
    def subject(self) -> str:
        """What is signed; :func:`read_invite` takes it back."""
        return f"{self.org_id}|{self.user_id}|{self.replaces}"


class Invited(msgspec.Struct, frozen=True):
    """What the page tells the person."""

    email: str
    organisation: str


def read_invite(subject: str) -> Invite:
    """The invite whose ``subject`` was signed."""
    org_id, user_id, replaces = subject.split("|")
    return Invite(UUID(org_id), UUID(user_id), replaces)


async def invite(act: Act, user_id: UUID, expires_at: datetime) -> Invite:
    """An invite for the user, noted in the audit; raises :class:`NotFound`."""
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        login = await users.get_login(tx, act.org_id, user_id)
        if login is None:
            raise NotFound("There is no such user.")
        entry = Entry("invite", "user", user_id, None, {"expires_at": expires_at})
        await audit.record(tx, act.org_id, act.actor, entry, now)
    return Invite(act.org_id, user_id, _digest(login.password_hash))


async def check_invite(database: Database, invite: Invite) -> Invited:
    """For whom the invite is; raises :class:`NotFound` (no such person any more) and :class:`InviteUsed`."""
    async with database.read(invite.org_id) as tx:
        await _still_good(tx, invite)
        user = await users.get(tx, invite.org_id, invite.user_id)
        organisation = await organisations.get(tx, invite.org_id)
    assert user is not None
    assert organisation is not None
    return Invited(user.email, organisation.name)


async def accept_invite(act: Act, invite: Invite, password_hash: str) -> None:
    """Sets the password, which ends all tokens of the person and spends the invite; raises as :func:`check_invite`."""
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        user = await users.get_for_update(tx, act.org_id, invite.user_id)
        await _still_good(tx, invite)
        assert user is not None
        await users.update(tx, act.org_id, user.id, {"password_hash": password_hash}, user.version, now)
        await audit.record(tx, act.org_id, act.actor, Entry("set_password", "user", user.id), now)


async def _still_good(tx: ReadTx, invite: Invite) -> None:
    login = await users.get_login(tx, invite.org_id, invite.user_id)
    if login is None:
        raise NotFound("There is no such user.")
    if not hmac.compare_digest(_digest(login.password_hash), invite.replaces):
        raise InviteUsed("This invitation has been used.")


def _digest(password_hash: str | None) -> str:
    return hashlib.sha256((password_hash or "").encode()).hexdigest()[:32]
