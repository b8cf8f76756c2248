"""Statuses and verdicts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.errors import Conflict
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Reading, Snapshot
from heatfleet.domain.statuses import (
    TRANSITIONS,
    ContactFacts,
    Lifecycle,
    Status,
    connection_status,
    monitoring_status,
    moved,
    sources,
    steering_status,
)
from heatfleet.domain.verdicts import SentCommand, Verdict, judge

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
POLL = timedelta(minutes=5)
HALF = LeverRange(5, 30, 0.5)


def contact(minutes: float | None, **other: object) -> Status:
    last = None if minutes is None else NOW - timedelta(minutes=minutes)
    return connection_status(ContactFacts(NOW, last, POLL, **other))  # type: ignore[arg-type]


def test_connection_status() -> None:
    assert contact(None) is Status.UNKNOWN
    assert contact(3) is Status.OK
    assert contact(6, failures=1) is Status.WARNING
    assert contact(3, fault=Status.WARNING) is Status.WARNING
    assert contact(61, failures=9) is Status.ERROR
    assert contact(1, fault=Status.ERROR) is Status.ERROR


def test_monitoring_and_steering_status() -> None:
    assert monitoring_status(5, 0, ever_read=False) is Status.UNKNOWN
    assert monitoring_status(5, 5, ever_read=True) is Status.OK
    assert monitoring_status(5, 4, ever_read=True) is Status.WARNING
    assert monitoring_status(5, 5, ever_read=True, frozen=True) is Status.WARNING
    assert monitoring_status(5, 0, ever_read=True) is Status.ERROR
    assert steering_status(Verdict.WAITING, 1) is Status.UNKNOWN
    assert steering_status(Verdict.WAITING, 1, Status.OK) is Status.OK
    assert steering_status(Verdict.CONFIRMED, 1) is Status.OK
    assert steering_status(Verdict.UNCONFIRMED, 2) is Status.WARNING
    assert steering_status(Verdict.UNCONFIRMED, 3) is Status.ERROR
    assert steering_status(Verdict.REJECTED, 1) is Status.ERROR
    assert steering_status(Verdict.OVERRIDDEN, 1) is Status.WARNING


@pytest.mark.parametrize(
    ("seen", "minutes", "confirmed", "verdict"),
    [
        (23.0, 1, False, Verdict.CONFIRMED),
        (23.25, 1, False, Verdict.CONFIRMED),
        (21.0, 5, False, Verdict.WAITING),
        (21.0, 16, False, Verdict.UNCONFIRMED),
        (19.0, 16, False, Verdict.OVERRIDDEN),
        (21.0, 60, True, Verdict.OVERRIDDEN),
        (None, 60, True, Verdict.UNCONFIRMED),
    ],
)
def test_judge(seen: float | None, minutes: int, confirmed: bool, verdict: Verdict) -> None:
    command = SentCommand(Lever.INDOOR_SETPOINT_C, 23.0, 21.0, NOW, NOW + timedelta(minutes=15), confirmed)
    at = NOW + timedelta(minutes=minutes)
    readings = () if seen is None else (Reading(Channel.INDOOR_SETPOINT_C, at, seen),)
    assert judge(command, Snapshot("x", at, readings), at, HALF) is verdict


def test_a_boost_is_confirmed_by_the_mode_and_may_end_by_itself() -> None:
    command = SentCommand(Lever.DHW_BOOST, 1.0, 0.0, NOW, NOW + timedelta(minutes=15))
    mode = (Reading(Channel.MODE, NOW, 3.0), Reading(Channel.DHW_BOOST, NOW, 0.0))
    flag = LeverRange(0, 1, 1)
    assert judge(command, Snapshot("x", NOW, mode), NOW, flag) is Verdict.CONFIRMED
    ended = SentCommand(Lever.DHW_BOOST, 1.0, 0.0, NOW, NOW, was_confirmed=True)
    assert judge(ended, Snapshot("x", NOW, mode[1:]), NOW + timedelta(hours=2), flag) is Verdict.CONFIRMED


def test_connection_is_an_error_only_after_an_hour_and_two_intervals() -> None:
    assert contact(59, failures=9) is Status.WARNING
    assert contact(60, failures=9) is Status.ERROR
    assert contact(11) is Status.WARNING, "one poll missed"
    assert contact(None, failures=3) is Status.UNKNOWN, "never contacted"


def test_the_lifecycle_is_one_table() -> None:
    pending, good, error, gone, deleted = Lifecycle
    assert set(TRANSITIONS) == set(Lifecycle)
    assert TRANSITIONS[pending] == {good, deleted}
    assert TRANSITIONS[good] == {error, gone, deleted}
    assert TRANSITIONS[error] == {good, gone, deleted}
    assert not TRANSITIONS[deleted]


@settings(deadline=None)
@given(st.sampled_from(Lifecycle), st.sampled_from(Lifecycle))
def test_only_what_the_table_allows_is_moved(state: Lifecycle, target: Lifecycle) -> None:
    if state is target or target in TRANSITIONS[state]:
        assert moved(state, target) == target
        assert state in sources(target)
    else:
        assert state not in sources(target)
        with pytest.raises(Conflict):
            moved(state, target)
