"""The closed-loop bench: everybody from the same moment, and what each controller may know."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from heatfleet.bench import closed_loop
from heatfleet.bench._controllers import FlatPrice, Foresight, IndoorPi, true_models
from heatfleet.bench._savings import FORESIGHT, OURS, OWN, PI
from heatfleet.demo.control import PLAN_STEPS, Outlook, PlannedControl
from heatfleet.demo.loop import DAY, Loop, OwnControl
from heatfleet.demo.scenario import OnceOptions, Scenario, make_scenario

HOMES = 3


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return make_scenario(OnceOptions(homes=HOMES, days=1, seed=77))


def test_every_controller_is_judged_at_every_tariff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closed_loop, "DATA", Path("nowhere"))
    found = json.loads(json.dumps(closed_loop.run(homes=HOMES, days=1, weeks=["2025-01-13"], seeds=[77])))
    assert len(found["tariffs"]) == 3
    for table in found["tariffs"].values():
        assert {OWN, PI, OURS, FORESIGHT} <= table["controllers"].keys()
        assert table["controllers"][OWN]["saving_percent"] == 0.0
        low, high = table["controllers"][OURS]["saving_percent_equal_90"]
        assert low <= table["controllers"][OURS]["saving_percent_equal"] <= high
        assert table["bars_hold"] == all(bar["holds"] for bar in table["bars"].values())


def test_a_forked_loop_goes_on_alike_and_leaves_the_other_alone(scenario: Scenario) -> None:
    loop = Loop.begin(scenario)
    loop.run(None, DAY)
    other = loop.fork()
    first, _ = loop.run(OwnControl(), 2 * DAY)
    assert other.step == DAY
    second, _ = other.run(OwnControl(), 2 * DAY)
    assert np.array_equal(first.cube, second.cube)
    assert np.array_equal(loop.sensors.seen.indoor_c[:, : 2 * DAY], other.sensors.seen.indoor_c[:, : 2 * DAY])


def test_planners_are_told_what_their_name_says(scenario: Scenario) -> None:
    step = scenario.counted + 40
    truth = slice(step, step + PLAN_STEPS)
    real, flat = Outlook().ahead(scenario, step), FlatPrice().ahead(scenario, step)
    all_of_it = Foresight(price=True, weather=True, draws=True).ahead(scenario, step)
    assert not np.allclose(real.outdoor_c, scenario.outdoor_c[:, truth])
    assert np.allclose(all_of_it.outdoor_c, scenario.outdoor_c[:, truth])
    assert np.allclose(all_of_it.price, scenario.price[truth])
    assert np.ptp(flat.price) == 0
    assert np.isclose(flat.price[0], real.price.mean())


def test_foreseen_draws_are_those_of_the_steps_to_come(scenario: Scenario) -> None:
    learned = PlannedControl(Loop.begin(scenario)).learned
    models = Foresight(draws=True, model=True).models(learned, scenario, scenario.counted)
    told = models.tank.draw_kwh[:, :DAY]
    assert np.allclose(told, scenario.drive.draw_kwh[:, scenario.counted : scenario.counted + DAY])
    assert not models.unlucky_draw_kwh().any()
    assert np.allclose(true_models(scenario.homes, learned).building.solar_area_m2, scenario.homes.solar_area_m2)


def test_the_pi_heats_a_room_that_is_too_cold_more(scenario: Scenario) -> None:
    loop = Loop.begin(scenario)
    loop.run(None, 4)
    pi = IndoorPi(loop)
    pi.target_c = pi.target_c + 1.0
    pi.steer(loop)
    moved = loop.book.inputs()
    assert np.all((moved.indoor_setpoint_c > pi.own_c) == pi.by_setpoint)
    assert np.all((moved.curve_offset_k > 0) == pi.by_curve)
