"""What one poll says: which readings are fresh, and what became of every lever we have moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Reading, Snapshot
from heatfleet.domain.steering import BACK_OFF
from heatfleet.domain.verdicts import SentCommand, Verdict, judge

FRESH_FOR_MIN = timedelta(minutes=15)
ENDED_SLACK = timedelta(minutes=10)
LEVER_CHANNELS = frozenset(Channel(lever.value) for lever in Lever)


@dataclass(frozen=True)
class FreshReadings:
    """The readings of a poll that are worth keeping; ``at`` is the age of the sensors, None when all are old."""

    at: datetime | None
    values: Mapping[Channel, float]
    estimated: tuple[Channel, ...]
    stale: tuple[Channel, ...]


def fresh_readings(snapshot: Snapshot, now: datetime, interval: timedelta) -> FreshReadings:
    """The newest plausible value per channel that is not older than two poll intervals."""
    newest: dict[Channel, Reading] = {}
    for reading in snapshot.readings:
        if reading.is_plausible and (reading.channel not in newest or reading.at > newest[reading.channel].at):
            newest[reading.channel] = reading
    oldest = now - max(2 * interval, FRESH_FOR_MIN)
    fresh = {channel: reading for channel, reading in newest.items() if reading.at >= oldest}
    sensors = newest.keys() - LEVER_CHANNELS or newest.keys()  # some pumps tell nothing but their setting
    ats = [reading.at for channel, reading in fresh.items() if channel in sensors]
    return FreshReadings(
        at=min(max(ats), now) if ats else None,
        values={channel: reading.value for channel, reading in fresh.items()},
        estimated=tuple(channel for channel, reading in fresh.items() if reading.quality != "measured"),
        stale=tuple(channel for channel in newest if channel not in fresh),
    )


class Standing(StrEnum):
    """How a lever stands after a reading."""

    CONFIRMED = "confirmed"  # ours is in force
    RESTORED = "restored"  # the owner's value is back
    OVERRIDDEN = "overridden"  # the owner has set another value


@dataclass(frozen=True)
class MovedLever:
    """A lever we have moved: the last command, the owner's value, when ours must have ended."""

    command: SentCommand
    own_value: float
    ends_at: datetime | None
    is_rejected: bool = False
    is_shown: bool = True  # the pump tells the lever's value


@dataclass(frozen=True)
class LeverOutcome:
    """What a reading says of a moved lever; ``standing`` None = nothing new is known."""

    verdict: Verdict
    standing: Standing | None = None
    own_value: float | None = None
    backed_off_until: datetime | None = None


def watch_lever(moved: MovedLever, snapshot: Snapshot, now: datetime, limits: LeverRange) -> LeverOutcome:
    """What became of ``moved``; an owner's change is adopted as the new baseline, and we keep our hands off."""
    seen = snapshot.value(Channel(moved.command.lever.value))
    is_own = seen is not None and limits.equal(seen, moved.own_value)
    asks_own = limits.equal(moved.command.value, moved.own_value)
    if moved.is_rejected:
        return LeverOutcome(Verdict.REJECTED, Standing.RESTORED if is_own else None)
    if not moved.is_shown:
        return LeverOutcome(Verdict.CONFIRMED, Standing.RESTORED if asks_own else Standing.CONFIRMED)
    verdict = judge(moved.command, snapshot, now, limits)
    if verdict is Verdict.CONFIRMED:
        return LeverOutcome(verdict, Standing.RESTORED if asks_own or is_own else Standing.CONFIRMED)
    if verdict is not Verdict.OVERRIDDEN:
        return LeverOutcome(verdict)
    is_over = moved.ends_at is not None and now >= moved.ends_at - ENDED_SLACK
    if is_own and (is_over or limits.expires_by_itself):  # whoever renews it may have lost contact
        return LeverOutcome(Verdict.CONFIRMED, Standing.RESTORED)
    return LeverOutcome(verdict, Standing.OVERRIDDEN, seen, now + BACK_OFF)
