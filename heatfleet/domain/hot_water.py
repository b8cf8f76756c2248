"""What the hot-water levers should be: disinfect, charge, hold, or left to the pump's own programme.

The guards of levers (dwell, budgets, owner's changes) come after it, in ``steering.py``.
"""

from __future__ import annotations

from heatfleet.domain.disinfection import (
    DOSE_LONGEST,
    DOSE_SETPOINT_C,
    can_disinfect,
    disinfection_due,
)
from heatfleet.domain.levers import DHW_LEVERS, Lever
from heatfleet.domain.plans import PlanStep, Reason, TankAim
from heatfleet.domain.policy import Comfort
from heatfleet.domain.situation import NOTHING_KNOWN, Guard, Purpose, Situation, Wish, own_value

DHW_GUARD_K = 3.0
DHW_RECOVER_K = 5.0
DHW_ROOM_K = 6.0  # between minimum and standard temperature, or there is nothing to plan
DHW_WORTH_K = 4.0  # below the standard temperature, for a charge to be worth a compressor start
DHW_FULL_K = 0.5
DHW_BOOST_K = 0.3
DHW_HOLD_K = 0.5  # above the minimum, for the pump's own charge to be put off
DHW_NEAR_K = 1.5  # below the standard temperature no pump begins a charge, so there is nothing to put off


def hot_water_wishes(situation: Situation, comfort: Comfort, is_paused: bool) -> dict[Lever, Wish]:
    """What the hot-water levers should be: an overdue disinfection before everything, a planned one after a pause.

    Nothing where the pump keeps its own programme.
    """
    dose = Wish(0, Purpose.DISINFECTION, Reason.DISINFECTION, None, True)
    if _must_disinfect(situation):
        return _dhw(situation, DOSE_SETPOINT_C, True, dose)
    if is_paused or situation.wanted is None:
        return _dhw(situation, None, False, Wish(0, Purpose.HOT_WATER, Reason.PAUSE))
    if _may_disinfect(situation, situation.wanted) or _is_disinfecting(situation, comfort):
        return _dhw(situation, DOSE_SETPOINT_C, True, dose)
    if situation.wanted.tank is not None:
        return _by_temperature(situation, situation.wanted.tank, comfort)
    return _planned_hot_water(situation, situation.wanted, comfort) if has_room_to_plan(comfort) else {}


def _by_temperature(situation: Situation, aim: TankAim, comfort: Comfort) -> dict[Lever, Wish]:
    """Charged or held back as the tank's temperature says; near its minimum the pump's own programme has it back.

    A pump whose programme lets the tank fall below its minimum has no charge forced on it, but may be asked for one.
    """
    charge_c, dhw_c = comfort.dhw_max_c, situation.dhw_temp_c
    is_low = dhw_c is not None and dhw_c <= comfort.dhw_min_c + DHW_HOLD_K
    if dhw_c is None or situation.is_charging or (is_low and has_room_to_plan(comfort)):
        return _own_programme(situation, comfort)
    if aim.charge_below_c is not None and dhw_c <= aim.charge_below_c:
        return _dhw(situation, charge_c, True, Wish(0, Purpose.HOT_WATER, Reason.HOT_WATER))
    if is_low:
        return {}
    if situation.policy.is_away(situation.now):
        return _dhw(situation, min(comfort.dhw_min_c, charge_c), False, Wish(0, Purpose.HOT_WATER, Reason.AWAY))
    if aim.hold_c is None or dhw_c > charge_c - DHW_NEAR_K:
        return {}
    hold_c = min(max(aim.hold_c, comfort.dhw_min_c + DHW_GUARD_K), charge_c)
    return _dhw(situation, hold_c, False, Wish(0, Purpose.HOT_WATER, Reason.CHEAP_LATER))


def _own_programme(situation: Situation, comfort: Comfort) -> dict[Lever, Wish]:
    """The owner's own setpoint; where the tank has room between minimum and standard, a charge at its minimum too."""
    dhw_c = situation.dhw_temp_c
    if dhw_c is None or not has_room_to_plan(comfort) or not _is_short(situation, dhw_c, comfort):
        return {}
    forced = Wish(0, Purpose.HOT_WATER, Reason.COMFORT_LIMIT, None, True, Guard.HOT_WATER_MINIMUM)
    return _dhw(situation, comfort.dhw_max_c, _must_boost(situation, dhw_c, comfort), forced)


