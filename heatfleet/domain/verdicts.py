"""What became of a command, judged from what is read back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import MODES, Channel, OperationalMode, Snapshot


class Verdict(StrEnum):
    """What became of a command."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    OVERRIDDEN = "overridden"
    REJECTED = "rejected"


@dataclass(frozen=True)
class SentCommand:
    """A command as it was sent."""

    lever: Lever
    value: float
    previous_value: float | None
    issued_at: datetime
    settle_at: datetime
    was_confirmed: bool = False


def judge(command: SentCommand, snapshot: Snapshot, now: datetime, limits: LeverRange) -> Verdict:
    """What became of ``command``, from the value read back; power is evidence, never required."""
    seen = snapshot.value(Channel(command.lever.value))
    if seen is not None and limits.equal(seen, command.value):
        return Verdict.CONFIRMED
    if command.lever is Lever.DHW_BOOST and (command.was_confirmed or _boosts(command, snapshot)):
        return Verdict.CONFIRMED  # a boost ends by itself when the tank is full
    if seen is not None and command.was_confirmed:
        return Verdict.OVERRIDDEN
    if now < command.settle_at:
        return Verdict.WAITING
    was = command.previous_value
    is_elsewhere = seen is not None and was is not None and not limits.equal(seen, was)
    return Verdict.OVERRIDDEN if is_elsewhere else Verdict.UNCONFIRMED


def _boosts(command: SentCommand, snapshot: Snapshot) -> bool:
    return command.value >= 1.0 and _charges_hot_water(snapshot)


def _charges_hot_water(snapshot: Snapshot) -> bool:
    mode = snapshot.value(Channel.MODE)
    return mode is not None and MODES[round(mode)] is OperationalMode.HOT_WATER
