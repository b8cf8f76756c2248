"""The clocks handed to everybody: the real one, and the demo's fleet clock that runs ahead of it.

The only file that asks the machine for the time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic


class RealClock:
    """Both clocks are the machine's."""

    def wall_now(self) -> datetime:
        """Now, aware UTC."""
        return datetime.now(UTC)

    def fleet_now(self) -> datetime:
        """Now, aware UTC."""
        return datetime.now(UTC)


class FleetClock(RealClock):
    """Fleet time that stands still until it is advanced, never runs backwards and never faster than ``speed``."""

    def __init__(self, start_at: datetime, speed: float) -> None:
        self._fleet_at = start_at
        self._speed = speed
        self._asked_at = monotonic()
        self._samples: list[tuple[float, datetime]] = [(self._asked_at, start_at)]

    def fleet_now(self) -> datetime:
        """The virtual instant."""
        return self._fleet_at

    def advance(self, no_later_than: datetime | None = None) -> datetime:
        """Moves on by ``speed`` times the real time since the last call, but not past ``no_later_than``; the new now.

        Time spent waiting for due work is not made up for later.
        """
        now = monotonic()
        target = self._fleet_at + timedelta(seconds=(now - self._asked_at) * self._speed)
        self._asked_at = now
        if no_later_than is not None:
            target = min(target, no_later_than)
        self._fleet_at = max(self._fleet_at, target)
        self._remember(now)
        return self._fleet_at

    def hurry(self, speed: float) -> None:
        """From now on at least this fast."""
        self._speed = max(self._speed, speed)

    def _remember(self, now: float) -> None:
        self._samples.append((now, self._fleet_at))
        while len(self._samples) > 2 and now - self._samples[1][0] > 10.0:
            self._samples.pop(0)

    @property
    def speed_reached(self) -> float:
        """Fleet seconds per real second over about the last ten seconds."""
        (since, at), (until, now) = self._samples[0], self._samples[-1]
        return (now - at).total_seconds() / (until - since) if until > since else 0.0
