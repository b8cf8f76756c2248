"""Ids sort by the time they were made, and say what they are."""

from __future__ import annotations

import time

from heatfleet.store.ids import new_id


def test_ids_are_version_7_unique_and_sorted_even_in_a_burst() -> None:
    before_ms = time.time_ns() // 1_000_000
    ids = [new_id() for _ in range(20_000)]
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert ids == sorted(set(ids))
    assert abs((ids[0].int >> 80) - before_ms) < 1000
