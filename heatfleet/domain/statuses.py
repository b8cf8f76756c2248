"""What the Partner API says of a heat pump in one word: connection, monitoring, steering status, lifecycle state.

Each status is a table from facts to ``ok``, ``warning``, ``error`` or ``unknown``; the first row that fits counts.
The lifecycle state moves along :data:`TRANSITIONS` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from heatfleet.domain.errors import Conflict
from heatfleet.domain.steering import TRIES
from heatfleet.domain.verdicts import Verdict

UNREACHABLE_AFTER = timedelta(hours=1)
FROZEN_AFTER = timedelta(hours=36)
"""For how long a temperature may say the same before it says nothing."""


class Status(StrEnum):
    """How something stands."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ContactFacts:
    """When we last reached the vendor for this pump, as the one who was authenticated."""

    now: datetime
    last_contact_at: datetime | None
    interval: timedelta
    failures: int = 0
    fault: Status | None = None  # what the last fault makes of it at once, see ``faults.CONSEQUENCES``


def connection_status(facts: ContactFacts) -> Status:
    """ok = contact in time; warning = a poll missed or a passing fault; error = refused, or silent for an hour."""
    if facts.fault is Status.ERROR:
        return Status.ERROR
    if facts.last_contact_at is None:
        return Status.UNKNOWN
    silent = facts.now - facts.last_contact_at
    if silent >= max(UNREACHABLE_AFTER, 2 * facts.interval) and facts.failures:
        return Status.ERROR
    if facts.failures or facts.fault is Status.WARNING or silent > 2 * facts.interval:
        return Status.WARNING
    return Status.OK


def monitoring_status(promised: int, fresh: int, ever_read: bool, frozen: bool = False) -> Status:
    """ok = all promised readings fresh (≤ 2 poll intervals); warning = some stale or frozen; error = none."""
    if not ever_read:
        return Status.UNKNOWN
    if fresh == 0:
        return Status.ERROR
    return Status.WARNING if frozen or fresh < promised else Status.OK


_STEERING = {
    Verdict.CONFIRMED: Status.OK,
    Verdict.OVERRIDDEN: Status.WARNING,
    Verdict.UNCONFIRMED: Status.WARNING,
}


def steering_status(
    last: Verdict, attempts: int, before: Status = Status.UNKNOWN, rejection: Status = Status.ERROR
) -> Status:
    """ok = last command confirmed; warning = unconfirmed or overridden; error = rejected or not in three tries.

    A command still waiting leaves the status as it was; ``rejection`` is what a rejected one makes of it, see
    :func:`.faults.rejection_status`.
    """
    if last is Verdict.REJECTED:
        return rejection
    if last is Verdict.UNCONFIRMED and attempts >= TRIES:
        return Status.ERROR
    return _STEERING.get(last, before)


class Lifecycle(StrEnum):
    """Where a heat pump stands between its registration and its end."""

    PENDING = "pending"  # registered, nobody has signed in yet
    AUTHENTICATED = "authenticated"
    ERROR = "error"  # with a ``lifecycle_error``
    DISCONNECTED = "disconnected"  # its owner has ended the connection
    DELETED = "deleted"


TRANSITIONS: dict[Lifecycle, frozenset[Lifecycle]] = {
    Lifecycle.PENDING: frozenset({Lifecycle.AUTHENTICATED, Lifecycle.DELETED}),
    Lifecycle.AUTHENTICATED: frozenset({Lifecycle.ERROR, Lifecycle.DISCONNECTED, Lifecycle.DELETED}),
    Lifecycle.ERROR: frozenset({Lifecycle.AUTHENTICATED, Lifecycle.DISCONNECTED, Lifecycle.DELETED}),
    Lifecycle.DISCONNECTED: frozenset({Lifecycle.AUTHENTICATED, Lifecycle.DELETED}),
    Lifecycle.DELETED: frozenset(),
}
"""Where each state may lead; a disconnected pump comes back by signing in once more."""


def sources(target: Lifecycle) -> list[str]:
    """The states that may become ``target``, and ``target`` itself."""
    return [str(state) for state in Lifecycle if state is target or target in TRANSITIONS[state]]


def moved(state: str, target: Lifecycle) -> str:
    """``target``; raises :class:`Conflict` when ``state`` may not become it."""
    if state not in sources(target):
        raise Conflict(f"A heat pump that is {state} cannot become {target}.")
    return str(target)
