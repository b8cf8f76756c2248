"""Polling and steering within call budgets over a virtual week; the vendor's side counts what arrives.

The kit's own quota and the due-table's own waits, without database and HTTP: every poll and every write is one call.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count

import numpy as np

from heatfleet.domain.faults import FaultKind
from heatfleet.domain.polling import wait_after
from heatfleet.vendors.kit.quota import Budget, Purpose, Quota

POLL = timedelta(minutes=5)
QUARTER_S, WRITE_SHARE = 900.0, 0.1
TOKEN_LIFE_S = 3600.0
RETRY_WRITE_S = 1.0
INSTALLERS = (120, 60, 30, 15)
"""Pumps of the largest accounts; everybody else has an account with one."""


class Vendor:
    """The other side: counts calls in every window of each budget, wherever it begins, and refuses what is too much."""

    def __init__(self, app: Budget | None, account: Budget) -> None:
        self._budgets = {"app": app, "account": account}
        self._seen: dict[str, deque[float]] = {}
        self.calls, self.refused = 0, 0
        self.most = {"app": 0, "account": 0}

    def call(self, account: str, now_s: float) -> None:
        """One call arrives."""
        self.calls += 1
        windows = {name: self._window(name, account, now_s) for name, budget in self._budgets.items() if budget}
        for name, seen in windows.items():
            self.most[name] = max(self.most[name], len(seen))
        self.refused += any(len(seen) > self._limit(name) for name, seen in windows.items())

    def _window(self, name: str, account: str, now_s: float) -> deque[float]:
        budget = self._budgets[name]
        assert budget is not None
        seen = self._seen.setdefault("" if name == "app" else account, deque())
        seen.append(now_s)
        while seen[0] <= now_s - budget.per_s + 1e-5:
            seen.popleft()
        return seen

    def _limit(self, name: str) -> int:
        budget = self._budgets[name]
        assert budget is not None
        return budget.calls


@dataclass
class Week:
    """A fleet that is polled and steered; times in seconds from the start."""

    pumps: int
    vendor: Vendor
    quota: Quota
    rng: np.random.Generator
    gaps_s: list[float] = field(default_factory=list)
    write_delays_s: list[float] = field(default_factory=list)
    waiting_writes: int = 0

    def __post_init__(self) -> None:
        sizes = [size for size in INSTALLERS if size <= self.pumps // 4]
        names = [f"installer-{size}" for size in sizes for _ in range(size)]
        self._account = names + [f"owner-{n}" for n in range(self.pumps - len(names))]
        self._read_at_s = [0.0] * self.pumps
        self._failures = [0] * self.pumps
        self._token_until_s: dict[str, float] = {}
        self._order = count()
        self._due: list[tuple[float, int, int, float | None]] = []  # when, order, pump, since when a write waits

    def run(self, span_s: float) -> None:
        """Lives through ``span_s`` seconds."""
        for pump in range(self.pumps):
            self._put(float(self.rng.uniform(0, POLL.total_seconds())), pump, None)
        next_quarter_s = QUARTER_S
        while self._due and self._due[0][0] < span_s:
            if self._due[0][0] >= next_quarter_s:
                self._steer(next_quarter_s)
                next_quarter_s += QUARTER_S
            now_s, _, pump, since_s = heapq.heappop(self._due)
            if since_s is None:
                self._poll(pump, now_s)
            else:
                self._write(pump, now_s, since_s)
        self.waiting_writes = sum(1 for entry in self._due if entry[3] is not None)

    def _put(self, at_s: float, pump: int, since_s: float | None) -> None:
        heapq.heappush(self._due, (at_s, next(self._order), pump, since_s))

    def _steer(self, at_s: float) -> None:
        """A quarter-hour begins: some pumps are written to, and read again soon to see it confirmed."""
        for pump in np.flatnonzero(self.rng.random(self.pumps) < WRITE_SHARE):
            self._put(at_s, int(pump), at_s)

    def _poll(self, pump: int, now_s: float) -> None:
        wait_s = self._call(self._account[pump], Purpose.READ, now_s)
        if wait_s > 0:
            failures = self._failures[pump]
            self._failures[pump] += 1
            again = wait_after(FaultKind.QUOTA_EXCEEDED, POLL, failures, wait_s)
            self._put(now_s + again.total_seconds(), pump, None)
            return
        self.gaps_s.append(now_s - self._read_at_s[pump])
        self._read_at_s[pump], self._failures[pump] = now_s, 0
        self._put(now_s + POLL.total_seconds(), pump, None)

    def _write(self, pump: int, now_s: float, since_s: float) -> None:
        wait_s = self._call(self._account[pump], Purpose.WRITE, now_s)
        if wait_s > 0:
            self._put(now_s + max(wait_s, RETRY_WRITE_S), pump, since_s)
        else:
            self.write_delays_s.append(now_s - since_s)

    def _call(self, account: str, purpose: Purpose, now_s: float) -> float:
        """0 when the call went out, the token being refreshed before where it had run out; else the seconds to wait."""
        if self._token_until_s.get(account, 0.0) <= now_s:
            wait_s = self._send(account, Purpose.WRITE, now_s)
            if wait_s > 0:
                return wait_s
            self._token_until_s[account] = now_s + TOKEN_LIFE_S
        return self._send(account, purpose, now_s)

    def _send(self, account: str, purpose: Purpose, now_s: float) -> float:
        wait_s = self.quota.take(account, purpose, now_s)
        if wait_s == 0:
            self.vendor.call(account, now_s)
        return wait_s
