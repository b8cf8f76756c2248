"""The picture of ``heatfleet simulate``: one home in its coldest days, the whole fleet over the whole time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate import Trace

SPACE, WATER, ELEMENT, AIR, BAND = "#c8512d", "#3b6fb6", "#6b2d5c", "#7a7a7a", "#dcefdc"
DAY = 96


@dataclass(frozen=True)
class LongPicture:
    """What the picture shows; arrays are (step,) over the whole time, ``home`` is (1, step) of the shown part."""

    title: str
    subtitle: str
    times: Sequence[datetime]
    zone_time: tzinfo
    shown: slice
    home: Trace
    setpoint_c: float
    below_k: float
    outdoor_c: Array
    kw_a_home: Array


def draw_long(picture: LongPicture, path: Path) -> None:
    """Write the picture to ``path`` (PNG)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(4, 1, figsize=(13, 11), layout="constrained", height_ratios=[2, 1.4, 1.4, 1.8])
    figure.suptitle(f"{picture.title}\n{picture.subtitle}", fontsize=11, ha="left", x=0.01)
    local = np.asarray([t.astimezone(picture.zone_time).replace(tzinfo=None) for t in picture.times])
    for draw, axis in zip((_indoor, _hot_water, _power), axes[:3], strict=True):
        draw(axis, local[picture.shown], picture)
        axis.set_xlim(local[picture.shown][0], local[picture.shown][-1])
    _fleet(axes[3], local, picture)
    for axis in axes:
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[3].set_xlabel(f"local time ({picture.zone_time})")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _indoor(axis: Any, times: Array, picture: LongPicture) -> None:
    low, high = picture.setpoint_c - picture.below_k, picture.setpoint_c + 1.5
    axis.axhspan(low, high, color=BAND, lw=0, label="near the setpoint")
    axis.plot(times, picture.home.indoor_c[0], color=SPACE, lw=1.2, label="indoors")
    axis.set_ylabel("one home, coldest days\nindoors °C")
    other = axis.twinx()
    other.plot(times, picture.outdoor_c[picture.shown], color=AIR, lw=0.9)
    other.set_ylabel("outdoors °C (grey)")
    axis.legend(loc="upper right", ncols=2, fontsize=8, frameon=False)


def _hot_water(axis: Any, times: Array, picture: LongPicture) -> None:
    axis.plot(times, picture.home.tank_c[0], color=WATER, lw=1.2, label="sensor")
    axis.plot(times, picture.home.tank_min_c[0], color=AIR, lw=0.8, label="at the top, lowest")
    axis.set_ylabel("hot water °C")
    axis.legend(loc="upper right", ncols=2, fontsize=8, frameon=False)


def _power(axis: Any, times: Array, picture: LongPicture) -> None:
    trace = picture.home
    element = trace.energy_backup_kwh[0] * 4.0
    water = np.minimum(trace.energy_dhw_kwh[0] * 4.0, trace.power_kw[0])
    axis.fill_between(times, 0, trace.power_kw[0], step="post", color=SPACE, alpha=0.6, lw=0, label="heating")
    axis.fill_between(times, 0, water, step="post", color=WATER, alpha=0.8, lw=0, label="hot water")
    if element.any():
        axis.fill_between(times, 0, element, step="post", color=ELEMENT, lw=0, label="electric element")
    axis.set_ylim(bottom=0)
    axis.set_ylabel("power kW")
    axis.legend(loc="upper right", ncols=3, fontsize=8, framealpha=0.8)


def _fleet(axis: Any, times: Array, picture: LongPicture) -> None:
    """Power a home, and as a mean and a largest value of each day where the time is long."""
    whole = len(times) // DAY
    if whole <= 2 * 7:
        axis.step(times, picture.kw_a_home, where="post", color=SPACE, lw=1.2)
    else:
        days = picture.kw_a_home[: whole * DAY].reshape(whole, DAY)
        axis.fill_between(times[: whole * DAY : DAY], days.min(1), days.max(1), color=SPACE, alpha=0.2, lw=0)
        axis.plot(times[: whole * DAY : DAY], days.mean(1), color=SPACE, lw=1.2)
    axis.set_ylim(bottom=0)
    axis.set_ylabel("fleet: kW a home\n(mean and range of a day)" if whole > 2 * 7 else "fleet: kW a home")
