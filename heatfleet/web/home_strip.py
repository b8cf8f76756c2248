"""The next hours as a picture: where each stretch of price, steering state and temperature lies. Numbers only.

Across, the picture is as many units wide as it has quarter-hours; down, each lane is 100 high. ``home_strip.html``
draws it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from heatfleet.domain.policy import Comfort
from heatfleet.domain.time_grid import MTU
from heatfleet.store.plans import PlanRow

LANE = 100.0
TICK_EVERY_H = 3


@dataclass(frozen=True)
class Run:
    """Quarter-hours that are planned alike, for the same reason: as ``row``, their first; ``price`` is their mean."""

    start_at: datetime
    end_at: datetime
    first: int
    count: int
    row: PlanRow
    price: float | None


@dataclass(frozen=True)
class Range:
    """The least and the most of something that is drawn, and where values lie between."""

    low: float
    high: float

    def y(self, value: float) -> float:
        """How far down the lane."""
        return round(LANE * (self.high - value) / max(self.high - self.low, 1e-9), 2)


@dataclass(frozen=True)
class Strip:
    """Everything that is drawn; paths are SVG path data, None where nothing is known."""

    count: int
    cools: bool
    heats_pool: bool
    runs: Sequence[Run]
    ticks: Sequence[tuple[float, datetime]]  # how far across [%]
    price: str | None
    price_range: Range | None
    band: str | None
    indoor: str | None
    temp_range: Range | None


def strip(rows: Sequence[PlanRow], comfort: Sequence[Comfort]) -> Strip | None:
    """The picture of these quarter-hours, which follow on each other; None without any."""
    if not rows:
        return None
    prices = [_known(row.price) for row in rows]
    temps = [_known(row.indoor_temp_c) for row in rows]
    edges = [edge for c in comfort for edge in (c.indoor_min_c, c.indoor_max_c)]
    price_range, temp_range = _range([*prices, 0.0], 0.0), _range([*temps, *edges], 0.5)
    return Strip(
        count=len(rows),
        cools=any(row.cooling for row in rows),
        heats_pool=any(row.pool_heating for row in rows),
        runs=runs(rows),
        ticks=[(round(100 * n / len(rows), 2), row.start_at) for n, row in enumerate(rows) if _is_tick(row.start_at)],
        price=_area(prices, price_range),
        price_range=_range(prices, 0.0),
        band=_band(comfort, temp_range),
        indoor=_line(temps, temp_range),
        temp_range=temp_range,
    )


def runs(rows: Sequence[PlanRow]) -> list[Run]:
    """The rows in stretches of one state and one reason."""
    found, first = [], 0
    for _, group in groupby(rows, key=_planned):
        same = list(group)
        known = [price for row in same if (price := _known(row.price)) is not None]
        price = sum(known) / len(known) if known else None
        found.append(Run(same[0].start_at, same[-1].start_at + MTU, first, len(same), same[0], price))
        first += len(same)
    return found


def _planned(row: PlanRow) -> tuple[object, ...]:
    """What is done, and why."""
    return row.state, row.cooling, row.hot_water, bool(row.pool_heating), row.reason_code


def _is_tick(at: datetime) -> bool:
    return at.minute == 0 and at.hour % TICK_EVERY_H == 0


def _known(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _range(values: Iterable[float | None], margin: float) -> Range | None:
    known = [value for value in values if value is not None]
    return Range(min(known) - margin, max(known) + margin) if known else None


def _area(values: Sequence[float | None], scale: Range | None) -> str | None:
    """Steps filled down (or up) to zero."""
    if scale is None or all(value is None for value in values):
        return None
    zero = scale.y(0.0)
    return f"M0 {zero}{_steps([zero if value is None else scale.y(value) for value in values])}V{zero}Z"


def _band(comfort: Sequence[Comfort], scale: Range | None) -> str | None:
    """The comfort band: along its upper edge, and back along its lower one."""
    if scale is None or not comfort:
        return None
    upper = [scale.y(c.indoor_max_c) for c in comfort]
    back = "".join(f"V{scale.y(comfort[n].indoor_min_c)}H{n}" for n in reversed(range(len(comfort))))
    return f"M0 {upper[0]}{_steps(upper)}{back}Z"


def _line(values: Sequence[float | None], scale: Range | None) -> str | None:
    """A line through the middles of the steps; None when nothing is known."""
    points = [(n + 0.5, scale.y(v)) for n, v in enumerate(values) if v is not None] if scale else []
    return "M" + "L".join(f"{x} {y}" for x, y in points) if points else None


def _steps(ys: Sequence[float]) -> str:
    return "".join(f"V{y}H{n + 1}" for n, y in enumerate(ys))
