"""The optimisation score: a share in 0..100, or nothing where it cannot be told."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heatfleet.fleet.score import DAYS, LEAST_DAYS, optimization_score
from heatfleet.thermal.arrays import Array

COSTS = arrays(float, (4, DAYS), elements=st.floats(-5.0, 20.0) | st.just(float("nan")))
SHARES = arrays(float, (4, DAYS), elements=st.floats(0.0, 1.0))


@given(own=COSTS, realised=COSTS, best=COSTS, known=SHARES)
def test_it_is_a_share_or_nothing(own: Array, realised: Array, best: Array, known: Array) -> None:
    found = optimization_score(own, realised, np.fmin(np.fmin(best, own), realised), known)
    assert (np.isnan(found) | ((found >= 0.0) & (found <= 100.0))).all()


@given(saved=st.floats(0.0, 1.0), achievable=st.floats(0.05, 3.0))
def test_it_is_what_was_saved_of_what_could_be(saved: float, achievable: float) -> None:
    own = np.full((1, DAYS), 5.0)
    found = optimization_score(own, own - saved * achievable, own - achievable, np.ones((1, DAYS)))
    assert np.isclose(found[0], 100.0 * saved)


@given(missing=st.integers(0, DAYS), gap=st.sampled_from(["unseen", "unknown"]))
def test_there_is_none_before_a_week_is_known(missing: int, gap: str) -> None:
    own, known = np.full((1, DAYS), 5.0), np.ones((1, DAYS))
    if gap == "unseen":
        known[0, :missing] = 0.79
    else:
        own[0, :missing] = np.nan
    found = optimization_score(own, own - 0.5, own - 1.0, known)
    assert np.isnan(found[0]) == (DAYS - missing < LEAST_DAYS)


def test_where_nothing_can_be_saved_there_is_no_share_of_it() -> None:
    own = np.full((2, DAYS), 5.0)
    assert np.isnan(optimization_score(own, own, own, np.ones((2, DAYS)))).all()


def test_days_that_cost_more_than_nothing_are_made_up_by_others() -> None:
    own, best = np.full((1, DAYS), 5.0), np.full((1, DAYS), 4.0)
    realised = np.array([[6.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]])
    assert np.isclose(optimization_score(own, realised, best, np.ones((1, DAYS)))[0], 100.0 * 5.0 / 7.0)
