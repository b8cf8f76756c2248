"""Hot-water hygiene: what dose of heat a tank has had, and when the next one is due.

Legionella are killed in about 6 h at 55 °C, 32 min at 60 °C, 2 min at 65 °C and 30 s at 70 °C. One dose is any
trace of temperatures that kills as much as 32 minutes at 60 °C. Nobody can switch this off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

DOSE_EVERY = timedelta(days=7)
DOSE_EVERY_LARGE = timedelta(hours=72)  # tank above 400 l or more than 3 l in the pipes
DOSE_SETPOINT_C = 62.0
LONGEST_GAP_H = 0.5
_KILL_H = ((55.0, 6.0), (60.0, 32.0 / 60.0), (65.0, 2.0 / 60.0), (70.0, 0.5 / 60.0))


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


def doses(ats: Sequence[datetime], temps_c: Sequence[float]) -> float:
    """Doses in a measured trace; each interval counts with its colder end, gaps above half an hour with nothing."""
    total = 0.0
    for i in range(1, len(ats)):
        step_h = (ats[i] - ats[i - 1]) / timedelta(hours=1)
        if 0 < step_h <= LONGEST_GAP_H:
            total += step_h * doses_per_h(min(temps_c[i - 1], temps_c[i]))
    return total


def is_disinfected(ats: Sequence[datetime], temps_c: Sequence[float]) -> bool:
    """Whether the trace holds a full dose."""
    return doses(ats, temps_c) >= 1.0
