"""Recorded houses as blocks, read from the shared data beside the checkout; nothing of them is kept here.

The occupied house tells only how many zones of its air conditioner heat; a zone is taken for ``ZONE_KW`` of heat, which
every candidate may scale. The laboratory's days are single ones: too short for a forecast of a day held out. There are
two houses and nine and eight days, so each is cut in every way: some days seen, the two after them forecast.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.bench import _learn_judge as judge
from heatfleet.bench._learn_fleet import between
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.block import Block
from heatfleet.thermal.identify import learn
from heatfleet.thermal.model import prior

TELEMETRY = Path(__file__).parents[3] / "shared" / "data" / "telemetry"
FILES = {"occupied": "housetemp_us_west_hass_1min.csv", "free cool-down": "housetemp_us_west_vacation_1min.csv"}
ZONE_KW, SOLAR_PEAK_KW, SOLAR_NOISE_KW = 2.5, 4.0, 10.0
QUARTER_MIN, DAY = 15, 96
HELD_OUT_DAYS, CUT_EVERY = 2, DAY // 4


@dataclass(frozen=True)
class Cut:
    """How well the two days after some days of a house were forecast [K]."""

    house: str
    days: int
    first_day: float
    persistence_k: float
    regression_k: float
    learned_k: float
    kind: str

    @property
    def ratio(self) -> float:
        """Ours to the regression's."""
        return self.learned_k / self.regression_k


def cuts(folder: Path, days: int) -> Iterator[Cut]:
    """Every window of ``days`` of every recorded house that is there, moved by quarter days."""
    for house in FILES:
        block = recorded(folder, house)
        if block is None:
            continue
        length = (days + HELD_OUT_DAYS) * DAY
        for first in range(0, block.indoor_c.shape[1] - length + 1, CUT_EVERY):
            yield _cut(house, days, first, between(block, first, first + length))


def _cut(house: str, days: int, first: int, block: Block) -> Cut:
    begin, truth = days * DAY, block.indoor_c
    models = learn(between(block, 0, begin), prior(None, np.array([0.0])))
    return Cut(
        house,
        days,
        first_day=first / DAY,
        persistence_k=float(judge.by_persistence(block, truth, begin)[0]),
        regression_k=float(judge.by_hourly_regression(block, truth, begin)[0]),
        learned_k=float(judge.by_model(block, truth, models, begin)[0]),
        kind=str(models.kind[0]),
    )


def told(found: list[Cut]) -> dict[str, Any]:
    """How many cuts were no worse than the regression, and by how much."""
    if not found:
        return {"skipped": "no recorded house beside this checkout"}
    ratio = np.array([cut.ratio for cut in found])
    return {
        "cuts": len(found),
        "no_worse": int(np.sum(ratio <= 1.0)),
        "ratio: median / geometric mean / largest": f"{np.median(ratio):.2f} / {_mean(ratio):.2f} / {ratio.max():.2f}",
        "each: house, first day, as warm as now, regression, learned [K]": [
            f"{c.house}, {c.first_day:.2f}, {c.persistence_k:.2f}, {c.regression_k:.2f}, {c.learned_k:.2f} ({c.kind})"
            for c in found
        ],
    }


def _mean(ratio: Array) -> float:
    return float(np.exp(np.mean(np.log(ratio))))


def recorded(folder: Path, name: str) -> Block | None:
    """A recorded house as a block of one home; None where the file is not there."""
    path = folder / FILES[name]
    if not path.exists():
        return None
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    indoor, outdoor = (_celsius(_quarters(rows, column)) for column in ("indoor_f", "outdoor_f"))
    solar = np.nan_to_num(_quarters(rows, "solar_kw_raw", SOLAR_NOISE_KW))
    heat, zero = ZONE_KW * _quarters(rows, "hvac_mode"), np.zeros_like(indoor)
    return Block(
        indoor_c=indoor,
        outdoor_c=outdoor,
        ghi_kw_m2=solar / SOLAR_PEAK_KW,
        space_heat_kw=heat,
        space_power_kw=heat / 3.0,
        dhw_heat_kw=zero,
        dhw_power_kw=zero,
        tank_c=np.full_like(indoor, np.nan),
        setpoint_c=np.full_like(indoor, 19.0),
        shift_k=zero,
        quarter_of_day=np.arange(indoor.shape[1])[None, :] % 96,
    )


def _quarters(rows: list[dict[str, str]], column: str, highest: float = np.inf) -> Array:
    """Means of quarter-hours (1, step); values above ``highest`` and gaps are left out."""
    values = np.array([float(row[column] or "nan") for row in rows])
    values = np.where(values > highest, np.nan, values)[: len(rows) // QUARTER_MIN * QUARTER_MIN]
    parts = values.reshape(-1, QUARTER_MIN)
    known = np.isfinite(parts)
    mean = np.where(known, parts, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known.any(axis=1), mean, np.nan)[None, :]


def _celsius(fahrenheit: Array) -> Array:
    return (fahrenheit - 32.0) / 1.8
