"""The plain regression as a building: it forecasts what the regression does, whatever the home is like."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.block import Block
from heatfleet.thermal.grey_box import Past, discretise, forecast_errors, ua_of
from heatfleet.thermal.hourly import fit_plain
from heatfleet.thermal.identify import error_24h, learn
from heatfleet.thermal.model import PRIOR, ThermalModels, prior

HOURS = 24 * 12
WEIGHT = np.ones((1, 4 * HOURS))


def one_mass(loss_per_h: Array | float, next_door_per_h: float, seed: int, heat_kw: float = 3.0) -> Past:
    """A home of one mass for twelve days: what it loses to outdoors and to rooms of 21 °C per hour and kelvin."""
    rng, hour = np.random.default_rng(seed), np.arange(HOURS)
    outdoor = 4.0 + 4.0 * np.sin(hour / 24 * 2 * np.pi) + rng.normal(0, 1.0, HOURS).cumsum() / 8.0
    sun = np.maximum(np.sin((hour % 24 - 6) / 12 * np.pi), 0) * rng.uniform(0.05, 0.4, HOURS)
    heat = heat_kw * (rng.random(HOURS) < 0.5)
    loss, room, t = np.broadcast_to(loss_per_h, HOURS), np.empty(HOURS), 20.0
    for h in range(HOURS):
        rate = loss[h] + next_door_per_h
        given = loss[h] * outdoor[h] + next_door_per_h * 21.0 + 0.07 * heat[h] + 0.4 * sun[h] + 0.02
        t = np.exp(-rate) * t + (1.0 - np.exp(-rate)) / rate * given
        room[h] = t
    by_quarters = [np.repeat(v, 4)[None, :] for v in (room, outdoor, sun, heat)]
    return Past(*by_quarters)


@settings(max_examples=25, deadline=None)
@given(loss=st.floats(0.012, 0.06), next_door=st.sampled_from([0.0, 0.01, 0.03]), seed=st.integers(0, 99))
def test_the_plain_regression_finds_a_home_of_one_mass(loss: float, next_door: float, seed: int) -> None:
    past, unknown = one_mass(loss, next_door, seed), prior(None, np.array([-10.0])).building
    found = fit_plain(past, unknown, WEIGHT)
    seen = replace(past, indoor_c=np.where(np.arange(4 * HOURS) % 4 == 3, past.indoor_c, np.nan))
    assert np.nanmax(forecast_errors(seen, found, 4 * HOURS // 2)) < 0.1
    if next_door:  # told apart by the weather alone, and less surely where little is lost to it
        assert np.isclose(ua_of(found)[0] / found.ua_neighbour_kw_per_k[0], loss / next_door, rtol=0.25)
    assert np.isclose(ua_of(found)[0] * 0.07, loss, rtol=0.15)


def test_a_home_without_a_room_temperature_is_left_at_its_prior_by_the_plain_regression() -> None:
    past, unknown = one_mass(0.02, 0.0, 1), prior(None, np.array([-10.0])).building
    found = fit_plain(replace(past, indoor_c=np.full(past.indoor_c.shape, np.nan)), unknown, WEIGHT)
    assert all(np.isfinite(values).all() for values in vars(found).values())
    assert np.isclose(ua_of(found), ua_of(unknown), rtol=0.02).all()


def test_an_empty_house_is_learned_by_its_plain_regression() -> None:
    """A house that cools four times as fast as its typology says, warmed by nobody it knows of."""
    past, unknown = one_mass(0.05, 0.0, 4, heat_kw=0.0), prior(None, np.array([-10.0]))
    empty = replace(past, indoor_c=past.indoor_c + 4.0)
    learned = learn(as_block(empty), unknown)
    assert learned.kind[0] != PRIOR
    assert learned.error_24h_k[0] < 0.1


def test_a_home_that_changed_is_forecast_as_it_is_now() -> None:
    """Seasons drift: five days after a home began to lose half as much again, the new model knows it."""
    loss = np.where(np.arange(HOURS) < 24 * 7, 0.02, 0.03)
    changed = one_mass(loss, 0.0, 6)
    before = learn(as_block(one_mass(0.02, 0.0, 6)), prior(None, np.array([-10.0])))
    after = learn(as_block(changed), before)
    old, new = (error_24h(changed, models.building, 4 * 24 * 9)[0] for models in (before, after))
    assert before.error_24h_k[0] < 0.15
    assert new < 0.6 * old


def test_a_loss_next_door_draws_the_room_to_it() -> None:
    building = prior(None, np.array([-10.0])).building
    beside = replace(
        building, ua_neighbour_kw_per_k=ua_of(building), gains_kw=building.gains_kw + 21.0 * ua_of(building)
    )
    plain, both = discretise(building), discretise(beside)
    cold: Array = np.array([[10.0, 10.0]])
    outdoor, dark = np.array([[10.0]]), np.array([[0.0]])
    alone = np.einsum("hij,hj->hi", plain.a, cold) + plain.disturbance(outdoor, dark)[:, 0]
    warmed = np.einsum("hij,hj->hi", both.a, cold) + both.disturbance(outdoor, dark)[:, 0]
    assert warmed[0, 0] > alone[0, 0] + 0.1


def test_a_model_stored_before_there_was_a_next_door_is_read() -> None:
    row = prior(None, np.array([-10.0])).to_dict(0)
    del row["building"]["ua_neighbour_kw_per_k"]
    assert ThermalModels.from_dicts([row]).building.ua_neighbour_kw_per_k[0] == 0.0


def as_block(past: Past) -> Block:
    nothing = np.full(past.indoor_c.shape, np.nan)
    setpoint, quarter = np.full_like(nothing, 20.0), np.arange(nothing.shape[1])[None, :] % 96
    return Block(
        np.round(past.indoor_c, 2), past.outdoor_c, past.ghi_kw_m2, past.heat_kw, past.heat_kw / 3.0, nothing, nothing,
        nothing, setpoint, np.zeros_like(nothing), quarter,
    )  # fmt: skip
