"""How near the planner comes to a proven bound, and how fast: ``heatfleet bench planner``.

Reference of the same run: HiGHS solving the linear relaxation of each home cold (build and solve), one thread. The gap
is against that relaxation, which leaves out minimum on and off times; an exact solution itself sits about 1 % above.
Speeds are taken by turns with the reference, and are ratios: nothing else about them means anything.

``--set homes=40 seed=7 states=2 fleet=100000 milp=true floor=true picture=FILE.png``; ``fleet=0`` leaves the whole
fleet out, ``floor=true`` says of the homes beyond the bar of the largest gap what no plan can be below.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from heatfleet.bench._apart import floor
from heatfleet.bench._c_kernel import REFERENCE_CELLS, PlainC, compiler
from heatfleet.bench._instances import Kind, random_problem
from heatfleet.bench._judge import lp_bound
from heatfleet.bench._many_homes import copies, measured
from heatfleet.bench._milp import proof
from heatfleet.planning.evaluate import evaluate
from heatfleet.planning.problem import Problem, Solution
from heatfleet.planning.solve import EFFORTS, solve, solved_with
from heatfleet.thermal.arrays import Array

BARS: dict[str, dict[str, float]] = {
    "fast": {"fleet": 2.8, "p90": 4.8, "max": 8.0, "times_faster_than_highs_cold": 40.0},
    "best": {"fleet": 2.0, "p90": 3.6, "max": 6.0, "times_faster_than_highs_cold": 15.0},
    "pass": {"times_plain_c": 2.4},
    "two_cores": {"times_one": 1.7},
    "fleet": {"wall_s": 30.0, "peak_gib": 2.0},
    "milp": {"over_proven_percent": 1.6},
}
FLEET_BAR_HOMES = 100_000
SPEED_HOMES, ROUNDS, LP_HOMES = 400, 5, 10
MILP_HOMES, MILP_S = 6, 50.0
ONE_PASS = EFFORTS["fast"]._replace(passes=1, polish=0, sweeps=0)


def run(homes: int = 40, seed: int | None = None, states: int = 2, steps: int = 96, **options: Any) -> dict[str, Any]:
    """Gaps, broken rules, speeds and bars of both qualities on homes of a fresh seed (unless one is given).

    Options: negative (prices), fleet (homes planned at once, 0 = none), milp, milp_s (seconds a home), floor,
    picture.
    """
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    problem = random_problem(homes, chosen, Kind(states=states, steps=steps, negative=options.get("negative", False)))
    bound = np.array([lp_bound(problem, i) for i in range(homes)])
    plans = {quality: solve(problem, quality) for quality in EFFORTS}
    speeds = _speeds(problem)
    found: dict[str, Any] = {
        "homes": homes, "steps": steps, "building_states": states, "seed": chosen,
        "bound": "HiGHS linear relaxation without dwell",
        "highs_cold_us_a_home": round(speeds["highs"]),
        "qualities": {name: _quality(problem, name, plans[name], bound, speeds) for name in EFFORTS},
        "pass": _pass(speeds),
    }  # fmt: skip
    if (fleet := int(options.get("fleet", FLEET_BAR_HOMES))) > 0:
        found["fleet"] = measured(fleet, steps, chosen)
    if options.get("milp"):
        found["milp"] = _milp(problem, plans["best"], bound, float(options.get("milp_s", MILP_S)))
    if options.get("floor"):
        found["floor_percent"] = _floors(problem, plans, bound)
    if (picture := options.get("picture")) is not None:
        _draw({name: gaps(plan, bound) for name, plan in plans.items()}, Path(picture))
    return {**found, "bars": BARS, "within_bars": within_bars(found)}


def gaps(plan: Solution, bound: Array) -> Array:
    """How far each home's plan is above its bound (home,) [%]."""
    gap: Array = 100.0 * (plan.objective - bound) / np.abs(bound)
    return gap


def _quality(problem: Problem, name: str, plan: Solution, bound: Array, speeds: dict[str, float]) -> dict[str, Any]:
    gap = gaps(plan, bound)
    one, two = speeds[f"{name} 1"], speeds[f"{name} 2"]
    return {
        "gap_percent": {
            "fleet": _over(plan.objective, bound),
            "median": round(float(np.median(gap)), 3),
            "p90": round(float(np.quantile(gap, 0.9)), 3),
            "max": round(float(gap.max()), 3),
        },
        "dwell_violations": int(evaluate(problem, plan.action).dwell_violations.sum()),
        "us_a_home": round(one),
        "us_a_home_two_cores": round(two),
        "two_cores_times_one": round(one / two, 2),
        "times_faster_than_highs_cold": round(speeds["highs"] / one, 1),
    }


