"""The compared week: believable, repeatable, and better than the owner's own control on real prices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heatfleet.commands.comparison import summer
from heatfleet.demo import figures
from heatfleet.demo.control import PLAN_STEPS, known_prices
from heatfleet.demo.figures import Comparison, RunFigures
from heatfleet.demo.once import run_once
from heatfleet.demo.scenario import OnceOptions, make_scenario
from heatfleet.domain.errors import Invalid

SHARED = Path(__file__).parents[3] / "shared" / "data"
KEYS = {
    "cost", "energy_kwh", "mean_price", "discomfort_kh", "mean_indoor_c", "starts", "dhw_min_c", "unserved_dhw_kwh",
    "stored_heat_kwh_end", "building_heat_kwh_end",
}  # fmt: skip


def real(start: str, prices: str, home: Path, **changes: Any) -> OnceOptions:
    if not SHARED.exists():
        pytest.skip("the real prices and weather (../shared/data) are not here")
    files = {
        "prices": SHARED / "prices" / prices,
        "weather": SHARED / "weather" / "openmeteo_t2m_hourly_2024_de.csv",
    }
    return OnceOptions(start=start, home=home, **{"homes": 24, **files, **changes})


def test_the_bundled_week_repeats_and_says_what_it_is(tmp_path: Path) -> None:
    options = OnceOptions(homes=3, days=1, home=tmp_path)
    first, again = run_once(options), run_once(options)
    assert KEYS == first["baseline"].keys() == first["optimised"].keys()
    assert json.loads(json.dumps(first))["savings"] == again["savings"]
    assert "synthetic" in first["data"]
    assert (tmp_path / "week.png").stat().st_size > 20_000


@pytest.mark.parametrize(
    ("start", "prices"),
    [("2024-01-08", "smard_dayahead_hourly_2024.csv"), ("2025-12-08", "smard_dayahead_15min_2025-12.csv")],
)
def test_real_weeks_are_cheaper_and_no_less_comfortable(start: str, prices: str, tmp_path: Path) -> None:
    result = run_once(real(start, prices, tmp_path, homes=50))
    base, ours = result["baseline"], result["optimised"]
    assert result["savings"] > 0
    assert ours["discomfort_kh"] <= 1.02 * base["discomfort_kh"] + 0.5
    assert ours["starts"] <= base["starts"]
    assert ours["mean_indoor_c"] >= base["mean_indoor_c"] - 0.2


def test_days_the_file_does_not_have_are_named(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="2026"):
        make_scenario(real("2025-12-29", "smard_dayahead_15min_2025-12.csv", tmp_path))


def test_a_start_that_is_no_date_is_named() -> None:
    with pytest.raises(Invalid, match="start"):
        make_scenario(OnceOptions(start="8.1.2024"))


def test_prices_are_known_only_once_published() -> None:
    scenario = make_scenario(OnceOptions(homes=1, days=2))
    noon = scenario.counted + 12 * 4
    known = known_prices(scenario, noon)
    truth = scenario.price[noon : noon + PLAN_STEPS]
    assert np.allclose(known[:48], truth[:48]), "today is known"
    assert np.allclose(known[48:96], scenario.price[noon - 48 : noon]), "tomorrow, at noon, is guessed from today"
    after = known_prices(scenario, scenario.counted + 13 * 4)
    assert np.allclose(after[:140], scenario.price[scenario.counted + 52 :][:PLAN_STEPS][:140])


ONE = np.ones(1)


def figures_of(cost: float, stored: float, indoor: float) -> RunFigures:
    one = ONE
    return RunFigures(cost * one, 100 * one, 0.2 * one, one, indoor * one, one, one, one, stored * one, stored * one)


def test_heat_left_in_the_walls_counts_and_a_week_paid_for_has_no_percentage() -> None:
    compared = Comparison(figures_of(20.0, 100.0, 21.0), figures_of(19.0, 91.0, 20.9), 3.0, 0.2, 0.06 * ONE, ONE < 0.0)
    assert compared.savings == pytest.approx(1.0 - 9.0 / 3.0 * 0.2)
    assert compared.savings_percent == pytest.approx(2.0)
    assert compared.savings_percent_equal_temperature == pytest.approx(2.0 - 0.6)
    paid = Comparison(figures_of(-1.0, 0.0, 21.0), figures_of(-2.0, 0.0, 21.0), 3.0, 0.2, 0.06 * ONE, ONE < 0.0)
    assert paid.savings == pytest.approx(1.0)
    assert paid.savings_percent is None
    assert figures.EQUAL_TEMPERATURE_K == 0.2


def test_a_hot_week_is_cooled_and_pools_are_heated_where_it_is_cheap(tmp_path: Path) -> None:
    """No worse than the owners' own control; the homes that can do either are told by themselves."""
    heilbronn = SHARED / "weather" / "pvgis_hourly_2015_heilbronn_de.csv"
    june = {"weather": heilbronn, "homes": 40, "days": 3, "seed": 9104}
    result = run_once(real("2024-06-03", "smard_dayahead_hourly_2024.csv", tmp_path, **june))
    cooled, pool = result["cooled"], result["pool"]
    assert 0 < cooled["homes"] < 40
    assert cooled["optimised"]["discomfort_kh"] <= 1.02 * cooled["baseline"]["discomfort_kh"] + 0.5
    assert pool["savings"] > 0.0
    assert len(summer(result)) == 2
