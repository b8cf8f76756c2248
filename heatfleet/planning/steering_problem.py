"""States the planning problem of homes whose building, pump and tank have been learned.

Temperatures are counted from the owner's own setpoint, so that the pump's feedback on the room ("warmer than asked, so
less heat") becomes part of the building's matrix instead of a guess along a nominal trajectory; a steering state is
then a constant push. Pushes that would ask for negative heat, or more than the pump has, are cut at the setpoint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.planning.problem import Problem, make_problem
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.grey_box import TwoMass, discretise
from heatfleet.thermal.response import Response
from heatfleet.thermal.tank import Tank

STEP_H = 0.25
COMFORT_PENALTY = 0.6  # currency/(K·h): some thirty times what a kelvin costs to hold
DHW_PENALTY = 0.4
START_COST = 0.06  # currency per compressor start, for wear


@dataclass(frozen=True)
class Learned:
    """What is known of the homes: building, pump's answer, tank."""

    building: TwoMass
    response: Response
    tank: Tank


@dataclass(frozen=True)
class Outlook:
    """What the planner may know of the coming steps, (home, step)."""

    price: Array  # currency/kWh
    outdoor_c: Array
    ghi_kw_m2: Array
    indoor_min_c: Array
    indoor_max_c: Array
    dhw_min_c: Array
    dhw_max_c: Array
    draw_kwh: Array  # hot water expected to be drawn [kWh of heat]


@dataclass(frozen=True)
class Standing:
    """Where the homes are now, and what may be asked of them; (home, …)."""

    indoor_mass_c: Array  # (home, 2)
    tank_c: Array  # (home,)
    own_setpoint_c: Array  # (home,)
    shift_k: Array  # (home, 4) of MIN, LOW, MID, MAX
    allowed: Array  # (home, step, 5) bool: four states and hot water
    run_action0: Array  # (home,)
    run_steps0: Array  # (home,)


def steering_problem(learned: Learned, outlook: Outlook, standing: Standing) -> Problem:
    """The problem of these homes over these steps, with states MIN, LOW, MID, MAX as actions 0..3, hot water as 4."""
    discrete = discretise(learned.building, STEP_H, learned.response.indoor_kw_per_k)
    push_kw, heat_kw = _pushes(learned.response, outlook, standing)
    own = standing.own_setpoint_c
    energy = learned.response.energy_kw(heat_kw, outlook.outdoor_c[:, :, None]) * STEP_H
    dhw_heat = np.repeat(learned.response.dhw_heat_kw[:, None], outlook.price.shape[1], axis=1)
    capacity = np.stack([learned.building.capacity_indoor_kwh_per_k, learned.building.capacity_mass_kwh_per_k], axis=1)
    total = capacity.sum(axis=1)
    worth = _worth_of_heat(learned.response, outlook)
    tank_a, tank_b, tank_w = learned.tank.matrices(outlook.draw_kwh, STEP_H)
    return make_problem(
        step_h=STEP_H, comfort_penalty=COMFORT_PENALTY, dhw_penalty=DHW_PENALTY, min_on_steps=1, min_off_steps=1,
        price=outlook.price, space_energy=energy, space_heat=push_kw,
        dhw_energy=learned.response.dhw_energy_kw(outlook.outdoor_c) * STEP_H, dhw_heat=dhw_heat,
        a=discrete.a, b=discrete.b, w=discrete.disturbance(outlook.outdoor_c - own[:, None], outlook.ghi_kw_m2),
        indoor_min=outlook.indoor_min_c - own[:, None], indoor_max=outlook.indoor_max_c - own[:, None],
        x0=standing.indoor_mass_c - own[:, None], tank_a=tank_a, tank_b=tank_b, tank_w=tank_w,
        tank_min=outlook.dhw_min_c, tank_max=outlook.dhw_max_c, tank0=standing.tank_c,
        state_weight=capacity / total[:, None], value_x=worth * total,
        value_tank=worth * learned.tank.capacity_kwh_per_k, allowed=standing.allowed,
        run_action0=standing.run_action0, run_steps0=standing.run_steps0,
        start_cost=np.full(len(own), START_COST),
    )  # fmt: skip


def _pushes(response: Response, outlook: Outlook, standing: Standing) -> tuple[Array, Array]:
    """Heat beyond the room's own feedback, and heat at the setpoint [kW], each (home, step, 4)."""
    outdoor, shift = outlook.outdoor_c[:, :, None], standing.shift_k[:, None, :]
    heat = response.heat_kw(outdoor, np.zeros_like(outdoor), shift)
    return heat, heat


def _worth_of_heat(response: Response, outlook: Outlook) -> Array:
    """What a stored kWh of heat is worth at the end [currency/kWh]: mean price over mean COP, (home,)."""
    outdoor = outlook.outdoor_c.mean(axis=1)
    heat = np.maximum(response.heat_kw(outdoor, np.zeros_like(outdoor), 0.0), 0.5)
    worth: Array = outlook.price.mean(axis=1) * response.energy_kw(heat, outdoor) / heat
    return np.maximum(worth, 0.0)
