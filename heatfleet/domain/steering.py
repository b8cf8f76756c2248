"""The only place that decides whether a command is safe.

:func:`decide` turns what is planned and what is known of one heat pump into writes and releases; whatever the planner
wants, nothing passes that breaks a guard. :func:`limit_batch` keeps the fleet from moving all at once. Giving the
owner's own settings back is always allowed. The values it works on are in ``situation.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from heatfleet.domain.hot_water import hot_water_wishes
from heatfleet.domain.levers import (
    COOLING_LEVERS,
    Lever,
    LeverRange,
    OptimizationLevel,
    Ranges,
    SteeringState,
    levers_in_use,
    moved_k,
    nearest_state,
    permitted,
    space_lever,
    state_targets,
)
from heatfleet.domain.plans import Reason
from heatfleet.domain.policy import FROST_FLOOR_C, USES, Comfort, comfort_at
from heatfleet.domain.pool import pool_wish
from heatfleet.domain.situation import (
    NOTHING_KNOWN,
    ControlState,
    Decision,
    Guard,
    LeverFacts,
    LeverWrite,
    Purpose,
    Refusal,
    Situation,
    Wish,
    own_value,
    value_now,
)

DWELL_MIN = timedelta(minutes=15)
DWELL_SLACK = timedelta(minutes=1)  # the timetable's own jitter
HOLD = timedelta(hours=1)  # how long a write stands when nobody renews it
WRITES_A_DAY = 24
PLANNED_WRITES_A_DAY = 19  # a fifth is kept for what guards force
BLOCK_LONGEST = timedelta(hours=2)  # SG-Ready 1
BLOCKS_A_DAY = 3
FROST_MARGIN_K = 1.0
COMFORT_MARGIN_K = 0.2  # rooms go on cooling for a while after the pump is asked to heat again
DHW_BLOCK_K = 4.0  # above the minimum, for an SG-Ready block
BACK_OFF = timedelta(hours=12)  # after the owner moved a lever
TRIES = 3
BLOCKED = 1.0


def control_state(situation: Situation) -> ControlState:
    """Our relation to the pump; the first row that fits counts."""
    policy = situation.policy
    may_steer = any(getattr(policy, use) for use in USES)
    table = (
        (not situation.is_reachable, ControlState.LOST),
        (not policy.is_smart_optimization_active, ControlState.OBSERVING),
        (not may_steer or not situation.ranges, ControlState.OBSERVING),
        (situation.is_stale, ControlState.LOST),
        (policy.is_paused(situation.now), ControlState.PAUSED),
        (situation.wanted is None, ControlState.READY),
    )
    return next((state for fits, state in table if fits), ControlState.STEERING)


def decide(situation: Situation) -> Decision:
    """The writes and releases that are due now, all of them safe."""
    relation = control_state(situation)
    wishes: dict[Lever, Wish] = {}
    if relation in (ControlState.STEERING, ControlState.PAUSED):
        policy, is_paused = situation.policy, relation is ControlState.PAUSED
        comfort = comfort_at(policy, situation.own, situation.now, situation.cools)
        if policy.is_space_cooling_enabled if situation.cools else policy.is_space_heating_enabled:
            wishes |= _space_wish(situation, comfort, is_paused)
        if policy.is_hot_water_heating_enabled:
            wishes |= hot_water_wishes(situation, comfort, is_paused)
        if policy.is_pool_heating_enabled:
            wishes |= pool_wish(situation, is_paused)
    return _settle(situation, relation, wishes)


def _settle(situation: Situation, relation: ControlState, wishes: Mapping[Lever, Wish]) -> Decision:
    """Each lever's wish passed through the guards of levers; a lever without a wish is given back."""
    writes: list[LeverWrite] = []
    releases: list[LeverWrite] = []
    refusals: list[Refusal] = []
    holds: dict[Lever, datetime] = {}
    for lever in situation.ranges:
        outcome = _guarded(situation, lever, wishes.get(lever))
        if isinstance(outcome, LeverWrite):
            (releases if outcome.purpose is Purpose.RELEASE else writes).append(outcome)
        elif isinstance(outcome, Refusal):
            refusals.append(outcome)
        elif outcome is not None:
            holds[lever] = outcome
        wish = wishes.get(lever)
        if wish is not None and wish.guard is not None and not isinstance(outcome, Refusal):
            refusals.append(Refusal(lever, wish.value, wish.guard))
    state, reason = _in_force(situation, relation, wishes, (*writes, *releases))
    return Decision(tuple(writes), tuple(releases), tuple(refusals), relation, state, reason, holds)


