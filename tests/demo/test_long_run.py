"""``heatfleet simulate``: believable, repeatable, one clear line for what cannot be done."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from heatfleet.cli import app
from heatfleet.demo.long_run import FIGURES, WHERE_ANY, LongOptions, simulate_fleet
from heatfleet.domain.errors import Invalid
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.weather.synthetic_year import synthetic_year

WINTER = LongOptions(homes=12, days=10, start="2025-01-10")


def test_a_fleet_in_winter_is_believable_and_repeats(tmp_path: Path) -> None:
    first = simulate_fleet(replace(WINTER, png=tmp_path / "fleet.png"))
    again = simulate_fleet(replace(WINTER, threads=1))
    assert first["a_home"] == again["a_home"]
    assert first["a_home"].keys() == FIGURES.keys() - set(WHERE_ANY), "nobody cools or swims in January"
    assert 2.5 < first["fleet_scop"] < 4.8
    assert 18.5 < first["a_home"]["mean_indoor_c"]["median"] < 23.0
    assert first["balance_error"] < 1e-6
    assert sum(first["energy_kwh_by_month"].values()) == pytest.approx(12 * first["a_home"]["energy_kwh"]["mean"], 1e-3)
    assert (tmp_path / "fleet.png").stat().st_size > 20_000


def test_summer_has_its_own_uses() -> None:
    found = simulate_fleet(LongOptions(homes=24, days=21, start="2025-06-15", zone="IT_NORD"))
    assert found["a_home"].keys() == FIGURES.keys()
    assert 0 < found["homes_cooled"] < 24
    assert 0 < found["homes_with_a_warm_pool"] < 12
    assert found["a_home"]["cold_kwh"]["mean"] > 3.0 * found["a_home"]["energy_cooling_kwh"]["mean"]
    assert found["balance_error"] < 1e-6


def test_months_and_the_change_to_summer_time_are_local() -> None:
    found = simulate_fleet(LongOptions(homes=2, days=3, start="2025-03-29"))
    assert LongOptions(days=3, start="2025-03-29").grid().count == 96 + 92 + 96
    assert list(found["energy_kwh_by_month"]) == [3]


def test_a_weather_file_is_used_and_must_cover_the_days(tmp_path: Path) -> None:
    file = tmp_path / "cold.csv"
    hours = [datetime(2025, 1, 9, tzinfo=UTC) + timedelta(hours=h) for h in range(24 * 6)]
    file.write_text("start_utc,north,south\n" + "".join(f"{at:%Y-%m-%dT%H:%M:%SZ},-9.0,-5.0\n" for at in hours))
    found = simulate_fleet(replace(WINTER, days=3, weather=file))
    assert found["mean_outdoor_c"] == -7.0
    assert "cold.csv (north, south)" in found["data"]
    with pytest.raises(Invalid, match=r"cold\.csv"):
        simulate_fleet(replace(WINTER, weather=file))


@pytest.mark.parametrize(("zone", "coldest", "warmest"), [("DE_LU", 1, 7), ("SE_1", 1, 7), ("IT_SICI", 1, 7)])
def test_the_synthetic_year_has_seasons_and_windows_agree(zone: str, coldest: int, warmest: int) -> None:
    year = TimeGrid(datetime(2025, 1, 1, tzinfo=UTC), 365 * 96)
    temp_c = synthetic_year(year, zone)
    months = np.array([at.month for at in year])
    means = [temp_c[months == m].mean() for m in (coldest, warmest)]
    assert 12.0 < means[1] - means[0] < 25.0
    part = TimeGrid(year.at(5000), 700)
    assert np.allclose(synthetic_year(part, zone), temp_c[5000:5700])


def test_the_command_prints_tables_or_json_and_teaches() -> None:
    words = ["simulate", "--homes", "3", "--days", "2"]
    table, as_json, teaching = (CliRunner().invoke(app, w) for w in (words, [*words, "--json"], ["simulate", "--help"]))
    assert "hot water below" in table.stdout
    assert "energy balance closes" in table.stdout
    assert json.loads(as_json.stdout.strip().splitlines()[-1])["homes"] == 3
    assert "heatfleet simulate --homes 10000" in teaching.stdout
    wrong = CliRunner().invoke(app, ["simulate", "--start", "1.1.2025"])
    assert isinstance(wrong.exception, Invalid)
