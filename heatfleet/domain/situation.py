"""What steering looks at and what it answers: the situation of one heat pump, and the decision.

Values only; :mod:`heatfleet.domain.steering` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from heatfleet.domain.disinfection import DOSE_EVERY
from heatfleet.domain.levers import Lever, Ranges, SteeringState
from heatfleet.domain.plans import PlanStep, Reason
from heatfleet.domain.policy import OwnSettings, Policy

STALE_AFTER_MIN = timedelta(minutes=30)
OWN_UNREAD = {Lever.DHW_BOOST: 0.0, Lever.SG_READY_STATE: 2.0}
"""What the owner's value is taken to be on devices that do not tell."""


class ControlState(StrEnum):
    """Our relation to a heat pump."""

    OBSERVING = "observing"
    READY = "ready"
    STEERING = "steering"
    PAUSED = "paused"
    LOST = "lost"


class Purpose(StrEnum):
    """What a write is for."""

    STEER = "steer"
    HOT_WATER = "hot_water"
    POOL = "pool"
    DISINFECTION = "disinfection"
    RELEASE = "release"


class Guard(StrEnum):
    """Why a wish was refused or changed."""

    DWELL = "dwell"
    WRITE_BUDGET = "write_budget"
    BLOCK_LIMIT = "block_limit"
    OWNER_CHANGED = "owner_changed"
    NO_BASELINE = "no_baseline"
    TOO_COLD = "too_cold"
    TOO_WARM = "too_warm"
    FROST = "frost"
    HOT_WATER_MINIMUM = "hot_water_minimum"
    NOT_CONFIRMED = "not_confirmed"


@dataclass(frozen=True)
class LeverFacts:
    """What is known of one lever of one pump; counts are those of the last 24 h."""

    own_value: float | None = None  # captured before our first write; None = the value read back is the owner's
    read_back: float | None = None
    written_value: float | None = None  # ours in force; None = untouched
    written_at: datetime | None = None  # our last change, releases included
    settle_at: datetime | None = None
    attempts: int = 0  # how often the written value was sent without being seen
    writes_today: int = 0  # releases apart
    blocks_today: int = 0  # SG-Ready 1
    blocked_since: datetime | None = None
    backed_off_until: datetime | None = None  # the owner moved it
    is_owed: bool = False  # to be given back


NOTHING_KNOWN = LeverFacts()


@dataclass(frozen=True)
class Situation:
    """Everything :func:`decide` looks at."""

    now: datetime
    policy: Policy
    ranges: Ranges
    levers: Mapping[Lever, LeverFacts] = field(default_factory=dict)
    wanted: PlanStep | None = None
    own: OwnSettings = field(default_factory=OwnSettings)
    indoor_temp_c: float | None = None
    dhw_temp_c: float | None = None
    read_at: datetime | None = None  # newest reading
    poll_interval: timedelta = timedelta(minutes=5)
    pool_temp_c: float | None = None
    is_charging: bool = False  # the pump is heating the tank
    is_cooling: bool = False  # the rooms
    is_reachable: bool = True  # grant alive, device there
    has_solar_surplus: bool = False  # the owner wants what the roof would feed into the grid to be used
    disinfection_last_at: datetime | None = None
    disinfection_every: timedelta = DOSE_EVERY

    @property
    def cools(self) -> bool:
        """Whether the state that is asked for is one of the cooling."""
        return self.wanted is not None and self.wanted.cooling

    @property
    def is_stale(self) -> bool:
        """Whether the newest reading is too old to steer by."""
        return self.read_at is None or self.now - self.read_at > max(2 * self.poll_interval, STALE_AFTER_MIN)


@dataclass(frozen=True)
class Wish:
    """What a lever should be, before the guards of levers."""

    value: float
    purpose: Purpose
    reason: Reason
    state: SteeringState | None = None
    is_forced: bool = False  # by a guard: the daily budget does not hold it back
    guard: Guard | None = None


@dataclass(frozen=True)
class LeverWrite:
    """One lever moved to ``value`` until ``ends_at`` at the latest."""

    lever: Lever
    value: float
    previous_value: float
    ends_at: datetime
    settle_at: datetime
    purpose: Purpose
    state: SteeringState | None
    reason: Reason
    attempt: int = 1


@dataclass(frozen=True)
class Refusal:
    """A wish that did not become a write, and which guard held it back."""

    lever: Lever
    value: float
    guard: Guard


@dataclass(frozen=True)
class Decision:
    """What to send, what to give back, what was refused; ``holds`` = levers kept as they are, with their new end."""

    writes: tuple[LeverWrite, ...]
    releases: tuple[LeverWrite, ...]
    refusals: tuple[Refusal, ...]
    control_state: ControlState
    state: SteeringState | None
    reason: Reason
    holds: Mapping[Lever, datetime] = field(default_factory=dict)


def own_value(situation: Situation, lever: Lever) -> float | None:
    """The owner's own value of ``lever``; None when it has never been seen."""
    facts = situation.levers.get(lever)
    if facts is not None and facts.own_value is not None:
        return facts.own_value
    if facts is not None and facts.read_back is not None and facts.written_value is None:
        return facts.read_back
    return OWN_UNREAD.get(lever)


def value_now(situation: Situation, lever: Lever) -> float | None:
    """The value in force as far as we know: ours until it can have been read back, then what was read."""
    facts = situation.levers.get(lever)
    if facts is None:
        return OWN_UNREAD.get(lever)
    pending = facts.settle_at is not None and (situation.read_at is None or situation.read_at < facts.settle_at)
    if facts.written_value is not None and (pending or facts.read_back is None):
        return facts.written_value
    return facts.read_back if facts.read_back is not None else own_value(situation, lever)
