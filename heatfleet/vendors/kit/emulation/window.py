"""A vendor's own call limit: fixed windows, told in RateLimit headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_ACCOUNTS = 100_000


@dataclass
class CallWindow:
    """At most ``calls`` calls of an account in each window of ``per_s`` seconds (aligned to the epoch)."""

    calls: int
    per_s: float
    _used: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count(self, account: str, now_s: float) -> tuple[bool, Mapping[str, str]]:
        """Whether one more call is allowed, and the headers that say what is left."""
        window = int(now_s // self.per_s)
        at, used = self._used.get(account, (window, 0))
        used = used + 1 if at == window else 1
        if len(self._used) > MAX_ACCOUNTS:
            self._used.clear()
        self._used[account] = (window, used)
        reset_s = max(1, round((window + 1) * self.per_s - now_s))
        headers = {
            "RateLimit-Limit": str(self.calls),
            "RateLimit-Remaining": str(max(0, self.calls - used)),
            "RateLimit-Reset": str(reset_s),
        }
        return (True, headers) if used <= self.calls else (False, headers | {"Retry-After": str(reset_s)})
