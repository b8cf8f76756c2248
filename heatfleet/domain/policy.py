"""What owner and partner allow: the policy of one heat pump and the comfort it promises at an instant.

Rules are those of the Partner API: pause and away fall by themselves, the band never widens by level,
frost floor and hot-water hygiene are not anybody's to switch off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from heatfleet.domain.errors import FieldError, Invalid
from heatfleet.domain.levers import OptimizationLevel, StateDeltas

FROST_FLOOR_C = 8.0
DHW_FLOOR_C = 45.0
DEFAULT_INDOOR_SETPOINT_C = 21.0
DEFAULT_DHW_SETPOINT_C = 50.0
DEFAULT_COOLING_SETPOINT_C = 25.0
DEFAULT_POOL_SETPOINT_C = 28.0
BAND_BELOW_K = 0.5
BAND_ABOVE_K = 1.5
COLDER_THAN_OWN_K = 0.37
"""Where nobody set a band: how much colder than people are used to a home may be planned."""


@dataclass(frozen=True)
class Policy:
    """The writable settings that decide how a heat pump may be steered; None means "not set"."""

    is_smart_optimization_active: bool = False
    is_space_heating_enabled: bool | None = False
    is_hot_water_heating_enabled: bool | None = False
    is_space_cooling_enabled: bool | None = False
    is_pool_heating_enabled: bool | None = False
    optimization_level: OptimizationLevel = OptimizationLevel.MID
    is_heating_policy_enabled: bool | None = False
    minimum_temperature_limit: float | None = None
    maximum_temperature_limit: float | None = None
    indoor_target_temperature_offset: float | None = None
    dhw_standard_temperature: float | None = None
    minimum_dhw_temperature_limit: float | None = None
    is_away_mode_enabled: bool | None = True
    away_mode_start: datetime | None = None
    away_mode_end: datetime | None = None
    away_mode_minimum_temperature_limit: float | None = None
    away_mode_minimum_dhw_temperature_limit: float | None = None
    is_pause_power_active: bool = False
    pause_power_until: datetime | None = None
    temperature_delta_override_for_slight_change: int | None = None
    temperature_delta_override_for_significant_change: int | None = None

    @property
    def deltas(self) -> StateDeltas:
        """The kelvins behind the four states."""
        return StateDeltas.of(
            self.temperature_delta_override_for_slight_change, self.temperature_delta_override_for_significant_change
        )

    @property
    def offset_k(self) -> float:
        """Shift of MID from the owner's setpoint [K]."""
        return self.indoor_target_temperature_offset or 0.0

    def is_paused(self, at: datetime) -> bool:
        """Whether the pause is in force at ``at``: flag set and its end in the future."""
        return self.is_pause_power_active and self.pause_power_until is not None and at < self.pause_power_until

    def is_away(self, at: datetime) -> bool:
        """Whether away mode is in force at ``at``: flag, both dates, and inside them."""
        if not self.is_away_mode_enabled or self.away_mode_start is None or self.away_mode_end is None:
            return False
        return self.away_mode_start <= at < self.away_mode_end


USES = tuple(name for name in Policy.__dataclass_fields__ if name.endswith(("heating_enabled", "cooling_enabled")))
"""What the owner may let us optimise."""


@dataclass(frozen=True)
class OwnSettings:
    """The owner's own values, captured from the pump before the first write."""

    indoor_setpoint_c: float = DEFAULT_INDOOR_SETPOINT_C
    dhw_setpoint_c: float = DEFAULT_DHW_SETPOINT_C
    cooling_setpoint_c: float = DEFAULT_COOLING_SETPOINT_C
    pool_setpoint_c: float = DEFAULT_POOL_SETPOINT_C


@dataclass(frozen=True)
class Comfort:
    """What must hold at one instant [°C]."""

    indoor_min_c: float
    indoor_max_c: float
    dhw_min_c: float
    dhw_max_c: float


def comfort_at(policy: Policy, own: OwnSettings, at: datetime, cooling: bool = False) -> Comfort:
    """The comfort band and hot-water band in force at ``at``; ``cooling`` = while the pump cools.

    Away lowers the minimums until its very end: the home is back in its normal band *by* ``away_mode_end``.
    """
    low, high = _indoor_band(policy, own, cooling)
    standard_c = _or(policy.dhw_standard_temperature, own.dhw_setpoint_c)
    dhw_min_c = min(_or(policy.minimum_dhw_temperature_limit, DHW_FLOOR_C), standard_c)
    if policy.is_away(at):
        low = min(low, _or(policy.away_mode_minimum_temperature_limit, low))
        dhw_min_c = min(dhw_min_c, _or(policy.away_mode_minimum_dhw_temperature_limit, dhw_min_c))
    return Comfort(max(low, FROST_FLOOR_C), max(high, FROST_FLOOR_C + 0.5), dhw_min_c, standard_c)


