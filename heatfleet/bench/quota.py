"""How fresh readings stay within call budgets, and that none is ever overdrawn: ``heatfleet bench quota``.

A simulated week (a virtual clock, nothing sleeps) of 1,000 heat pumps at a vendor that takes 25 calls a minute of each
account, and as many as it likes, 300 or 100 a minute of the whole app. The vendor's side counts the calls.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from heatfleet.bench._quota_week import POLL, Vendor, Week
from heatfleet.vendors.kit.quota import Budget, Quota

ACCOUNT = Budget(25, 60.0)
APPS: tuple[Budget | None, ...] = (None, Budget(300, 60.0), Budget(100, 60.0))
WRITE_DELAY_BAR_S = 300.0


def run(**options: Any) -> dict[str, Any]:
    """Calls, gaps between readings and delays of writes for each budget of the app; options: pumps, days, seed."""
    pumps, days, seed = int(options.get("pumps", 1000)), float(options.get("days", 7)), int(options.get("seed", 1))
    found = {_named(app): live(pumps, days, app, seed) for app in APPS}
    return {
        "bench": "quota",
        "pumps": pumps,
        "days": days,
        "account": "25 calls in 60 s",
        "reference": f"a reading every {POLL.total_seconds():g} s, which is asked for",
        "app": found,
        "bars": {"refused_by_the_vendor": 0, "longest_write_delay_s": WRITE_DELAY_BAR_S},
        "within_bars": all(_holds(one) for one in found.values()),
    }


def live(pumps: int, days: float, app: Budget | None, seed: int) -> dict[str, Any]:
    """What a fleet and its vendor have seen in these days."""
    vendor = Vendor(app, ACCOUNT)
    quota = Quota([app] if app else [], [ACCOUNT])
    week = Week(pumps, vendor, quota, np.random.default_rng(seed))
    week.run(days * 86_400.0)
    gaps, delays = np.array(week.gaps_s), np.array(week.write_delays_s)
    return {
        "calls": vendor.calls,
        "refused_by_the_vendor": vendor.refused,
        "most_calls_in_any_minute": vendor.most,
        "readings": len(gaps),
        "gap_between_readings_s": {
            "median": round(float(np.median(gaps))),
            "p99": round(float(np.quantile(gaps, 0.99))),
            "largest": round(float(gaps.max())),
        },
        "writes": len(delays),
        "writes_still_waiting": week.waiting_writes,
        "write_delay_s": {
            "median": round(float(np.median(delays)), 1),
            "p99": round(float(np.quantile(delays, 0.99)), 1),
            "largest": round(float(delays.max()), 1),
        },
    }


def _holds(one: dict[str, Any]) -> bool:
    return bool(one["refused_by_the_vendor"] == 0 and one["write_delay_s"]["largest"] <= WRITE_DELAY_BAR_S)


def _named(app: Budget | None) -> str:
    return "unlimited" if app is None else f"{app.calls} calls in {app.per_s:g} s"
