"""Plans of twelve homes on four kinds of day, compared with what they were worth when they were last looked at.

``python -m tests.planning.test_golden`` writes the objectives anew.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heatfleet.bench._instances import Kind, random_problem
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem
from heatfleet.planning.solve import solve
from heatfleet.thermal.arrays import Array

HOMES, SEED = 12, 2024
FILE = Path(__file__).with_name("golden.json")
QUALITIES = ("fast", "best")
WITHIN = 0.01


def spot(steps: int, noon: float, adder: float = 0.15) -> Array:
    """A day with morning and evening peaks and ``noon`` at midday [currency/kWh], (home, step)."""
    hour = np.arange(steps) / 4.0 % 24
    peaks = 0.06 * np.exp(-(((hour - 8) / 1.5) ** 2)) + 0.14 * np.exp(-(((hour - 18.5) / 2) ** 2))
    valley = (noon - 0.08) * np.exp(-(((hour - 13) / 2.5) ** 2))
    return np.tile(0.08 + peaks + valley + adder, (HOMES, 1))


def colder(problem: Problem, kelvin: float) -> Problem:
    """The same homes in weather that is colder: all temperatures move alike, and the pump works harder for its heat."""
    rest = 1.0 - problem.a.sum(axis=2)
    worse = 1.0 + 0.025 * kelvin
    return replace(
        problem,
        w=problem.w - kelvin * rest[:, None, :],
        space_energy=problem.space_energy * worse,
        dhw_energy=problem.dhw_energy * worse,
    )


def day(name: str) -> Problem:
    """One of the golden problems."""
    steps = {"winter": 96, "spring forward": 92, "autumn back, negative noon": 100, "week of -12 °C": 672}[name]
    problem = random_problem(HOMES, SEED, Kind(steps=steps, min_on=4, min_off=3))
    problem = replace(problem, price=spot(steps, noon=-0.35 if "negative" in name else 0.04))
    return colder(problem, 13.5) if "week" in name else problem  # these homes' own weather is around 1.5 °C


NAMES = ("winter", "spring forward", "autumn back, negative noon", "week of -12 °C")


def objectives() -> dict[str, dict[str, list[float]]]:
    """What the plans are worth now, by day and quality."""
    return {
        name: {quality: solve(day(name), quality).objective.round(4).tolist() for quality in QUALITIES}
        for name in NAMES
    }


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("name", NAMES)
def test_plans_are_worth_what_they_were(name: str, quality: str) -> None:
    problem = day(name)
    solution = solve(problem, quality)
    found = evaluate(problem, solution.action)
    assert not found.dwell_violations.any()
    assert not found.forbidden_steps.any()
    known = np.array(json.loads(FILE.read_text(encoding="utf-8"))[name][quality])
    scale = np.abs(known).sum()
    worse = (solution.objective.sum() - known.sum()) / scale
    assert worse <= WITHIN, f"plans have become {100 * worse:.2f} % worse"
    assert worse >= -WITHIN, f"plans have become {-100 * worse:.2f} % better: write golden.json anew"
    by_home = (solution.objective - known) / np.maximum(np.abs(known), scale / HOMES)
    assert by_home.max() <= 5 * WITHIN, "one home's plan has become much worse"


if __name__ == "__main__":
    FILE.write_text(json.dumps(objectives(), indent=1) + "\n", encoding="utf-8")
