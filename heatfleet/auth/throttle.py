"""Failed sign-ins slow down: per account, and per network address."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from heatfleet.auth.errors import OAuthError

RETRY_AFTER_S = 60
ACCOUNTS_PER_ADDRESS = 5


@dataclass
class Throttle:
    """Counts failures in memory: ``per_minute`` an account, five times that an address.

    With passwords, attempts under way count as failed: nobody tries a thousand at once before one has failed.
    """

    per_minute: int = 10
    _limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))
    _under_way: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def attempt(self, account: str, address: str, *, is_guessable: bool = False) -> Iterator[None]:
        """Room for one attempt, which failed when the block raises :class:`OAuthError`; without room raises 429."""
        key = account[:320].lower()
        counted = self._counted(key, address)
        left = min(self._limiter.get_window_stats(item, name).remaining for item, name in counted)
        if left <= (self._under_way[key] if is_guessable else 0):
            raise OAuthError("slow_down", "Too many failed sign-ins, try again later.", 429, RETRY_AFTER_S)
        self._under_way[key] += 1
        try:
            yield
        except OAuthError:
            for item, name in counted:
                self._limiter.hit(item, name)
            raise
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    def _counted(self, account: str, address: str) -> tuple[tuple[RateLimitItem, str], ...]:
        per_account = RateLimitItemPerMinute(self.per_minute, namespace="account")
        per_address = RateLimitItemPerMinute(self.per_minute * ACCOUNTS_PER_ADDRESS, namespace="address")
        return ((per_account, account), (per_address, address))
