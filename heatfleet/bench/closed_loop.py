"""What steering saves on homes never used in tuning: ``heatfleet bench closed-loop``.

Reference of the same run: the owners' own control, from the same moment after the same uncounted warm-up (two weeks;
ours steers and learns in it, its last day is left to the owners' own control). Held against it are a continuous
PI, a rule that raises in the cheapest hours, our planner told a flat price, and our planner told the future: true
prices, weather and draws, with the same learned models, levers and guards. All figures are the simulation's true
values; controllers see sensors with noise, prices once published and forecasts with errors.

``--set homes=40 days=7 weeks='["2024-01-08"]' seeds=[1] adders=[0.15,0.12] ablations=true picture=FILE.png``
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from heatfleet.bench._controllers import CheapestHours, FlatPrice, Foresight, IndoorPi
from heatfleet.bench._savings import CHEAPEST, FLAT, FORESIGHT, OURS, OWN, PI, Outcome, bars, figures
from heatfleet.demo.control import Outlook, PlannedControl
from heatfleet.demo.control_book import POLICY, SPACE_LEVERS
from heatfleet.demo.figures import RunFigures, run_figures
from heatfleet.demo.loop import Controller, Loop
from heatfleet.demo.scenario import OnceOptions, Scenario, make_scenario
from heatfleet.domain.levers import OptimizationLevel
from heatfleet.domain.policy import Policy
from heatfleet.domain.price_zones import zone_time
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.model import ThermalModels
from heatfleet.thermal.simulate import Trace

DATA = Path(__file__).parents[3] / "shared" / "data"
WEEKS = ("2024-01-08", "2025-12-08")
WEATHER = "openmeteo_t2m_hourly_2024_de.csv"
PRICES = {"2024": "smard_dayahead_hourly_2024.csv", "2025": "smard_dayahead_15min_2025-12.csv"}
PROCESSES = 2
FEE_LOW, FEE_STANDARD, FEE_HIGH = 0.03, 0.09, 0.15
LOW_UNTIL_H, HIGH_FROM_H, HIGH_UNTIL_H = 6, 17, 21


@dataclass(frozen=True)
class _Tariff:
    name: str
    price: Callable[[Scenario], Array]  # currency/kWh, (step + tail,), from a scenario whose price is the bare spot


@dataclass(frozen=True)
class _Week:
    """Outcomes of one week by tariff and controller, and what the week was."""

    said: dict[str, Any]
    outcomes: dict[str, dict[str, Outcome]]


_Task = tuple[OnceOptions, tuple[float, ...], bool]


@dataclass(frozen=True)
class _Entry:
    """A controller of the bench; ``at_any_price``: what it does is the same at every tariff."""

    make: Callable[[Loop, ThermalModels], Controller | None]
    policy: Policy = POLICY
    at_any_price: bool = False


def _planner(outlook: Outlook) -> Callable[[Loop, ThermalModels], Controller]:
    return lambda loop, learned: PlannedControl(loop, outlook, learned)


_CONTROLLERS = {
    OWN: _Entry(lambda loop, learned: None, at_any_price=True),
    PI: _Entry(lambda loop, learned: IndoorPi(loop), at_any_price=True),
    CHEAPEST: _Entry(lambda loop, learned: CheapestHours()),
    FLAT: _Entry(_planner(FlatPrice()), at_any_price=True),
    OURS: _Entry(_planner(Outlook())),
    FORESIGHT: _Entry(_planner(Foresight(price=True, weather=True, draws=True))),
}
_ABLATIONS = {
    "heatfleet, true prices": _Entry(_planner(Foresight(price=True))),
    "heatfleet, true weather": _Entry(_planner(Foresight(weather=True))),
    "heatfleet, true draws": _Entry(_planner(Foresight(draws=True))),
    "heatfleet, true model": _Entry(_planner(Foresight(model=True))),
    "heatfleet, foresight and true model": _Entry(_planner(Foresight(True, True, True, True))),
    "heatfleet, hot water left alone": _Entry(_planner(Outlook()), replace(POLICY, is_hot_water_heating_enabled=False)),
    "heatfleet, level Max": _Entry(_planner(Outlook()), replace(POLICY, optimization_level=OptimizationLevel.MAX)),
}


def run(
    *, homes: int = 9, days: int = 4, weeks: Sequence[str] = WEEKS, seeds: Sequence[int] = (),
    adders: Sequence[float] = (0.15,), zone: str = "DE_LU", ablations: bool = False, picture: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Savings of every controller at every tariff, and whether ours holds the bars.

    Parameters
    ----------
    weeks : first days; each week has homes of its own.
    seeds : one a week; fresh ones where none is given.
    adders : flat adders to the spot price [currency/kWh], one tariff each.
    """
    began = perf_counter()
    numbers = [*seeds, *(secrets.randbelow(1_000_000) for _ in weeks[len(seeds) :])]
    options = [_options(week, seed, homes, days, zone) for week, seed in zip(weeks, numbers, strict=True)]
    parts = _in_parallel([(each, tuple(adders), ablations) for each in options])
    tables = {
        tariff: {name: Outcome.joined([part.outcomes[tariff][name] for part in parts]) for name in rows}
        for tariff, rows in parts[0].outcomes.items()
    }
    report = {
        "homes_a_week": homes,
        "days": days,
        "weeks": [part.said for part in parts],
        "reference": OWN,
        "tariffs": {tariff: _table(outcomes) for tariff, outcomes in tables.items()},
        "seconds": round(perf_counter() - began, 1),
    }
    if picture is not None:
        from heatfleet.bench._savings_picture import draw_savings

        draw_savings(report, Path(picture))
    return report


