"""Which steering state a lever value read back stands for."""

from __future__ import annotations

import pytest

from heatfleet.domain.levers import (
    Lever,
    LeverRange,
    OptimizationLevel,
    StateDeltas,
    SteeringState,
    nearest_state,
    state_targets,
)

OWN = {Lever.INDOOR_SETPOINT_C: 21.0}
RANGES = {Lever.INDOOR_SETPOINT_C: LeverRange(10.0, 30.0, 0.5)}


@pytest.mark.parametrize(
    ("level", "state"),
    [
        (OptimizationLevel.LOW, SteeringState.LOW),
        (OptimizationLevel.LOW, SteeringState.MAX),
        (OptimizationLevel.MID, SteeringState.MIN),
        (OptimizationLevel.MID, SteeringState.LOW),
        (OptimizationLevel.MID, SteeringState.MID),
        (OptimizationLevel.MID, SteeringState.MAX),
        (OptimizationLevel.MAX, SteeringState.MAX),
    ],
)
def test_what_a_level_sends_is_read_back_as_the_same_state(level: OptimizationLevel, state: SteeringState) -> None:
    sent = state_targets(state, OWN, RANGES, StateDeltas(), level)
    assert nearest_state(sent, OWN, RANGES, StateDeltas(), level=level) is state


def test_a_pause_is_min_at_the_lowest_level_too() -> None:
    paused = {Lever.INDOOR_SETPOINT_C: 19.0}
    assert nearest_state(paused, OWN, RANGES, StateDeltas(), level=OptimizationLevel.LOW) is SteeringState.MIN
