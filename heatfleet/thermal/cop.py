"""Coefficient of performance, heating and cooling, and capacity of air-to-water heat pumps, from hplib's fitted maps.

Source: hplib 1.9 (MIT), generic groups 1 (regulated, air/water) for COP and EER and 4 (on-off, air/water) for the
capacity at full speed. hplib's regulated maps are fitted at the part loads of EN 14825, so the load enters as a factor
relative to the standard's load at that outdoor temperature.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit

from heatfleet.thermal.arrays import Array

COP_MIN, COP_MAX = 1.3, 7.5
EER_MIN, EER_MAX = 1.5, 9.0
BEST_LOAD = 0.4
LOAD_CURVATURE = 0.40


@cache
def coefficients() -> Array:
    """Rows COP, capacity and EER; columns outdoor [1/K], flow [1/K], constant. Shape (3, 3)."""
    import pandas as pd
    from hplib import hplib

    table = pd.read_csv(f"{hplib.cwd()}/hplib_database.csv")
    generic = table[table["Model"] == "Generic"].set_index("Group")
    rows = []
    for group, unit in ((1, "COP"), (4, "P_th"), (1, "EER")):
        row = generic.loc[group]
        slope = "1/°C" if unit == "P_th" else "-"
        p1, p2, p4 = (float(row[f"p{i}_{unit} [{slope}]"]) for i in (1, 2, 4))
        rows.append([p1 + p4, p2, float(row[f"p3_{unit} [-]"])])  # source and ambient air are the same air
    return np.array(rows)


@njit(cache=True, inline="always")
def load_factor(load: float) -> float:
    """COP relative to its best, over the load fraction (an inverter is best near 40 % speed); [-]."""
    return 1.0 - LOAD_CURVATURE * (load - BEST_LOAD) ** 2


@njit(cache=True, inline="always")
def cop(maps: Array, outdoor_c: float, flow_c: float, load: float) -> float:
    """COP at an outdoor [°C] and flow temperature [°C] and a load fraction (0..1); [-]."""
    standard_load = min(max((16.0 - outdoor_c) / 26.0, 0.15), 1.0)
    at_standard = maps[0, 0] * outdoor_c + maps[0, 1] * flow_c + maps[0, 2]
    return min(max(at_standard * load_factor(load) / load_factor(standard_load), COP_MIN), COP_MAX)


@njit(cache=True, inline="always")
def eer(maps: Array, outdoor_c: float, flow_c: float, load: float) -> float:
    """Cold per electricity at an outdoor [°C] and flow temperature [°C] and a load fraction (0..1); [-]."""
    standard_load = min(max((outdoor_c - 16.0) / 19.0, 0.15), 1.0)
    at_standard = maps[2, 0] * outdoor_c + maps[2, 1] * flow_c + maps[2, 2]
    return min(max(at_standard * load_factor(load) / load_factor(standard_load), EER_MIN), EER_MAX)


@njit(cache=True, inline="always")
def capacity(maps: Array, outdoor_c: float, flow_c: float) -> float:
    """Largest heat output relative to the nominal one (−7 °C outdoors, 52 °C flow); [-]."""
    return min(max(maps[1, 0] * outdoor_c + maps[1, 1] * flow_c + maps[1, 2], 0.4), 1.3)
