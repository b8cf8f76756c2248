"""Price files: both formats, both clock changes, the alignment rule, and complaints that name the line."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.errors import Invalid
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.tables import Source
from heatfleet.domain.time_grid import TimeGrid, local_day
from heatfleet.markets.prices_file import PriceFile, align_prices, covered_steps, load_carbon, load_prices, parse_prices

SHARED = Path(__file__).parents[3] / "shared" / "data" / "prices"
HEADER = (
    "Datum von;Datum bis;Deutschland/Luxemburg [€/MWh] Originalauflösungen;∅ Anrainer DE/LU [€/MWh];Schweden 4 [€/MWh]"
)


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"recorded prices {name} are not beside this checkout")
    return path


def parse(text: str) -> PriceFile:
    return parse_prices(text.encode("utf-8-sig"), Source("prices", "mine.csv"))


def plain(
    start: datetime, values: list[float | None], step: timedelta = timedelta(hours=1), zone: str = "DE_LU"
) -> str:
    rows = [f"{start + i * step:%Y-%m-%dT%H:%M:%SZ},{'' if v is None else v}" for i, v in enumerate(values)]
    return "\n".join([f"start_utc,{zone}", *rows])


def grid(start: str, hours: int) -> TimeGrid:
    return TimeGrid(datetime.fromisoformat(start).replace(tzinfo=UTC), hours * 4)


def smard_day(day: datetime, repeated: list[int], skipped: list[int], minutes: tuple[int, ...] = (0,)) -> str:
    """A local day as SMARD writes it; the price counts the rows, with thousands marks from 1000 on."""
    hours = [h for h in range(24) for _ in range(2 if h in repeated else 1) if h not in skipped]
    times, seen = [], set()
    for hour in hours:
        times += [f"{day:%d.%m.%Y} {hour:02d}:{m:02d}" for m in minutes]
        seen.add(hour)
    return "\n".join([HEADER, *[f"{t};x;{990 + i},50;-;-{i},25" for i, t in enumerate(times)]]).replace(
        ";1000,", ";1.000,"
    )


def test_smard_autumn_day_has_25_hours_in_order() -> None:
    file = parse(smard_day(datetime(2024, 10, 27), [2], []))
    day = local_day(datetime(2024, 10, 27).date(), zone_time("DE_LU"))
    prices, notes = align_prices(file, "DE_LU", day)
    assert day.count == 100
    np.testing.assert_allclose(prices, np.repeat(990.5 + np.arange(25), 4))
    assert notes == ()
    assert file.zones == ("DE_LU", "SE_4")


def test_smard_spring_day_has_23_hours() -> None:
    file = parse(smard_day(datetime(2024, 3, 31), [], [2]))
    day = local_day(datetime(2024, 3, 31).date(), zone_time("DE_LU"))
    prices, _ = align_prices(file, "SE_4", day)
    assert day.count == 92
    np.testing.assert_allclose(prices, np.repeat(-(np.arange(23) + 0.25), 4))


def test_smard_quarter_hours_of_both_clock_changes() -> None:
    for date, repeated, skipped, count in (
        (datetime(2025, 10, 26), [2], [], 100),
        (datetime(2026, 3, 29), [], [2], 92),
    ):
        file = parse(smard_day(date, repeated, skipped, (0, 15, 30, 45)))
        prices, _ = align_prices(file, "DE_LU", local_day(date.date(), zone_time("DE_LU")))
        assert file.resolution == timedelta(minutes=15)
        np.testing.assert_allclose(prices, 990.5 + np.arange(count))


def test_smard_english_export() -> None:
    text = (
        "Start date;End date;Germany/Luxembourg [€/MWh] Original resolutions;Austria [€/MWh] Original resolutions\n"
        "Jan 1, 2024 12:00 AM;Jan 1, 2024 1:00 AM;1,234.56;-\nJan 1, 2024 1:00 AM;Jan 1, 2024 2:00 AM;-3.5;7.25\n"
    )
    file = parse(text)
    np.testing.assert_allclose(file.prices["DE_LU"], [1234.56, -3.5])
    assert str(file.start_utc[0]) == "2023-12-31T23:00:00"


def test_the_older_smard_export_with_three_time_columns_in_windows_1252() -> None:
    raw = (
        "Datum;Anfang;Ende;Österreich [€/MWh];Dänemark 1 [€/MWh]\n"
        "01.01.2023;00:00;01:00;-5,17;2,0\n01.01.2023;01:00;02:00;1,5;-\n"
    )
    file = parse_prices(raw.encode("cp1252"), Source("prices", "old.csv"))
    assert file.zones == ("AT", "DK_1")
    assert file.prices["AT"][0] == -5.17


def test_recorded_smard_excerpt_equals_the_utc_file() -> None:
    raw = load_prices(shared("raw/smard_export_Stunde_2024_dst_excerpt.csv"))
    utc = load_prices(shared("smard_dayahead_hourly_2024.csv"))
    assert raw.start_utc.size == 144
    where = np.searchsorted(utc.start_utc, raw.start_utc)
    assert set(raw.zones) == set(utc.zones)
    for zone in raw.zones:
        np.testing.assert_allclose(raw.prices[zone], utc.prices[zone][where], atol=1e-9)


def test_recorded_quarter_hours_and_their_warm_up() -> None:
    file = load_prices(shared("smard_dayahead_15min_2025-12.csv"))
    start = datetime(2025, 12, 7, 23, tzinfo=UTC)
    whole = TimeGrid(start - timedelta(days=14), 21 * 96)
    prices, notes = align_prices(file, "DE_LU", whole, allow_uncovered_before=start)
    np.testing.assert_allclose(prices[: 7 * 96], prices[7 * 96 : 14 * 96])
    assert len(notes) == 1
    assert "repeated" in notes[0]
    assert not covered_steps(file, "DE_LU", whole)[: 7 * 96].any()
    assert covered_steps(file, "DE_LU", whole)[7 * 96 :].all()
    with pytest.raises(Invalid, match=r"168 hours missing.*2025-11-23T23:00Z to 2025-11-30T23:00Z"):
        align_prices(file, "DE_LU", whole)


def test_the_year_before_takes_the_same_month_day_and_hour() -> None:
    file = load_prices(shared("smard_dayahead_hourly_2024.csv"))
    prices, notes = align_prices(file, "DE_LU", grid("2023-12-24T23:00", 14 * 24))
    at = np.searchsorted(file.start_utc, np.datetime64("2024-12-24T23:00"))
    np.testing.assert_allclose(prices[: 168 * 4 : 4], file.prices["DE_LU"][at : at + 168])
    np.testing.assert_allclose(prices[168 * 4 :: 4], file.prices["DE_LU"][: 7 * 24])
    assert any("taken from 2024" in n for n in notes)


def test_leap_day_comes_from_the_28th_and_a_leap_year_keeps_it() -> None:
    common = parse(plain(datetime(2023, 2, 28), list(range(48))))
    prices, notes = align_prices(common, "DE_LU", grid("2024-02-28T00:00", 72))
    np.testing.assert_allclose(prices[::4], [*range(24), *range(24), *range(24, 48)])
    assert "29 February from the 28th" in notes[0]
    leap = parse(plain(datetime(2024, 2, 28), list(range(72))))
    np.testing.assert_allclose(align_prices(leap, "DE_LU", grid("2028-02-28T00:00", 72))[0][::4], range(72))
    np.testing.assert_allclose(
        align_prices(leap, "DE_LU", grid("2025-02-28T00:00", 48))[0][::4], [*range(24), *range(48, 72)]
    )


def test_exact_instants_win_over_other_years() -> None:
    old, new = plain(datetime(2023, 5, 1), [1.0] * 24), plain(datetime(2024, 5, 1), [2.0] * 24)
    file = parse(old + "\n" + new.split("\n", 1)[1])
    assert set(align_prices(file, "DE_LU", grid("2023-05-01T00:00", 24))[0]) == {1.0}
    assert set(align_prices(file, "DE_LU", grid("2030-05-01T00:00", 24))[0]) == {2.0}


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_up_to_three_missing_hours_are_interpolated(missing: int) -> None:
    values: list[float | None] = [10.0 * h for h in range(24)]
    values[5 : 5 + missing] = [None] * missing
    prices, notes = align_prices(parse(plain(datetime(2024, 1, 1), values)), "DE_LU", grid("2024-01-01T00:00", 24))
    np.testing.assert_allclose(prices[::4], 10.0 * np.arange(24))
    assert "2024-01-01T05:00Z" in notes[0]


def test_four_missing_hours_are_named() -> None:
    text = plain(datetime(2024, 1, 1), [1.0] * 24).splitlines()
    kept = [line for line in text if not line.startswith(tuple(f"2024-01-01T{h:02d}" for h in (5, 6, 7, 12)))]
    with pytest.raises(Invalid, match=r"4 hours missing.*T05:00Z to .*T08:00Z, .*T12:00Z to .*T13:00Z"):
        align_prices(parse("\n".join(kept)), "DE_LU", grid("2024-01-01T00:00", 24))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start_utc,DE_LU\n2024-01-01T00:00:00Z,1\n2024-01-01T01:00:00Z,abc", "mine.csv line 3, column 'DE_LU': 'abc'"),
        ("start_utc,DE_LU\n2024-01-01T00:00:00Z,inf", "line 2, column 'DE_LU'"),
        ("start_utc,DE_LU\n0001-01-01T00:00+05:00,1", "line 2: '0001-01-01T00:00+05:00' is not a time"),
        ('start_utc,DE_LU\n2024-01-01T00:00:00Z,"a\nb"', "'a b' is not a number"),
        ("start_utc,DE_LU\nyesterday,1", "line 2: 'yesterday' is not a time"),
        ("start_utc,DE_LU\n2024-01-01T00:00:00Z,1\n2024-01-01T00:00:00Z,2", "line 3: 2024-01-01T00:00Z appears twice"),
        ("start_utc,FOO\n2024-01-01T00:00:00Z,1", "no column names a price zone"),
        ("hello", "no table found"),
        ("", "no table found"),
        ("start_utc,DE_LU\n2024-01-01T00:00:00Z,-", "every price is missing"),
        (HEADER + "\n31.03.2024 02:00;x;1,0;-;1,0", "line 2: 31.03.2024 02:00 does not exist"),
        (HEADER + "\n32.03.2024 02:00;x;1,0;-;1,0", "line 2, column 'Datum von'"),
        (
            HEADER + "\n01.03.2024 02:00;x;1,0;-;1,0\n01.03.2024 02:00;x;1,0;-;1,0",
            "line 3: 01.03.2024 02:00 appears twice",
        ),
        ("start_utc,DE_LU\n2024-01-01T00:00:00Z,1\n2024-01-01T00:20:00Z,1", "15, 30 or 60 minutes"),
    ],
)
def test_complaints_name_file_line_and_column(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        align_prices(parse(text), "DE_LU", grid("2024-01-01T00:00", 1))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unreadable_files_and_unknown_zones(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"nothing\.csv: cannot be read: No such file"):
        load_prices(tmp_path / "nothing.csv")
    with pytest.raises(Invalid, match="no prices of zone 'AT'; the file has DE_LU"):
        parse(plain(datetime(2024, 1, 1), [1.0])).series("AT")


def test_other_plain_styles() -> None:
    file = parse("time;DE-LU (EUR/MWh);at\n2024-01-01T01:00+01:00;1.234,5;-2\n2024-01-01T02:00+01:00;1,25;3")
    assert file.zones == ("DE_LU", "AT")
    np.testing.assert_allclose(file.prices["DE_LU"], [1234.5, 1.25])
    assert str(file.start_utc[0]) == "2024-01-01T00:00:00"
    assert "count as UTC" in parse("time,DE_LU\n2024-01-01 00:00,1").notes[0]


def test_at_hourly_is_the_hourly_mean_of_at() -> None:
    file = parse(plain(datetime(2025, 12, 1), [0.0, 1.0, 2.0, 3.0, 8.0, 8.0, 8.0, 8.0], timedelta(minutes=15), "AT"))
    prices, _ = align_prices(file, "AT_HOURLY", grid("2025-12-01T00:00", 2))
    np.testing.assert_allclose(prices, [1.5] * 4 + [8.0] * 4)


def test_a_file_may_change_from_hours_to_quarters() -> None:
    hours = plain(datetime(2025, 9, 30, 18), [float(h) for h in range(4)])
    quarters = plain(datetime(2025, 9, 30, 22), [10.0 + q for q in range(8)], timedelta(minutes=15)).split("\n", 1)[1]
    file = parse(hours + "\n" + quarters)
    prices, notes = align_prices(file, "DE_LU", grid("2025-09-30T18:00", 6))
    np.testing.assert_allclose(prices, [*np.repeat(np.arange(4.0), 4), *(10.0 + np.arange(8))])
    assert notes == ()


def test_a_lone_hour_without_quarters_is_a_gap() -> None:
    lines = plain(datetime(2025, 12, 1), [float(q) for q in range(16)], timedelta(minutes=15)).splitlines()
    prices, notes = align_prices(parse("\n".join(lines[:6] + lines[9:])), "DE_LU", grid("2025-12-01T00:00", 4))
    np.testing.assert_allclose(prices, np.arange(16.0))
    assert "0.75 missing hours" in notes[0]


def test_workbooks_and_other_units_are_named() -> None:
    with pytest.raises(Invalid, match="Excel workbook"):
        parse_prices(b"PK\x03\x04xyz", Source("prices", "mine.xlsx"))
    with pytest.raises(Invalid, match="must be per MWh"):
        parse("start_utc,AT (EUR/kWh)\n2024-01-01T00:00:00Z,0.1")


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(alphabet='0123456789-.,;:TZ"\n AT', max_size=120).map(str.encode)))
def test_any_bytes_end_in_prices_or_a_complaint(raw: bytes) -> None:
    for header in (b"", b"start_utc,AT\n", b"Datum von;Datum bis;Belgien\n"):
        with suppress(Invalid):
            parse_prices(header + raw, Source("prices", "x.csv"))


@settings(max_examples=40, deadline=None)
@given(
    price=st.floats(-500, 4000),
    start=st.datetimes(datetime(2019, 1, 1), datetime(2031, 1, 1)),
    quarters=st.integers(1, 300),
)
def test_constant_in_constant_out_in_any_year(price: float, start: datetime, quarters: int) -> None:
    file = _year_of(price)
    at = start.replace(minute=start.minute // 15 * 15, second=0, microsecond=0, tzinfo=UTC)
    prices, _ = align_prices(file, "DE_LU", TimeGrid(at, quarters))
    np.testing.assert_array_equal(prices, np.full(quarters, price))


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.floats(-500, 4000), min_size=24, max_size=24))
def test_energy_times_price_is_kept(values: list[float]) -> None:
    file = parse(plain(datetime(2024, 1, 1), [round(v, 2) for v in values]))
    prices, _ = align_prices(file, "DE_LU", grid("2024-01-01T00:00", 24))
    assert prices.sum() / 4 == pytest.approx(sum(round(v, 2) for v in values))


def _year_of(price: float) -> PriceFile:
    start = np.datetime64("2024-01-01T00:00", "s") + np.arange(8784) * np.timedelta64(3600, "s")
    return PriceFile(Source("prices", "year.csv"), timedelta(hours=1), start, {"DE_LU": np.full(8784, price)})


def test_carbon_intensities_are_read_like_prices_and_must_be_some(tmp_path: Path) -> None:
    path = tmp_path / "carbon.csv"
    path.write_text("start_utc,DE_LU [g/kWh],FR\n2024-01-01T00:00Z,412.5,\n2024-01-01T01:00Z,398,\n", encoding="utf-8")
    file = load_carbon(path)
    assert file.zones == ("DE_LU",)
    assert file.prices["DE_LU"].tolist() == [412.5, 398.0]
    with pytest.raises(Invalid, match="per MWh"):
        load_prices(path)
    for value in ("-1", "2001"):
        path.write_text(f"start_utc,DE_LU\n2024-01-01T00:00Z,{value}\n", encoding="utf-8")
        with pytest.raises(Invalid, match=r"carbon\.csv.*DE_LU.*within 0 and 2000"):
            load_carbon(path)
    with pytest.raises(Invalid, match="cannot be read"):
        load_carbon(tmp_path / "nothing.csv")
