"""The policy of one heat pump: band, away, pause, frost floor, limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.errors import Invalid
from heatfleet.domain.levers import OptimizationLevel, StateDeltas, SteeringState
from heatfleet.domain.policy import FROST_FLOOR_C, OwnSettings, Policy, apply_pause, check, comfort_at, settle

NOW = datetime(2024, 1, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
OWN = OwnSettings(21.0, 50.0)
AWAY = {"away_mode_start": NOW - HOUR, "away_mode_end": NOW + HOUR}


def indoor(**fields: Any) -> tuple[float, float]:
    found = comfort_at(Policy(**fields), OWN, NOW)
    return found.indoor_min_c, found.indoor_max_c


def hot_water(**fields: Any) -> tuple[float, float]:
    found = comfort_at(Policy(**fields), OWN, NOW)
    return found.dhw_min_c, found.dhw_max_c


def test_the_band_is_in_force_while_enabled_otherwise_around_the_owners_setpoint() -> None:
    limits = {"minimum_temperature_limit": 18.0, "maximum_temperature_limit": 24.0}
    assert indoor(is_heating_policy_enabled=True, **limits) == (18.0, 24.0)
    assert indoor(is_heating_policy_enabled=False, **limits) == indoor(**limits) == (20.5, 22.5)
    assert indoor(is_heating_policy_enabled=True, minimum_temperature_limit=22.4) == (22.4, 22.9)


def test_the_offset_shifts_the_default_band_only() -> None:
    assert indoor(indoor_target_temperature_offset=1.5) == (22.0, 24.0)
    limits = {"minimum_temperature_limit": 18.0, "maximum_temperature_limit": 24.0}
    assert indoor(is_heating_policy_enabled=True, indoor_target_temperature_offset=1.5, **limits) == (18.0, 24.0)


def test_hot_water_null_is_what_the_pump_had_and_45() -> None:
    assert hot_water() == (45.0, 50.0)
    assert hot_water(dhw_standard_temperature=55.0, minimum_dhw_temperature_limit=42.0) == (42.0, 55.0)
    assert hot_water(dhw_standard_temperature=40.0) == (40.0, 40.0), "below 45 is advised against, not forbidden"


def test_away_needs_both_dates_and_the_flag_and_null_means_the_normal_minimum() -> None:
    limits = {"away_mode_minimum_temperature_limit": 16.0, "away_mode_minimum_dhw_temperature_limit": 40.0}
    assert indoor(**AWAY, **limits) == (16.0, 22.5)
    assert hot_water(**AWAY, **limits) == (40.0, 50.0)
    assert indoor(**AWAY) == indoor()
    for lacking in ({"is_away_mode_enabled": False}, {"away_mode_start": None}, {"away_mode_end": None}):
        assert indoor(**{**AWAY, **limits, **lacking}) == indoor()
    assert indoor(**{**AWAY, **limits, "away_mode_end": NOW}) == indoor(), "back in the normal band by the end"


@settings(deadline=None)
@given(st.one_of(st.none(), st.floats(5, 35)), st.one_of(st.none(), st.floats(5, 35)), st.floats(5, 25), st.booleans())
def test_the_frost_floor_holds_always(low: float | None, away: float | None, own_c: float, is_on: bool) -> None:
    policy = Policy(
        is_heating_policy_enabled=is_on,
        minimum_temperature_limit=low,
        away_mode_minimum_temperature_limit=away,
        indoor_target_temperature_offset=-5.0,
        **AWAY,  # type: ignore[arg-type]
    )
    comfort = comfort_at(policy, OwnSettings(own_c), NOW)
    assert comfort.indoor_min_c >= FROST_FLOOR_C
    assert comfort.indoor_max_c >= FROST_FLOOR_C + 0.5


def wrong(**fields: Any) -> set[str]:
    with pytest.raises(Invalid) as found:
        check(Policy(**fields))
    return {str(error.loc[-1]) for error in found.value.errors}


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("minimum_temperature_limit", 5, 35),
        ("maximum_temperature_limit", 5, 35),
        ("away_mode_minimum_temperature_limit", 5, 35),
        ("indoor_target_temperature_offset", -5, 5),
        ("dhw_standard_temperature", 30, 65),
        ("minimum_dhw_temperature_limit", 30, 65),
        ("away_mode_minimum_dhw_temperature_limit", 30, 65),
    ],
)
def test_limits_are_inclusive(name: str, low: float, high: float) -> None:
    for value in (low, high):
        check(Policy(**{name: value}))
    for value in (low - 0.1, high + 0.1):
        assert wrong(**{name: value}) == {name}


def test_pairs_of_limits() -> None:
    assert wrong(minimum_temperature_limit=20, maximum_temperature_limit=20.4) == {"minimum_temperature_limit"}
    check(Policy(minimum_temperature_limit=20, maximum_temperature_limit=20.5))
    assert wrong(dhw_standard_temperature=44, minimum_dhw_temperature_limit=45) == {"minimum_dhw_temperature_limit"}
    check(Policy(dhw_standard_temperature=45, minimum_dhw_temperature_limit=45))
    assert wrong(away_mode_start=NOW, away_mode_end=NOW) == {"away_mode_end"}
    for kind in ("temperature", "dhw_temperature"):
        normal, away = f"minimum_{kind}_limit", f"away_mode_minimum_{kind}_limit"
        assert wrong(**{normal: 31, away: 32}) == {away}
        check(Policy(**{normal: 31, away: 31}))


def test_the_two_deltas() -> None:
    both = {"temperature_delta_override_for_slight_change", "temperature_delta_override_for_significant_change"}
    for slight, significant in ((1, 2), (2, None), (0, 4), (None, 1), (-1, 4)):
        assert wrong(
            temperature_delta_override_for_slight_change=slight,
            temperature_delta_override_for_significant_change=significant,
        ) == both  # fmt: skip
    assert [StateDeltas.of(None, None).delta_k(state) for state in SteeringState] == [-2, -1, 0, 2]
    assert [StateDeltas.of(2, 7).delta_k(state) for state in SteeringState] == [-4, -2, 0, 3]


@settings(deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from(SteeringState))
def test_levels_cap_how_far_a_state_moves(slight: int, more: int, state: SteeringState) -> None:
    deltas = StateDeltas(slight, 2 * slight + more)
    assert abs(deltas.delta_k(state, OptimizationLevel.LOW)) <= slight
    assert -2 * slight <= deltas.delta_k(state, OptimizationLevel.MID) <= slight
    assert deltas.delta_k(SteeringState.MIN, OptimizationLevel.MID) == -2 * slight
    assert deltas.delta_k(SteeringState.MAX, OptimizationLevel.MAX) == more


@settings(deadline=None)
@given(st.sampled_from(OptimizationLevel))
def test_a_level_never_widens_the_band(level: OptimizationLevel) -> None:
    assert comfort_at(Policy(optimization_level=level), OWN, NOW) == comfort_at(Policy(), OWN, NOW)


LATER, PAST = NOW + HOUR, NOW - HOUR


@pytest.mark.parametrize(
    ("before", "changes", "in_force"),
    [
        ({}, {"pause_power_until": LATER}, True),
        ({}, {"pause_power_until": LATER, "is_pause_power_active": True}, True),
        ({}, {"pause_power_until": LATER, "is_pause_power_active": False}, False),
        ({}, {"pause_power_until": PAST}, False),
        ({}, {"pause_power_until": PAST, "is_pause_power_active": False}, False),
        ({"pause_power_until": LATER, "is_pause_power_active": True}, {"pause_power_until": None}, False),
        ({"pause_power_until": LATER, "is_pause_power_active": True}, {"is_pause_power_active": False}, False),
        ({"pause_power_until": LATER}, {"is_pause_power_active": True}, True),
    ],
)
def test_what_a_request_does_to_a_pause(before: dict[str, Any], changes: dict[str, Any], in_force: bool) -> None:
    after = apply_pause(replace(Policy(**before), **changes), changes, NOW)
    assert after.is_paused(NOW) is after.is_pause_power_active is in_force


def test_a_pause_that_would_have_ended_already_is_invalid_and_an_ended_one_falls_by_itself() -> None:
    changes = {"pause_power_until": PAST, "is_pause_power_active": True}
    with pytest.raises(Invalid):
        apply_pause(Policy(**changes), changes, NOW)  # type: ignore[arg-type]
    ended = settle(Policy(pause_power_until=NOW, is_pause_power_active=True), NOW)
    assert (ended.is_pause_power_active, ended.pause_power_until) == (False, NOW)


def test_after_an_absence_both_dates_are_null_and_the_flag_stays() -> None:
    back = settle(Policy(away_mode_start=PAST, away_mode_end=NOW, away_mode_minimum_temperature_limit=16), NOW)
    assert (back.away_mode_start, back.away_mode_end, back.is_away_mode_enabled) == (None, None, True)
    assert back.away_mode_minimum_temperature_limit == 16


@pytest.mark.parametrize(
    ("limits", "band"),
    [
        ((None, None), (23.5, 25.5)),
        ((20.5, 22.5), (23.5, 25.5)),  # set for the winter: they cool nobody below their own setting
        ((20.0, 27.0), (23.5, 27.0)),
        ((24.5, 28.0), (24.5, 28.0)),
        ((25.4, 26.0), (25.4, 26.0)),
    ],
)
def test_limits_never_cool_further_than_the_owner_does(
    limits: tuple[float | None, float | None], band: tuple[float, float]
) -> None:
    policy = Policy(
        is_heating_policy_enabled=True, minimum_temperature_limit=limits[0], maximum_temperature_limit=limits[1]
    )
    comfort = comfort_at(policy, OwnSettings(21.0, 50.0, 25.0), NOW, cooling=True)
    assert (comfort.indoor_min_c, comfort.indoor_max_c) == band
