"""Packed samples come back: instants to the second, values to their resolution, masks and gaps as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.compaction import CHANNELS, RESOLUTION, Samples, by_step, joined, merged, no_samples, pack, unpack
from heatfleet.domain.errors import Invalid
from heatfleet.domain.readings import PLAUSIBLE, Channel

DAY_S = 19_000 * 86_400
MASKS = st.integers(0, 2 ** len(CHANNELS) - 1)


@st.composite
def some_samples(draw: st.DrawFn) -> Samples:
    count = draw(st.integers(0, 40))
    at_s = sorted(draw(st.lists(st.integers(DAY_S, DAY_S + 86_399), min_size=count, max_size=count)))
    rows = []
    for channel in CHANNELS:
        one = st.none() | st.floats(*PLAUSIBLE[channel])
        row = draw(st.one_of(st.just([None] * count), st.lists(one, min_size=count, max_size=count)))
        rows.append([np.nan if value is None else value for value in row])
    masks = [draw(st.lists(MASKS, min_size=count, max_size=count)) for _ in range(2)]
    values = np.array(rows, dtype=float).reshape(len(CHANNELS), count)
    return Samples(np.array(at_s, np.int64), values, *(np.array(mask, np.int64) for mask in masks))


@settings(deadline=None, max_examples=50)
@given(some_samples())
def test_what_is_packed_comes_back(samples: Samples) -> None:
    found = unpack(pack(samples))
    assert found.at_s.tolist() == samples.at_s.tolist()
    assert found.estimated.tolist() == samples.estimated.tolist()
    assert found.modelled.tolist() == samples.modelled.tolist()
    assert (np.isnan(found.values) == np.isnan(samples.values)).all()
    for channel, before, after in zip(CHANNELS, samples.values, found.values, strict=True):
        known = ~np.isnan(before)
        np.testing.assert_allclose(after[known], before[known], rtol=1e-15, atol=RESOLUTION[channel] * 0.500001)


@settings(deadline=None, max_examples=50)
@given(some_samples())
def test_packing_what_was_packed_changes_nothing(samples: Samples) -> None:
    once = pack(samples)
    assert pack(unpack(once)) == once


@settings(deadline=None, max_examples=50)
@given(some_samples(), some_samples())
def test_merging_loses_and_doubles_nothing(kept: Samples, late: Samples) -> None:
    found = merged(kept, late)
    assert set(found.at_s.tolist()) == {*kept.at_s.tolist(), *late.at_s.tolist()}
    assert (np.diff(found.at_s) >= 0).all()
    again = merged(found, late)
    assert again.at_s.tolist() == found.at_s.tolist()
    if kept.count:
        here = found.take(np.isin(found.at_s, kept.at_s))
        np.testing.assert_array_equal(here.values, kept.values)


@settings(deadline=None, max_examples=50)
@given(some_samples(), st.sampled_from([900, 3600, 86_400]))
def test_steps_hold_every_sample_once(samples: Samples, step_s: int) -> None:
    steps, counts = by_step(samples, step_s)
    assert counts.sum() == samples.count
    assert (steps.at_s % step_s == 0).all()
    assert len(set(steps.at_s.tolist())) == steps.count
    assert np.isnan(steps.values).all() == np.isnan(samples.values).all()


def test_a_step_has_means_and_the_last_of_meters_and_the_worst_quality() -> None:
    values = np.full((len(CHANNELS), 4), np.nan)
    values[CHANNELS.index(Channel.POWER_KW)] = [1.0, 2.0, np.nan, 5.0]
    values[CHANNELS.index(Channel.ENERGY_KWH)] = [10.0, 11.0, np.nan, 12.0]
    at_s = DAY_S + np.array([0, 300, 600, 900])
    steps, counts = by_step(Samples(at_s, values, np.array([0, 32, 0, 0]), np.zeros(4, np.int64)), 900)
    assert steps.at_s.tolist() == [DAY_S, DAY_S + 900]
    assert counts.tolist() == [3, 1]
    assert steps.values[CHANNELS.index(Channel.POWER_KW)].tolist() == [1.5, 5.0]
    assert steps.values[CHANNELS.index(Channel.ENERGY_KWH)].tolist() == [11.0, 12.0]
    assert steps.estimated.tolist() == [32, 0]


def test_nothing_is_nothing() -> None:
    assert unpack(pack(no_samples())).count == joined([]).count == by_step(no_samples(), 900)[0].count == 0


@pytest.mark.parametrize("raw", [b"", b"\x01\x00", b"\x02\x00\x00\x00\x00x", b"\x01\x05\x00\x00\x00nonsense"])
def test_damaged_bytes_are_named(raw: bytes) -> None:
    with pytest.raises(Invalid, match="packed"):
        unpack(raw)
    with pytest.raises(Invalid, match="damaged"):
        unpack(pack(no_samples())[:5] + pack(joined([no_samples()]))[5:-2])
