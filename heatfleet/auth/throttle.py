"""Failed sign-ins slow down: per account, and per network address."""

from __future__ import annotations

from dataclasses import dataclass, field

from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from heatfleet.auth.errors import OAuthError

RETRY_AFTER_S = 60
ACCOUNTS_PER_ADDRESS = 5


@dataclass
class Throttle:
    """Counts failures in memory: ``per_minute`` an account, five times that an address."""

    per_minute: int = 10
    _limiter: FixedWindowRateLimiter = field(default_factory=lambda: FixedWindowRateLimiter(MemoryStorage()))

    def check(self, account: str, address: str) -> None:
        """Nothing while there is room for one more failure; raises :class:`OAuthError` 429."""
        if not all(self._limiter.test(item, key) for item, key in self._keys(account, address)):
            raise OAuthError("slow_down", "Too many failed sign-ins, try again later.", 429, RETRY_AFTER_S)

    def failed(self, account: str, address: str) -> None:
        """One more failure."""
        for item, key in self._keys(account, address):
            self._limiter.hit(item, key)

    def _keys(self, account: str, address: str) -> tuple[tuple[RateLimitItem, str], ...]:
        per_account = RateLimitItemPerMinute(self.per_minute, namespace="account")
        per_address = RateLimitItemPerMinute(self.per_minute * ACCOUNTS_PER_ADDRESS, namespace="address")
        return ((per_account, account[:320].lower()), (per_address, address))
