"""One planning problem from a file to a file: what ``heatfleet plan --instance`` does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import read_problem, write_solution
from heatfleet.planning.solve import solve


def plan_instance(instance: str | Path, out: str | Path, quality: str | None = None) -> dict[str, float | int | str]:
    """Plan the instance file, write the plan to ``out``, and return the figures of all homes in sum.

    Raises :class:`heatfleet.domain.errors.Invalid` when the file is no planning problem.
    """
    chosen = quality or "fast"
    problem = read_problem(instance)
    solution = solve(problem, chosen)
    write_solution(out, solution)
    found = evaluate(problem, solution.action)
    return {
        "homes": problem.homes,
        "steps": problem.steps,
        "quality": chosen,
        "cost": round(float(np.sum(solution.cost)), 6),
        "penalty": round(float(np.sum(solution.penalty)), 6),
        "objective": round(float(np.sum(solution.objective)), 6),
        "dwell_violations": int(found.dwell_violations.sum()),
        "forbidden_steps": int(found.forbidden_steps.sum()),
    }
