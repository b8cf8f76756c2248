"""The fleet clock: forward only, never faster than told, standing still for due work."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from heatfleet import clocks
from heatfleet.clocks import FleetClock, RealClock

START = datetime(2024, 1, 8, tzinfo=UTC)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The machine's monotonic time [s], settable."""
    now = [1000.0]
    monkeypatch.setattr(clocks, "monotonic", lambda: now[0])
    return now


def test_it_runs_speed_times_as_fast(machine: list[float]) -> None:
    clock = FleetClock(START, speed=60.0)
    machine[0] += 2.0
    assert clock.advance() == START + timedelta(minutes=2)
    assert clock.fleet_now() == START + timedelta(minutes=2)
    assert clock.speed_reached == pytest.approx(60.0)


def test_it_waits_for_due_work_and_does_not_make_up_for_it(machine: list[float]) -> None:
    clock = FleetClock(START, speed=60.0)
    machine[0] += 10.0
    assert clock.advance(START + timedelta(seconds=30)) == START + timedelta(seconds=30)
    machine[0] += 1.0
    assert clock.advance() == START + timedelta(seconds=90)
    assert clock.speed_reached < 60.0


def test_it_never_runs_backwards(machine: list[float]) -> None:
    clock = FleetClock(START, speed=60.0)
    machine[0] += 1.0
    assert clock.advance(START - timedelta(hours=1)) == START


def test_the_real_clock_is_aware_utc() -> None:
    assert RealClock().wall_now().tzinfo is UTC
    assert RealClock().fleet_now().tzinfo is UTC
