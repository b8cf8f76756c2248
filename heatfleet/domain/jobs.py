"""The jobs by which flows hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class JobName(StrEnum):
    """One job kind = one flow. Polling is not here: it uses the due-table."""

    PLAN = "plan"  # payload: heat_pump_id
    LEARN = "learn"  # payload: heat_pump_id
    RELEASE = "release"  # payload: heat_pump_id; give the owner's own settings back
    ERASE = "erase"  # payload: org_id, user_id, until (wall clock: not waited for longer)
    FETCH_PRICES = "fetch_prices"  # payload: zone
    FETCH_WEATHER = "fetch_weather"  # payload: place


@dataclass(frozen=True)
class Job:
    """A claimed job; ``starts`` counts how often it was begun (a job that kills its worker is parked).

    ``attempts`` counts how often it was put back in order, to be tried again later. Only a parked job can have a name
    that is not a :class:`JobName`: that of another version of the house.
    """

    id: int
    name: JobName | str
    payload: dict[str, Any] = field(default_factory=dict)
    starts: int = 1
    attempts: int = 0
