"""The two clocks of the house, as something handed in.

Wall clock: tokens, sessions, rate limits, ``created_at``. Fleet clock: everything about heat.
In production they are one; in the demo the fleet clock runs faster.
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells both times, aware UTC."""

    def wall_now(self) -> datetime:
        """Now, for sessions, tokens and limits."""
        ...

    def fleet_now(self) -> datetime:
        """Now, for readings, prices, plans and commands."""
        ...
