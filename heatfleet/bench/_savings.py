"""What a controller saved against the owners' own control: per home, with an interval over homes, and the bars.

Every saving is corrected for the heat left in building and tank; *equal* is that of rooms as warm as under their
owners' own control. Intervals hold nine draws of homes in ten (bootstrap, seeded).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from heatfleet.demo.figures import RunFigures, compare
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate import Trace

OWN, OURS, FLAT, FORESIGHT = "own control", "heatfleet", "heatfleet, flat price", "heatfleet, perfect foresight"
CHEAPEST, PI = "cheapest hours", "continuous PI"
DRAWS = 2000
FORESIGHT_SHARE = 0.85
SAME_TEMPERATURE_K = 0.2
DHW_FLOOR_C = 45.0


@dataclass(frozen=True)
class Outcome:
    """One controller at one tariff; every field (home,)."""

    cost: Array
    own_cost: Array
    saving: Array
    saving_equal: Array
    energy_kwh: Array
    discomfort_kh: Array
    mean_indoor_c: Array
    starts: Array
    dhw_min_c: Array
    dhw_below_min: Array  # minutes below 45 °C
    unserved_dhw_kwh: Array
    lever: Array  # 0 room setpoint, 1 heating curve, 2 SG-Ready

    @classmethod
    def of(
        cls, own: tuple[RunFigures, Trace], run: tuple[RunFigures, Trace], outdoor_c: Array, lever: Array
    ) -> Outcome:
        """Ours against the owner's own control, from figures and traces of both."""
        compared = compare((own[0], run[0]), (own[1], run[1]), outdoor_c)
        names = ("cost", "energy_kwh", "discomfort_kh", "mean_indoor_c", "starts", "dhw_min_c", "unserved_dhw_kwh")
        return cls(
            **{name: getattr(run[0], name) for name in names},
            own_cost=own[0].cost,
            saving=compared.home_savings,
            saving_equal=compared.home_savings_equal_temperature,
            dhw_below_min=15.0 * (run[1].tank_c < DHW_FLOOR_C).sum(axis=1),
            lever=lever,
        )

    @classmethod
    def joined(cls, parts: Sequence[Outcome]) -> Outcome:
        """The homes of several weeks."""
        return cls(**{name: np.concatenate([getattr(p, name) for p in parts]) for name in cls.__dataclass_fields__})


def figures(outcome: Outcome, foresight: Outcome, own: Outcome) -> dict[str, Any]:
    """One controller's figures, JSON-able; sums and means over all homes."""
    levers = ("room setpoint", "heating curve", "SG-Ready")
    return {
        "cost": _sum(outcome.cost),
        "cost_corrected": _sum(outcome.own_cost - outcome.saving_equal),
        "saving_percent": _percent(outcome.saving, outcome.own_cost),
        "saving_percent_equal": _percent(outcome.saving_equal, outcome.own_cost),
        "saving_percent_equal_90": interval(outcome.saving_equal, outcome.own_cost),
        "saving_percent_equal_by_lever": {
            name: _percent(outcome.saving_equal[pick], outcome.own_cost[pick])
            for number, name in enumerate(levers)
            if (pick := outcome.lever == number).any()
        },
        "share_of_foresight": _share(outcome, foresight),
        "energy_kwh": _sum(outcome.energy_kwh),
        "discomfort_kh": _sum(outcome.discomfort_kh),
        "mean_indoor_c": round(float(outcome.mean_indoor_c.mean()), 3),
        "cooler_than_own_k": round(float((own.mean_indoor_c - outcome.mean_indoor_c).mean()), 3),
        "starts": round(float(outcome.starts.sum())),
        "dhw_min_c": round(float(outcome.dhw_min_c.min()), 1),
        "dhw_below_45_min": round(float(outcome.dhw_below_min.sum())),
        "unserved_dhw_kwh": _sum(outcome.unserved_dhw_kwh),
    }


def bars(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    """Whether ours holds each bar at one tariff, with what it is measured by; costs at equal temperature [currency]."""
    ours, own = outcomes[OURS], outcomes[OWN]
    cost = {name: float((o.own_cost - o.saving_equal).sum()) for name, o in outcomes.items()}
    share = _share(ours, outcomes[FORESIGHT])
    cooler_k = float((own.mean_indoor_c - ours.mean_indoor_c).mean())
    return {
        "not dearer than own control": _bar(cost[OURS], cost[OWN]),
        "not dearer than the PI": _bar(cost[OURS], cost[PI]),
        "not dearer than cheapest hours": _bar(cost[OURS], cost[CHEAPEST]),
        "not dearer than the planner at a flat price": _bar(cost[OURS], cost[FLAT]),
        "comfort no worse (K·h)": _bar(float(ours.discomfort_kh.sum()), float(own.discomfort_kh.sum())),
        "starts no more": _bar(float(ours.starts.sum()), float(own.starts.sum())),
        "mean temperature within 0.2 K": _bar(abs(cooler_k), SAME_TEMPERATURE_K),
        "at least 0.85 of the saving with foresight": {
            "ours": share, "bar": FORESIGHT_SHARE, "holds": share is not None and share >= FORESIGHT_SHARE
        },
    }  # fmt: skip


def interval(saving: Array, cost: Array) -> list[float]:
    """5th and 95th percentile [%] of total saving over total cost when homes are drawn anew, with replacement."""
    rng = np.random.default_rng(45)
    drawn = rng.integers(len(cost), size=(DRAWS, len(cost)))
    percent = 100.0 * saving[drawn].sum(axis=1) / cost[drawn].sum(axis=1)
    return [round(float(v), 2) for v in np.quantile(percent, (0.05, 0.95))]


def _bar(ours: float, bar: float) -> dict[str, Any]:
    return {"ours": round(ours, 3), "bar": round(bar, 3), "holds": ours <= bar + 1e-9}


def _share(outcome: Outcome, foresight: Outcome) -> float | None:
    """Saving at equal temperature as a share of the perfect-foresight plan's; None where that one saves nothing."""
    best = float(foresight.saving_equal.sum())
    return round(float(outcome.saving_equal.sum()) / best, 3) if best > 0 else None


def _percent(saving: Array, cost: Array) -> float:
    return round(100.0 * float(saving.sum()) / float(cost.sum()), 3)


def _sum(values: Array) -> float:
    return round(float(values.sum()), 3)
