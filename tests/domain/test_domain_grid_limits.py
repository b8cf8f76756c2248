"""Dimming by the grid: floors that hold, and what is left shared alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.domain.errors import Invalid
from heatfleet.domain.grid_limits import FLOOR_KW, LONGEST, SOON, Connection, check_times, shares_kw

NOW = datetime(2024, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
CONNECTIONS = st.lists(
    st.builds(Connection, st.just(()), st.none() | st.floats(0.0, 60.0)), min_size=1, max_size=12
)  # fmt: skip


@pytest.mark.parametrize(
    ("connected_kw", "least_kw"), [(None, 4.2), (3.0, 4.2), (10.9, 4.2), (11.0, 4.2), (12.0, 4.8), (30.0, 12.0)]
)
def test_what_a_connection_must_be_left(connected_kw: float | None, least_kw: float) -> None:
    assert Connection((), connected_kw).least_kw == pytest.approx(least_kw)


@given(limit_kw=st.floats(0.0, 300.0), connections=CONNECTIONS)
def test_nobody_gets_less_than_the_floor_and_all_no_more_than_they_must(
    limit_kw: float, connections: list[Connection]
) -> None:
    shares, least = shares_kw(limit_kw, connections), [c.least_kw for c in connections]
    assert all(share >= floor - 1e-9 for share, floor in zip(shares, least, strict=True))
    assert min(shares) >= FLOOR_KW
    assert sum(shares) == pytest.approx(max(limit_kw, sum(least)))


@given(limit_kw=st.floats(0.0, 300.0), more_kw=st.floats(0.0, 50.0), connections=CONNECTIONS)
def test_a_higher_limit_takes_from_nobody(limit_kw: float, more_kw: float, connections: list[Connection]) -> None:
    pairs = zip(shares_kw(limit_kw, connections), shares_kw(limit_kw + more_kw, connections), strict=True)
    assert all(after >= before - 1e-9 for before, after in pairs)


def test_what_is_left_is_shared_alike() -> None:
    small, large = Connection((), None), Connection((), 30.0)
    assert shares_kw(24.0, [small, small, large]) == pytest.approx([6.0, 6.0, 12.0])
    assert shares_kw(60.0, [small, small, large]) == pytest.approx([20.0, 20.0, 20.0])


@pytest.mark.parametrize(
    ("starts_at", "ends_at"),
    [
        (NOW, NOW),
        (NOW + HOUR, NOW),
        (NOW - 2 * HOUR, NOW - HOUR),
        (NOW, NOW + LONGEST + HOUR),
        (NOW + SOON + HOUR, NOW + SOON + 2 * HOUR),
    ],
)
def test_times_that_make_no_sense_are_refused(starts_at: datetime, ends_at: datetime) -> None:
    with pytest.raises(Invalid):
        check_times(starts_at, ends_at, NOW)
    check_times(NOW - HOUR, NOW + HOUR, NOW)
