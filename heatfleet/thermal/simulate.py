"""The only forward model of the house: building, tank, heat pump and the owner's controller, in batch.

Planner matrices, learner, baseline and every emulator use or approximate this file. A home is steered only by the
levers real pumps have (:class:`Inputs`), never by a power: the pump's own controller answers with delay, hysteresis,
modulation, minimum run times and its own disinfection. The kernel is in ``simulate_kernel.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array, stack
from heatfleet.thermal.cop import coefficients
from heatfleet.thermal.homes import Homes
from heatfleet.thermal.simulate_columns import (
    LOWER,
    POOL_GROUND_C,
    POOL_SEASON_C,
    STATE,
    TRACE,
    TURN_H,
    UPPER,
)
from heatfleet.thermal.simulate_kernel import run

MAX_SUBSTEP_H = 1.0 / 12.0  # the air's time constant is above half an hour: explicit Euler is stable and within 1 %


@dataclass(frozen=True)
class Inputs:
    """Lever values in force; every field (home,)."""

    indoor_setpoint_c: Array
    curve_offset_k: Array
    sg_ready_state: Array
    dhw_setpoint_c: Array
    dhw_boost: Array
    cooling_setpoint_c: Array
    pool_setpoint_c: Array

    @classmethod
    def own(cls, homes: Homes) -> Inputs:
        """The owner's own settings."""
        zero = np.zeros(homes.count)
        rooms_and_water = (homes.own_indoor_setpoint_c, zero, zero + 2.0, homes.own_dhw_setpoint_c, zero)
        return cls(*rooms_and_water, homes.own_cooling_setpoint_c, homes.own_pool_setpoint_c)


@dataclass(frozen=True)
class Drive:
    """What happens to the homes: (home, step) arrays, and the hour of the local week at each step start (step,)."""

    outdoor_c: Array
    ghi_kw_m2: Array
    draw_kwh: Array  # hot water drawn in the step [kWh of heat]
    gains_kw: Array
    hour_of_week: Array  # (step,), 0 = Monday 00:00 local

    def of(self, homes: slice) -> Drive:
        """The drive of some homes, copied."""
        series = (self.outdoor_c, self.ghi_kw_m2, self.draw_kwh, self.gains_kw)
        outdoor, sun, draw, gains = (np.array(values[homes], float) for values in series)
        return Drive(outdoor, sun, draw, gains, self.hour_of_week)

    def arrays(self) -> tuple[tuple[Array, Array, Array, Array], Array]:
        """The (home, step) arrays and the hours, laid out for the kernel."""
        series = (self.outdoor_c, self.ghi_kw_m2, self.draw_kwh, self.gains_kw)
        outdoor, sun, draw, gains = (np.ascontiguousarray(values, dtype=float) for values in series)
        return (outdoor, sun, draw, gains), np.ascontiguousarray(self.hour_of_week, dtype=float)


@dataclass(frozen=True)
class States:
    """State of the homes, (home, len(STATE)); columns are named in ``simulate_columns.STATE``."""

    matrix: Array

    @property
    def tank_c(self) -> Array:
        """What the tank's sensor reads, (home,)."""
        return 0.5 * (self.tank_upper_c + self.tank_lower_c)

    def __getattr__(self, name: str) -> Array:
        """Column ``name``, (home,)."""
        if name.startswith("_") or name not in STATE:
            raise AttributeError(name)
        return self.matrix[:, STATE.index(name)]


class Uses:
    """All uses together, of anything that has the columns of ``TRACE`` by their names."""

    @property
    def energy_kwh(self) -> Array:
        """Electricity of compressor, element and standby."""
        return self.energy_space_kwh + self.energy_dhw_kwh + self.energy_cooling_kwh + self.energy_pool_kwh

    @property
    def heat_kwh(self) -> Array:
        """Heat into rooms, tank and pool."""
        return self.heat_space_kwh + self.heat_dhw_kwh + self.heat_pool_kwh

    def __getattr__(self, name: str) -> Array:
        """A column."""
        raise AttributeError(name)


