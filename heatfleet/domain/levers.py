"""Steering states and the levers real pumps have; what a state means in lever values.

A steering state is a request to the pump's own controller, counted from the owner's own setting (MID), never a power.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from heatfleet.domain.errors import Invalid


class SteeringState(StrEnum):
    """MID is the owner's own setting; the others move from it. Order = rising heat."""

    MIN = "min"
    LOW = "low"
    MID = "mid"
    MAX = "max"


STATES: tuple[SteeringState, ...] = tuple(SteeringState)


class OptimizationLevel(StrEnum):
    """How far a state may move from the owner's settings."""

    LOW = "Low"
    MID = "Mid"
    MAX = "Max"


class Lever(StrEnum):
    """Something a driver can move."""

    INDOOR_SETPOINT_C = "indoor_setpoint_c"
    CURVE_OFFSET_K = "curve_offset_k"
    SG_READY_STATE = "sg_ready_state"
    DHW_SETPOINT_C = "dhw_setpoint_c"
    DHW_BOOST = "dhw_boost"
    COOLING_SETPOINT_C = "cooling_setpoint_c"  # of the rooms, while the pump cools
    POOL_SETPOINT_C = "pool_setpoint_c"


SPACE_LEVERS = (Lever.SG_READY_STATE, Lever.CURVE_OFFSET_K, Lever.INDOOR_SETPOINT_C)
"""Levers that carry a steering state, in the order in which we prefer them."""

COOLING_LEVERS = (Lever.COOLING_SETPOINT_C,)
"""Levers that carry the steering state while the pump cools: a setpoint moved down is more cold."""

DHW_LEVERS = (Lever.DHW_SETPOINT_C, Lever.DHW_BOOST)


@dataclass(frozen=True)
class LeverRange:
    """What the device takes: range, step [the lever's unit], slowest repeat [h], whether a write ends by itself."""

    minimum: float
    maximum: float
    step: float
    slowest_repeat_h: float = 0.25
    settle_h: float = 0.25
    expires_by_itself: bool = False

    def clamp(self, value: float) -> float:
        """The nearest value the device takes."""
        on_step = round((value - self.minimum) / self.step) * self.step + self.minimum
        return round(min(max(on_step, self.minimum), self.maximum), 6)

    def clamp_up(self, value: float) -> float:
        """The lowest value the device takes that is not below ``value`` (its highest where there is none)."""
        clamped = self.clamp(value)
        return self.clamp(clamped + self.step) if clamped < value - 1e-9 else clamped

    def equal(self, a: float, b: float) -> bool:
        """Whether two values are the same setting (± half a step)."""
        return abs(a - b) <= self.step / 2 + 1e-9


LeverValues = Mapping[Lever, float]
Ranges = Mapping[Lever, LeverRange]


@dataclass(frozen=True)
class StateDeltas:
    """The two numbers behind the states [K, or steps of the lever]: −2·slight, −slight, 0, significant − 2·slight."""

    slight: int = 1
    significant: int = 4

    def __post_init__(self) -> None:
        if self.slight < 1 or self.significant <= 2 * self.slight:
            msg = "the significant change must be larger than twice the slight change, and slight at least 1"
            raise Invalid(
                *Invalid.field("temperature_delta_override_for_slight_change", msg).errors,
                *Invalid.field("temperature_delta_override_for_significant_change", msg).errors,
            )

    @classmethod
    def of(cls, slight: int | None, significant: int | None) -> StateDeltas:
        """Deltas from the two nullable override fields."""
        return cls(1 if slight is None else slight, 4 if significant is None else significant)

    def delta_k(self, state: SteeringState, level: OptimizationLevel = OptimizationLevel.MAX) -> float:
        """Distance of ``state`` from the owner's setting [K], capped by ``level``."""
        full = {
            SteeringState.MIN: -2.0 * self.slight,
            SteeringState.LOW: -1.0 * self.slight,
            SteeringState.MID: 0.0,
            SteeringState.MAX: float(self.significant - 2 * self.slight),
        }[state]
        if level is OptimizationLevel.LOW:
            return max(-float(self.slight), min(float(self.slight), full))
        if level is OptimizationLevel.MID:
            return min(float(self.slight), full)
        return full


