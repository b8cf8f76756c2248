"""What can go wrong at a vendor, and what that makes of a heat pump's three statuses: one table.

A driver raises ``TryAgain``, ``AccessLost`` or ``Refused`` with a code; the code says which kind of fault it is, the
class says it where the code is one we do not know. Monitoring needs no column: its status follows the age of the
readings whatever the fault, see :func:`.statuses.monitoring_status`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from heatfleet.domain.errors import SUBSCRIPTION_NEEDED, AccessLost, OutsideWorldError, Refused
from heatfleet.domain.statuses import Status


class FaultKind(StrEnum):
    """The kinds of faults we tell apart."""

    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a word, not a password
    CONSENT_LOST = "consent_lost"
    SUBSCRIPTION_NEEDED = "subscription_needed"
    QUOTA_EXCEEDED = "quota_exceeded"
    DEVICE_OFFLINE = "device_offline"
    DEVICE_GONE = "device_gone"
    REJECTED = "rejected"
    NOT_SET_UP = "not_set_up"
    UPSTREAM_DOWN = "upstream_down"
    PROTOCOL_CHANGED = "protocol_changed"


class Turn(StrEnum):
    """Who has to do something before it works again."""

    NOBODY = "nobody"  # it passes
    OWNER = "owner"
    OPERATOR = "operator"
    MAINTAINER = "maintainer"  # of the driver


@dataclass(frozen=True)
class Consequence:
    """What a fault makes of a heat pump.

    ``connection`` at the first poll that meets it (after an hour of silence every fault is an error), ``steering`` when
    a write meets it, which is then not repeated: None = it waits, and what is read back decides.
    """

    connection: Status
    steering: Status | None
    turn: Turn
    meaning: str


CONSEQUENCES: Mapping[FaultKind, Consequence] = {
    FaultKind.TOKEN_EXPIRED: Consequence(
        Status.WARNING, None, Turn.NOBODY, "the access token ran out; it is refreshed before the next call"
    ),
    FaultKind.CONSENT_LOST: Consequence(
        Status.ERROR, None, Turn.OWNER, "the owner's sign-in is worth nothing any more; a cue asks for a new one"
    ),
    FaultKind.SUBSCRIPTION_NEEDED: Consequence(
        Status.WARNING, Status.WARNING, Turn.OWNER, "the maker wants to be paid for it; a cue says so"
    ),
    FaultKind.QUOTA_EXCEEDED: Consequence(
        Status.WARNING, None, Turn.NOBODY, "the calls of the account or of the app are used up for now"
    ),
    FaultKind.DEVICE_OFFLINE: Consequence(
        Status.WARNING, None, Turn.OWNER, "the cloud answers, the heat pump does not: its internet connection"
    ),
    FaultKind.DEVICE_GONE: Consequence(
        Status.WARNING, Status.ERROR, Turn.OWNER, "the account no longer has this heat pump"
    ),
    FaultKind.REJECTED: Consequence(
        Status.WARNING, Status.ERROR, Turn.MAINTAINER, "the vendor understood and said no; it is not repeated"
    ),
    FaultKind.NOT_SET_UP: Consequence(
        Status.WARNING, None, Turn.OPERATOR, "this installation lacks a vendor's setting, a key or a permission"
    ),
    FaultKind.UPSTREAM_DOWN: Consequence(
        Status.WARNING, None, Turn.NOBODY, "the vendor's cloud does not answer, or answers with a fault of its own"
    ),
    FaultKind.PROTOCOL_CHANGED: Consequence(
        Status.WARNING, None, Turn.MAINTAINER, "the vendor's answer has a form this driver does not know"
    ),
}

KINDS: Mapping[str, FaultKind] = {
    "token_stale": FaultKind.TOKEN_EXPIRED,
    "quota_exceeded": FaultKind.QUOTA_EXCEEDED,
    "device_offline": FaultKind.DEVICE_OFFLINE,
    "device_silent": FaultKind.DEVICE_OFFLINE,
    "device_gone": FaultKind.DEVICE_GONE,
    SUBSCRIPTION_NEEDED: FaultKind.SUBSCRIPTION_NEEDED,
    "protocol_changed": FaultKind.PROTOCOL_CHANGED,
    "key_missing": FaultKind.NOT_SET_UP,
    "client_refused": FaultKind.NOT_SET_UP,
    "vendor_not_available": FaultKind.NOT_SET_UP,
    "forbidden_address": FaultKind.NOT_SET_UP,
}
"""Codes whose class alone does not say which kind they are."""

REFUSALS = frozenset({"refused", "forbidden", "not_found"})
"""Codes that the kit gives to ``Refused`` and to nothing else."""


def kind_of(fault: OutsideWorldError) -> FaultKind:
    """The kind of a fault: a lost grant is one whatever its code; else a code we know goes before the class."""
    if isinstance(fault, AccessLost):
        return FaultKind.CONSENT_LOST
    usual = FaultKind.REJECTED if isinstance(fault, Refused) else FaultKind.UPSTREAM_DOWN
    return KINDS.get(fault.code, usual)


def consequence_of(fault: OutsideWorldError) -> Consequence:
    """What the fault makes of the heat pump."""
    return CONSEQUENCES[kind_of(fault)]


def kind_stored(code: str, is_lost: bool = False) -> FaultKind:
    """The kind behind a code as it is stored, without its class; ``is_lost`` = the grant is dead."""
    if is_lost:
        return FaultKind.CONSENT_LOST
    usual = FaultKind.REJECTED if code in REFUSALS else FaultKind.UPSTREAM_DOWN
    return KINDS.get(code, usual)


def rejection_status(code: str | None) -> Status:
    """What a rejected write makes of the steering status: a warning where its owner can mend it, else an error."""
    return CONSEQUENCES[kind_stored(code or "refused")].steering or Status.ERROR
