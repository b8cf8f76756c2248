"""Planning the cooling: what is known and asked is laid into a mirror, planned as heating, and read from there.

With every temperature's sign turned, a house that must not get too warm is one that must not get too cold, its cooling
a heating, stored cold stored heat. The programme, its judge and all that calms plans know nothing of it. A home is in
the mirror for a whole plan, so that it never heats and cools in one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heatfleet.domain.plans import Outlook, PlanStep
from heatfleet.planning.problem import Problem
from heatfleet.planning.state import Horizon, Present
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.cooling import mirrored_building, mirrored_response
from heatfleet.thermal.model import ThermalModels

COOLING_FROM_C = 20.0  # mean of a day outdoors, for a home that has done nothing for its rooms lately
LEAST_RUN_STEPS = 1.0  # in a day, for it to be one of heating or of cooling
OTHER_SIDE = {"low": "high", "high": "low"}


def is_day_of_cooling(heated_steps: Array, cooled_steps: Array, outdoor_c: Array) -> Array:
    """Homes (home,) that cool today, if they do anything for the rooms: never on a day that has seen them heat.

    Parameters
    ----------
    heated_steps, cooled_steps : how many steps of the last 24 hours they did either, (home,).
    outdoor_c : mean of the coming 24 hours, (home,); NaN = unknown, and no reason to cool.
    """
    found: Array = (heated_steps <= LEAST_RUN_STEPS) & (
        (cooled_steps > LEAST_RUN_STEPS) | (outdoor_c >= COOLING_FROM_C)
    )
    return found


def mirrored(
    models: ThermalModels, horizon: Horizon, present: Present, cools: Array
) -> tuple[ThermalModels, Horizon, Present]:
    """What :func:`heatfleet.planning.state.build_problem` takes, for homes that may cool: ``cools`` (home,) bool.

    ``present.setpoint_c`` is that of the cooling where ``cools``. Prices, tanks and homes that heat stay as they are.
    """
    if not cools.any():
        return models, horizon, present
    known = replace(
        models,
        building=mirrored_building(models.building, cools),
        response=mirrored_response(models.response, models.cooling, cools),
    )
    turned, low, high = cools[:, None], horizon.indoor_min_c, horizon.indoor_max_c
    expected = replace(
        horizon,
        outdoor_c=np.where(turned, -horizon.outdoor_c, horizon.outdoor_c),
        indoor_min_c=np.where(turned, -high, low),
        indoor_max_c=np.where(turned, -low, high),
    )
    now = replace(
        present,
        indoor_c=_turned(present.indoor_c, cools),
        setpoint_c=_turned(present.setpoint_c, cools),
        mass_c=None if present.mass_c is None else _turned(present.mass_c, cools),
    )
    return known, expected, now


def as_it_is(problem: Problem, cools: Array) -> Problem:
    """The problem of :func:`mirrored` facts in true temperatures, where cooling is heat below nothing.

    Every plan costs the same on both; the other way round it does the same.
    """
    if not cools.any():
        return problem
    turned, low, high = cools[:, None], problem.indoor_min, problem.indoor_max
    return replace(
        problem,
        space_heat=np.where(cools[:, None, None], -problem.space_heat, problem.space_heat),
        w=np.where(cools[:, None, None], -problem.w, problem.w),
        x0=np.where(turned, -problem.x0, problem.x0),
        indoor_min=np.where(turned, -high, low),
        indoor_max=np.where(turned, -low, high),
        value_x=_turned(problem.value_x, cools),
    )


def steps_as_they_are(steps: tuple[PlanStep, ...], outlook: Outlook) -> tuple[tuple[PlanStep, ...], Outlook]:
    """The plan of a home that cools, and what it comes to, with true temperatures and sides of limits."""
    turned = tuple(_step_as_it_is(step) for step in steps)
    means = {"indoor_mean_c": -outlook.indoor_mean_c, "own_indoor_mean_c": -outlook.own_indoor_mean_c}
    return turned, outlook._replace(**means)


def _step_as_it_is(step: PlanStep) -> PlanStep:
    detail, own = step.detail, step.own
    if detail.side is not None:
        detail = detail._replace(side=OTHER_SIDE[detail.side])
    if own is not None:
        own = own._replace(indoor_temp_c=-own.indoor_temp_c)
    return replace(step, indoor_temp_c=-step.indoor_temp_c, detail=detail, own=own, cooling=True)


def takes_heat_out(problem: Problem) -> Array:
    """Homes (home,) bool whose space actions cool: heat below nothing, and never above."""
    heat = problem.space_heat
    found: Array = np.logical_and((heat <= 0.0).all(axis=(1, 2)), (heat < 0.0).any(axis=(1, 2)))
    return found


def _turned(values: Array, where: Array) -> Array:
    found: Array = np.where(where, -values, values)
    return found
