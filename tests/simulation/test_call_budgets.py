"""A virtual night of polling and steering: the vendor's side never sees a budget overdrawn, and writes get through."""

from __future__ import annotations

import pytest
from numpy.random import default_rng

from heatfleet.bench._quota_week import Vendor, Week
from heatfleet.bench.quota import ACCOUNT, live
from heatfleet.vendors.kit.quota import Budget, Quota

PUMPS, DAYS = 240, 0.2


@pytest.mark.parametrize("app", [None, Budget(60, 60.0), Budget(25, 60.0)], ids=["unlimited", "60", "25"])
def test_no_budget_is_ever_overdrawn_and_writes_get_through(app: Budget | None) -> None:
    seen = live(PUMPS, DAYS, app, seed=3)
    assert seen["refused_by_the_vendor"] == 0
    assert seen["most_calls_in_any_minute"]["account"] <= ACCOUNT.calls
    assert app is None or seen["most_calls_in_any_minute"]["app"] <= app.calls
    assert seen["writes"] > PUMPS
    assert seen["write_delay_s"]["largest"] <= 300
    assert seen["readings"] > PUMPS * 5


def test_without_a_shortage_readings_are_as_fresh_as_asked_for() -> None:
    seen = live(100, DAYS, None, seed=3)
    assert seen["gap_between_readings_s"]["median"] == 300
    assert seen["gap_between_readings_s"]["p99"] <= 360


def test_the_vendors_side_would_notice() -> None:
    """A check that cannot fail checks nothing: twice the quota on our side is seen on the vendor's."""
    vendor = Vendor(Budget(20, 60.0), ACCOUNT)
    Week(PUMPS, vendor, Quota([Budget(40, 60.0)], [ACCOUNT]), default_rng(3)).run(3600.0)
    assert vendor.refused > 0
    assert vendor.most["app"] > 20
