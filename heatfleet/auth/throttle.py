"""Failed sign-ins slow down: per account, and per network address."""

from __future__ import annotations

from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from heatfleet.auth.errors import OAuthError

PER_ACCOUNT = RateLimitItemPerMinute(10, 5, namespace="account")
PER_ADDRESS = RateLimitItemPerMinute(50, 5, namespace="address")
RETRY_AFTER_S = 300


@dataclass
class Throttle:
    """Counts failures in memory; a success does not reset, five quiet minutes do."""

    _limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))

    def check(self, account: str, address: str) -> None:
        """Nothing while there is room for one more failure; raises :class:`OAuthError` 429."""
        if not all(self._limiter.test(item, key) for item, key in _keys(account, address)):
            raise OAuthError("slow_down", "Too many failed sign-ins, try again later.", 429, RETRY_AFTER_S)

    def failed(self, account: str, address: str) -> None:
        """One more failure."""
        for item, key in _keys(account, address):
            self._limiter.hit(item, key)


def _keys(account: str, address: str) -> tuple[tuple[RateLimitItem, str], ...]:
    return ((PER_ACCOUNT, account[:320].lower()), (PER_ADDRESS, address))
