"""When a heat pump that could not be read is asked again."""

from __future__ import annotations

from datetime import timedelta

from heatfleet.domain.faults import FaultKind

LONGEST_WAIT = timedelta(hours=1)
PATIENT = 60  # times put off: some five minutes longer than asked for
GOLDEN = 0.5 * (5.0**0.5 - 1.0)  # its multiples fill a period evenly and never come back to where they were


def wait_after(kind: FaultKind, interval: timedelta, failures_before: int, after_s: float) -> timedelta:
    """How long to wait: as long as the vendor or our budget says, and ever longer while it keeps failing.

    A budget that is used up is nobody's fault: then it is asked again once there are calls, the sooner the more often
    it was put off, so that every pump gets its turn. At last no longer in step with the budget's own period: a pump
    that asks at the same seconds of each minute could be the one too late for hours.
    """
    told = timedelta(seconds=after_s)
    if kind is FaultKind.QUOTA_EXCEEDED:
        off_beat = 1.0 + 0.5 * (GOLDEN * failures_before % 1.0) if failures_before >= PATIENT else 1.0
        return max(interval / min(5 * (failures_before + 1), 60) * off_beat, told)
    return max(min(interval * 2 ** min(failures_before, 10), LONGEST_WAIT), told)
