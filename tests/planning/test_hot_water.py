"""Tanks planned by their temperature: cheap hours, the pump's own programme, and how far a charge may be put off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heatfleet.planning.hot_water import (
    HOLD_LUCK,
    learned_hysteresis_k,
    own_start_c,
    tank_plans,
    with_charges,
    without_charges,
)
from heatfleet.planning.problem import Solution
from heatfleet.planning.state import HOT_WATER, MID, MIN, Freedom, Horizon, Present, build_problem
from heatfleet.planning.thermostat import OWN_HYSTERESIS_K
from heatfleet.thermal.model import ThermalModels, prior

HOMES, STEPS = 2, 144
CHEAP = slice(16, 24)  # from four to six; the dear hours follow


@pytest.fixture
def models() -> ThermalModels:
    return prior(None, np.full(HOMES, -10.0))


def horizon(cheap: float = 0.1, dear: float = 0.4) -> Horizon:
    one = np.ones((HOMES, STEPS))
    price = one * dear
    price[:, CHEAP] = cheap
    return Horizon(
        price=price, outdoor_c=2 * one, ghi_kw_m2=0 * one, quarter_of_day=np.tile(np.arange(STEPS) % 96, (HOMES, 1)),
        indoor_min_c=20.5 * one, indoor_max_c=22.5 * one, dhw_min_c=45 * one, dhw_max_c=52 * one,
    )  # fmt: skip


def present(tank_c: float = 49.5, hysteresis_k: float = 3.0) -> Present:
    full = lambda v: np.full(HOMES, v)  # noqa: E731
    return Present(full(21.0), full(tank_c), full(21.0), full(2), full(20), own_hysteresis_k=full(hysteresis_k))


def freedom(**changes: object) -> Freedom:
    base = Freedom(
        np.tile([-2.0, -1.0, 0.0, 2.0], (HOMES, 1)), np.ones((HOMES, 4), bool), np.ones((HOMES, STEPS, 5), bool)
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def test_a_tank_is_charged_in_cheap_hours_and_the_colder_the_rather(models: ThermalModels) -> None:
    plans = tank_plans(models, horizon(), present(), freedom())
    assert plans.charges[:, CHEAP].any(axis=1).all()
    in_time, before = plans.charge_below_c[:, CHEAP], plans.charge_below_c[:, :15]
    assert np.nanmax(in_time) > own_start_c(horizon(), present())[0, 0]
    assert (np.nanmax(np.nan_to_num(before), axis=1) < np.nanmax(in_time, axis=1)).all()
    assert (in_time[~np.isnan(in_time)] <= 50.5).all(), "nearer to its setpoint no pump begins a charge"


def test_a_flat_price_brings_nothing_forward(models: ThermalModels) -> None:
    plans = tank_plans(models, horizon(0.3, 0.3), present(), freedom())
    start = own_start_c(horizon(), present())[0, 0]
    assert not (plans.charge_below_c > start + 0.5).any()


def test_a_pump_that_starts_often_by_itself_is_charged_sooner_than_one_that_runs_through(models: ThermalModels) -> None:
    largest = models.response.heat_max_kw
    through, often = (
        replace(models, response=replace(models.response, heat_min_kw=share * largest)) for share in (1e-6, 0.7)
    )
    rarely, sooner = (
        np.nan_to_num(tank_plans(pumps, horizon(0.2, 0.3), present(), freedom()).charge_below_c)
        for pumps in (through, often)
    )
    assert (sooner >= rarely).all()
    assert (sooner > rarely).any(axis=1).all()


def test_before_a_cheap_hour_the_pumps_own_charge_is_put_off_but_never_below_the_minimum(models: ThermalModels) -> None:
    plans = tank_plans(models, horizon(), present(), freedom())
    held = ~np.isnan(plans.hold_c)
    assert held[:, 8:15].any(axis=1).all()
    slots = horizon().quarter_of_day
    luck = HOLD_LUCK * np.take_along_axis(models.unlucky_draw_kwh(), slots, axis=1)
    unlucky_k = luck / models.tank.capacity_kwh_per_k[:, None]
    assert ((plans.hold_c - 3.0 - unlucky_k)[held] >= 45.0).all(), "there the pump starts by itself, luck or not"
    assert (plans.start_c[held] == plans.hold_c[held] - 3.0).all()


@pytest.mark.parametrize(
    "unable",
    [{"own_hysteresis_k": np.array([np.nan, np.nan])}, {"own_hysteresis_k": np.array([6.5, 7.0])}, {"can_hold": False}],
    ids=["never watched", "begins near the minimum", "no lever"],
)
def test_nothing_is_put_off_where_that_is_not_safe(models: ThermalModels, unable: dict[str, object]) -> None:
    able = freedom(can_hold=np.zeros(HOMES, bool)) if "can_hold" in unable else freedom()
    told = present() if "can_hold" in unable else replace(present(), **unable)  # type: ignore[arg-type]
    assert np.isnan(tank_plans(models, horizon(), told, able).hold_c).all()


def test_without_a_boost_no_charge_is_asked_for(models: ThermalModels) -> None:
    plans = tank_plans(models, horizon(), present(), freedom(can_boost=np.array([False, True])))
    assert np.isnan(plans.charge_below_c[0]).all()
    assert not np.isnan(plans.charge_below_c[1]).all()


def test_a_tank_with_a_disinfection_to_come_is_left_to_the_plan(models: ThermalModels) -> None:
    plans = tank_plans(models, horizon(), present(), freedom(dose_deadline_step=np.array([90, -1])))
    assert plans.is_planned.tolist() == [False, True]
    assert plans.aims(0)[0] is None
    assert plans.aims(0)[1] is not None


def test_charges_join_the_plan_of_the_house_but_no_pause(models: ThermalModels) -> None:
    facts = (models, horizon(), present(tank_c=47.0), freedom(can_hold=np.zeros(HOMES, bool)))
    plans, problem = tank_plans(*facts), build_problem(*facts)
    house = without_charges(problem, plans)
    assert house.allowed is not None
    assert not house.allowed[:, :, HOT_WATER].any()
    action = np.full((HOMES, STEPS), MID, np.int8)
    action[0] = MIN
    nothing = np.zeros(HOMES)
    joined = with_charges(Solution(action, nothing, nothing, nothing), plans).action
    assert (joined[0] == MIN).all()
    np.testing.assert_array_equal(joined[1] == HOT_WATER, plans.charges[1])
    assert plans.charges[1, 0], "colder than where the pump begins"


def test_the_hysteresis_is_learned_from_charges_nobody_asked_for() -> None:
    setpoint, steps = 50.0, 60
    tank, charges, boosted = (
        np.full((HOMES, steps), 48.0),
        np.zeros((HOMES, steps), bool),
        np.zeros((HOMES, steps), bool),
    )
    for begin in range(5, steps, 10):
        tank[:, begin - 1], charges[:, begin : begin + 2] = 46.0, True
    tank[:, 34], boosted[:, 35] = 49.0, True  # ours
    found = learned_hysteresis_k(tank, np.full(tank.shape, setpoint), charges, boosted)
    np.testing.assert_allclose(found, 4.0)
    rarely = learned_hysteresis_k(tank[:, :20], np.full((HOMES, 20), setpoint), charges[:, :20], boosted[:, :20])
    assert np.isnan(rarely).all()
    assert own_start_c(horizon(), replace(present(), own_hysteresis_k=rarely))[0, 0] == 52.0 - OWN_HYSTERESIS_K
