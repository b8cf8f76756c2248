"""A plan as a picture: price, states, rooms, hot water, pool and power over one time axis, PNG or SVG.

Colours are those of Okabe and Ito, which people who see red and green alike can tell apart; states are named as well.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.commands.explain_table import has_pool, title_of
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.time_grid import MTU
from heatfleet.flows.explain import Explained
from heatfleet.thermal.arrays import Array

STATES = {
    "min": ("Min", "#0072b2"),
    "low": ("ECO", "#8fcbec"),
    "mid": ("Comfort", "#e9e9e6"),
    "max": ("Boost", "#e69f00"),
}
WATER, POOL, OURS, OWN, BAND, INK, PRICE = "#b4558e", "#009e73", "#d55e00", "#8a8a8a", "#dff0e8", "#333333", "#f0e442"
NAMED_STEPS = 6  # a band this long has room for its name
STYLE: Any = {
    "font.family": "sans-serif", "font.size": 9.5, "axes.edgecolor": "#bbbbbb", "axes.labelcolor": INK,
    "text.color": INK, "xtick.color": INK, "ytick.color": INK, "svg.fonttype": "none", "axes.axisbelow": True,
    "hatch.color": "white", "hatch.linewidth": 1.4,
}  # fmt: skip


def draw_plan(found: Explained, language: str, path: Path) -> None:
    """Write the picture to ``path``; its ending says the format. ``language`` is that of the weekdays."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    panels = _panels(found)
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(
            len(panels),
            1,
            figsize=(11, 1.4 * sum(panels.values())),
            sharex=True,
            layout=ConstrainedLayoutEngine(h_pad=0.06),
            height_ratios=list(panels.values()),
        )
        hours = _hours(found)
        for draw, axis in zip(panels, axes, strict=True):
            draw(axis, hours, found)
            axis.spines[["top", "right"]].set_visible(False)
            if draw is not _states:
                axis.grid(color="#eeeeee", lw=0.8)
        _time_axis(axes[-1], hours, found, language)
        figure.suptitle(title_of(found), fontsize=13, fontweight="bold", ha="left", x=0.012)
        axes[0].set_title(_money(found), fontsize=10, loc="left", x=-0.058, pad=10)
        figure.savefig(path, dpi=110)
        plt.close(figure)


def _panels(found: Explained) -> dict[Callable[[Any, Array, Explained], None], float]:
    """What is drawn, from above, and how high."""
    panels = {_price: 1.25, _states: 0.42, _indoor: 1.6, _tank: 1.35}
    return panels | ({_pool: 0.8} if has_pool(found) else {}) | {_power: 1.25}


def _money(found: Explained) -> str:
    """What the whole plan costs beside doing nothing, in one line."""
    if found.outlook is None:
        return ""
    beside, unit = found.outlook.outlook, found.currency
    hours = (found.outlook.end_at - found.outlook.start_at).total_seconds() / 3600
    return (
        f"next {hours:g} h: {beside.cost:.2f} {unit} planned, {beside.own_cost:.2f} {unit} left alone; expected saving"
        f" {beside.saving:.2f} {unit} with what is stored, {beside.saving_at_equal_temperature:.2f} {unit} at equal"
        " room temperature (modelled)"
    )


def _hours(found: Explained) -> Array:
    """Begin of every step and the end of the last one, at the local clock, (step + 1,)."""
    zone = zone_time(found.pump.price_zone)
    instants = [row.start_at for row in found.rows] + [found.rows[-1].start_at + MTU]
    return np.array([at.astimezone(zone).replace(tzinfo=None) for at in instants], "datetime64[s]").astype(object)


def _values(found: Explained, name: str) -> Array:
    """A column of the rows, NaN where it is not known, (step,)."""
    return np.array([np.nan if (v := getattr(row, name)) is None else v for row in found.rows], float)


def _held(values: Array) -> Array:
    """The last value once more, for steps drawn to their end."""
    return np.append(values, values[-1])


def _price(axis: Any, hours: Array, found: Explained) -> None:
    price = _held(_values(found, "price"))
    axis.fill_between(hours, 0, price, step="post", color=PRICE, alpha=0.45, lw=0)
    axis.step(hours, price, where="post", color=INK, lw=1.3)
    axis.set_ylabel(f"price\n{found.currency}/kWh")
    if not (price < 0).any():
        axis.set_ylim(0, 1.15 * max([0.01, *price[~np.isnan(price)]]))


def _states(axis: Any, hours: Array, found: Explained) -> None:
    states = [(row.state, row.cooling) for row in found.rows]
    for begin, end in _runs(states):
        state, cooling = states[begin]
        name, colour = STATES[state]
        axis.axvspan(hours[begin], hours[end], facecolor=colour, hatch="//" if cooling else None, lw=0)
        if end - begin >= NAMED_STEPS:
            middle = hours[begin] + (hours[end] - hours[begin]) / 2
            under = {"facecolor": colour, "lw": 0, "pad": 1.5}
            axis.text(middle, 0.5, name, ha="center", va="center", fontsize=9, color=_ink_on(state), bbox=under)
    if any(cooling for _, cooling in states):
        axis.axvspan(hours[0], hours[0], facecolor=OWN, hatch="//", lw=0, label="cooling")
        _legend(axis)
    _mark(axis, hours, _charges(found, "hot_water"), WATER, 0.16)
    axis.set(ylim=(0, 1), yticks=[], ylabel="state")
    axis.spines["left"].set_visible(False)


