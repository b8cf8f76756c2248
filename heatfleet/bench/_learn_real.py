"""Recorded houses as blocks, read from the shared data beside the checkout; nothing of them is kept here.

The occupied house tells only how many zones of its air conditioner heat; a zone is taken for ``ZONE_KW`` of heat, which
every candidate may scale. The laboratory's days are single ones: too short for a forecast of a day held out.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.identify import Block

TELEMETRY = Path(__file__).parents[3] / "shared" / "data" / "telemetry"
FILES = {"occupied": "housetemp_us_west_hass_1min.csv", "free cool-down": "housetemp_us_west_vacation_1min.csv"}
ZONE_KW, SOLAR_PEAK_KW, SOLAR_NOISE_KW = 2.5, 4.0, 10.0
QUARTER_MIN = 15


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