def _speeds(problem: Problem) -> dict[str, float]:
    """Microseconds a home of everything that is compared, each the best of some rounds taken by turns."""
    many = copies(problem, SPEED_HOMES)
    tasks: dict[str, tuple[int, Callable[[], object]]] = {
        "highs": (LP_HOMES, lambda: [lp_bound(problem, i % problem.homes) for i in range(LP_HOMES)]),
        "pass": (SPEED_HOMES, lambda: solved_with(many, ONE_PASS, threads=1)),
    }
    for name in EFFORTS:
        for threads in (1, 2):
            tasks[f"{name} {threads}"] = SPEED_HOMES, partial(solve, many, name, threads)
    if compiler() is not None:
        kernel = PlainC(problem, 0, REFERENCE_CELLS)
        tasks["plain c"] = SPEED_HOMES, partial(kernel.run, SPEED_HOMES)
    best = dict.fromkeys(tasks, np.inf)
    for _ in range(ROUNDS):
        for name, (homes, task) in tasks.items():
            begin = perf_counter()
            task()
            best[name] = min(best[name], (perf_counter() - begin) / homes * 1e6)
    return best


def _pass(speeds: dict[str, float]) -> dict[str, Any]:
    """One whole pass (tank, backward, walk, exact score) against a C kernel that only goes backward."""
    whole = {"us_a_home": round(speeds["pass"], 1)}
    if "plain c" not in speeds:
        return {**whole, "plain_c": "skipped: there is no C compiler (cc, gcc or clang) on this machine"}
    return {
        **whole,
        "plain_c_us_a_home": round(speeds["plain c"], 1),
        "plain_c_cells": REFERENCE_CELLS,
        "times_plain_c": round(speeds["pass"] / speeds["plain c"], 2),
    }


def _milp(problem: Problem, plan: Solution, bound: Array, limit_s: float) -> dict[str, Any]:
    """``best`` against what HiGHS proves with whole actions and dwell, of the first homes."""
    some = min(MILP_HOMES, problem.homes)
    proofs = [proof(problem, i, plan.action[i], limit_s) for i in range(some)]
    ours, linear = plan.objective[:some], bound[:some]
    proven, incumbent = (np.array([getattr(each, name) for each in proofs]) for name in ("bound", "incumbent"))
    return {
        "homes": some,
        "seconds_a_home": limit_s,
        "over_proven_percent": _over(ours, proven),
        "highs_own_over_proven_percent": _over(incumbent, proven),
        "proven_over_linear_percent": _over(proven, linear),
    }


def _floors(problem: Problem, plans: dict[str, Solution], bound: Array) -> list[dict[str, Any]]:
    """What no plan can be below, over the linear bound, of the homes whose ``best`` is beyond the bar [%]."""
    over = {name: gaps(plan, bound) for name, plan in plans.items()}
    beyond = np.flatnonzero(over["best"] > BARS["best"]["max"])
    lowest = np.array([floor(problem, int(i), plans["best"].objective[i]) for i in beyond])
    rows = {**{name: gap[beyond] for name, gap in over.items()}, "floor": 100.0 * (lowest / bound[beyond] - 1.0)}
    return [{"home": int(i), **{name: round(float(row[n]), 2) for name, row in rows.items()}}
            for n, i in enumerate(beyond)]  # fmt: skip


def _over(value: Array, floor: Array) -> float:
    """How far all homes together are above a floor [%]."""
    return round(100.0 * float((value - floor).sum() / np.abs(floor).sum()), 3)


def within_bars(found: dict[str, Any]) -> dict[str, bool]:
    """Whether each bar holds; what was not measured is not in it."""
    held: dict[str, bool] = {}
    for name in EFFORTS:
        quality, bars = found["qualities"][name], BARS[name]
        for each in ("fleet", "p90", "max"):
            held[f"{name}_{each}"] = quality["gap_percent"][each] <= bars[each]
        speed = "times_faster_than_highs_cold"
        held[f"{name}_speed"] = quality[speed] >= bars[speed]
        held[f"{name}_two_cores"] = quality["two_cores_times_one"] >= BARS["two_cores"]["times_one"]
        held[f"{name}_dwell"] = quality["dwell_violations"] == 0
    if "times_plain_c" in found["pass"]:
        held["pass"] = found["pass"]["times_plain_c"] <= BARS["pass"]["times_plain_c"]
    if found.get("fleet", {}).get("homes", 0) >= FLEET_BAR_HOMES:
        held["fleet"] = all(found["fleet"][key] <= bar for key, bar in BARS["fleet"].items())
    if "milp" in found:
        held["milp"] = found["milp"]["over_proven_percent"] <= BARS["milp"]["over_proven_percent"]
    return held


def _draw(gap: dict[str, Array], path: Path) -> None:
    """Homes by their gap, one line a quality."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name, values in gap.items():
        axes.plot(
            np.sort(values), 100.0 * (np.arange(len(values)) + 1) / len(values), drawstyle="steps-post", label=name
        )
    axes.set(xlabel="above the linear bound [%]", ylabel="homes [%]", ylim=(0, 100), xlim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=150)
    plt.close(figure)
