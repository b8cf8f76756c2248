"""A plan: what we intend for one heat pump, one row per quarter-hour, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from heatfleet.domain.levers import SteeringState


class Reason(StrEnum):
    """Why a quarter-hour is planned as it is."""

    CHEAP_NOW = "cheap_now"
    DEAR_NOW = "dear_now"
    COMFORT_LIMIT = "comfort_limit"
    HOT_WATER = "hot_water"
    DISINFECTION = "disinfection"
    PAUSE = "pause"
    AWAY = "away"
    LEARNING = "learning"
    OWN_PROGRAMME = "own_programme"
    STEADY = "steady"
    SOLAR_SURPLUS = "solar_surplus"


@dataclass(frozen=True)
class PlanStep:
    """One quarter-hour of a plan; power [kW], temperatures [°C], price and cost [currency/kWh, currency]."""

    start_at: datetime
    state: SteeringState
    hot_water: bool
    power_kw: float
    indoor_temp_c: float
    dhw_temp_c: float
    price: float
    reason: Reason

    @property
    def cost(self) -> float:
        """Cost of the step [currency]."""
        return self.price * self.power_kw * 0.25


@dataclass(frozen=True)
class Plan:
    """The plan of one heat pump; ``model_version`` and ``policy_version`` say what it was made from."""

    steps: tuple[PlanStep, ...]
    made_at: datetime
    model_version: int
    policy_version: int

    def step_at(self, at: datetime) -> PlanStep | None:
        """The step that holds ``at``, or None outside the plan."""
        if not self.steps:
            return None
        index = (at - self.steps[0].start_at).total_seconds() // 900
        return self.steps[int(index)] if 0 <= index < len(self.steps) else None
