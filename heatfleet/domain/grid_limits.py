"""Dimming by the grid operator (§14a EnWG): what a group of grid connections may draw, and what each must be left.

Below a floor nobody is dimmed: 4.2 kW a connection, and 0.4 of what is connected where heat pumps of more than 11 kW
are (BNetzA BK6-22-300, annex 1). Heat pumps behind one connection count together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heatfleet.domain.errors import FieldError, Invalid

FLOOR_KW = 4.2
LARGE_KW, LARGE_SHARE = 11.0, 0.4
LONGEST = timedelta(days=7)
SOON = timedelta(days=31)  # how far ahead a limit may begin


@dataclass(frozen=True)
class Connection:
    """Heat pumps behind one grid connection; ``connected_kw`` of all of them, None = not known."""

    heat_pump_ids: tuple[UUID, ...]
    connected_kw: float | None = None

    @property
    def least_kw(self) -> float:
        """What the connection must be left."""
        if self.connected_kw is None or self.connected_kw <= LARGE_KW:
            return FLOOR_KW
        return max(FLOOR_KW, LARGE_SHARE * self.connected_kw)


def shares_kw(limit_kw: float, connections: Sequence[Connection]) -> list[float]:
    """What each connection may draw of a limit of all of them: alike, but none less than its floor.

    So all together are the limit, or the sum of the floors where that is more.
    """
    rest, level = limit_kw, 0.0
    ordered = sorted((c.least_kw for c in connections), reverse=True)
    for n, least in enumerate(ordered):
        level = rest / (len(ordered) - n)
        if level >= least:
            break
        rest -= least
    return [max(connection.least_kw, level) for connection in connections]


def check_times(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Nothing for a time that is still to come, soon, and not too long; raises :class:`Invalid`."""
    if ends_at <= max(starts_at, now):
        raise Invalid(FieldError(("body", "ends_at"), "must be later than starts_at and than now", "range"))
    if ends_at - starts_at > LONGEST:
        raise Invalid(FieldError(("body", "ends_at"), f"is more than {LONGEST.days} days after starts_at", "range"))
    if starts_at > now + SOON:
        raise Invalid(FieldError(("body", "starts_at"), f"lies more than {SOON.days} days ahead", "range"))
