"""``heatfleet demo --once``: a week with and without us, in memory, as fast as possible.

The owner's own control and ours run over the same homes, people, weather and prices, from the same moment after an
uncounted warm-up in which ours learns. Every figure is of the simulation's true values and names its tariff, place,
seed and data.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.demo.control import PlannedControl
from heatfleet.demo.figures import Comparison, compare, run_figures
from heatfleet.demo.loop import Loop, Progress
from heatfleet.demo.picture import WeekPicture, draw_week
from heatfleet.demo.scenario import OnceOptions, Scenario, make_scenario
from heatfleet.domain.price_zones import zone_facts, zone_time
from heatfleet.planning.state import MID
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate import Trace

STEERED_SHARE = 0.05


@dataclass(frozen=True)
class Week:
    """Both runs over the counted days."""

    scenario: Scenario
    comparison: Comparison
    traces: tuple[Trace, Trace]  # owner's own control, ours
    band: tuple[Array, Array]  # that the owners want, as ours is judged by it, (home, step)
    states: Array  # (home, step) 0..3 in force
    writes: int


def run_once(options: Mapping[str, Any] | OnceOptions, progress: Progress = lambda done, of: None) -> dict[str, Any]:
    """The comparison as a JSON-able object; draws ``week.png`` into the state folder."""
    began = time.perf_counter()
    wanted = options if isinstance(options, OnceOptions) else OnceOptions.of(options)
    week = compare_week(wanted, progress)
    picture = wanted.home / "week.png"
    draw_week(_picture(wanted, week), picture)
    return _report(wanted, week, picture, time.perf_counter() - began)


def compare_week(options: OnceOptions, progress: Progress = lambda done, of: None) -> Week:
    """Both runs and their figures."""
    scenario = make_scenario(options)
    ours = Loop.begin(scenario)
    control = PlannedControl(ours)
    ours.warm_up(control, progress)
    own, before = ours.fork(), ours.book.writes
    own_trace, _ = own.run(None, scenario.grid.count)
    trace, states = ours.run(control, scenario.grid.count, progress)
    counted = slice(scenario.counted, scenario.grid.count)
    base, steered = (
        run_figures(t, scenario.price[counted], loop.band(t), loop.stored_heat_kwh())
        for t, loop in ((own_trace, own), (trace, ours))
    )
    comparison = compare((base, steered), (own_trace, trace), scenario.drive.outdoor_c[:, counted])
    return Week(scenario, comparison, (own_trace, trace), ours.band(trace), states, ours.book.writes - before)


def _summer(week: Week) -> dict[str, Any]:
    """The homes that were cooled, and those whose pool was heated, by themselves; nothing in a winter.

    What is left in walls or water is worth what it took to bring it there.
    """
    pool = week.traces[0].energy_pool_kwh.sum(axis=1) > 0.0
    uses = {
        "cooled": (week.comparison.is_cooled, "cold_kwh", "energy_cooling_kwh"),
        "pool": (pool, "heat_pool_kwh", "energy_pool_kwh"),
    }
    return {name: _part(_valued(week, *use)) for name, use in uses.items() if use[0].any()}


def _valued(week: Week, homes: Array, heat: str, energy: str) -> Comparison:
    """The comparison of some homes, what is left at the end valued by heat and electricity of one use."""
    made, used = (sum(float(getattr(t, name)[homes].sum()) for t in week.traces) for name in (heat, energy))
    return replace(week.comparison.of(homes), heat_per_energy=made / max(used, 1e-9))


def _part(part: Comparison) -> dict[str, Any]:
    return {
        "homes": len(part.is_cooled),
        "baseline": part.baseline.total().rounded(),
        "optimised": part.optimised.total().rounded(),
        "savings": round(part.savings, 4),
        "savings_percent": _rounded(part.savings_percent),
        "savings_percent_equal_temperature": _rounded(part.savings_percent_equal_temperature),
    }


def _rounded(percent: float | None) -> float | None:
    return None if percent is None else round(percent, 3)


def _report(options: OnceOptions, week: Week, picture: Path, seconds: float) -> dict[str, Any]:
    comparison = week.comparison
    return {
        "homes": options.homes,
        "days": options.days,
        "start": options.start_day().isoformat(),
        "zone": options.zone,
        "adder": options.adder,
        "seed": options.seed,
        "currency": zone_facts(options.zone).currency,
        "data": week.scenario.data,
        "notes": list(week.scenario.notes),
        "mean_outdoor_c": round(float(week.scenario.drive.outdoor_c[:, week.scenario.counted :].mean()), 2),
        "baseline": comparison.baseline.total().rounded(),
        "optimised": comparison.optimised.total().rounded(),
        "savings": round(comparison.savings, 4),
        "savings_percent": _rounded(comparison.savings_percent),
        "savings_percent_equal_temperature": _rounded(comparison.savings_percent_equal_temperature),
        **_summer(week),
        "per_home": [
            {"home": i + 1, "baseline": comparison.baseline.home(i), "optimised": comparison.optimised.home(i)}
            for i in range(options.homes)
        ],
        "writes": week.writes,
        "picture": str(picture),
        "seconds": round(seconds, 2),
    }


def _picture(options: OnceOptions, week: Week) -> WeekPicture:
    scenario, home = week.scenario, _typical_home(week)
    counted = slice(scenario.counted, scenario.grid.count)
    percent = week.comparison.savings_percent
    saved = "" if percent is None else f" - {percent:.1f} % cheaper"
    return WeekPicture(
        title=f"{options.homes} simulated homes, {options.zone}, {options.days} days from {options.start_day()}{saved}",
        subtitle=f"{scenario.data}; spot + {options.adder:g} per kWh; seed {options.seed}",
        times=[scenario.grid.at(i) for i in range(scenario.counted, scenario.grid.count)],
        zone_time=zone_time(options.zone),
        price=scenario.price[counted],
        currency=zone_facts(options.zone).currency,
        band=(week.band[0][home], week.band[1][home]),
        indoor_c=_pair(week, "indoor_c", home),
        dhw_c=_pair(week, "tank_c", home),
        power_kw=_pair(week, "power_kw", home),
        state=week.states[home],
        hot_water=week.traces[1].heat_dhw_kwh[home] > 0.05,
        cooled=week.traces[1].cold_kwh[home] > 0.05,
        home_label=f"home {home + 1}",
        fleet_kw=(week.traces[0].power_kw.sum(axis=0), week.traces[1].power_kw.sum(axis=0)),
    )


def _pair(week: Week, name: str, home: int) -> tuple[Array, Array]:
    return getattr(week.traces[0], name)[home], getattr(week.traces[1], name)[home]


def _typical_home(week: Week) -> int:
    """The home whose relative saving is the median one of those that were steered (of all, when none was)."""
    base, ours = week.comparison.baseline.cost, week.comparison.optimised.cost
    moved = np.flatnonzero((week.states != MID).mean(axis=1) > STEERED_SHARE)
    homes = moved if moved.size else np.arange(len(base))
    ratio = ours[homes] / np.maximum(base[homes], 1e-9)
    return int(homes[np.argsort(ratio)[len(homes) // 2]])
