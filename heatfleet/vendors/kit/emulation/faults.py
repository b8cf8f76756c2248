"""Faults that a test hands in to an emulated cloud."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

MAX_WAITING = 1000


class Fault(StrEnum):
    """What may go wrong with one call."""

    TOKEN_EXPIRED = "token_expired"  # noqa: S105 - a word, not a password
    TOO_MANY = "too_many"
    HTML_502 = "html_502"
    NONSENSE = "nonsense"
    OTHER_SHAPE = "other_shape"
    CUT = "cut"


SIGN_IN = "/oauth/"


class Faults:
    """Faults waiting for the next calls whose path begins as named, in order."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Fault, str | None]] = deque(maxlen=MAX_WAITING)

    def next(self, fault: Fault, times: int = 1, path: str | None = None) -> None:
        """Let the next ``times`` calls under ``path`` fail (None = all but signing in and refreshing)."""
        self._waiting.extend([(fault, path)] * times)

    def take(self, path: str) -> Fault | None:
        """The fault for a call of ``path``, used up by it."""
        for waiting in self._waiting:
            if path.startswith(waiting[1]) if waiting[1] is not None else not path.startswith(SIGN_IN):
                self._waiting.remove(waiting)
                return waiting[0]
        return None

    def clear(self) -> None:
        """Forget what still waits."""
        self._waiting.clear()
