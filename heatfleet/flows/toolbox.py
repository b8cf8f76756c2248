"""What flows share: who acts on which organisation, with which database and clock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import HeatfleetError, PreconditionFailed
from heatfleet.store import onboarding
from heatfleet.store.audit import Actor
from heatfleet.store.database import Database, WriteTx
from heatfleet.store.onboarding import OnboardingSession


class SessionOver(HeatfleetError):
    """The session cannot go on; ``why`` is unknown, expired, done, cancelled or failed."""

    def __init__(self, why: str, session: OnboardingSession | None = None) -> None:
        self.why, self.session = why, session
        super().__init__(f"The onboarding session is {why}.")


@dataclass(frozen=True)
class Act:
    """One actor at work in one organisation; flows that write on somebody's behalf take it first."""

    database: Database
    clock: Clock
    actor: Actor
    org_id: UUID


def require_version(version: int, wanted: frozenset[int] | None) -> None:
    """Nothing when ``wanted`` (from ``If-Match``) names this version or nothing; raises :class:`PreconditionFailed`."""
    if wanted is not None and version not in wanted:
        raise PreconditionFailed("It was changed by somebody else in the meantime.")


async def session_still_open(tx: WriteTx, org_id: UUID, session_id: UUID) -> OnboardingSession:
    """The session as it is now, locked; raises :class:`SessionOver` when somebody ended it."""
    session = await onboarding.lock(tx, org_id, session_id)
    if session is None or session.state != "open":
        raise SessionOver(session.state if session else "unknown", session)
    return session