def _in_force(
    situation: Situation, relation: ControlState, wishes: Mapping[Lever, Wish], writes: Sequence[LeverWrite]
) -> tuple[SteeringState | None, Reason]:
    """The steering state after the decision, and its reason; None while not steering."""
    if relation not in (ControlState.STEERING, ControlState.PAUSED):
        return None, Reason.LEARNING if relation is ControlState.READY else Reason.OWN_PROGRAMME
    ranges = levers_in_use(situation.ranges, situation.cools)
    lever = space_lever(ranges)
    if lever is None or lever not in wishes:
        return SteeringState.MID, next((w.reason for w in wishes.values()), Reason.OWN_PROGRAMME)
    wish, own = wishes[lever], own_value(situation, lever)
    value = next((w.value for w in writes if w.lever is lever), value_now(situation, lever))
    if own is None or value is None or situation.ranges[lever].equal(value, wish.value):
        return wish.state, wish.reason
    policy = situation.policy
    known = ({lever: value}, {lever: own}, ranges, policy.deltas)
    state = nearest_state(*known, policy.offset_k, policy.optimization_level)
    return state, wish.reason


def _space_wish(situation: Situation, comfort: Comfort, is_paused: bool) -> dict[Lever, Wish]:
    """What the lever of heating, or of cooling, should be, after comfort and frost."""
    ranges = levers_in_use(situation.ranges, situation.cools)
    lever = space_lever(ranges)
    own = None if lever is None else own_value(situation, lever)
    if lever is None or own is None:
        return {}
    state, reason, level = _asked(situation, ranges, is_paused)
    policy = situation.policy
    offset_k = 0.0 if is_paused else policy.offset_k
    more_k = policy.deltas.delta_k(state, level)
    target = state_targets(state, {lever: own}, ranges, policy.deltas, level, offset_k)[lever]
    value = _on_the_right_side(target, own, moved_k(lever, more_k) + offset_k, ranges[lever])
    guard = None if is_paused else _comfort_guard(situation.indoor_temp_c, value - own, comfort, is_less=more_k < 0)
    if value < own and lever not in COOLING_LEVERS and _is_frosty(situation.indoor_temp_c):
        guard = Guard.FROST
    if lever is Lever.SG_READY_STATE and value == BLOCKED and not is_paused:
        guard = _block_guard(situation, comfort) or guard
    if guard is None:
        return {lever: Wish(value, Purpose.STEER, reason, state, is_forced=is_paused)}
    return {lever: Wish(own, Purpose.STEER, Reason.COMFORT_LIMIT, SteeringState.MID, True, guard)}


def _on_the_right_side(target: float, own: float, shift: float, limits: LeverRange) -> float:
    """``target``, but the owner's very value where it is the same setting or the device's range turned it around."""
    if limits.equal(target, own) or (target - own) * shift < 0:
        return own
    return target


def _asked(situation: Situation, ranges: Ranges, is_paused: bool) -> tuple[SteeringState, Reason, OptimizationLevel]:
    """The state asked for, its reason and the level that caps it."""
    if is_paused or situation.wanted is None:
        return SteeringState.MIN, Reason.PAUSE, OptimizationLevel.MAX
    level, state, reason = situation.policy.optimization_level, situation.wanted.state, situation.wanted.reason
    if situation.has_solar_surplus:
        state, reason = SteeringState.MAX, Reason.SOLAR_SURPLUS
    return permitted(state, level, ranges), reason, level


def _comfort_guard(indoor_c: float | None, shift: float, comfort: Comfort, is_less: bool) -> Guard | None:
    """The guard that forbids moving a setpoint by ``shift`` from the owner's; ``is_less`` = the pump would do less."""
    margin_k = COMFORT_MARGIN_K if is_less else 0.0
    if indoor_c is None or shift == 0:
        return None
    if shift < 0 and indoor_c <= comfort.indoor_min_c + margin_k:
        return Guard.TOO_COLD
    return Guard.TOO_WARM if shift > 0 and indoor_c >= comfort.indoor_max_c - margin_k else None


def _is_frosty(indoor_c: float | None) -> bool:
    return indoor_c is not None and indoor_c <= FROST_FLOOR_C + FROST_MARGIN_K


def _block_guard(situation: Situation, comfort: Comfort) -> Guard | None:
    """The guard that forbids a block, which stops hot water and a cooling that is not ours, too."""
    if situation.is_cooling:
        return Guard.TOO_WARM
    return Guard.HOT_WATER_MINIMUM if _is_tank_low(situation, comfort) else None


def _is_tank_low(situation: Situation, comfort: Comfort) -> bool:
    """Whether a block, which stops hot water too, could let the tank fall below its minimum; so also when unknown."""
    return situation.dhw_temp_c is None or situation.dhw_temp_c < comfort.dhw_min_c + DHW_BLOCK_K


