"""Files and the synthetic fortnight as sources of delivery days, without end."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from heatfleet.domain.tables import Source
from heatfleet.markets.prices_file import PriceFile
from heatfleet.markets.source import FilePrices, SyntheticPrices


def december() -> PriceFile:
    start = np.datetime64("2025-11-30T23:00", "s") + np.arange(31 * 96) * np.timedelta64(900, "s")
    return PriceFile(Source("prices", "dec.csv"), timedelta(minutes=15), start, {"DE_LU": np.arange(31 * 96.0)})


async def test_a_short_file_serves_any_day_with_the_same_weekday() -> None:
    source = FilePrices(december())
    own = await source.fetch("DE_LU", date(2025, 12, 9))
    after = await source.fetch("DE_LU", date(2026, 1, 6))
    before = await source.fetch("DE_LU", date(2025, 11, 25))
    np.testing.assert_array_equal(own.price_per_mwh, np.arange(8 * 96, 9 * 96))
    np.testing.assert_array_equal(after.price_per_mwh, own.price_per_mwh + 21 * 96)  # Tuesday 30 December
    np.testing.assert_array_equal(before.price_per_mwh, own.price_per_mwh - 7 * 96)  # Tuesday 2 December
    for day, count in ((date(2026, 3, 29), 92), (date(2026, 10, 25), 100), (date(2027, 7, 1), 96)):
        got = await source.fetch("DE_LU", day)
        assert got.price_per_mwh.shape == (count,)
        assert not np.isnan(got.price_per_mwh).any()


async def test_a_file_of_three_days_repeats_them() -> None:
    whole = december()
    few = PriceFile(whole.source, whole.resolution, whole.start_utc[:288], {"DE_LU": whole.prices["DE_LU"][:288]})
    got = await FilePrices(few).fetch("DE_LU", date(2026, 8, 7))
    assert np.unique(got.price_per_mwh).size == 96
    assert got.price_per_mwh[0] % 96 == 0


async def test_synthetic_days_are_labelled() -> None:
    got = await SyntheticPrices().fetch("AT", date(2026, 11, 20))
    assert "synthetic" in got.source
    assert got.grid.start_at == datetime(2026, 11, 19, 23, tzinfo=UTC)
