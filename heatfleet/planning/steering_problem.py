"""States the planning problem of homes whose building, pump and tank have been learned.

What a steering state gives depends on how warm the room is by then (the pump's own controller sees to that), so heat and
electricity of each state are taken along the trajectory of an earlier plan, first of none (MID throughout), and the
problem may be stated again along the answer. Putting that feedback into the building's matrix instead would make the
heat of a cold room look free.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.planning.problem import Problem, make_problem
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.grey_box import Discrete, TwoMass, discretise
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
    earlier: Array  # actions of an earlier plan for these steps, (home, step)
    allowed: Array  # (home, step, 5) bool: four states and hot water
    run_action0: Array  # (home,)
    run_steps0: Array  # (home,)


def steering_problem(learned: Learned, outlook: Outlook, standing: Standing) -> Problem:
    """The problem of these homes over these steps, with states MIN, LOW, MID, MAX as actions 0..3, hot water as 4."""
    discrete = discretise(learned.building, STEP_H)
    disturbance = discrete.disturbance(outlook.outdoor_c, outlook.ghi_kw_m2)
    above_own_k = nominal_trajectory(learned.response, discrete, disturbance, outlook, standing)
    heat_kw = learned.response.heat_kw(
        outlook.outdoor_c[:, :, None], above_own_k[:, :, None], standing.shift_k[:, None, :]
    )
    energy = learned.response.energy_kw(heat_kw, outlook.outdoor_c[:, :, None]) * STEP_H
    dhw_heat = np.repeat(learned.response.dhw_heat_kw[:, None], outlook.price.shape[1], axis=1)
    capacity = np.stack([learned.building.capacity_indoor_kwh_per_k, learned.building.capacity_mass_kwh_per_k], axis=1)
    total = capacity.sum(axis=1)
    worth = _worth_of_heat(learned.response, outlook)
    tank_a, tank_b, tank_w = learned.tank.matrices(outlook.draw_kwh, STEP_H)
    return make_problem(
        step_h=STEP_H, comfort_penalty=COMFORT_PENALTY, dhw_penalty=DHW_PENALTY, min_on_steps=1, min_off_steps=1,
        price=outlook.price, space_energy=energy, space_heat=heat_kw,
        dhw_energy=learned.response.dhw_energy_kw(outlook.outdoor_c) * STEP_H, dhw_heat=dhw_heat,
        a=discrete.a, b=discrete.b, w=disturbance,
        indoor_min=outlook.indoor_min_c, indoor_max=outlook.indoor_max_c,
        x0=standing.indoor_mass_c, tank_a=tank_a, tank_b=tank_b, tank_w=tank_w,
        tank_min=outlook.dhw_min_c, tank_max=outlook.dhw_max_c, tank0=standing.tank_c,
        state_weight=capacity / total[:, None], value_x=worth * total,
        value_tank=worth * learned.tank.capacity_kwh_per_k, allowed=standing.allowed,
        run_action0=standing.run_action0, run_steps0=standing.run_steps0,
        start_cost=np.full(len(total), START_COST),
    )  # fmt: skip


def nominal_trajectory(
    response: Response, discrete: Discrete, disturbance: Array, outlook: Outlook, standing: Standing
) -> Array:
    """Room temperature above the owner's setpoint at the start of each step [K], (home, step), under the earlier plan."""
    steps, homes = outlook.price.shape[1], np.arange(len(standing.tank_c))
    states, own = standing.shift_k.shape[1], standing.own_setpoint_c
    x, above = standing.indoor_mass_c.copy(), np.empty((len(homes), steps))
    for step in range(steps):
        above[:, step] = x[:, 0] - own
        action = standing.earlier[:, step]
        shift = standing.shift_k[homes, np.minimum(action, states - 1)]
        heat = response.heat_kw(outlook.outdoor_c[:, step], above[:, step], shift) * (action < states)
        x = np.einsum("hij,hj->hi", discrete.a, x) + discrete.b * heat[:, None] + disturbance[:, step]
    return above


def _worth_of_heat(response: Response, outlook: Outlook) -> Array:
    """What a stored kWh of heat is worth at the end [currency/kWh]: mean price over mean COP, (home,)."""
    outdoor = outlook.outdoor_c.mean(axis=1)
    heat = np.maximum(response.heat_kw(outdoor, np.zeros_like(outdoor), 0.0), 0.5)
    worth: Array = outlook.price.mean(axis=1) * response.energy_kw(heat, outdoor) / heat
    return np.maximum(worth, 0.0)
