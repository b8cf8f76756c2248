"""``week.png``: prices, one home's temperature band, states and power, and the fleet's power with and without us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.thermal.arrays import Array

STATE_COLOURS = ("#3b6fb6", "#9cc3e6", "#e8e8e8", "#f2a65a")
STATE_NAMES = ("MIN", "LOW", "MID", "MAX")
OURS, BASELINE, BAND, COLD = "#c8512d", "#7a7a7a", "#dcefdc", "#cfe3f5"


@dataclass(frozen=True)
class WeekPicture:
    """What the picture shows; arrays are (step,), the fleet's power is the sum of all homes [kW]."""

    title: str
    subtitle: str
    times: Sequence[datetime]
    zone_time: tzinfo
    price: Array
    currency: str
    band: tuple[Array, Array]
    indoor_c: tuple[Array, Array]  # owner's own control, ours
    dhw_c: tuple[Array, Array]
    power_kw: tuple[Array, Array]
    state: Array  # 0..3
    hot_water: Array  # bool, the tank was charged
    cooled: Array  # bool, the rooms were
    home_label: str
    fleet_kw: tuple[Array, Array]


def draw_week(picture: WeekPicture, path: Path) -> None:
    """Write the picture to ``path`` (PNG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        5, 1, figsize=(13, 12), sharex=True, layout="constrained", height_ratios=[1.3, 2, 1.4, 1.4, 1.8]
    )
    figure.suptitle(f"{picture.title}\n{picture.subtitle}", fontsize=11, ha="left", x=0.01)
    hours = np.asarray([t.astimezone(picture.zone_time).replace(tzinfo=None) for t in picture.times])
    for draw, axis in zip((_price, _indoor, _hot_water, _power, _fleet), axes, strict=True):
        draw(axis, hours, picture)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    _day_axis(axes[-1], picture)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _price(axis: Any, hours: Array, picture: WeekPicture) -> None:
    axis.step(hours, picture.price, where="post", color="#333333", lw=1)
    axis.set_ylabel(f"price\n{picture.currency}/kWh")


def _indoor(axis: Any, hours: Array, picture: WeekPicture) -> None:
    axis.fill_between(hours, *picture.band, color=BAND, label="comfort band", step="post")
    axis.plot(hours, picture.indoor_c[0], color=BASELINE, lw=1, label="owner's own control")
    axis.plot(hours, picture.indoor_c[1], color=OURS, lw=1.4, label="with heatfleet")
    if picture.cooled.any():
        low, high = axis.get_ylim()
        axis.fill_between(
            hours, low, high, where=picture.cooled, step="post", color=COLD, alpha=0.5, lw=0, label="rooms cooled"
        )
        axis.set_ylim(low, high)
    axis.set_ylabel(f"{picture.home_label}\nindoors °C")
    axis.legend(loc="upper right", ncols=4, fontsize=8, frameon=False)


def _hot_water(axis: Any, hours: Array, picture: WeekPicture) -> None:
    axis.plot(hours, picture.dhw_c[0], color=BASELINE, lw=1)
    axis.plot(hours, picture.dhw_c[1], color=OURS, lw=1.4)
    low, high = axis.get_ylim()
    axis.fill_between(
        hours, low, high, where=picture.hot_water, step="post", color="#f7d9cc", lw=0, label="tank charged"
    )
    axis.set_ylim(low, high)
    axis.set_ylabel("hot water °C")
    axis.legend(loc="upper right", fontsize=8, frameon=False)


def _power(axis: Any, hours: Array, picture: WeekPicture) -> None:
    top = max(float(np.max(picture.power_kw[1])), float(np.max(picture.power_kw[0])), 0.1) * 1.15
    for value, (colour, name) in enumerate(zip(STATE_COLOURS, STATE_NAMES, strict=True)):
        axis.fill_between(
            hours, 0, top, where=picture.state == value, step="post", color=colour, alpha=0.55, lw=0, label=name
        )
    axis.step(hours, picture.power_kw[0], where="post", color=BASELINE, lw=0.8)
    axis.step(hours, picture.power_kw[1], where="post", color=OURS, lw=1.1)
    axis.set_ylim(0, top)
    axis.set_ylabel("power kW\nand state")
    axis.legend(loc="upper right", ncols=4, fontsize=8, framealpha=0.8)


def _fleet(axis: Any, hours: Array, picture: WeekPicture) -> None:
    axis.step(hours, picture.fleet_kw[0], where="post", color=BASELINE, lw=1, label="owner's own control")
    axis.step(hours, picture.fleet_kw[1], where="post", color=OURS, lw=1.2, label="with heatfleet")
    axis.set_ylim(bottom=0)
    axis.set_ylabel("fleet kW")
    axis.legend(loc="upper right", ncols=2, fontsize=8, frameon=False)


def _day_axis(axis: Any, picture: WeekPicture) -> None:
    from matplotlib import dates

    axis.xaxis.set_major_locator(dates.DayLocator())  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_formatter(dates.DateFormatter("%a %d %b"))  # type: ignore[no-untyped-call]
    axis.set_xlabel(f"local time ({picture.zone_time})")
