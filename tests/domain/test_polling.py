"""When a pump that could not be read is asked again."""

from __future__ import annotations

import itertools
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from heatfleet.domain.faults import FaultKind
from heatfleet.domain.polling import LONGEST_WAIT, wait_after

POLL = timedelta(minutes=5)


@given(st.sampled_from(FaultKind), st.integers(0, 1000), st.floats(0, 86_400))
def test_never_sooner_than_told_and_never_for_ever(kind: FaultKind, failures: int, after_s: float) -> None:
    wait = wait_after(kind, POLL, failures, after_s)
    assert wait >= timedelta(seconds=after_s)
    assert timedelta(0) < wait <= max(LONGEST_WAIT, timedelta(seconds=after_s))


def test_what_keeps_failing_is_asked_ever_more_rarely_but_a_used_budget_is_no_failure() -> None:
    down = [wait_after(FaultKind.UPSTREAM_DOWN, POLL, n, 0) / POLL for n in range(5)]
    assert down == [1, 2, 4, 8, 12]
    put_off = [wait_after(FaultKind.QUOTA_EXCEEDED, POLL, n, 2.0).total_seconds() for n in (0, 1, 2, 5, 11, 99)]
    assert put_off[:5] == [60, 30, 20, 10, 5]
    assert 5 <= put_off[5] <= 7.5
    assert wait_after(FaultKind.QUOTA_EXCEEDED, POLL, 3, 600.0) == timedelta(minutes=10)


def test_nobody_asks_for_a_used_budget_in_step_with_its_minute() -> None:
    """Every five seconds sharp, a pump of a large account came too late for 2.4 hours: others always came before it."""
    waits = [wait_after(FaultKind.QUOTA_EXCEEDED, POLL, n, 0.0).total_seconds() for n in range(60, 250)]
    seconds = {int(at % 60) for at in itertools.accumulate(waits)}
    assert len(seconds) > 50