def allowed_states(level: OptimizationLevel, levers: Ranges) -> tuple[SteeringState, ...]:
    """States that ``level`` and the levers at hand permit; MID is always among them."""
    states = set(STATES)
    if level is OptimizationLevel.LOW:
        states.discard(SteeringState.MIN)
    if space_lever(levers) is Lever.SG_READY_STATE:
        states.discard(SteeringState.LOW)
        if level is not OptimizationLevel.MAX:  # how far "recommended on" raises is the pump's business, not ours
            states.discard(SteeringState.MAX)
        signals = levers[Lever.SG_READY_STATE]  # with one contact wired there is only one side
        states -= {state for state in states if not signals.minimum <= _SG_READY[state] <= signals.maximum}
    if space_lever(levers) is None:
        states = {SteeringState.MID}
    return tuple(s for s in STATES if s in states)


def permitted(state: SteeringState, level: OptimizationLevel, levers: Ranges) -> SteeringState:
    """``state``, or what stands for it where ``level`` or the levers at hand do not permit it."""
    allowed = allowed_states(level, levers)
    if state in allowed:
        return state
    return SteeringState.LOW if state is SteeringState.MIN and SteeringState.LOW in allowed else SteeringState.MID


def levers_in_use(levers: Ranges, cooling: bool) -> Ranges:
    """The levers that count while the pump heats, or while it cools: those of the other are left alone."""
    others = SPACE_LEVERS if cooling else COOLING_LEVERS
    return {lever: limits for lever, limits in levers.items() if lever not in others}


def space_lever(levers: Ranges) -> Lever | None:
    """The lever that carries the steering state on this device, or None; ``levers`` as :func:`levers_in_use`."""
    return next((lever for lever in (*SPACE_LEVERS, *COOLING_LEVERS) if lever in levers), None)


def moved_k(lever: Lever, more_k: float) -> float:
    """How far ``lever`` moves [K] for a pump that is to do ``more_k`` more, and the other way round."""
    return -more_k if lever in COOLING_LEVERS else more_k


_SG_READY = {SteeringState.MIN: 1.0, SteeringState.LOW: 2.0, SteeringState.MID: 2.0, SteeringState.MAX: 3.0}


def state_targets(
    state: SteeringState,
    baseline: LeverValues,
    ranges: Ranges,
    deltas: StateDeltas,
    level: OptimizationLevel,
    offset_k: float = 0.0,
) -> dict[Lever, float]:
    """Lever values that ask for ``state``; empty when the device has no lever for space heating.

    ``baseline`` holds the owner's own values, ``offset_k`` the partner's shift of MID
    (``indoor_target_temperature_offset``).
    """
    lever = space_lever(ranges)
    if lever is None:
        return {}
    if lever is Lever.SG_READY_STATE:
        return {lever: ranges[lever].clamp(_SG_READY[state])}
    shift = moved_k(lever, deltas.delta_k(state, level)) + offset_k
    own = baseline.get(lever, 0.0)
    return {lever: ranges[lever].clamp(own + shift)}


def nearest_state(
    read_back: LeverValues,
    baseline: LeverValues,
    ranges: Ranges,
    deltas: StateDeltas,
    offset_k: float = 0.0,
    level: OptimizationLevel = OptimizationLevel.MAX,
) -> SteeringState | None:
    """The state nearest to the lever values last read back; None when they cannot be read.

    A state counts where ``level`` lets it go and where a pause (which knows no level) lets it go; of two states that
    ``level`` makes one, the one it leaves as it is.
    """
    lever = space_lever(ranges)
    if lever is None or lever not in read_back:
        return None
    value = read_back[lever]
    if lever is Lever.SG_READY_STATE:
        return {1: SteeringState.MIN, 2: SteeringState.MID}.get(round(value), SteeringState.MAX)
    shift = moved_k(lever, value - baseline.get(lever, 0.0) - offset_k)

    def distance(state: SteeringState) -> tuple[float, float]:
        full, capped = deltas.delta_k(state), deltas.delta_k(state, level)
        return round(min(abs(full - shift), abs(capped - shift)), 6), abs(full - capped)

    return min(STATES, key=distance)