def _guarded(situation: Situation, lever: Lever, wish: Wish | None) -> LeverWrite | Refusal | datetime | None:
    """What becomes of a wish: a write, a release, a refusal, a new end for what stands, or nothing."""
    facts = situation.levers.get(lever, NOTHING_KNOWN)
    own, current = own_value(situation, lever), value_now(situation, lever)
    hindrance = None
    if facts.backed_off_until is not None and situation.now < facts.backed_off_until:
        hindrance = Guard.OWNER_CHANGED
    elif own is None or current is None:
        hindrance = Guard.NO_BASELINE
    if hindrance is not None:
        return _release(situation, lever, facts) or (None if wish is None else Refusal(lever, wish.value, hindrance))
    assert own is not None
    assert current is not None
    limits = situation.ranges[lever]
    if wish is None or (wish.is_forced and limits.equal(wish.value, own)):
        return _release(situation, lever, facts)
    if limits.equal(current, wish.value):
        return None if limits.equal(wish.value, own) else _end(situation, lever, wish.value, facts)
    return _moved(situation, lever, wish, current)


def _moved(situation: Situation, lever: Lever, wish: Wish, current: float) -> LeverWrite | Refusal | None:
    """The write of ``wish``; where a guard of the lever forbids it, a refusal or the owner's value."""
    facts = situation.levers.get(lever, NOTHING_KNOWN)
    guard = _lever_guard(situation, lever, wish, facts)
    if guard is None:
        return _write(situation, lever, wish, current)
    must_leave = lever is Lever.SG_READY_STATE and current == BLOCKED and _block_is_over(situation, facts)
    if must_leave or guard is not Guard.DWELL:
        return _release(situation, lever, facts) or Refusal(lever, wish.value, guard)
    return Refusal(lever, wish.value, guard)


def _lever_guard(situation: Situation, lever: Lever, wish: Wish, facts: LeverFacts) -> Guard | None:
    """The guard of the lever itself that holds ``wish`` back, if any."""
    if lever is Lever.SG_READY_STATE and wish.value == BLOCKED and facts.blocks_today >= BLOCKS_A_DAY:
        return Guard.BLOCK_LIMIT
    if _is_within_dwell(situation, lever, facts):
        return Guard.DWELL
    is_repeat = facts.written_value is not None and situation.ranges[lever].equal(facts.written_value, wish.value)
    if is_repeat and facts.attempts >= TRIES:
        return Guard.NOT_CONFIRMED
    budget = WRITES_A_DAY if wish.is_forced else PLANNED_WRITES_A_DAY
    return Guard.WRITE_BUDGET if facts.writes_today >= budget else None


def _is_within_dwell(situation: Situation, lever: Lever, facts: LeverFacts) -> bool:
    until = dwells_until(facts, situation.ranges[lever])
    return until is not None and situation.now < until


def dwells_until(facts: LeverFacts, limits: LeverRange) -> datetime | None:
    """Before when a lever takes no further change; None when it was never moved."""
    if facts.written_at is None:
        return None
    return facts.written_at + max(timedelta(hours=limits.slowest_repeat_h), DWELL_MIN) - DWELL_SLACK


def moves_a_day(limits: LeverRange) -> int:
    """How often a day a plan may move a lever."""
    return min(PLANNED_WRITES_A_DAY, int(24.0 / max(limits.slowest_repeat_h, DWELL_MIN / timedelta(hours=1))))


def _block_is_over(situation: Situation, facts: LeverFacts) -> bool:
    """Whether an SG-Ready block would pass two hours before the next quarter-hour."""
    since = facts.blocked_since or facts.written_at
    return since is not None and situation.now + DWELL_MIN > since + BLOCK_LONGEST


def _end(situation: Situation, lever: Lever, value: float, facts: LeverFacts) -> datetime | LeverWrite | None:
    """The new end of what stands, or its release when it has stood for as long as it may."""
    if lever is Lever.SG_READY_STATE and value == BLOCKED:
        if _block_is_over(situation, facts):
            return _release(situation, lever, facts)
        return min(situation.now + HOLD, (facts.blocked_since or facts.written_at or situation.now) + BLOCK_LONGEST)
    return situation.now + HOLD


def _write(situation: Situation, lever: Lever, wish: Wish, current: float) -> LeverWrite:
    facts, limits = situation.levers.get(lever, NOTHING_KNOWN), situation.ranges[lever]
    is_repeat = facts.written_value is not None and limits.equal(facts.written_value, wish.value)
    settle_at = situation.now + timedelta(hours=limits.settle_h)
    ends_at = situation.now + HOLD
    attempt = facts.attempts + 1 if is_repeat else 1
    return LeverWrite(lever, wish.value, current, ends_at, settle_at, wish.purpose, wish.state, wish.reason, attempt)


def _release(situation: Situation, lever: Lever, facts: LeverFacts) -> LeverWrite | None:
    """The write that gives the owner's own value back; None when there is nothing to give back, or it is under way."""
    own, current = own_value(situation, lever), value_now(situation, lever)
    if own is None or (facts.written_value is None and not facts.is_owed):
        return None
    limits = situation.ranges[lever]
    if current is not None and limits.equal(current, own):
        return None
    settle_at = situation.now + timedelta(hours=limits.settle_h)
    previous = own if current is None else current
    return LeverWrite(lever, own, previous, settle_at, settle_at, Purpose.RELEASE, None, Reason.OWN_PROGRAMME)