def _in_parallel(tasks: Sequence[_Task]) -> list[_Week]:
    """The weeks, two at a time."""
    if len(tasks) == 1:
        return [_week(tasks[0])]
    with ProcessPoolExecutor(PROCESSES, get_context("spawn")) as pool:
        return list(pool.map(_week, tasks))


def _said(scenario: Scenario) -> dict[str, Any]:
    mean_c = float(scenario.drive.outdoor_c[:, scenario.counted :].mean())
    start = scenario.grid.at(scenario.counted).astimezone(zone_time(scenario.zone)).date().isoformat()
    about = {"start": start, "zone": scenario.zone, "seed": scenario.seed, "mean_outdoor_c": round(mean_c, 2)}
    return {**about, "data": scenario.data, "notes": list(scenario.notes)}


def _table(outcomes: Mapping[str, Outcome]) -> dict[str, Any]:
    held = bars(outcomes)
    rows = {name: figures(o, outcomes[FORESIGHT], outcomes[OWN]) for name, o in outcomes.items()}
    return {"controllers": rows, "bars": held, "bars_hold": all(bar["holds"] for bar in held.values())}


def _options(week: str, seed: int, homes: int, days: int, zone: str) -> OnceOptions:
    """Real prices and weather where they are at hand, else the synthetic fortnight."""
    prices, weather = DATA / "prices" / PRICES.get(week[:4], ""), DATA / "weather" / WEATHER
    is_real = prices.is_file() and weather.is_file()
    files = {"prices": prices, "weather": weather} if is_real else {}
    return OnceOptions(homes=homes, days=days, start=week, zone=zone, adder=0.0, seed=seed, **files)


def _tariffs(adders: Sequence[float]) -> list[_Tariff]:
    """Spot and a flat adder; spot and a three-level grid fee by local hours; zone prices, as a trader pays them."""
    flat = [_Tariff(f"spot + {adder:g}", _plus(adder)) for adder in adders]
    return [
        *flat,
        _Tariff("spot + time-of-use grid fee", _with_grid_fee),
        _Tariff("fixed, traded at zone price", _plus(0.0)),
    ]


def _plus(adder: float) -> Callable[[Scenario], Array]:
    return lambda scenario: scenario.price + adder


def _with_grid_fee(scenario: Scenario) -> Array:
    hour = scenario.local_quarter / 4.0
    high = (hour >= HIGH_FROM_H) & (hour < HIGH_UNTIL_H)
    fee: Array = np.where(hour < LOW_UNTIL_H, FEE_LOW, np.where(high, FEE_HIGH, FEE_STANDARD))
    return scenario.price + fee


def _week(task: _Task) -> _Week:
    """Outcomes of one week."""
    options, adders, ablations = task
    scenario = make_scenario(options)
    prices = {tariff.name: tariff.price(scenario) for tariff in _tariffs(adders)}
    warm = Loop.begin(replace(scenario, price=next(iter(prices.values()))))
    teacher = PlannedControl(warm)
    warm.warm_up(teacher)
    runs = _runs(warm, teacher.learned, prices, _CONTROLLERS | (_ABLATIONS if ablations else {}))
    outdoor_c = scenario.drive.outdoor_c[:, scenario.counted :]
    lever = np.arange(scenario.homes.count) % len(SPACE_LEVERS)
    outcomes = {
        tariff: {name: Outcome.of(rows[OWN], run, outdoor_c, lever) for name, run in rows.items()}
        for tariff, rows in runs.items()
    }
    return _Week(_said(scenario), outcomes)


def _runs(
    warm: Loop, learned: ThermalModels, prices: Mapping[str, Array], entries: Mapping[str, _Entry]
) -> dict[str, dict[str, tuple[RunFigures, Trace]]]:
    """Figures and traces by tariff and controller, all from the moment at which ``warm`` stands."""
    grid, counted = warm.scenario.grid, slice(warm.scenario.counted, warm.scenario.grid.count)
    found: dict[str, dict[str, tuple[RunFigures, Trace]]] = {tariff: {} for tariff in prices}
    for name, entry in entries.items():
        for tariff in [next(iter(prices))] if entry.at_any_price else prices:
            loop = warm.fork(prices[tariff], entry.policy)
            trace, _ = loop.run(entry.make(loop, learned), grid.count)
            for paid in prices if entry.at_any_price else [tariff]:
                run = run_figures(trace, prices[paid][counted], warm.band(trace), loop.stored_heat_kwh())
                found[paid][name] = (run, trace)
    return found
