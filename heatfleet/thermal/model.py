"""The learned model of a batch of homes: building, the pump's controller, COP, tank and draws, as a struct of arrays.

Building 1R1C: ``capacity · dT/dt = ua·(outdoor − T) + heat + solar_gain·ghi + internal_gain``. The pump is never given
a power: it answers a steering delta through its own controller (:meth:`ThermalModels.heat_kw`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from heatfleet.thermal.arrays import Array

QUARTERS = 96
COP_MIN, COP_MAX = 1.3, 7.0
CELLAR_C = 18.0
CAPACITY_SLOPE_PER_K = 0.015  # full heat output rises with the outdoor temperature
NOMINAL_OUTDOOR_C = -7.0
PRIOR, LEARNED = "prior", "ols"


@dataclass(frozen=True)
class BuildingFacts:
    """What is known of the buildings, NaN where not; every field (home,)."""

    area_m2: Array
    year_built: Array
    occupants: Array
    tank_litres: Array


@dataclass(frozen=True)
class ThermalModels:
    """Models of homes; every field (home,), draws (home, 96) by local quarter-hour of the day."""

    ua_kw_per_k: Array
    capacity_kwh_per_k: Array
    solar_gain_m2: Array  # kW indoors per kW/m2 of global horizontal irradiance
    internal_gain_kw: Array
    curve_kw_per_k: Array  # heat per K that it is colder outdoors than curve_base_c
    curve_base_c: Array
    room_kw_per_k: Array  # heat per K that the room is below the owner's setpoint
    steer_kw_per_k: Array  # heat per K of steering delta
    heat_max_kw: Array  # at -7 °C outdoors
    heat_min_kw: Array  # below, the compressor cycles
    cop_base: Array  # COP = base + outdoor·t_out + load·(heat / heat_max)
    cop_outdoor_per_k: Array
    cop_load: Array
    standby_kw: Array
    dhw_heat_kw: Array
    dhw_cop_base: Array
    dhw_cop_outdoor_per_k: Array
    tank_capacity_kwh_per_k: Array
    tank_ua_kw_per_k: Array
    draw_kwh: Array  # (home, 96) mean heat drawn per quarter-hour
    draw_high_kwh: Array  # (home, 96) what nine days of ten stay below, summed over two hours, per quarter-hour
    error_24h_k: Array  # root mean square of 24-h-ahead errors on unseen days, NaN = never measured
    uncertainty_k: Array  # what planning should keep away from limits
    kind: Array  # str: prior or ols

    @property
    def count(self) -> int:
        """Number of homes."""
        return len(self.ua_kw_per_k)

    def heat_max_at(self, outdoor_c: Array) -> Array:
        """Full heat output [kW] at outdoor temperatures (home, step)."""
        scale = 1.0 + CAPACITY_SLOPE_PER_K * (outdoor_c - NOMINAL_OUTDOOR_C)
        return self.heat_max_kw[:, None] * np.clip(scale, 0.6, 1.3)

    def heat_kw(self, delta_k: Array, outdoor_c: Array, below_setpoint_k: Array) -> Array:
        """Heat [kW] that the pump's own controller delivers.

        Parameters
        ----------
        delta_k : steering delta [K]; ``outdoor_c`` [°C]; ``below_setpoint_k`` : owner's setpoint − indoor [K];
            each broadcasts to (home, step).
        """
        wanted = (
            self.curve_kw_per_k[:, None] * (self.curve_base_c[:, None] - outdoor_c)
            + self.room_kw_per_k[:, None] * below_setpoint_k
            + self.steer_kw_per_k[:, None] * delta_k
        )
        return np.clip(wanted, 0.0, self.heat_max_at(outdoor_c))

    def cop(self, heat_kw: Array, outdoor_c: Array) -> Array:
        """COP of space heating, (home, step); a cycling compressor runs at its smallest output."""
        load = np.maximum(heat_kw, self.heat_min_kw[:, None]) / np.maximum(self.heat_max_at(outdoor_c), 1e-6)
        cop = self.cop_base[:, None] + self.cop_outdoor_per_k[:, None] * outdoor_c + self.cop_load[:, None] * load
        return np.clip(cop, COP_MIN, COP_MAX)

    def power_kw(self, heat_kw: Array, outdoor_c: Array) -> Array:
        """Electric power [kW] for a heat output (home, step), standby included."""
        return heat_kw / self.cop(heat_kw, outdoor_c) + self.standby_kw[:, None]

    def dhw_cop(self, outdoor_c: Array) -> Array:
        """COP while charging the tank, (home, step)."""
        cop = self.dhw_cop_base[:, None] + self.dhw_cop_outdoor_per_k[:, None] * outdoor_c
        return np.clip(cop, COP_MIN, COP_MAX)

    def to_dict(self, i: int) -> dict[str, Any]:
        """Home ``i`` as JSON-able values, missing numbers as None."""
        return {f.name: _plain(getattr(self, f.name)[i]) for f in fields(self)}

    @classmethod
    def from_dicts(cls, rows: Sequence[Mapping[str, Any]]) -> ThermalModels:
        """Models from what :meth:`to_dict` gave."""
        values = {f.name: [_number(row[f.name]) for row in rows] for f in fields(cls)}
        return cls(**{name: np.array(v, dtype=str if name == "kind" else float) for name, v in values.items()})


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [round(float(v), 6) for v in value]
    if isinstance(value, str):
        return str(value)
    return None if np.isnan(value) else round(float(value), 8)


def _number(value: Any) -> Any:
    return np.nan if value is None else value


def merge(better: Array, new: ThermalModels, old: ThermalModels) -> ThermalModels:
    """``new`` where ``better`` (home,) says so, else ``old``."""
    chosen = {}
    for f in fields(ThermalModels):
        a, b = getattr(new, f.name), getattr(old, f.name)
        chosen[f.name] = np.where(better if a.ndim == 1 else better[:, None], a, b)
    return ThermalModels(**chosen)


def prior(facts: BuildingFacts | None, design_outdoor_c: Array, indoor_c: float = 21.0) -> ThermalModels:
    """Models of homes nobody has measured yet, from building facts and the place's design temperature [°C] (home,).

    Notes
    -----
    Specific heat loss by year of construction and about 75 h of time constant are orders of magnitude of the TABULA
    typology for one-family houses; pump and curve are sized for the design day, as installers do. COP and hot water
    are those of a mean air-to-water pump at 35 to 45 °C flow.
    """
    design = np.asarray(design_outdoor_c, float)
    facts = _known(facts, len(design))
    ua = facts.area_m2 * _loss_w_per_m2_k(facts.year_built) / 1000.0
    design_kw = ua * (indoor_c - design)
    gains = 0.15 + 0.07 * facts.occupants
    heat_max = np.maximum(1.25 * design_kw, 4.0)
    draw = 1.5 * facts.occupants[:, None] * _draw_shape()[None, :]
    full = lambda value: np.full(len(design), float(value))  # noqa: E731
    return ThermalModels(
        ua_kw_per_k=ua,
        capacity_kwh_per_k=75.0 * ua,
        solar_gain_m2=0.02 * facts.area_m2,
        internal_gain_kw=gains,
        curve_kw_per_k=ua.copy(),
        curve_base_c=indoor_c - gains / ua,
        room_kw_per_k=0.12 * design_kw,
        steer_kw_per_k=0.16 * design_kw,
        heat_max_kw=heat_max,
        heat_min_kw=0.37 * heat_max,
        cop_base=full(4.1),
        cop_outdoor_per_k=full(0.07),
        cop_load=full(-0.8),
        standby_kw=full(0.013),
        dhw_heat_kw=0.85 * heat_max,
        dhw_cop_base=full(2.6),
        dhw_cop_outdoor_per_k=full(0.045),
        tank_capacity_kwh_per_k=facts.tank_litres * 1.163e-3,
        tank_ua_kw_per_k=0.0012 + facts.tank_litres * 3.0e-6,
        draw_kwh=draw,
        draw_high_kwh=2.0 * draw + 0.02,
        error_24h_k=full(np.nan),
        uncertainty_k=full(0.5),
        kind=np.full(len(design), PRIOR),
    )


def _known(facts: BuildingFacts | None, count: int) -> BuildingFacts:
    """Facts with typical values where nothing is known."""
    typical = {"area_m2": 140.0, "year_built": 1985.0, "occupants": 2.8, "tank_litres": 220.0}
    if facts is None:
        return BuildingFacts(**{name: np.full(count, value) for name, value in typical.items()})
    limits = {"area_m2": (40.0, 1000.0), "year_built": (1800.0, 2100.0), "occupants": (1.0, 12.0),
              "tank_litres": (80.0, 1000.0)}  # fmt: skip
    values = {name: np.asarray(getattr(facts, name), float) for name in typical}
    return BuildingFacts(**{n: np.clip(np.where(np.isnan(v), typical[n], v), *limits[n]) for n, v in values.items()})


def _loss_w_per_m2_k(year_built: Array) -> Array:
    """Heat loss per floor area [W/(m2 K)] by year of construction."""
    return np.interp(year_built, [1950, 1978, 1995, 2002, 2015, 2024], [1.9, 1.6, 1.2, 1.0, 0.75, 0.6])


def _draw_shape() -> Array:
    """Share of a day's hot water drawn in each quarter-hour of local time, (96,)."""
    hours = [0, 5, 6, 7, 8.5, 10, 12, 13.5, 15, 17.5, 19, 21, 22.5, 24]
    shape = np.interp(
        (np.arange(QUARTERS) + 0.5) / 4.0, hours,
        [0.02, 0.05, 0.8, 2.4, 1.6, 0.7, 0.8, 0.6, 0.5, 1.0, 2.0, 1.6, 0.5, 0.02],
    )  # fmt: skip
    return shape / shape.sum()
