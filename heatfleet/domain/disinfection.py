"""Hot-water hygiene: what dose of heat a tank has had, when the next one is due and when it is best given.

Legionella are killed in about 6 h at 55 °C, 32 min at 60 °C, 2 min at 65 °C and 30 s at 70 °C. One dose is any
trace of measured temperatures that kills as much as 32 minutes at 60 °C. A dose is due a week after the last one
(72 h in large systems); it is planned into the cheapest hours of the day that ends a seventh of that time before, so
that one which fails can be repeated in time; once overdue it is given at any price. Nobody can switch this off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from heatfleet.domain.levers import Lever, Ranges

DOSE_EVERY = timedelta(days=7)
DOSE_EVERY_LARGE = timedelta(hours=72)
LARGE_TANK_KWH_PER_K = 400.0 * 1.163e-3  # 400 litres of water
DOSE_SETPOINT_C = 62.0
DOSE_TEMP_C, DOSE_STEPS = 60.0, 3  # what a plan asks of the tank: the ends of so many quarter-hours in a row
DOSE_WINDOW = timedelta(days=1)  # in which a plan may choose
DOSE_SLACK_SHARE = 1 / 7  # of the interval: how long before it is due a dose is planned to be complete
DOSE_SOON = timedelta(hours=4)  # what it takes from a tank as it is
DOSE_LONGEST = timedelta(hours=6)  # a planned dose is given up after this, and planned again
LONGEST_GAP_H = 0.5
_KILL_H = ((55.0, 6.0), (60.0, 32.0 / 60.0), (65.0, 2.0 / 60.0), (70.0, 0.5 / 60.0))


def dose_every(tank_kwh_per_k: float | None) -> timedelta:
    """How often a tank of this heat capacity must be disinfected; None = not known, so as most are."""
    is_large = tank_kwh_per_k is not None and tank_kwh_per_k > LARGE_TANK_KWH_PER_K
    return DOSE_EVERY_LARGE if is_large else DOSE_EVERY


def can_disinfect(ranges: Ranges) -> bool:
    """Whether our levers can give a dose: a hot-water setpoint of 60 °C, or a boost that the pump carries out."""
    setpoint = ranges.get(Lever.DHW_SETPOINT_C)
    return Lever.DHW_BOOST in ranges or (setpoint is not None and setpoint.maximum >= DOSE_TEMP_C)


def planned_by(last_dose_at: datetime | None, now: datetime, every: timedelta = DOSE_EVERY) -> datetime | None:
    """When a planned dose must be complete; None while there is time.

    First a while before it is due; when that has passed without a dose, when it is due; when that has passed too, as
    soon as can be.
    """
    if last_dose_at is None:
        return None
    due = last_dose_at + every
    early = due - DOSE_SLACK_SHARE * every
    if now < early - DOSE_WINDOW:
        return None
    return early if now + DOSE_SOON <= early else max(due, now + DOSE_SOON)


def disinfection_due(last_dose_at: datetime | None, now: datetime, every: timedelta = DOSE_EVERY) -> bool:
    """Whether the next dose is due; None = not yet known, so the caller counts from when it began to watch."""
    return last_dose_at is not None and now - last_dose_at >= every


def doses_per_h(temp_c: float) -> float:
    """Doses per hour at ``temp_c``: log-linear between the kill times, nothing below 55 °C, no credit above 70 °C."""
    if temp_c < _KILL_H[0][0] or math.isnan(temp_c):
        return 0.0
    for (low_c, low_h), (high_c, high_h) in pairwise(_KILL_H):
        if temp_c < high_c:
            share = (temp_c - low_c) / (high_c - low_c)
            return math.exp(-(1 - share) * math.log(low_h) - share * math.log(high_h))
    return 1.0 / _KILL_H[-1][1]


def latest_dose_at(ats: Sequence[datetime], temps_c: Sequence[float]) -> datetime | None:
    """When the last full dose of a measured trace was complete; None when it holds none.

    Each interval counts with its colder end, gaps above half an hour with nothing.
    """
    found, gathered = None, 0.0
    for i in range(1, len(ats)):
        step_h = (ats[i] - ats[i - 1]) / timedelta(hours=1)
        if 0 < step_h <= LONGEST_GAP_H:
            gathered += step_h * doses_per_h(min(temps_c[i - 1], temps_c[i]))
        if gathered >= 1.0 - 1e-9:
            found, gathered = ats[i], 0.0
    return found
