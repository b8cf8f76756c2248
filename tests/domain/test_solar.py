"""When a pump is raised to use what the roof feeds into the grid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.solar import DWELL, GOES_ON_SHARE, Export, SolarSurplus, solar_surplus

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
POLL = timedelta(minutes=5)


def trace(*kw: float) -> list[Export]:
    return [Export(NOON + n * POLL, value) for n, value in enumerate(kw)]


def after(*kw: float) -> SolarSurplus:
    return solar_surplus(trace(*kw), 2000, NOON + (len(kw) - 1) * POLL)


def test_it_begins_at_the_threshold() -> None:
    assert after(1.999) == SolarSurplus(False, None)
    assert after(1.0, 2.0) == SolarSurplus(True, NOON + POLL)


def test_it_goes_on_while_the_raised_pump_leaves_something_and_for_the_dwell_time() -> None:
    assert after(2.5, 1.0, 0.6, 0.6, 0.6).is_enough, "hysteresis"
    assert after(2.5, 0.0, 0.0).is_enough, "dwell"
    assert not after(2.5, 0.0, 0.0, 0.0).is_enough
    assert not after(2.5, 0.6, 0.6, 0.0, 2.5).is_enough, "neither does it begin anew within the dwell time"
    assert after(2.5, 0.6, 0.6, 0.0, 2.5, 2.5, 2.5).is_enough


def test_when_it_was_there_last_is_remembered_and_old_readings_end_it() -> None:
    assert after(2.5, 0.0, 0.0, 0.0).since == NOON
    assert solar_surplus(trace(3.0), 2000, NOON + timedelta(hours=1)) == SolarSurplus(False, NOON)
    assert solar_surplus([], 0, NOON) == SolarSurplus()


@settings(deadline=None)
@given(st.lists(st.floats(-5, 8), min_size=1, max_size=60), st.integers(0, 6000))
def test_it_never_turns_twice_within_the_dwell_time_nor_without_cause(kw: list[float], threshold_w: int) -> None:
    states = [solar_surplus(trace(*kw[: n + 1]), threshold_w, NOON + n * POLL).is_enough for n in range(len(kw))]
    turns = [n for n in range(1, len(kw)) if states[n] != states[n - 1]]
    assert all((b - a) * POLL >= DWELL for a, b in pairwise(turns))
    for n, (value, is_on) in enumerate(zip(kw, states, strict=True)):
        began = is_on and (n == 0 or not states[n - 1])
        ended = n > 0 and states[n - 1] and not is_on
        assert not began or value >= threshold_w / 1000
        assert not ended or value < GOES_ON_SHARE * threshold_w / 1000
