"""Weather files: every layout we were given, the alignment rule, and complaints that name the line."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.errors import Invalid
from heatfleet.domain.tables import Source
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.weather.weather_file import WeatherFile, align_weather, load_weather, parse_weather

SHARED = Path(__file__).parents[3] / "shared" / "data" / "weather"


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"recorded weather {name} is not beside this checkout")
    return path


def parse(text: str) -> WeatherFile:
    return parse_weather(text.encode(), Source("weather", "mine.csv"))


def grid(start: str, hours: int) -> TimeGrid:
    return TimeGrid(datetime.fromisoformat(start).replace(tzinfo=UTC), hours * 4)


def test_quarters_lie_on_straight_lines() -> None:
    file = parse(
        "start_utc,koeln,hamburg\n2024-01-01T00:00:00Z,0,4\n2024-01-01T01:00:00Z,2,8\n2024-01-01T02:00:00Z,1,0"
    )
    temp_c, ghi, notes = align_weather(file, grid("2024-01-01T00:00", 2))
    np.testing.assert_allclose(temp_c, [0, 0.5, 1, 1.5, 2, 1.75, 1.5, 1.25])
    assert ghi is None
    assert "no irradiance" in notes[-1]
    assert file.places == ("koeln", "hamburg")
    np.testing.assert_allclose(align_weather(file, grid("2024-01-01T00:00", 1), place="hamburg")[0], [4, 5, 6, 7])


def test_one_place_with_irradiance_sampled_at_ten_past() -> None:
    file = parse("sample_utc,t2m_c,ghi_w_m2,wind_m_s\n2015-06-01T10:10Z,10,400,1\n2015-06-01T11:10Z,12,600,1")
    temp_c, ghi, notes = align_weather(file, grid("2015-06-01T10:00", 1))
    np.testing.assert_allclose(temp_c, [10, 10.5, 11, 11.5])
    assert ghi is not None
    np.testing.assert_allclose(ghi, [0.4, 0.45, 0.5, 0.55])
    assert any("hh:10" in n for n in notes)


def test_times_as_exported_count_as_utc_and_it_says_so() -> None:
    file = parse("time_as_exported,t2m_c\n2023-01-01T00:00,1\n2023-01-01T01:00,2")
    assert str(file.start_utc[0]) == "2023-01-01T00:00:00"
    assert "count as UTC" in file.notes[0]


def test_open_meteo_download_with_preamble_and_offset() -> None:
    file = parse(
        "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation\n48.2,16.4,171,3600,Europe/Vienna,GMT+1\n\n"
        "time,temperature_2m (°C),shortwave_radiation (W/m²)\n2024-01-01T00:00,1,0\n2024-01-01T01:00,2,100\n"
    )
    assert (file.latitude, file.longitude) == (48.2, 16.4)
    assert str(file.start_utc[0]) == "2023-12-31T23:00:00"
    assert file.ghi_kw_m2["mine"][1] == pytest.approx(0.1)


def test_typical_year_with_header_footer_and_mixed_years() -> None:
    text = (
        "Latitude (decimal degrees): 45.000\nLongitude (decimal degrees): 8.000\nElevation (m): 250.0\n"
        "Irradiance Time Offset (h): 0.1761\nmonth,year\n1,2018\n2,2007\ntime(UTC),T2m,RH,G(h),Gb(n)\n"
        "20180131:2200,1,90,0.0,-0.0\n20180131:2300,2,90,0.0,0\n20070201:0000,3,90,0.0,0\n20070201:0100,4,90,0.0,0\n\n"
        "T2m: 2-m air temperature (degree Celsius)\nG(h): Global irradiance on the horizontal plane (W/m2)\n\n"
        "PVGIS (c) European Union\n"
    )
    file = parse(text)
    temp_c, _, notes = align_weather(file, grid("2026-01-31T22:00", 3))
    np.testing.assert_allclose(temp_c[::4], [1, 2, 3])
    assert (file.latitude, file.longitude) == (45.0, 8.0)
    assert "2007, 2018" in notes[0]


@pytest.mark.parametrize(
    "name",
    [
        "openmeteo_hourly_2023-04_2024-03_london.csv",
        "openmeteo_t2m_hourly_2021-06_2022-06_stockholm.csv",
        "openmeteo_t2m_hourly_2024_de.csv",
        "pvgis_hourly_2015_heilbronn_de.csv",
        "pvgis_tmy_45N_8E_it_nord.csv",
    ],
)
@pytest.mark.parametrize("start", ["2023-12-24T23:00", "2025-11-23T23:00", "2028-02-20T00:00", "2027-06-25T00:00"])
def test_recorded_files_serve_any_three_weeks(name: str, start: str) -> None:
    file = load_weather(shared(name))
    for place in file.places:
        temp_c, ghi, _ = align_weather(file, grid(start, 22 * 24), place=place)
        assert temp_c.shape == (22 * 96,)
        assert np.isfinite(temp_c).all()
        assert -25 < temp_c.min() < temp_c.max() < 40
        assert (ghi is not None) == name.startswith("pvgis")
        assert ghi is None or (ghi.min() == 0.0 and 0.1 < ghi.max() < 1.1)


def test_the_two_hours_missing_at_the_end_of_2024_are_interpolated_across_the_edge() -> None:
    file = load_weather(shared("openmeteo_t2m_hourly_2024_de.csv"))
    temp_c, _, notes = align_weather(file, grid("2024-12-31T20:00", 4))
    np.testing.assert_allclose(temp_c[[0, 4]], [1.8, 1.9])
    np.testing.assert_allclose(temp_c[4:], 1.9 + (7.2 - 1.9) * np.arange(12) / 12)
    assert any("2 missing hours interpolated: 2024-12-31T22:00Z to 2025-01-01T00:00Z" in n for n in notes)


def test_more_than_three_missing_hours_are_named() -> None:
    rows = [f"2024-01-01T{h:02d}:00:00Z,{'' if 5 <= h < 9 else 1}" for h in range(24)]
    with pytest.raises(
        Invalid, match=r"mine\.csv: temperature of wien: 4 hours missing.*2024-01-01T05:00Z to 2024-01-01T09:00Z"
    ):
        align_weather(parse("\n".join(["start_utc,wien", *rows])), grid("2024-01-01T00:00", 24))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "start_utc,wien\n2024-01-01T00:00:00Z,1\n2024-01-01T01:00:00Z,warm",
            "line 3, column 'wien': 'warm' is not a number",
        ),
        ("start_utc,wien\n2024-01-01T00:00:00Z,285", "line 2, column 'wien': 285 is no outdoor temperature in °C"),
        ("start_utc,wien\nnow,1", "line 2: 'now' is not a time"),
        ("start_utc,rh_pct\n2024-01-01T00:00:00Z,1", "no column of temperatures"),
        ("what,is\nthis,1", "no table found"),
    ],
)
def test_complaints_name_file_line_and_column(text: str, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text)
    assert message in str(caught.value)


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(alphabet='0123456789-.,;:TZ"\n Ga()', max_size=120).map(str.encode)))
def test_any_bytes_end_in_weather_or_a_complaint(raw: bytes) -> None:
    for header in (
        b"",
        b"start_utc,wien\n",
        b"latitude,longitude\n1,x\ntime,temperature_2m\n",
        b"time(UTC),T2m,G(h)\n",
    ):
        with suppress(Invalid):
            parse_weather(header + raw, Source("weather", "x.csv"))


@settings(max_examples=25, deadline=None)
@given(
    temp=st.floats(-30, 40),
    start=st.datetimes(datetime(2019, 1, 1), datetime(2031, 1, 1)),
    quarters=st.integers(1, 200),
)
def test_constant_in_constant_out(temp: float, start: datetime, quarters: int) -> None:
    at = np.datetime64("2023-01-01T00:00", "s") + np.arange(8760) * np.timedelta64(3600, "s")
    file = WeatherFile(
        Source("weather", "y.csv"), TimeGrid(start.replace(tzinfo=UTC), 0).step * 4, at, {"x": np.full(8760, temp)}, {}
    )
    begin = start.replace(minute=start.minute // 15 * 15, second=0, microsecond=0, tzinfo=UTC)
    np.testing.assert_allclose(align_weather(file, TimeGrid(begin, quarters))[0], temp)