def _indoor_band(policy: Policy, own: OwnSettings, cooling: bool) -> tuple[float, float]:
    """Around the owner's setpoint, wider where heat, or cold, can be stored; or what somebody set.

    Limits are mostly set with winter in mind: they never cool a home further than its owner's own cooling does.
    """
    target_c = (own.cooling_setpoint_c if cooling else own.indoor_setpoint_c) + policy.offset_k
    below_k, above_k = (BAND_ABOVE_K, BAND_BELOW_K) if cooling else (BAND_BELOW_K, BAND_ABOVE_K)
    low, high = target_c - below_k, target_c + above_k
    if policy.is_heating_policy_enabled and cooling:
        high = max(high, _or(policy.maximum_temperature_limit, high))
        low = min(max(low, _or(policy.minimum_temperature_limit, low)), high - 0.5)
    elif policy.is_heating_policy_enabled:
        low = _or(policy.minimum_temperature_limit, min(low, _or(policy.maximum_temperature_limit, high) - 0.5))
        high = _or(policy.maximum_temperature_limit, max(high, low + 0.5))
    return low, high


def _or(value: float | None, default: float) -> float:
    return default if value is None else value


def settle(policy: Policy, now: datetime) -> Policy:
    """The policy with what has run out taken back: an ended pause clears its flag, an ended away its dates."""
    if policy.is_pause_power_active and (policy.pause_power_until is None or policy.pause_power_until <= now):
        policy = replace(policy, is_pause_power_active=False)
    if policy.away_mode_end is not None and policy.away_mode_end <= now:
        policy = replace(policy, away_mode_start=None, away_mode_end=None)
    return policy


LIMITS: dict[str, tuple[float, float]] = {
    "minimum_temperature_limit": (5.0, 35.0),
    "maximum_temperature_limit": (5.0, 35.0),
    "away_mode_minimum_temperature_limit": (5.0, 35.0),
    "indoor_target_temperature_offset": (-5.0, 5.0),
    "dhw_standard_temperature": (30.0, 65.0),
    "minimum_dhw_temperature_limit": (30.0, 65.0),
    "away_mode_minimum_dhw_temperature_limit": (30.0, 65.0),
}


def check(policy: Policy) -> Policy:
    """The policy unchanged; raises :class:`Invalid` naming every field that breaks a rule."""
    errors = [*_range_errors(policy), *_pair_errors(policy)]
    if errors:
        raise Invalid(*errors)
    StateDeltas.of(
        policy.temperature_delta_override_for_slight_change, policy.temperature_delta_override_for_significant_change
    )
    return policy


def _range_errors(policy: Policy) -> list[FieldError]:
    errors = []
    for name, (low, high) in LIMITS.items():
        value = getattr(policy, name)
        if value is not None and not low <= value <= high:
            unit = "K" if name.endswith("_offset") else "°C"
            errors.append(FieldError(("body", name), f"must lie between {low:g} and {high:g} {unit}", "range"))
    return errors


def _pair_errors(policy: Policy) -> list[FieldError]:
    rules = [
        ("minimum_temperature_limit", "maximum_temperature_limit", 0.5, "must be at least 0.5 K below {}"),
        ("minimum_dhw_temperature_limit", "dhw_standard_temperature", 0.0, "must not exceed {}"),
        ("away_mode_minimum_temperature_limit", "minimum_temperature_limit", 0.0, "must not exceed {}"),
        ("away_mode_minimum_dhw_temperature_limit", "minimum_dhw_temperature_limit", 0.0, "must not exceed {}"),
    ]
    errors = []
    for lower, upper, gap, text in rules:
        a, b = getattr(policy, lower), getattr(policy, upper)
        if a is not None and b is not None and a + gap > b:
            errors.append(FieldError(("body", lower), text.format(upper), "relation"))
    start, end = policy.away_mode_start, policy.away_mode_end
    if start is not None and end is not None and end <= start:
        errors.append(FieldError(("body", "away_mode_end"), "must be after away_mode_start", "relation"))
    return errors


def apply_pause(policy: Policy, changes: dict[str, object], now: datetime) -> Policy:
    """The policy after a request touched the pause fields.

    A future ``until`` alone sets the flag; ``until`` null resumes at once; ``until`` in the past with the flag true is
    :class:`Invalid`, with the flag false accepted and not in force; the flag true needs an end.
    """
    if not {"pause_power_until", "is_pause_power_active"} & changes.keys():
        return policy
    until = policy.pause_power_until
    if "pause_power_until" in changes and until is None:
        return replace(policy, is_pause_power_active=False)
    if "is_pause_power_active" not in changes:
        return replace(policy, is_pause_power_active=until is not None and until > now)
    if policy.is_pause_power_active and (until is None or until <= now):
        raise Invalid.field("pause_power_until", "must be in the future while the pause is switched on", "past")
    return policy
