"""The picture of the next hours: everything lies inside it, whatever prices and temperatures there are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from heatfleet.domain.policy import Comfort
from heatfleet.store.plans import PlanRow
from heatfleet.web.home_strip import LANE, runs, strip

START, MTU = datetime(2024, 1, 8, 6, tzinfo=UTC), timedelta(minutes=15)
NOBODY = UUID(int=0)
numbers = st.one_of(st.none(), st.just(float("nan")), st.floats(-5, 5, width=32))
temps = st.one_of(st.none(), st.floats(10, 30, width=32))
steps = st.tuples(st.sampled_from(["min", "low", "mid", "max"]), st.booleans(), numbers, temps)
bands = st.tuples(st.floats(8, 20), st.floats(0.5, 5))


def rows_of(given_steps: list[tuple[str, bool, float | None, float | None]]) -> list[PlanRow]:
    return [
        PlanRow(NOBODY, NOBODY, START + n * MTU, state, water, 1.0, temp, None, price, "steady", START, 1, 1)
        for n, (state, water, price, temp) in enumerate(given_steps)
    ]


def heights(path: str | None) -> list[float]:
    return [float(y) for y in re.findall(r"(?:V| )(-?[\d.]+(?:e-?\d+)?)", path or "")]


@given(st.lists(steps, min_size=1, max_size=60), st.data())
def test_everything_lies_inside_the_picture(given_steps: list[tuple], data: st.DataObject) -> None:
    rows = rows_of(given_steps)
    comfort = [
        Comfort(low, low + wide, 45, 50)
        for low, wide in data.draw(st.lists(bands, min_size=len(rows), max_size=len(rows)))
    ]
    drawn = strip(rows, data.draw(st.sampled_from([comfort, []])))
    assert drawn is not None
    for path in (drawn.price, drawn.band, drawn.indoor):
        assert all(-0.01 <= y <= LANE + 0.01 for y in heights(path)), path
        assert "nan" not in (path or "")
    assert all(0 <= x < 100 and at.minute == 0 and at.hour % 3 == 0 for x, at in drawn.ticks)


@given(st.lists(steps, min_size=1, max_size=60))
def test_the_runs_are_the_rows(given_steps: list[tuple]) -> None:
    rows = rows_of(given_steps)
    found = runs(rows)
    assert sum(run.count for run in found) == len(rows)
    assert [run.first for run in found] == [sum(r.count for r in found[:n]) for n in range(len(found))]
    assert (found[0].start_at, found[-1].end_at) == (START, START + len(rows) * MTU)
    for one, next_ in pairwise(found):
        assert one.end_at == next_.start_at
        assert (one.row.state, one.row.hot_water) != (next_.row.state, next_.row.hot_water)


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([None, False, True])), min_size=1, max_size=40))
def test_a_run_cools_or_heats_the_pool_as_a_whole(flags: list[tuple[bool, bool | None]]) -> None:
    given_steps = [("mid", False, 0.2, 25.0)] * len(flags)
    rows = [
        structs.replace(row, cooling=cooling, pool_heating=pool)
        for row, (cooling, pool) in zip(rows_of(given_steps), flags, strict=True)
    ]
    drawn = strip(rows, [])
    assert drawn is not None
    told = [(run.row.cooling, bool(run.row.pool_heating)) for run in drawn.runs for _ in range(run.count)]
    assert told == [(cooling, bool(pool)) for cooling, pool in flags]
    assert (drawn.cools, drawn.heats_pool) == (any(c for c, _ in flags), any(p for _, p in flags))


def test_a_price_below_zero_hangs_down_from_the_line() -> None:
    drawn = strip(rows_of([("mid", False, 0.2, 21.0), ("max", False, -0.1, 21.0)]), [])
    assert drawn is not None
    assert drawn.price == "M0 66.67V0.0H1V100.0H2V66.67Z"
    assert (drawn.price_range.low, drawn.price_range.high) == (-0.1, 0.2)  # type: ignore[union-attr]


def test_without_a_plan_there_is_no_picture_and_without_prices_no_price() -> None:
    assert strip([], []) is None
    drawn = strip(rows_of([("mid", False, None, None)]), [])
    assert drawn is not None
    assert (drawn.price, drawn.price_range, drawn.band, drawn.indoor, drawn.temp_range) == (None,) * 5
