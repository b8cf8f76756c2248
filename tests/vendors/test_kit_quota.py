"""Token buckets: no window is ever overdrawn, writes always find their reserve, the vendor's word counts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.vendors.kit.quota import Budget, Left, Purpose, Quota, parse_budgets

budgets = st.builds(Budget, calls=st.integers(1, 300), per_s=st.sampled_from([1.0, 60.0, 600.0, 86_400.0]))
gaps = st.lists(st.tuples(st.floats(0.0, 30.0), st.sampled_from(list(Purpose))), min_size=1, max_size=300)


def granted(budget: Budget, asked: list[tuple[float, Purpose]]) -> list[tuple[float, Purpose]]:
    """The calls that a fresh quota lets out."""
    quota, now_s, out = Quota((), [budget]), 1000.0, []
    for gap_s, purpose in asked:
        now_s += gap_s
        if quota.take("a", purpose, now_s) == 0:
            out.append((now_s, purpose))
    return out


def most_in_a_window(times: list[float], per_s: float) -> int:
    until_s = per_s - 1e-5  # clocks are not finer
    return max((sum(1 for t in times if start <= t < start + until_s) for start in times), default=0)


@given(budgets, gaps)
def test_no_window_holds_more_than_the_budget(budget: Budget, asked: list[tuple[float, Purpose]]) -> None:
    out = granted(budget, asked)
    assert most_in_a_window([t for t, _ in out], budget.per_s) <= budget.calls
    reads = [t for t, purpose in out if purpose is Purpose.READ]
    assert most_in_a_window(reads, budget.per_s) <= budget.for_reads


@given(st.integers(10, 300), st.sampled_from([60.0, 600.0]))
def test_reads_leave_writes_their_reserve(calls: int, per_s: float) -> None:
    """Somebody who reads all the time cannot keep a write from going out within a fraction of the window."""
    quota, now_s = Quota((), [Budget(calls, per_s)]), 0.0
    for _ in range(200):
        now_s += per_s / 200
        quota.take("a", Purpose.READ, now_s)
        if quota.take("a", Purpose.WRITE, now_s) == 0:
            return
    pytest.fail("no write in a whole window")


@given(budgets, gaps)
def test_the_wait_told_is_enough(budget: Budget, asked: list[tuple[float, Purpose]]) -> None:
    quota, now_s = Quota((), [budget]), 0.0
    for gap_s, purpose in asked:
        now_s += gap_s
        wait_s = quota.take("a", purpose, now_s)
        if wait_s > 0:
            now_s += wait_s * (1 + 1e-6) + 1e-6
            assert quota.take("a", purpose, now_s) == 0


@given(budgets)
def test_a_fresh_account_may_call_at_once(budget: Budget) -> None:
    quota = Quota([budget], [budget])
    assert quota.take("a", Purpose.READ, 0.0) == 0


def test_sustained_rate_comes_close_to_the_budget() -> None:
    asked = [(1.0, Purpose.WRITE)] * 600
    assert len(granted(Budget(25, 60.0), asked)) > 0.75 * 25 * 10


def test_the_app_budget_holds_over_all_accounts() -> None:
    quota = Quota([Budget(8, 600.0)], [Budget(100, 60.0)])
    out = [quota.take(f"account-{i}", Purpose.WRITE, 0.0) == 0 for i in range(20)]
    assert sum(out) == 2


def test_a_budget_of_a_minute_may_be_used_in_one_go_and_keeps_its_reserve() -> None:
    quota = Quota((), [Budget(25, 60.0)])
    reads = [quota.take("a", Purpose.READ, 0.0) == 0 for _ in range(25)]
    assert sum(reads) == 20
    assert quota.take("a", Purpose.READ, 1.0) == pytest.approx(59.0)
    writes = [quota.take("a", Purpose.WRITE, 1.0) == 0 for _ in range(10)]
    assert sum(writes) == 5
    assert quota.take("a", Purpose.READ, 60.0) == 0


def test_the_vendors_headers_overrule_our_count() -> None:
    quota = Quota((), [Budget(100, 60.0)])
    quota.told("a", limit=100, remaining=20, reset_s=30.0, now_s=0.0)
    assert quota.take("a", Purpose.READ, 0.0) > 0, "the last fifth is kept for writes"
    assert quota.take("a", Purpose.WRITE, 0.0) == 0
    quota.told("a", limit=100, remaining=0, reset_s=30.0, now_s=1.0)
    assert quota.take("a", Purpose.WRITE, 2.0) == pytest.approx(29.0)
    assert quota.take("a", Purpose.WRITE, 31.0) == 0


def test_time_never_runs_backwards_in_a_bucket() -> None:
    quota = Quota((), [Budget(1, 60.0)])
    assert quota.take("a", Purpose.WRITE, 100.0) == 0
    assert quota.take("a", Purpose.WRITE, 0.0) > 0
    assert quota.take("a", Purpose.WRITE, 100.0) > 0


@given(st.integers(1, 300), st.integers(1, 20), gaps)
def test_processes_together_keep_the_budget(calls: int, processes: int, asked: list[tuple[float, Purpose]]) -> None:
    budget, now_s = Budget(calls, 60.0), 0.0
    workers, out = [Quota((), [budget], processes) for _ in range(processes)], []
    for turn, (gap_s, purpose) in enumerate(asked):
        now_s += gap_s
        if workers[turn % processes].take("a", purpose, now_s) == 0:
            out.append(now_s)
    assert most_in_a_window(out, 60.0) <= max(calls, processes)


@pytest.mark.parametrize(
    ("text", "budgets_"),
    [
        ("25/60", (Budget(25, 60.0),)),
        (" 25 / 60, 3000/86400 ", (Budget(25, 60.0), Budget(3000, 86_400.0))),
        ("unlimited", ()),
        ("Unlimited ", ()),
    ],
)
def test_an_operator_writes_budgets(text: str, budgets_: tuple[Budget, ...]) -> None:
    assert parse_budgets(text) == budgets_


@pytest.mark.parametrize("text", ["", "25", "25/", "0/60", "25/0", "-1/60", "25/60;", "many/60", "25/60,", "1/1," * 6])
def test_a_wrong_budget_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="calls/seconds"):
        parse_budgets(text)


def test_what_is_left_can_be_told() -> None:
    quota = Quota((), [Budget(40, 60.0)])
    assert quota.left("a", 0.0) == Left(40, 0.0, 0.0)
    for _ in range(40):
        quota.take("a", Purpose.READ, 0.0)
    left = quota.left("a", 0.0)
    assert left.calls == 8
    assert left.read_in_s > 0
    assert left.write_in_s == 0.0
    assert Quota((), ()).left("a", 0.0) == Left(None, 0.0, 0.0)


@given(budgets, st.integers(0, 50))
def test_a_read_leaves_a_fifth_of_what_is_at_hand(budget: Budget, writes: int) -> None:
    """However much has been written before: after reads, a write always goes out at once, unless writes took it all."""
    quota = Quota((), [budget])
    for _ in range(writes):
        quota.take("a", Purpose.WRITE, 0.0)
    reads = sum(quota.take("a", Purpose.READ, 0.0) == 0 for _ in range(400))
    most = quota.left("b", 0.0).calls
    if reads and most is not None and most * 0.2 >= 1:
        assert quota.take("a", Purpose.WRITE, 0.0) == 0


@given(st.integers(1, 30), st.floats(0.0, 2e9), st.integers(50, 200))
def test_who_waits_exactly_as_told_overdraws_nothing(calls: int, start_s: float, asked: int) -> None:
    """A wait may end a rounding error before the window does; the call let out then must be counted all the same."""
    quota, now_s, out = Quota((), [Budget(calls, 60.0)]), start_s, list[float]()
    for _ in range(asked):
        wait_s = quota.take("a", Purpose.WRITE, now_s)
        if wait_s == 0:
            out.append(now_s)
        now_s += wait_s
    assert most_in_a_window(out, 60.0) <= calls