def _planned_hot_water(situation: Situation, wanted: PlanStep, comfort: Comfort) -> dict[Lever, Wish]:
    """Charges are only ever advanced; the pump's own programme stays in force, but for away times."""
    charge_c, hold_c, dhw_c = comfort.dhw_max_c, comfort.dhw_min_c, situation.dhw_temp_c
    if dhw_c is not None and _is_short(situation, dhw_c, comfort):
        forced = Wish(0, Purpose.HOT_WATER, Reason.COMFORT_LIMIT, None, True, Guard.HOT_WATER_MINIMUM)
        return _dhw(situation, charge_c, wanted.hot_water or _must_boost(situation, dhw_c, comfort), forced)
    if wanted.hot_water and (dhw_c is None or situation.is_charging or dhw_c <= charge_c - DHW_WORTH_K):
        return _dhw(situation, charge_c, True, Wish(0, Purpose.HOT_WATER, Reason.HOT_WATER))
    if dhw_c is None or not situation.policy.is_away(situation.now):
        return {}  # a shower empties a tank within minutes: only the pump's own programme is quick enough to catch it
    return _dhw(situation, min(hold_c, charge_c), False, Wish(0, Purpose.HOT_WATER, Reason.AWAY))


def has_room_to_plan(comfort: Comfort) -> bool:
    """Whether minimum and standard hot water lie far enough apart; if not, the pump keeps its own programme."""
    return comfort.dhw_max_c - comfort.dhw_min_c >= DHW_ROOM_K


def _must_disinfect(situation: Situation) -> bool:
    """Whether a dose is overdue: it is given at any price, whatever plan, level or pause say."""
    is_due = disinfection_due(situation.disinfection_last_at, situation.now, situation.disinfection_every)
    return is_due and can_disinfect(situation.ranges)


def _may_disinfect(situation: Situation, wanted: PlanStep) -> bool:
    """Whether a dose is planned now and has not just been given."""
    last_at = situation.disinfection_last_at
    is_done = last_at is not None and situation.now - last_at < DOSE_LONGEST
    return wanted.reason is Reason.DISINFECTION and not is_done and can_disinfect(situation.ranges)


def _is_disinfecting(situation: Situation, comfort: Comfort) -> bool:
    """Whether a dose has begun that must not be cut short: not yet verified, and not hopeless."""
    facts, limits = situation.levers.get(Lever.DHW_SETPOINT_C), situation.ranges.get(Lever.DHW_SETPOINT_C)
    if facts is None or limits is None or facts.written_value is None or facts.written_at is None:
        return False
    dose_c = limits.clamp_up(DOSE_SETPOINT_C)
    is_dose = limits.equal(facts.written_value, dose_c) and not limits.equal(dose_c, limits.clamp_up(comfort.dhw_max_c))
    last_at = situation.disinfection_last_at
    is_done = last_at is not None and last_at >= facts.written_at
    return is_dose and not is_done and situation.now - facts.written_at < DOSE_LONGEST


def _is_short(situation: Situation, dhw_c: float, comfort: Comfort) -> bool:
    """Whether the tank is about to fall below its minimum, or is being charged and not yet well above."""
    low_c = min(comfort.dhw_min_c + DHW_GUARD_K, max(comfort.dhw_min_c, comfort.dhw_max_c - DHW_GUARD_K))
    return dhw_c <= low_c or _goes_on(situation, dhw_c, comfort)


def _goes_on(situation: Situation, dhw_c: float, comfort: Comfort) -> bool:
    """Whether a charge that has begun must not be cut short."""
    boost = situation.levers.get(Lever.DHW_BOOST, NOTHING_KNOWN)
    is_full = dhw_c >= min(comfort.dhw_min_c + DHW_RECOVER_K, comfort.dhw_max_c - DHW_FULL_K)
    return not is_full and (situation.is_charging or (boost.written_value or 0.0) >= 1.0)


def _must_boost(situation: Situation, dhw_c: float, comfort: Comfort) -> bool:
    """Whether giving the owner's setpoint back is not enough: at the minimum the charge begins now."""
    return dhw_c <= comfort.dhw_min_c + DHW_BOOST_K or _goes_on(situation, dhw_c, comfort)


def _dhw(situation: Situation, setpoint_c: float | None, boost: bool, wish: Wish) -> dict[Lever, Wish]:
    """``wish`` for each hot-water lever there is; ``setpoint_c`` None = the lowest one."""
    wishes = {}
    for lever in DHW_LEVERS:
        limits = situation.ranges.get(lever)
        if limits is None or own_value(situation, lever) is None:
            continue
        if lever is Lever.DHW_BOOST:
            value = limits.clamp(1.0 if boost else 0.0)
        else:
            value = limits.minimum if setpoint_c is None else limits.clamp_up(setpoint_c)
        wishes[lever] = Wish(value, wish.purpose, wish.reason, wish.state, wish.is_forced, wish.guard)
    return wishes
