"""Keeps plans within the changes of state a device takes in a day: a plan that asks for more is calmed until it fits.

A change costs a write; vendors count writes, devices wear out their memory. What is beyond the budget would be refused
when its time comes, and not the least useful changes would be the ones refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.read_back import steering_states
from heatfleet.planning.smooth import smooth
from heatfleet.thermal.arrays import Array

HARDER_KWH = (0.06, 0.2, 0.6, 2.0, 10.0)  # what a change must save [mean kWh], until plans are calm enough


def moves(problem: Problem, action: Array, state0: Array) -> Array:
    """Changes of steering state in the first day, (home,); ``state0`` (home,) is in force before step 0."""
    day = steering_states(problem, action, state0)[:, : round(24 / problem.step_h)]
    changed: Array = (np.diff(np.concatenate([state0[:, None], day], axis=1), axis=1) != 0).sum(axis=1)
    return changed


def within_budget(problem: Problem, solution: Solution, state0: Array, most: Array) -> Solution:
    """The solution with at most ``most`` (home,) changes of state in its first day, where calming it achieves that."""
    for change_kwh in HARDER_KWH:
        over = np.flatnonzero(moves(problem, solution.action, state0) > most)
        if not over.size:
            break
        calm = smooth(_homes(problem, over), _homes(solution, over), state0[over], change_kwh)
        found = {name: value.copy() for name, value in vars(solution).items() if value is not None}
        for name, value in found.items():
            value[over] = getattr(calm, name)
        solution = replace(solution, **found)
    return solution


def _homes(struct: Any, index: Array) -> Any:
    """A problem or solution of some homes."""
    return replace(struct, **{n: v[index] for n, v in vars(struct).items() if isinstance(v, np.ndarray)})
