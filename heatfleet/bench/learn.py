"""How well homes are learned, and how fast: ``heatfleet bench learn``.

Everything is judged on days that no candidate saw, 24 hours ahead and open loop, from the sensors of the home and
against the true room temperature (simulated homes) or the room sensor (recorded ones). References of the same run: "as
warm as now" and a plain least squares on hours. ``--set png=FILE`` draws it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from heatfleet.bench import _learn_judge as judge
from heatfleet.bench._learn_fleet import Lived, between, lived
from heatfleet.bench._learn_real import TELEMETRY, Cut, cuts
from heatfleet.bench._learn_real import told as told_of_cuts
from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.block import Block
from heatfleet.thermal.grey_box import fit_two_mass
from heatfleet.thermal.hourly import fit_plain
from heatfleet.thermal.identify import learn, past_of
from heatfleet.thermal.model import GREY_BOX, OLS, PRIOR, ThermalModels, prior

DAY, HELD_OUT_DAYS, DESIGN_C = 96, 3, -10.0
FEW_DAYS, CUT_DAYS, SPEED_HOMES = (4, 5, 7), (4, 5, 6, 7), 500
WAYS = ("persistence", "hourly_regression", "grey_box", "learned")
Fault = Callable[[Block, np.random.Generator], Block]


def run(
    homes: int = 60, seed: int | None = None, days: int = 14, data: str | None = None, png: str | None = None
) -> dict[str, Any]:
    """Errors of every kind of home, what was promoted and accepted, and CPU time a home."""
    chosen = secrets.randbelow(1_000_000) if seed is None else seed
    whole = lived(homes, chosen, days + HELD_OUT_DAYS)
    fleets = {name: _fleet(whole, fault, days, chosen) for name, fault in _FAULTS.items()}
    fleets |= {f"{few} days": _fleet(_later(whole, days - few), _as_it_is, few, chosen) for few in FEW_DAYS}
    fleets["every night"] = _every_night(whole, days)
    recorded = {few: list(cuts(TELEMETRY if data is None else Path(data), few)) for few in CUT_DAYS}
    result = {
        "homes": homes,
        "seed": chosen,
        "days_seen": days,
        "days_held_out": HELD_OUT_DAYS,
        "error_24h_k": "median / p90 / max of the homes' root mean square",
        "simulated": {name: _told(found) for name, found in fleets.items()},
        "recorded": {f"{few} days": told_of_cuts(found) for few, found in recorded.items()},
        "speed": _speed(whole, days),
    }
    if png is not None:
        _draw(fleets, [cut for found in recorded.values() for cut in found], Path(png))
    return result


def _as_it_is(block: Block, rng: np.random.Generator) -> Block:
    return block


def _coarse(block: Block, rng: np.random.Generator) -> Block:
    return replace(block, indoor_c=np.round(block.indoor_c * 2.0) / 2.0)


def _gaps(block: Block, rng: np.random.Generator) -> Block:
    """A fifth of the quarter-hours lost, and a day without any connection."""
    lost = rng.random(block.indoor_c.shape) < 0.2
    lost[:, 6 * DAY : 7 * DAY] = True
    names = ("indoor_c", "tank_c", "space_heat_kw", "space_power_kw", "dhw_heat_kw", "dhw_power_kw", "water_c")
    kept: dict[str, Any] = {name: np.where(lost, np.nan, getattr(block, name)) for name in names}
    return replace(block, **kept)


def _frozen(block: Block, rng: np.random.Generator) -> Block:
    """A room sensor that stood still for three days in the middle."""
    indoor = block.indoor_c.copy()
    indoor[:, 4 * DAY : 7 * DAY] = indoor[:, 4 * DAY, None]
    return replace(block, indoor_c=indoor)


def _windows(block: Block, rng: np.random.Generator) -> Block:
    """A sensor beside a window that is opened on most days: up to 4 K colder for an hour while learning."""
    indoor = block.indoor_c.copy()
    for row in indoor:
        for begin in rng.integers(0, 14 * DAY, 10):
            row[begin : begin + 6] -= rng.uniform(2.0, 4.0) * np.array([0.7, 1.0, 0.7, 0.4, 0.2, 0.1])
    return replace(block, indoor_c=np.round(indoor, 1))


def _no_heat_meter(block: Block, rng: np.random.Generator) -> Block:
    nothing = np.full(block.indoor_c.shape, np.nan)
    return replace(block, space_heat_kw=nothing, dhw_heat_kw=nothing)


def _no_room_sensor(block: Block, rng: np.random.Generator) -> Block:
    return replace(block, indoor_c=np.full(block.indoor_c.shape, np.nan))


_FAULTS: dict[str, Fault] = {
    "as they are": _as_it_is,
    "half-degree sensor": _coarse,
    "gaps": _gaps,
    "frozen sensor": _frozen,
    "opened windows": _windows,
    "no heat meter": _no_heat_meter,
    "no room sensor": _no_room_sensor,
}


def _later(whole: Lived, days: int) -> Lived:
    """The same homes, watched only from some days on."""
    end = whole.indoor_c.shape[1]
    return Lived(between(whole.seen, days * DAY, end), whole.indoor_c[:, days * DAY :], whole.homes)


def _fleet(whole: Lived, fault: Fault, days: int, seed: int) -> dict[str, Any]:
    """Errors (home,) of each way to forecast, and the models."""
    block, begin = fault(whole.seen, np.random.default_rng([seed, 0x464C54])), days * DAY
    seen, unknown = between(block, 0, begin), prior(None, np.full(whole.homes.count, DESIGN_C))
    grey_box = judge.by_model(block, whole.indoor_c, judge.by_grey_box(seen, unknown), begin)
    return _judged(block, whole.indoor_c, learn(seen, unknown), begin) | {"grey_box": grey_box}


def _every_night(whole: Lived, days: int) -> dict[str, Any]:
    """The same of models learned anew every night from the fourth day on, as in a running fleet."""
    unknown = prior(None, np.full(whole.homes.count, DESIGN_C))
    models = unknown
    for night in range(FEW_DAYS[0], days + 1):
        models = learn(between(whole.seen, 0, night * DAY), models, unknown.building)
    return _judged(whole.seen, whole.indoor_c, models, days * DAY)


def _judged(block: Block, truth_c: Array, models: ThermalModels, begin: int) -> dict[str, Any]:
    return {
        "models": models,
        "persistence": judge.by_persistence(block, truth_c, begin),
        "hourly_regression": judge.by_hourly_regression(block, truth_c, begin),
        "learned": judge.by_model(block, truth_c, models, begin),
    }


def _told(found: dict[str, Any]) -> dict[str, Any]:
    models: ThermalModels = found["models"]
    ours, reference = found["learned"], found["hourly_regression"]
    ratio = float(np.median(ours / reference)) if np.isfinite(reference).all() else None
    return {
        **{name: _spread(found[name]) for name in WAYS if name in found},
        "ratio_to_hourly_regression": None if ratio is None else round(ratio, 3),
        "worse_than_it": None if ratio is None else round(float(np.mean(ours > reference)), 3),
        "accepted": round(float(np.mean(models.kind != PRIOR)), 3),
        "regression_kept": round(float(np.mean(models.kind == OLS)), 3),
        "grey_box_promoted": round(float(np.mean(models.kind == GREY_BOX)), 3),
        "within_uncertainty": round(float(np.mean(ours <= models.uncertainty_k)), 3),
    }


def _spread(errors: Array) -> str | None:
    if not np.isfinite(errors).all():
        return None
    return f"{np.median(errors):.3f} / {np.quantile(errors, 0.9):.3f} / {errors.max():.3f}"


def _speed(whole: Lived, days: int) -> dict[str, float]:
    """CPU milliseconds a home of a fortnight on many homes: all of it, and the two building fits alone."""
    index = np.arange(SPEED_HOMES) % whole.homes.count
    block = take(between(whole.seen, 0, days * DAY), index)
    unknown = prior(None, np.full(SPEED_HOMES, DESIGN_C))
    past = past_of(block, unknown)
    parts: dict[str, Callable[[], object]] = {
        "learn": lambda: learn(block, unknown),
        "plain_fit": lambda: fit_plain(past, unknown.building, np.ones_like(past.indoor_c)),
        "grey_box_fit": lambda: fit_two_mass(past, unknown.building),
    }
    cost = {name: _cpu_ms(part) / SPEED_HOMES for name, part in parts.items()}
    cost["learn_without_grey_box"] = cost["learn"] - cost["grey_box_fit"]
    return {f"{name}_ms_a_home": round(ms, 3) for name, ms in cost.items()}


def _cpu_ms(part: Callable[[], object]) -> float:
    part()
    best = np.inf
    for _ in range(3):
        begin = process_time()
        part()
        best = min(best, 1e3 * (process_time() - begin))
    return float(best)


def _draw(fleets: dict[str, dict[str, Any]], recorded: list[Cut], path: Path) -> None:
    """Errors of the kinds of homes, a box for each way to forecast, and those of the recorded houses, a dot a cut."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (boxes, dots) = plt.subplots(1, 2, figsize=(15, 4.5), width_ratios=(3, 1), layout="constrained")
    _draw_fleets(boxes, fleets)
    _draw_cuts(dots, recorded)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def _draw_fleets(axes: Any, fleets: dict[str, dict[str, Any]]) -> None:
    colours = dict(zip(WAYS, ("#bbbbbb", "#e0a030", "#7aa6c2", "#1b6ca8"), strict=True))
    for n, way in enumerate(WAYS):
        there = {k: np.asarray(found[way]) for k, found in enumerate(fleets.values()) if way in found}
        places = [k + 0.2 * (n - 1.5) for k in there]
        known = [errors[np.isfinite(errors)] for errors in there.values()]
        drawn = axes.boxplot(known, positions=places, widths=0.16, whis=(0, 90), showfliers=False, patch_artist=True)
        for box in drawn["boxes"]:
            box.set_facecolor(colours[way])
        axes.plot([], [], "s", color=colours[way], label=way.replace("_", " "))
    axes.set_xticks(range(len(fleets)), [name.replace(" ", "\n", 1) for name in fleets])
    axes.set_ylabel("24-h-ahead error on unseen days [K]")
    axes.set_ylim(0, 1.12 * axes.get_ylim()[1])
    axes.legend(frameon=False, ncols=len(WAYS))


def _draw_cuts(axes: Any, recorded: list[Cut]) -> None:
    for days, colour in zip(CUT_DAYS, ("#c0392b", "#e0a030", "#7aa6c2", "#1b6ca8"), strict=True):
        some = [cut for cut in recorded if cut.days == days]
        axes.scatter(
            [c.regression_k for c in some], [c.learned_k for c in some], color=colour, label=f"{days} days seen"
        )
    most = 1.05 * max((max(cut.regression_k, cut.learned_k) for cut in recorded), default=1.0)
    axes.plot([0, most], [0, most], color="#888888", lw=0.8)
    axes.set(
        xlabel="hourly regression [K]", ylabel="learned [K]", title="recorded houses", xlim=(0, most), ylim=(0, most)
    )
    axes.legend(frameon=False)
