"""What was seen of homes, as learning takes it: telemetry on quarter-hours, NaN where nothing is known."""

from __future__ import annotations

from dataclasses import dataclass

from heatfleet.thermal.arrays import Array


@dataclass(frozen=True)
class Cooled:
    """Cooling of homes, (home, step); NaN where nothing is known. Its electricity is in no other power."""

    power_kw: Array
    setpoint_c: Array  # the owner's own
    shift_k: Array  # in force, positive = warmer


@dataclass(frozen=True)
class Swum:
    """Pools of homes, (home, step); NaN where nothing is known. Its heat and electricity are in no others."""

    pool_c: Array
    heat_kw: Array
    power_kw: Array


@dataclass(frozen=True)
class Block:
    """Telemetry of homes on a grid of quarter-hours, (home, step); NaN where nothing is known.

    Without a heat meter ``space_heat_kw`` and ``dhw_heat_kw`` are NaN and follow from power and the COP in force.
    """

    indoor_c: Array
    outdoor_c: Array
    ghi_kw_m2: Array
    space_heat_kw: Array
    space_power_kw: Array
    dhw_heat_kw: Array
    dhw_power_kw: Array
    tank_c: Array
    setpoint_c: Array  # the owner's own
    shift_k: Array  # steering shift in force
    quarter_of_day: Array  # int, local: 0..95 on workdays, 96..191 at weekends
    water_c: Array | None = None  # mean of flow and return; None = never read
    cooling: Cooled | None = None  # None = no home cools
    pool: Swum | None = None  # None = no home has one
