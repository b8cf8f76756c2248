"""What a day that is over came to, beside what it could have been: the owner's own control, ours, and the best plan.

All three are judged on the same day by the same exact simulation as plans are (:mod:`heatfleet.planning.evaluate`),
with the weather that came, the prices that were paid and the water that was drawn. So an error of the model is in all
of them, and what differs is what was done.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heatfleet.domain.disinfection import DOSE_STEPS, DOSE_TEMP_C
from heatfleet.planning.budget import within_budget
from heatfleet.planning.counterfactual import own_control
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.solve import solve
from heatfleet.planning.state import HOT_WATER, MID, STEP_H, Freedom, Horizon, Present, build_problem
from heatfleet.planning.thermostat import ended_when_full, left_alone
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import ThermalModels
from heatfleet.thermal.sensed import filled
from heatfleet.thermal.tank import drawn_kwh

QUALITY = "fast"
CHARGING_KW = 0.05
CHARGE_RANGE = (0.3, 2.0)  # of the learned charge: what a charge of a whole quarter-hour may have given
DOSE_MARGIN_K = 0.5


@dataclass(frozen=True)
class Lived:
    """What was seen of homes on a day, (home, step); NaN where nothing was."""

    tank_c: Array
    dhw_heat_kw: Array
    dhw_power_kw: Array
    space_power_kw: Array
    shift_k: Array


@dataclass(frozen=True)
class Day:
    """A day that is over: what was known of it afterwards, what was done, and what was seen."""

    horizon: Horizon  # prices paid, weather that came
    present: Present  # as it began
    freedom: Freedom
    lived: Lived


@dataclass(frozen=True)
class Worth:
    """What the day cost under each control, (home,) [currency]: electricity less the worth of the heat left stored.

    As in what a plan is expected to save, no price is put on discomfort: it keeps the best plan within the limits.
    """

    own: Array
    realised: Array
    best: Array
    known_share: Array  # of the steps in which it is known what was done


def worth_of(models: ThermalModels, day: Day) -> Worth:
    """The day of each home as it was, as it would have been without us, and at its best."""
    day, models = _with_its_dose(_with_its_tank(day)), _certain(models)

    def stated(seen: Solution | None) -> Problem:
        problem = build_problem(models, day.horizon, day.present, day.freedom, seen=seen)
        return _with_its_water(problem, models, day.lived)

    along_own = stated(None)
    alone, realised = left_alone(along_own, day.horizon.dhw_max_c), _as_plan(along_own, _done(day))
    by_thermostat = ended_when_full(stated(alone), alone.action, day.horizon.dhw_max_c)
    own, ours = _total(by_thermostat, alone), _total(stated(realised), realised)
    problem = stated(solve(along_own, QUALITY))
    best = solve(problem, QUALITY)
    if day.freedom.max_moves_day is not None:
        mid = np.full(problem.homes, MID)
        best = within_budget(problem, best, mid, day.freedom.max_moves_day)
    return Worth(own, ours, np.minimum(np.minimum(_total(problem, best), ours), own), _known_share(day.lived))


def _total(problem: Problem, solution: Solution) -> Array:
    found = own_control(problem, solution)
    total: Array = found.found.cost - found.worth
    return total


def _certain(models: ThermalModels) -> ThermalModels:
    """Afterwards nobody has to keep away from limits."""
    calm = replace(models.tank, unlucky_kwh=np.zeros_like(models.tank.unlucky_kwh))
    return replace(models, tank=calm, uncertainty_k=np.zeros(models.count))


def _known_share(lived: Lived) -> Array:
    share: Array = np.isfinite(lived.shift_k).mean(axis=1)
    return share


def _done(day: Day) -> Array:
    """The action of each step (home, step): the state whose shift is nearest to what was read, or a charge."""
    shift, lived = np.nan_to_num(day.lived.shift_k), day.lived
    state = np.abs(shift[:, :, None] - day.freedom.delta_k[:, None, :])
    state[:, :, MID] -= 1e-6  # of two that ask for the same, the owner's own
    return np.where(_charged(lived) & _may_charge(day), HOT_WATER, np.argmin(state, axis=2)).astype(np.int8)


def _charged(lived: Lived) -> Array:
    water, house = np.nan_to_num(lived.dhw_power_kw), np.nan_to_num(lived.space_power_kw)
    charged: Array = (water > CHARGING_KW) & (water > house)
    return charged


def _may_charge(day: Day) -> Array:
    """Homes (home, 1) with a tank that was read and that is ours to charge."""
    read: Array = np.asarray(np.isfinite(day.lived.tank_c).any(axis=1))[:, None]
    if day.freedom.allowed is None:
        return read
    ours: Array = read & np.asarray(day.freedom.allowed[:, :, HOT_WATER].any(axis=1))[:, None]
    return ours


def _with_its_tank(day: Day) -> Day:
    """The day without any hot water in homes whose tank nobody read."""
    homes, steps = day.horizon.price.shape
    allowed = (
        np.ones((homes, steps, HOT_WATER + 1), bool) if day.freedom.allowed is None else day.freedom.allowed.copy()
    )
    allowed[:, :, HOT_WATER] &= _may_charge(day)
    return replace(day, freedom=replace(day.freedom, allowed=allowed))


def _with_its_dose(day: Day) -> Day:
    """The day with the disinfection that was given on it, by its end whoever controls."""
    hot = np.nan_to_num(day.lived.tank_c) >= DOSE_TEMP_C - DOSE_MARGIN_K
    given = (hot.sum(axis=1) >= DOSE_STEPS) & _may_charge(day)[:, 0]
    by = np.where(given, day.horizon.price.shape[1], -1)
    return replace(day, freedom=replace(day.freedom, dose_deadline_step=by))


def _with_its_water(problem: Problem, models: ThermalModels, lived: Lived) -> Problem:
    """The problem with the water that was drawn and charges that gave what they gave; the learned where not seen."""
    seen: Array = np.asarray(np.isfinite(lived.tank_c).any(axis=1) & np.isfinite(lived.dhw_heat_kw).any(axis=1))
    tank_c, heat = filled(lived.tank_c, float(DOSE_TEMP_C)), np.nan_to_num(lived.dhw_heat_kw)
    _, _, water = models.tank.matrices(drawn_kwh(models.tank, tank_c, heat, STEP_H), STEP_H)
    charges = _charged(lived).sum(axis=1)
    mean = np.where(charges > 0, heat.sum(axis=1) / np.maximum(charges, 1), models.response.dhw_heat_kw)
    ratio = np.where(seen, np.clip(mean / models.response.dhw_heat_kw, *CHARGE_RANGE), 1.0)[:, None]
    return replace(
        problem,
        tank_w=np.where(seen[:, None], water, problem.tank_w),
        dhw_heat=problem.dhw_heat * ratio,
        dhw_energy=problem.dhw_energy * ratio,
    )


def _as_plan(problem: Problem, action: Array) -> Solution:
    found = evaluate(problem, action)
    return Solution(action, found.cost, found.penalty, found.objective)
