"""A plan: what we intend for one heat pump, one row per quarter-hour, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from heatfleet.domain.levers import SteeringState


class Reason(StrEnum):
    """Why a quarter-hour is planned as it is."""

    CHEAP_NOW = "cheap_now"
    CHEAP_LATER = "cheap_later"
    DEAR_NOW = "dear_now"
    DEAR_LATER = "dear_later"
    COMFORT_LIMIT = "comfort_limit"
    HOT_WATER = "hot_water"
    DISINFECTION = "disinfection"
    PAUSE = "pause"
    AWAY = "away"
    GRID_LIMIT = "grid_limit"
    QUOTA = "quota"
    LEARNING = "learning"
    OWN_PROGRAMME = "own_programme"
    STEADY = "steady"
    SOLAR_SURPLUS = "solar_surplus"


class ReasonDetail(NamedTuple):
    """What a reason refers to: a time that begins and ends, a deadline, or ``low`` or ``high`` for a limit's side."""

    since: datetime | None = None
    until: datetime | None = None
    by: datetime | None = None
    side: str | None = None

    def given(self) -> dict[str, datetime | str]:
        """What there is, by name."""
        return {name: value for name, value in self._asdict().items() if value is not None}

    @classmethod
    def of(cls, given: Mapping[str, str] | None) -> ReasonDetail:
        """From names and texts (instants in ISO 8601); a newer version's names are left out."""
        known = {name: text for name, text in (given or {}).items() if name in cls._fields}
        return cls(**{n: text if n == "side" else datetime.fromisoformat(text) for n, text in known.items()})  # type: ignore[arg-type]


class Unsteered(NamedTuple):
    """The same quarter-hour if the pump were left to its owner's own control, as the model expects it."""

    power_kw: float
    indoor_temp_c: float
    dhw_temp_c: float


class TankAim(NamedTuple):
    """What is wanted of the tank by its temperature, which nobody knows beforehand; None = nothing."""

    charge_below_c: float | None  # at most this warm, it is charged now
    hold_c: float | None  # setpoint that puts the pump's own charge off


NO_DETAIL = ReasonDetail()


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
    detail: ReasonDetail = NO_DETAIL
    cost_of_not_acting: float | None = None  # None where nothing is done
    own: Unsteered | None = None
    tank: TankAim | None = None  # None: charged where ``hot_water`` says so
    cooling: bool = False  # the state is asked of the cooling: MIN = off, MAX = coldest
    pool_heating: bool | None = None  # whether the pool is heated now or waits; None = its own programme
    pool_temp_c: float | None = None

    @property
    def cost(self) -> float:
        """Cost of the step [currency]."""
        return self.price * self.power_kw * 0.25


class Outlook(NamedTuple):
    """A whole plan beside the owner's own control over the same time, both as the model expects them [currency, °C]."""

    cost: float
    own_cost: float
    stored_worth: float  # of the heat that the plan leaves in house and tank at the end beyond the own control
    indoor_mean_c: float
    own_indoor_mean_c: float
    warmth_cost: float  # of rooms kept warmer on average than the own control keeps them

    @property
    def saving(self) -> float:
        """What the plan is expected to save, heat stored at the end included [currency]."""
        return self.own_cost - self.cost + self.stored_worth

    @property
    def saving_at_equal_temperature(self) -> float:
        """The same if the own control were to keep the rooms as warm on average [currency]."""
        return self.saving + self.warmth_cost


@dataclass(frozen=True)
class Plan:
    """The plan of one heat pump; ``model_version`` and ``policy_version`` say what it was made from."""

    steps: tuple[PlanStep, ...]
    made_at: datetime
    model_version: int
    policy_version: int
    outlook: Outlook | None = None

    def step_at(self, at: datetime) -> PlanStep | None:
        """The step that holds ``at``, or None outside the plan."""
        if not self.steps:
            return None
        index = (at - self.steps[0].start_at).total_seconds() // 900
        return self.steps[int(index)] if 0 <= index < len(self.steps) else None
