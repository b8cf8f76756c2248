"""The dose a tank has had, and when the next one is planned: arithmetic by table, then monotone in heat and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.domain.disinfection import (
    DOSE_EVERY,
    DOSE_EVERY_LARGE,
    can_disinfect,
    disinfection_due,
    dose_every,
    doses_per_h,
    latest_dose_at,
    planned_by,
)
from heatfleet.domain.levers import Lever, LeverRange

START = datetime(2025, 1, 15, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TABLE = [(55.0, 360.0), (60.0, 32.0), (65.0, 2.0), (70.0, 0.5)]
temps = st.floats(20, 85)


def trace(temps_c: list[float], every: timedelta = 5 * MINUTE) -> tuple[list[datetime], list[float]]:
    return [START + n * every for n in range(len(temps_c))], temps_c


@pytest.mark.parametrize(("temp_c", "minutes"), TABLE)
def test_a_dose_takes_what_the_table_says(temp_c: float, minutes: float) -> None:
    step = timedelta(minutes=minutes) / 16
    assert latest_dose_at(*trace([temp_c] * 17, step)) == START + 16 * step
    assert latest_dose_at(*trace([temp_c] * 16, step)) is None


def test_between_the_points_the_time_falls_log_linearly() -> None:
    assert doses_per_h(57.5) == pytest.approx((doses_per_h(55.0) * doses_per_h(60.0)) ** 0.5)
    assert doses_per_h(54.9) == doses_per_h(float("nan")) == 0.0
    assert doses_per_h(90.0) == doses_per_h(70.0)


@given(temps, temps)
def test_hotter_never_kills_less(a: float, b: float) -> None:
    assert doses_per_h(min(a, b)) <= doses_per_h(max(a, b))


@given(st.lists(temps, min_size=2, max_size=80), st.floats(0, 20))
def test_hotter_or_longer_never_verifies_less(values: list[float], hotter_k: float) -> None:
    ats, _ = trace(values)
    found = latest_dose_at(ats, values)
    if found is not None:
        assert latest_dose_at(ats, [v + hotter_k for v in values]) is not None
        longer, more = trace([*values, 70.0])
        assert (again := latest_dose_at(longer, more)) is not None
        assert again >= found


def test_an_interval_counts_with_its_colder_end_and_a_gap_not_at_all() -> None:
    assert latest_dose_at(*trace([45.0, 70.0, 45.0, 70.0, 45.0])) is None
    assert latest_dose_at(*trace([62.0] * 3, 31 * MINUTE)) is None
    assert latest_dose_at(*trace([62.0] * 3, 30 * MINUTE)) is not None


def test_the_last_dose_is_when_it_was_complete() -> None:
    assert latest_dose_at(*trace([60.0] * 8 + [48.0] * 60)) == START + 35 * MINUTE


def test_large_systems_every_72_hours() -> None:
    found = [dose_every(kwh_per_k) for kwh_per_k in (None, 0.465, 0.466)]
    assert found == [DOSE_EVERY, DOSE_EVERY, DOSE_EVERY_LARGE]
    assert timedelta(days=7) == DOSE_EVERY
    assert timedelta(hours=72) == DOSE_EVERY_LARGE


@pytest.mark.parametrize("every", [DOSE_EVERY, DOSE_EVERY_LARGE])
def test_a_dose_is_planned_with_slack_then_when_due_then_as_soon_as_can_be(every: timedelta) -> None:
    due, slack = START + every, every / 7
    assert planned_by(START, due - slack - timedelta(hours=25), every) is None
    assert planned_by(START, due - slack - timedelta(hours=23), every) == due - slack
    assert planned_by(START, due - slack, every) == due, "the first try was not verified"
    assert planned_by(START, due - HOUR, every) == due + 3 * HOUR
    assert planned_by(START, due + 9 * HOUR, every) == due + 13 * HOUR
    assert planned_by(None, due, every) is None
    assert disinfection_due(START, due, every)
    assert not disinfection_due(START, due - MINUTE, every)


@pytest.mark.parametrize(
    ("levers", "can"),
    [
        ({Lever.DHW_SETPOINT_C: LeverRange(30, 60, 1)}, True),
        ({Lever.DHW_SETPOINT_C: LeverRange(30, 58, 1)}, False),
        ({Lever.DHW_SETPOINT_C: LeverRange(30, 58, 1), Lever.DHW_BOOST: LeverRange(0, 1, 1)}, True),
        ({Lever.CURVE_OFFSET_K: LeverRange(-5, 5, 1)}, False),
    ],
)
def test_what_can_disinfect(levers: dict[Lever, LeverRange], can: bool) -> None:
    assert can_disinfect(levers) == can
