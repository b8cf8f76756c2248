"""How many calls a vendor still takes: pure counters; the instant is always handed in.

Two counters stand behind each budget: all calls, and reads, which may use four fifths. What is kept back is for writes
and restores: a read goes out only when a fifth is left behind it. No window of ``per_s`` seconds ever holds more than
``calls`` calls, wherever the vendor's windows begin. A budget of a minute or less may be used in one go (a person who
connects does not wait); a longer one is spread.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

RESERVE_SHARE = 0.2
BURST_SHARE = 0.25
MAX_KEYS = 100_000
MAX_BUDGETS = 5
UNLIMITED = "unlimited"
SPREAD_ABOVE_S = 60.0
MOST_REMEMBERED = 100  # calls a window remembers one by one
_EPSILON = 1e-9
_TICK_S = 1e-6  # instants that are nearer are the same: clocks and sums of seconds are no finer


class Purpose(StrEnum):
    """What a call is for; only reads leave the reserve alone."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True)
class Budget:
    """At most ``calls`` calls in any ``per_s`` seconds."""

    calls: int
    per_s: float

    @property
    def for_reads(self) -> int:
        """Calls that reads may use."""
        return max(1, math.floor(self.calls * (1 - RESERVE_SHARE) + _EPSILON))

    def part_of(self, processes: int) -> Budget:
        """What one of ``processes`` may use, so that together they keep the budget (each has one call at least)."""
        return replace(self, calls=max(1, self.calls // processes))


def parse_budgets(text: str) -> tuple[Budget, ...]:
    """Budgets as an operator writes them: ``25/60, 3000/86400`` (calls per seconds), or ``unlimited``.

    Raises ``ValueError`` with a sentence for people.
    """
    if text.strip().lower() == UNLIMITED:
        return ()
    found = [re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", part) for part in text.split(",")]
    if not all(one and int(one[1]) > 0 and int(one[2]) > 0 for one in found) or len(found) > MAX_BUDGETS:
        raise ValueError(f"must be calls/seconds, such as '25/60, 3000/86400', or '{UNLIMITED}'")
    return tuple(Budget(int(one[1]), float(one[2])) for one in found if one)


@dataclass(frozen=True)
class Bucket:
    """Tokens left at ``at_s``; never hands out more than ``limit`` in any window of ``per_s``."""

    limit: int
    per_s: float
    tokens: float
    at_s: float

    @property
    def capacity(self) -> float:
        """Most tokens it holds: the burst."""
        return max(1.0, self.limit * BURST_SHARE)

    @property
    def refill_per_s(self) -> float:
        """Tokens that come back each second; burst and refill together stay below ``limit + 1`` in a window."""
        return (self.limit + 1 - self.capacity) / self.per_s * (1 - _EPSILON)

    def at(self, now_s: float) -> Bucket:
        """The bucket as it stands at ``now_s`` (time never runs backwards in it)."""
        passed_s = now_s - self.at_s
        if passed_s <= 0.0:
            return self
        tokens = min(self.capacity, self.tokens + passed_s * self.refill_per_s)
        return Bucket(self.limit, self.per_s, tokens, now_s)

    def wait_s(self) -> float:
        """Seconds until a whole token is there."""
        return max(0.0, (1.0 - self.tokens) / self.refill_per_s)

    def capped(self, tokens: float) -> Bucket:
        """The bucket with at most ``tokens``."""
        return self if tokens >= self.tokens else Bucket(self.limit, self.per_s, max(0.0, tokens), self.at_s)


@dataclass(frozen=True)
class Window:
    """The calls of the last ``per_s`` seconds, oldest first; the same face as a bucket, without its smoothing."""

    limit: int
    per_s: float
    spent_at_s: tuple[float, ...]
    at_s: float

    @property
    def tokens(self) -> float:
        """Calls left now."""
        return float(self.limit - len(self.spent_at_s))

    def at(self, now_s: float) -> Window:
        """The window as it stands at ``now_s`` (time never runs backwards in it)."""
        if now_s <= self.at_s:
            return self
        # What ends within a tick is over: ``wait_s`` says 0 for it, and the call let out then must be counted.
        over = bisect_right(self.spent_at_s, now_s - self.per_s + _TICK_S)
        return Window(self.limit, self.per_s, self.spent_at_s[over:], now_s)

    @property
    def capacity(self) -> float:
        """Most calls it allows at once."""
        return float(self.limit)

    def wait_s(self) -> float:
        """Seconds until one more call is allowed."""
        return 0.0 if self.tokens >= 1.0 else self.spent_at_s[0] + self.per_s - self.at_s

    def capped(self, tokens: float) -> Window:
        """The window with at most ``tokens`` left: what is missing counts as spent now."""
        missing = math.ceil(self.tokens - max(0.0, tokens) - _EPSILON)
        if missing <= 0:
            return self
        return Window(self.limit, self.per_s, self.spent_at_s + (self.at_s,) * missing, self.at_s)


Counter = Bucket | Window


def _full(limit: int, per_s: float, now_s: float) -> Counter:
    if per_s <= SPREAD_ABOVE_S and limit <= MOST_REMEMBERED:
        return Window(limit, per_s, (), now_s)
    fresh = Bucket(limit, per_s, 0.0, now_s)
    return replace(fresh, tokens=fresh.capacity)


@dataclass(frozen=True)
class Allowance:
    """What one account (or one app) has left: per budget the counter of all calls and the counter of reads."""

    all_calls: tuple[Counter, ...]
    reads: tuple[Counter, ...]
    blocked_until_s: float = -math.inf
    vendor_limit: float = math.inf  # calls in a window, as the vendor's headers say

    @classmethod
    def full(cls, budgets: Sequence[Budget], now_s: float) -> Allowance:
        """An allowance of which nothing has been used."""
        return cls(
            tuple(_full(b.calls, b.per_s, now_s) for b in budgets),
            tuple(_full(b.for_reads, b.per_s, now_s) for b in budgets),
        )

    def at(self, now_s: float) -> Allowance:
        """The allowance as it stands at ``now_s``."""
        if not self.all_calls or self.all_calls[0].at_s >= now_s:
            return self
        all_calls, reads = tuple(c.at(now_s) for c in self.all_calls), tuple(c.at(now_s) for c in self.reads)
        return Allowance(all_calls, reads, self.blocked_until_s, self.vendor_limit)

    def wait_s(self, purpose: Purpose, now_s: float) -> float:
        """Seconds until a call for ``purpose`` is allowed; 0 = now."""
        counters = self.all_calls + (self.reads if purpose is Purpose.READ else ())
        waits = [counter.at(now_s).wait_s() for counter in counters]
        wait_s = max([self.blocked_until_s - now_s, *waits])
        return wait_s if wait_s > _TICK_S else 0.0

    def spend(self, purpose: Purpose, now_s: float) -> Allowance:
        """The allowance after one call; call it only when ``wait_s`` is 0. Reads never get at the reserve's tokens."""
        now = self.at(now_s)
        used = 1.0 if purpose is Purpose.READ else 0.0
        all_calls = tuple(c.capped(c.tokens - 1) for c in now.all_calls)
        free = (c.tokens - RESERVE_SHARE * min(c.capacity, self.vendor_limit) for c in all_calls)
        reads = tuple(c.capped(min(c.tokens - used, most)) for c, most in zip(now.reads, free, strict=True))
        return Allowance(all_calls, reads, self.blocked_until_s, self.vendor_limit)

    def told(self, limit: int, remaining: int, reset_s: float, now_s: float) -> Allowance:
        """The allowance after the vendor said how many calls remain until ``reset_s`` seconds from now."""
        now = self.at(now_s)
        if remaining <= 0:
            return now.blocked(now_s + reset_s)
        kept = limit * RESERVE_SHARE
        return replace(
            now,
            all_calls=tuple(b.capped(remaining) for b in now.all_calls),
            reads=tuple(b.capped(remaining - kept) for b in now.reads),
            vendor_limit=limit,
        )

    def blocked(self, until_s: float) -> Allowance:
        """The allowance with no call at all before ``until_s``."""
        return replace(self, blocked_until_s=max(self.blocked_until_s, until_s))


@dataclass(frozen=True)
class Left:
    """What is left: calls at once (None = unlimited), and seconds until the next read and write may go out."""

    calls: int | None
    read_in_s: float
    write_in_s: float


class Quota:
    """The allowances of one vendor: its app key, and each account; remembers at most ``MAX_KEYS`` accounts."""

    def __init__(self, app: Sequence[Budget], account: Sequence[Budget], processes: int = 1) -> None:
        self._app_budgets = tuple(budget.part_of(processes) for budget in app)
        self._account_budgets = tuple(budget.part_of(processes) for budget in account)
        self._app: Allowance | None = None
        self._accounts: OrderedDict[Hashable, Allowance] = OrderedDict()

    def take(self, account: Hashable, purpose: Purpose, now_s: float) -> float:
        """0 when the call may go out now (and is counted); else the seconds to wait, nothing counted."""
        app, own = self._app_at(now_s).at(now_s), self._account_at(account, now_s).at(now_s)
        wait_s = max(app.wait_s(purpose, now_s), own.wait_s(purpose, now_s))
        if wait_s == 0:
            self._app = app.spend(purpose, now_s)
            self._remember(account, own.spend(purpose, now_s))
        return wait_s

    def left(self, account: Hashable, now_s: float) -> Left:
        """What ``account`` has left at ``now_s``, its app's share included; counts nothing."""
        both = self._app_at(now_s), self._account_at(account, now_s)
        tokens = [bucket.at(now_s).tokens for allowance in both for bucket in allowance.all_calls]
        waits = {purpose: max(one.wait_s(purpose, now_s) for one in both) for purpose in Purpose}
        return Left(math.floor(min(tokens)) if tokens else None, waits[Purpose.READ], waits[Purpose.WRITE])

    def told(self, account: Hashable | None, limit: int, remaining: int, reset_s: float, now_s: float) -> None:
        """Take over what the vendor's headers say; ``account`` None = they count the whole app."""
        if account is None:
            self._app = self._app_at(now_s).told(limit, remaining, reset_s, now_s)
        else:
            self._remember(account, self._account_at(account, now_s).told(limit, remaining, reset_s, now_s))

    def block(self, account: Hashable | None, until_s: float, now_s: float) -> None:
        """No call for ``account`` (None = the whole app) before ``until_s``."""
        if account is None:
            self._app = self._app_at(now_s).blocked(until_s)
        else:
            self._remember(account, self._account_at(account, now_s).blocked(until_s))

    def _app_at(self, now_s: float) -> Allowance:
        return self._app or Allowance.full(self._app_budgets, now_s)

    def _account_at(self, account: Hashable, now_s: float) -> Allowance:
        return self._accounts.get(account) or Allowance.full(self._account_budgets, now_s)

    def _remember(self, account: Hashable, allowance: Allowance) -> None:
        self._accounts[account] = allowance
        self._accounts.move_to_end(account)
        if len(self._accounts) > MAX_KEYS:
            self._accounts.popitem(last=False)
