"""The pool takes what is left, where it is cheapest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Outlook, PlanStep, Reason
from heatfleet.planning.pool import PoolPlans, Swim, pool_plans, with_pool
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.pool import Pool, prior_pool

HOMES, STEPS = 3, 144
HOUR = np.arange(STEPS) / 4 % 24
START = datetime(2024, 7, 22, tzinfo=UTC)


def pools() -> Pool:
    return prior_pool(np.array([6.0, 8.0, 10.0]))


def planned(
    price: Array | None = None, pool_c: float = 27.6, is_free: Array | None = None, setpoint_c: float = 28.0
) -> PoolPlans:
    one = np.ones((HOMES, STEPS))
    spot = 0.3 + 0.12 * np.cos((HOUR - 3) / 24 * 2 * np.pi) if price is None else price
    air = one * (18.0 + 5.0 * np.sin((HOUR - 9) / 24 * 2 * np.pi)), one * 0.0
    free = one > 0.0 if is_free is None else is_free
    swim = Swim(np.full(HOMES, pool_c), np.full(HOMES, setpoint_c), np.ones(HOMES), free)
    return pool_plans(pools(), one * spot, air, swim)


def test_a_pool_is_heated_where_it_is_cheap() -> None:
    spot = 0.3 + 0.12 * np.cos((HOUR - 3) / 24 * 2 * np.pi)
    plans = planned()
    assert plans.heats.any(axis=1).all()
    paid = (plans.power_kw * spot).sum(axis=1) / plans.power_kw.sum(axis=1)
    assert (paid < 0.95 * spot.mean()).all()
    assert (plans.pool_c > 26.7).all()  # a kelvin below the setpoint, a little late
    assert (plans.pool_c < 29.3).all()


def test_runs_last_an_hour() -> None:
    heats = planned().heats
    for row in heats:
        edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
        runs = edges[1::2] - edges[::2]
        assert all(length >= 4 for length in runs[:-1])


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000))
def test_what_is_taken_stays_taken(seed: int) -> None:
    is_free = np.repeat(np.random.default_rng(seed).random((HOMES, STEPS // 6)) < 0.6, 6, axis=1)
    plans = planned(is_free=is_free)
    assert not (plans.heats & ~is_free).any()
    assert not ((plans.own_power_kw > 0.0) & ~is_free).any()


def test_with_nothing_left_the_pool_gets_colder_and_nothing_breaks() -> None:
    plans = planned(is_free=np.zeros((HOMES, STEPS), bool))
    assert not plans.heats.any()
    assert (plans.pool_c[:, -1] < 27.6).all()


def test_a_pool_that_is_not_known_is_left_alone() -> None:
    one = np.ones((HOMES, STEPS))
    swim = Swim(np.array([np.nan, 27.0, 27.0]), np.array([28.0, np.nan, 28.0]), np.ones(HOMES), one > 0.0)
    plans = pool_plans(pools(), 0.3 * one, (18.0 * one, 0.0 * one), swim)
    assert plans.is_planned.tolist() == [False, False, True]
    step = PlanStep(START, SteeringState.MID, False, 0.1, 21.0, 50.0, 0.3, Reason.STEADY)
    outlook = Outlook(1.0, 1.2, 0.0, 21.0, 21.0, 0.0)
    assert with_pool((step,), outlook, plans, 0) == ((step,), outlook)


def test_the_plan_of_a_home_counts_its_pool() -> None:
    plans = planned()
    price = 0.3 + 0.12 * np.cos((HOUR - 3) / 24 * 2 * np.pi)
    steps = tuple(
        PlanStep(START + t * timedelta(minutes=15), SteeringState.MID, False, 0.1, 21.0, 50.0, p, Reason.STEADY)
        for t, p in enumerate(price.tolist())
    )
    found, outlook = with_pool(steps, Outlook(1.0, 1.2, 0.0, 21.0, 21.0, 0.0), plans, 1)
    assert [s.pool_heating for s in found] == plans.heats[1].tolist()
    assert found[5].pool_temp_c == pytest.approx(plans.pool_c[1, 5])
    more = sum(s.cost for s in found) - sum(s.cost for s in steps)
    assert outlook.cost == pytest.approx(1.0 + more)
    assert outlook.saving > 0.2  # heated in cheap hours, and what is stored counts
