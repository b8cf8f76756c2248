"""The learned model of a batch of homes: two-mass building, the pump's own answer, tank and draws; storable per home.

A home nobody has measured yet gets a prior from its building's facts and is safe to plan with it from its first hour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.cooling import prior_cooling
from heatfleet.thermal.grey_box import TwoMass, capacity_of, prior_two_mass, ua_of
from heatfleet.thermal.pool import Pool, prior_pool
from heatfleet.thermal.response import Response, prior_response
from heatfleet.thermal.tank import Tank, prior_tank

PRIOR, OLS, GREY_BOX = "prior", "ols", "grey_box"
TIME_CONSTANT_H = 75.0
ENVELOPE = {
    "Detached": 1.0, "Bungalow": 1.05, "Semi-detached": 0.9, "End-terrace": 0.9, "Terraced": 0.78, "Flat": 0.65
}  # fmt: skip
FORM = 3  # of what is stored; a model of another form is learned anew
_PARTS: dict[str, type[TwoMass] | type[Response] | type[Tank] | type[Pool]] = {
    "building": TwoMass, "response": Response, "tank": Tank, "cooling": Response, "pool": Pool
}  # fmt: skip


@dataclass(frozen=True)
class BuildingFacts:
    """What is known of the buildings, NaN where not; every field (home,)."""

    area_m2: Array
    year_built: Array
    occupants: Array
    tank_litres: Array
    property_type: Array | None = None  # str, a key of ``ENVELOPE`` where known


@dataclass(frozen=True)
class ThermalModels:
    """Models of homes; parts and fields have (home, …) axes."""

    building: TwoMass
    response: Response
    tank: Tank
    cooling: Response  # in the mirror, see ``cooling.py``
    pool: Pool
    error_24h_k: Array  # root mean square of 24-h-ahead errors on unseen days, NaN = never measured
    uncertainty_k: Array  # what planning should keep away from limits
    kind: Array  # str: where the building comes from: prior, ols or grey_box

    @property
    def count(self) -> int:
        """Number of homes."""
        return len(self.kind)

    @property
    def capacity_kwh_per_k(self) -> Array:
        """Heat capacity of air and mass, (home,)."""
        return capacity_of(self.building)

    @property
    def ua_kw_per_k(self) -> Array:
        """Heat loss of the whole building, (home,): windows and air change beside mass and walls in series."""
        return ua_of(self.building)

    def unlucky_draw_kwh(self) -> Array:
        """What the two hours from a slot on draw beyond their mean in the worst of ten, (home, slot)."""
        return self.tank.unlucky_kwh

    def of(self, index: Any) -> ThermalModels:
        """Only the homes of ``index``."""
        parts = {name: take(getattr(self, name), index) for name in _PARTS}
        rest = {name: getattr(self, name)[index] for name in ("error_24h_k", "uncertainty_k", "kind")}
        return ThermalModels(**parts, **rest)

    def to_dict(self, i: int) -> dict[str, Any]:
        """Home ``i`` as JSON-able values, missing numbers as None."""
        values: dict[str, Any] = {
            name: {f.name: _plain(getattr(getattr(self, name), f.name)[i]) for f in fields(part)}
            for name, part in _PARTS.items()
        }
        rest = {name: _plain(getattr(self, name)[i]) for name in ("error_24h_k", "uncertainty_k", "kind")}
        return values | rest | {"form": FORM}

    @staticmethod
    def is_readable(row: Mapping[str, Any]) -> bool:
        """Whether ``row`` was stored in today's form; one that was not is to be learned anew."""
        return row.get("form") == FORM

    @classmethod
    def from_dicts(cls, rows: Sequence[Mapping[str, Any]]) -> ThermalModels:
        """Models from what :meth:`to_dict` gave; a home stored before there was a loss to next door has none."""
        parts: dict[str, Any] = {
            name: part(**{f.name: np.array([r[name].get(f.name, 0.0) for r in rows], float) for f in fields(part)})
            for name, part in _PARTS.items()
        }
        for name in ("error_24h_k", "uncertainty_k"):
            parts[name] = np.array([np.nan if r[name] is None else r[name] for r in rows], float)
        return cls(**parts, kind=np.array([r["kind"] for r in rows], dtype="U16"))


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [round(float(v), 6) for v in value]
    if isinstance(value, str):
        return str(value)
    return None if np.isnan(value) else round(float(value), 8)


def prior(facts: BuildingFacts | None, design_outdoor_c: Array, indoor_c: float = 21.0) -> ThermalModels:
    """Models of homes nobody has measured yet, from building facts and the place's design temperature [°C] (home,).

    Notes
    -----
    Specific heat loss by year of construction and a time constant of about 75 h are orders of magnitude of the TABULA
    typology for one-family houses; pump and curve are those of a well-set installation.
    """
    design = np.asarray(design_outdoor_c, float)
    known = _known(facts, len(design))
    ua = known.area_m2 * _loss_w_per_m2_k(known.year_built) * _envelope(known) / 1000.0
    gains = 0.12 + 0.07 * known.occupants
    response = prior_response(ua, np.full_like(ua, indoor_c), gains)
    largest = np.maximum(1.3 * ua * (indoor_c - design), 4.0)
    sized = {"heat_max_kw": largest, "heat_min_kw": 0.35 * largest, "dhw_heat_kw": 0.8 * largest}
    response = Response(**{**vars(response), **sized})
    tank = prior_tank(known.tank_litres, known.occupants)
    nan, half = np.full_like(ua, np.nan), np.full_like(ua, 0.5)
    building = prior_two_mass(ua, TIME_CONSTANT_H * ua, gains)
    cooling, pool = prior_cooling(ua, gains), prior_pool(largest)
    return ThermalModels(building, response, tank, cooling, pool, nan, half, np.full(len(ua), PRIOR, dtype="U16"))


def _known(facts: BuildingFacts | None, count: int) -> BuildingFacts:
    """Facts with typical values where nothing is known."""
    typical = {"area_m2": 140.0, "year_built": 1985.0, "occupants": 2.8, "tank_litres": 220.0}
    if facts is None:
        return BuildingFacts(**{name: np.full(count, value) for name, value in typical.items()})
    limits = {"area_m2": (40.0, 1000.0), "year_built": (1800.0, 2100.0), "occupants": (1.0, 12.0),
              "tank_litres": (80.0, 1000.0)}  # fmt: skip
    values = {name: np.asarray(getattr(facts, name), float) for name in typical}
    known = {n: np.clip(np.where(np.isnan(v), typical[n], v), *limits[n]) for n, v in values.items()}
    return BuildingFacts(**known, property_type=facts.property_type)


def _envelope(facts: BuildingFacts) -> Array:
    """Heat loss per floor area relative to a detached house, (home,); 1 where nobody told the type."""
    types = np.full(len(facts.area_m2), "") if facts.property_type is None else facts.property_type
    return np.array([ENVELOPE.get(str(one), 1.0) for one in types])


def _loss_w_per_m2_k(year_built: Array) -> Array:
    """Heat loss per floor area [W/(m2 K)] by year of construction."""
    return np.interp(year_built, [1950, 1978, 1995, 2002, 2015, 2024], [1.9, 1.6, 1.2, 1.0, 0.75, 0.6])