def _ink_on(state: str) -> str:
    return "white" if state == "min" else INK


def _runs(values: list[Any]) -> list[tuple[int, int]]:
    """Runs of equal values as (first, end)."""
    edges = [0, *(i for i in range(1, len(values)) if values[i] != values[i - 1]), len(values)]
    return list(pairwise(edges))


def _charges(found: Explained, name: str) -> list[tuple[int, int]]:
    """Runs of steps in which the tank is charged (``hot_water``) or the pool heated, as (first, end)."""
    heated = [getattr(row, name) for row in found.rows]
    return [run for run in _runs(heated) if heated[run[0]]]


def _mark(axis: Any, hours: Array, charges: list[tuple[int, int]], colour: str, high: float) -> None:
    """The time in which something is heated, up to a share of the axis' height."""
    for begin, end in charges:
        axis.axvspan(hours[begin], hours[end], 0.0, high, color=colour, lw=0)


def _band(axis: Any, hours: Array, low: list[float], high: list[float]) -> None:
    limits = (_held(np.array(low)), _held(np.array(high)))
    axis.fill_between(hours, *limits, step="post", color=BAND, lw=0, label="wished band")


def _course(axis: Any, hours: Array, found: Explained, name: str) -> None:
    """The expected temperature after each step, and the one without us."""
    own = _values(found, f"own_{name}")
    if not np.isnan(own).all():
        axis.plot(hours[1:], own, color=OWN, lw=1.4, ls=(0, (4, 2)), label="left alone")
    axis.plot(hours[1:], _values(found, name), color=OURS, lw=2, label="planned")


def _indoor(axis: Any, hours: Array, found: Explained) -> None:
    _band(axis, hours, [c.indoor_min_c for c in found.comfort], [c.indoor_max_c for c in found.comfort])
    _course(axis, hours, found, "indoor_temp_c")
    axis.margins(y=0.12)
    axis.set_ylabel("rooms °C")
    _legend(axis)


def _tank(axis: Any, hours: Array, found: Explained) -> None:
    _band(axis, hours, [c.dhw_min_c for c in found.comfort], [c.dhw_max_c for c in found.comfort])
    _course(axis, hours, found, "dhw_temp_c")
    _mark(axis, hours, _charges(found, "hot_water"), WATER, 0.045)
    axis.margins(y=0.12)
    axis.set_ylabel("hot water °C")


def _pool(axis: Any, hours: Array, found: Explained) -> None:
    axis.plot(hours[1:], _values(found, "pool_temp_c"), color=OURS, lw=2)
    _mark(axis, hours, _charges(found, "pool_heating"), POOL, 0.08)
    axis.margins(y=0.2)
    axis.set_ylabel("pool °C")


def _power(axis: Any, hours: Array, found: Explained) -> None:
    power = _held(_values(found, "power_kw"))
    rest = "rooms and pool" if has_pool(found) else "rooms"
    axis.fill_between(hours, 0, power, step="post", color=OURS, alpha=0.3, lw=0, label=rest)
    for n, (begin, end) in enumerate(_charges(found, "hot_water")):
        part = slice(begin, end + 1)
        held = np.append(power[begin:end], power[end - 1])
        label = None if n else "hot water"
        axis.fill_between(hours[part], 0, held, step="post", color=WATER, lw=0, label=label)
    axis.step(hours, power, where="post", color=OURS, lw=1.4)
    own = _values(found, "own_power_kw")
    if not np.isnan(own).all():
        axis.step(hours, _held(own), where="post", color=OWN, lw=1.3, ls=(0, (4, 2)), label="left alone")
    axis.set_ylim(0, 1.2 * max([0.1, *power, *own[~np.isnan(own)]]))
    axis.set_ylabel("power kW")
    _legend(axis)


def _legend(axis: Any) -> None:
    axis.legend(
        loc="lower right",
        bbox_to_anchor=(1.0, 0.98),
        ncols=4,
        fontsize=8.5,
        frameon=False,
        handlelength=1.6,
        borderpad=0,
    )


def _time_axis(axis: Any, hours: Array, found: Explained, language: str) -> None:
    from babel.dates import format_date
    from matplotlib import dates, ticker

    def label(at: float, _: int) -> str:
        moment = dates.num2date(at)  # type: ignore[no-untyped-call]
        day = format_date(moment, "EEE d MMM", locale=language)
        return f"{moment:%H:%M}\n{day}" if moment.hour == 0 else f"{moment:%H:%M}"

    every_h = max(1, round((hours[-1] - hours[0]).total_seconds() / 3600 / 12))
    every_h = next((h for h in (1, 2, 3, 6, 12, 24) if h >= every_h), 24)
    axis.xaxis.set_major_locator(dates.HourLocator(byhour=range(0, 24, every_h)))  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_formatter(ticker.FuncFormatter(label))
    axis.set_xlim(hours[0], hours[-1])
    axis.set_xlabel(f"local time ({zone_time(found.pump.price_zone).key})", color="#777777", fontsize=8.5)