@dataclass(frozen=True)
class Trace(Uses):
    """What came out, (home, step, len(TRACE)); columns are named in ``simulate_columns.TRACE``."""

    cube: Array

    def __getattr__(self, name: str) -> Array:
        """Column ``name``, (home, step)."""
        if name.startswith("_") or name not in TRACE:
            raise AttributeError(name)
        return self.cube[:, :, TRACE.index(name)]


def initial_states(homes: Homes, outdoor_c: float | Array = 5.0) -> States:
    """States at the owner's setpoint with a warm tank, an idle pump and a pool that is warm in its season only."""
    matrix = np.zeros((homes.count, len(STATE)))
    outdoor = np.broadcast_to(np.asarray(outdoor_c, float), (homes.count,))
    indoor = homes.own_indoor_setpoint_c
    share = homes.ua_mass_outdoor_kw_per_k / (homes.ua_mass_outdoor_kw_per_k + homes.ua_indoor_mass_kw_per_k)
    pool_c = np.where(outdoor > POOL_SEASON_C, homes.own_pool_setpoint_c, np.maximum(outdoor, POOL_GROUND_C) + 2.0)
    columns = {
        "indoor_c": indoor,
        "mass_c": indoor + share * (outdoor - indoor) * 0.5,
        "tank_upper_c": homes.own_dhw_setpoint_c - 2.0,
        "tank_lower_c": homes.own_dhw_setpoint_c - 2.0,
        "phase_h": np.full(homes.count, 2.0),
        "outdoor_mean_c": outdoor,
        "since_disinfection_h": np.full(homes.count, 48.0),
        "flow_c": indoor + 2.0,
        "return_c": indoor + 1.0,
        "side_h": np.full(homes.count, 2.0 * TURN_H),
        "pool_c": np.where(homes.pool_capacity_kwh_per_k > 0.0, pool_c, 0.0),
    }
    for name, value in columns.items():
        matrix[:, STATE.index(name)] = value
    return States(matrix)


def simulate(homes: Homes, states: States, inputs: Inputs, drive: Drive, step_h: float = 0.25) -> tuple[States, Trace]:
    """States after, and what happened in, every step of ``drive`` with the levers held at ``inputs``.

    Parameters
    ----------
    step_h : length of a step [h]; inside, steps of at most 5 minutes.

    Returns
    -------
    (States, Trace) : new states (home, ·) and trace (home, step, ·); nothing handed in is changed.
    """
    dt, substeps = substeps_of(step_h)
    matrix = np.ascontiguousarray(states.matrix, dtype=float).copy()
    cube = np.zeros((homes.count, drive.outdoor_c.shape[1], len(TRACE)))
    run(stack(homes), matrix, stack(inputs), *drive.arrays(), coefficients(), dt, substeps, cube)
    return States(matrix), Trace(cube)


def substeps_of(step_h: float) -> tuple[float, int]:
    """Length [h] and number of the substeps of a step."""
    substeps = max(1, int(np.ceil(step_h / MAX_SUBSTEP_H - 1e-9)))
    return step_h / substeps, substeps


def stored_heat_kwh(homes: Homes, states: States) -> Array:
    """Heat stored in building, tank and pool above 0 °C [kWh], (home,)."""
    return (
        building_heat_kwh(homes, states)
        + homes.tank_capacity_kwh_per_k * (UPPER * states.tank_upper_c + LOWER * states.tank_lower_c)
        + homes.pool_capacity_kwh_per_k * states.pool_c
    )


def building_heat_kwh(homes: Homes, states: States) -> Array:
    """Heat stored in air and walls above 0 °C [kWh], (home,)."""
    return homes.capacity_indoor_kwh_per_k * states.indoor_c + homes.capacity_mass_kwh_per_k * states.mass_c
