"""Learning: against simulated truth, through bad sensors, and on the real free cool-down of a house."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heatfleet.bench._learn_real import cuts
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.block import Block
from heatfleet.thermal.grey_box import Past
from heatfleet.thermal.homes import day_of_use, draw_homes
from heatfleet.thermal.hourly import fit_plain
from heatfleet.thermal.identify import DAY, _is_told, error_24h, learn
from heatfleet.thermal.model import BuildingFacts, ThermalModels, prior
from heatfleet.thermal.response import Response
from heatfleet.thermal.sensed import without_frozen
from heatfleet.thermal.simulate import Drive, Inputs, initial_states, simulate
from heatfleet.thermal.tank import learn_tank, two_hours

TELEMETRY = Path(__file__).parents[3] / "shared" / "data" / "telemetry"
DAYS, HOMES = 12, 12


def simulated(seed: int = 3) -> Block:
    """Telemetry of simulated homes with a room sensor of 0.1 K, steered now and then."""
    rng = np.random.default_rng(seed)
    homes = draw_homes(HOMES, seed)
    steps = DAYS * DAY
    hour = np.arange(steps) / 4.0
    outdoor = 3 + 4 * np.sin((hour - 9) / 24 * 2 * np.pi) + 4 * np.sin(hour / 70) + np.zeros((HOMES, 1))
    ghi = np.maximum(np.sin((hour % 24 - 6) / 12 * np.pi), 0) * 0.25 + np.zeros((HOMES, 1))
    use = [day_of_use(homes, seed, day) for day in range(DAYS)]
    draw, gains = (np.concatenate([u[i] for u in use], axis=1) for i in (0, 1))
    states, own = initial_states(homes, outdoor[:, 0]), Inputs.own(homes)
    shift, cubes = np.zeros((HOMES, steps)), []
    for begin in range(0, steps, 12):
        part = np.s_[:, begin : begin + 12]
        shift[part] = rng.choice([-1.0, 0.0, 0.0, 1.0], HOMES)[:, None]
        inputs = replace(own, indoor_setpoint_c=own.indoor_setpoint_c + shift[:, begin])
        drive = Drive(outdoor[part], ghi[part], draw[part], gains[part], hour[begin : begin + 12] % 168)
        states, trace = simulate(homes, states, inputs, drive)
        cubes.append(trace)
    column = lambda name: np.concatenate([getattr(t, name) for t in cubes], axis=1)  # noqa: E731
    indoor = np.round(column("indoor_c") + rng.normal(0, 0.03, (HOMES, steps)), 1)
    return Block(
        indoor_c=indoor, outdoor_c=outdoor, ghi_kw_m2=ghi, space_heat_kw=column("heat_space_kwh") * 4,
        space_power_kw=column("energy_space_kwh") * 4, dhw_heat_kw=column("heat_dhw_kwh") * 4,
        dhw_power_kw=column("energy_dhw_kwh") * 4, tank_c=np.round(column("tank_c"), 1),
        setpoint_c=np.repeat(own.indoor_setpoint_c[:, None], steps, axis=1), shift_k=shift,
        quarter_of_day=np.tile(np.arange(steps) % DAY, (HOMES, 1)),
        water_c=0.5 * (column("flow_c") + column("return_c")),
    )  # fmt: skip


@pytest.fixture(scope="module")
def block() -> Block:
    return simulated()


@pytest.fixture(scope="module")
def unknown() -> ThermalModels:
    return prior(None, np.full(HOMES, -10.0))


def persistence(indoor: Array, begin: int) -> float:
    """Error of "as warm as now" over the same windows."""
    origins = range(begin, indoor.shape[1] - DAY + 1, DAY // 4)
    return float(np.sqrt(np.mean([(indoor[:, o : o + DAY] - indoor[:, o - 1, None]) ** 2 for o in origins])))


def test_learned_homes_forecast_better_than_the_prior_and_than_persistence(
    block: Block, unknown: ThermalModels
) -> None:
    learned = learn(block, unknown)
    begin = (DAYS - 2) * DAY
    past = Past(block.indoor_c, block.outdoor_c, block.ghi_kw_m2, block.space_heat_kw)
    before = error_24h(past, unknown.building, begin)
    assert (learned.error_24h_k <= before + 1e-9).all()
    assert np.median(learned.error_24h_k) < 0.25
    assert np.median(learned.error_24h_k) < persistence(block.indoor_c, begin)
    assert set(learned.kind) <= {"prior", "ols", "grey_box"}


def test_the_plain_regression_alone_beats_the_prior(block: Block, unknown: ThermalModels) -> None:
    begin = (DAYS - 2) * DAY
    past = Past(block.indoor_c, block.outdoor_c, block.ghi_kw_m2, block.space_heat_kw)
    found = error_24h(past, fit_plain(past, unknown.building, np.ones(block.indoor_c.shape)), begin)
    assert np.median(found) < np.median(error_24h(past, unknown.building, begin))


def test_without_heat_meter_power_serves(block: Block, unknown: ThermalModels) -> None:
    nothing = np.full(block.indoor_c.shape, np.nan)
    learned = learn(replace(block, space_heat_kw=nothing, dhw_heat_kw=nothing), unknown)
    assert np.median(learned.error_24h_k) < 0.35
    assert np.allclose(learned.response.cop_foot, unknown.response.cop_foot), "a COP cannot be learned from itself"


def test_bad_sensors_are_survived(block: Block, unknown: ThermalModels) -> None:
    rng = np.random.default_rng(1)
    indoor = np.round(block.indoor_c * 2) / 2
    indoor[rng.random(indoor.shape) < 0.2] = np.nan
    indoor[0] = 21.0  # frozen
    indoor[1] = np.nan  # no sensor
    indoor[2, 300:600] = np.nan
    tank = block.tank_c.copy()
    tank[3] = np.nan
    power = block.space_power_kw.copy()
    power[4] = np.nan
    heat = block.space_heat_kw.copy()
    heat[4] = np.nan
    bad = replace(block, indoor_c=indoor, tank_c=tank, space_power_kw=power, space_heat_kw=heat, water_c=None)
    learned = learn(bad, unknown)
    for i in (0, 1, 4):
        assert learned.kind[i] == "prior"
        assert np.isnan(learned.error_24h_k[i])
    for part in (learned.building, learned.response, learned.tank):
        for values in vars(part).values():
            assert np.isfinite(values).all()
    assert np.nanmedian(learned.error_24h_k) < 0.45


def test_nothing_seen_changes_nothing(block: Block, unknown: ThermalModels) -> None:
    nothing = np.full(block.indoor_c.shape, np.nan)
    empty = Block(*(nothing for _ in range(10)), quarter_of_day=block.quarter_of_day)
    learned = learn(empty, unknown)
    assert learned.to_dict(0) == unknown.to_dict(0)


def test_a_worse_fit_is_never_accepted(block: Block, unknown: ThermalModels) -> None:
    good = learn(block, unknown)
    again = learn(block, good)
    assert (again.error_24h_k <= good.error_24h_k + 1e-9).all()


def test_days_that_hold_most_of_the_heat_tell_nothing_when_they_are_left_out() -> None:
    """What heat does is then known of them alone; so has whatever beats the regression to do so without them, too."""
    heat = np.zeros((3, 4 * DAY))
    heat[0], heat[1, -DAY // 2 :] = 2.0, 2.0  # evenly, in the last hours only, never
    told = _is_told(Past(heat + 20.0, heat, heat, heat), DAY // 2)
    assert told[[0, 2]].all()
    assert told[1].tolist() == [True] * (told.shape[1] - 1) + [False]


def test_a_half_degree_sensor_may_say_the_same_for_two_days() -> None:
    values = np.concatenate([np.full(200, 20.0), np.full(40, 20.5), np.full(400, 21.0)])[None, :]
    seen = without_frozen(values)
    assert not np.isnan(seen[0, :240]).any()
    assert np.isnan(seen[0, 240:]).all()


def test_a_room_without_sensor_is_felt_through_the_water_and_planned_more_carefully(
    block: Block, unknown: ThermalModels
) -> None:
    felt = learn(replace(block, indoor_c=np.full(block.indoor_c.shape, np.nan)), unknown)
    seen = learn(block, unknown)
    assert (felt.kind != "prior").mean() > 0.7
    assert (felt.uncertainty_k > seen.uncertainty_k).mean() > 0.8
    assert np.median(np.abs(felt.ua_kw_per_k / seen.ua_kw_per_k - 1.0)) < 0.25


def test_without_room_and_water_the_loss_follows_from_heat_and_weather(block: Block, unknown: ThermalModels) -> None:
    nothing = np.full(block.indoor_c.shape, np.nan)
    found, seen = learn(replace(block, indoor_c=nothing, water_c=nothing), unknown), learn(block, unknown)
    better = np.abs(np.log(found.ua_kw_per_k / seen.ua_kw_per_k)) < np.abs(
        np.log(unknown.ua_kw_per_k / seen.ua_kw_per_k)
    )
    assert better.mean() > 0.7
    assert (found.uncertainty_k >= 0.6).all()


def test_a_home_of_five_days_is_learned_whatever_the_length_of_the_block(block: Block, unknown: ThermalModels) -> None:
    young = block.indoor_c.copy()
    young[:, : -5 * DAY] = np.nan
    learned = learn(replace(block, indoor_c=young), unknown)
    assert (learned.kind != "prior").mean() > 0.8
    assert np.isfinite(learned.error_24h_k).all()


def test_opened_windows_do_not_bend_the_building(block: Block, unknown: ThermalModels) -> None:
    begin = (DAYS - 2) * DAY
    past = Past(block.indoor_c, block.outdoor_c, block.ghi_kw_m2, block.space_heat_kw)
    indoor = block.indoor_c.copy()
    for day in range(DAYS - 3):
        indoor[:, day * DAY + 30 : day * DAY + 35] -= np.array([1.5, 3.0, 2.0, 1.0, 0.5])
    opened = learn(replace(block, indoor_c=indoor), unknown)
    before, after = error_24h(past, learn(block, unknown).building, begin), error_24h(past, opened.building, begin)
    assert np.median(after) < np.median(before) + 0.05


def test_draws_and_their_unlucky_hours_are_learned(unknown: ThermalModels) -> None:
    homes, days, seed = draw_homes(HOMES, 5), 28, 5
    drawn = np.concatenate([day_of_use(homes, seed, day)[0] for day in range(days)], axis=1)
    slot = np.tile((np.arange(days * DAY) % DAY) + DAY * (np.arange(days * DAY) // DAY % 7 >= 5), (HOMES, 1))
    tank_c, heat = np.empty_like(drawn), np.zeros_like(drawn)
    level = np.full(HOMES, 50.0)
    for t in range(drawn.shape[1]):
        heat[:, t] = np.where(level < 46.0, 8.0, 0.0)
        lost = homes.tank_ua_kw_per_k * (level - 18.0) / 4.0
        level = level + (heat[:, t] / 4.0 - drawn[:, t] - lost) / homes.tank_capacity_kwh_per_k
        tank_c[:, t] = level
    tank = learn_tank(np.round(tank_c, 1), heat, slot, unknown.tank)
    assert np.allclose(tank.draw_kwh[:, :DAY].sum(axis=1), drawn.sum(axis=1) / days, rtol=0.35)
    sums = np.lib.stride_tricks.sliding_window_view(drawn, 8, axis=1).sum(axis=2)
    most = np.take_along_axis(two_hours(tank.draw_kwh) + tank.unlucky_kwh, slot[:, : sums.shape[1]], axis=1)
    assert 0.85 < (sums <= most).mean() < 0.97


def test_the_answer_of_a_pump_is_timed(block: Block, unknown: ThermalModels) -> None:
    delay = learn(block, unknown).response.delay_h
    assert (delay >= 0).all()
    assert np.median(delay) < 1.0


def test_what_a_steering_state_leads_to_is_learned(block: Block, unknown: ThermalModels) -> None:
    """Heat over weather and distance from the setpoint in each state, and the power that takes, in days not seen."""
    cut = (DAYS - 3) * DAY
    seen = Block(**{name: v if v is None else v[:, :cut] for name, v in vars(block).items()})
    later = Block(**{name: v if v is None else v[:, cut:] for name, v in vars(block).items()})
    learned = learn(seen, unknown).response
    for state_k in (-1.0, 0.0, 1.0):
        errors = [state_errors(later, response, state_k) for response in (learned, unknown.response)]
        assert errors[0][0] < 0.6 * errors[1][0], "heat"
        assert errors[0][1] < 0.65 * errors[1][1], "power"


def state_errors(block: Block, response: Response, state_k: float) -> tuple[float, float]:
    """Median over the homes of the relative error of mean heat, and of mean power, while a state was in force."""
    inside = (block.shift_k == state_k) & (np.nan_to_num(block.dhw_heat_kw) < 0.05)
    mean = lambda values: np.where(inside, values, 0.0).sum(axis=1) / inside.sum(axis=1)  # noqa: E731
    heat = response.heat_kw(block.outdoor_c, block.indoor_c - block.setpoint_c, block.shift_k)
    power = response.energy_kw(np.nan_to_num(block.space_heat_kw), block.outdoor_c) + response.standby_kw[:, None]
    pairs = (heat, block.space_heat_kw), (power, block.space_power_kw)
    heat_error, power_error = (float(np.median(np.abs(mean(a) / mean(b) - 1.0))) for a, b in pairs)
    return heat_error, power_error


def test_tank_losses_are_learned_on_quiet_nights(unknown: ThermalModels) -> None:
    """Tanks that lose twice what their size says, charged in the evening and drawn from in the morning."""
    days, tank = 14, unknown.tank
    slot, level = np.tile(np.arange(days * DAY) % DAY, (HOMES, 1)), np.full(HOMES, 50.0)
    tank_c, heat = np.empty(slot.shape), np.where(slot // 4 == 21, 4.0, 0.0)
    for t in range(slot.shape[1]):
        drawn = np.where(slot[:, t] // 4 == 7, 0.6, 0.0)
        lost = 2.0 * tank.loss_kw_per_k * (level - 18.0) / 4.0
        level = level + (heat[:, t] / 4.0 - drawn - lost) / tank.capacity_kwh_per_k
        tank_c[:, t] = level
    learned = learn_tank(np.round(tank_c, 1), heat, slot, tank)
    assert (learned.loss_kw_per_k > 1.5 * tank.loss_kw_per_k).all()
    assert (learned.loss_kw_per_k < 2.3 * tank.loss_kw_per_k).all()


def test_a_flat_of_the_same_size_loses_less() -> None:
    one = np.ones(2)
    facts = BuildingFacts(100 * one, 1980 * one, 2 * one, 200 * one, np.array(["Detached", "Flat"]))
    detached, flat = prior(facts, np.array([-10.0, -10.0])).ua_kw_per_k
    assert flat < 0.8 * detached


def test_a_model_of_an_older_form_is_known_as_such(unknown: ThermalModels) -> None:
    row = unknown.to_dict(0)
    assert ThermalModels.is_readable(row)
    assert not ThermalModels.is_readable({name: value for name, value in row.items() if name != "form"})


def test_frozen_runs_are_missing() -> None:
    values = np.concatenate([np.full(200, 20.0), 20.1 + np.arange(10.0) / 10.0, np.full(20, 5.0)])[None, :]
    seen = without_frozen(values)
    assert np.isnan(seen[0, :200]).all()
    assert not np.isnan(seen[0, 200:]).any()


@pytest.mark.skipif(not TELEMETRY.exists(), reason="the shared telemetry is not beside this checkout")
def test_a_real_free_cool_down_is_forecast_better_than_by_persistence() -> None:
    indoor, outdoor = vacation()
    unknown = prior(None, np.array([-5.0]))
    quarter = (np.arange(indoor.shape[1]) % DAY)[None, :]
    off, setpoint = np.zeros_like(indoor), np.full_like(indoor, 5.0)
    nothing = np.full_like(indoor, np.nan)
    block = Block(indoor, outdoor, off, off, off, nothing, nothing, nothing, setpoint, off, quarter)
    learned = learn(block, unknown)
    begin = (indoor.shape[1] // DAY - 2) * DAY + indoor.shape[1] % DAY
    assert learned.error_24h_k[0] < persistence(indoor, begin)
    assert learned.error_24h_k[0] < 0.7


@pytest.mark.skipif(not TELEMETRY.exists(), reason="the shared telemetry is not beside this checkout")
def test_recorded_houses_are_forecast_no_worse_than_by_an_hourly_regression() -> None:
    """On the two days after every window of four to seven days: in seven of ten, and in the middle."""
    ratio = np.array([cut.ratio for days in (4, 5, 6, 7) for cut in cuts(TELEMETRY, days)])
    assert len(ratio) == 40
    assert (ratio <= 1.0).mean() >= 0.7
    assert np.median(ratio) <= 0.99
    assert ratio.max() <= 1.25


def vacation() -> tuple[Array, Array]:
    """Indoor and outdoor temperature [°C] of the empty house, each (1, step)."""
    with (TELEMETRY / "housetemp_us_west_vacation_1min.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    celsius = lambda name: (np.array([float(r[name] or "nan") for r in rows]) - 32) / 1.8  # noqa: E731
    whole = len(rows) // 15 * 15
    return tuple(np.nanmean(celsius(n)[:whole].reshape(1, -1, 15), axis=2) for n in ("indoor_f", "outdoor_f"))  # type: ignore[return-value]
