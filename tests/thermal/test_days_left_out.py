"""Models of all days but one: what the equations say is what a fit without the day says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from heatfleet.bench._learn_fleet import lived
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.grey_box import (
    Past,
    TwoMass,
    discretise,
    fit_two_mass,
    fit_without_days,
    forecast_errors,
    refine,
    starts,
    ua_of,
)
from heatfleet.thermal.hourly import fit_plain, fit_plain_without_days
from heatfleet.thermal.identify import DAY, learn, past_of
from heatfleet.thermal.model import OLS, ThermalModels, prior

HOMES, DAYS, BEGIN = 8, 6, DAY // 2
NOISE_K = 0.15


@pytest.fixture(scope="module")
def unknown() -> ThermalModels:
    return prior(None, np.full(HOMES, -10.0))


@pytest.fixture(scope="module")
def past(unknown: ThermalModels) -> Past:
    return past_of(lived(HOMES, 7, DAYS).seen, unknown)


def weight_without(past: Past, start: int) -> Array:
    weight = np.ones(past.indoor_c.shape)
    weight[:, start : start + DAY] = 0.0
    return weight


def of(models: TwoMass, forecast: int) -> TwoMass:
    return TwoMass(**{name: values[:, forecast] for name, values in vars(models).items()})


def test_the_regression_without_a_day_is_the_one_fitted_without_it(past: Past, unknown: ThermalModels) -> None:
    everything, without = fit_plain_without_days(past, unknown.building, np.ones(past.indoor_c.shape), BEGIN)
    assert np.allclose(ua_of(everything), ua_of(fit_plain(past, unknown.building, np.ones(past.indoor_c.shape))))
    for n, start in enumerate(starts(past, BEGIN)):
        again = fit_plain(past, unknown.building, weight_without(past, start))
        for name, values in vars(of(without, n)).items():
            assert np.allclose(values, getattr(again, name), rtol=1e-5), name


def test_the_grey_box_without_a_day_forecasts_it_as_one_fitted_without_it(past: Past, unknown: ThermalModels) -> None:
    """One step of the fit instead of all of it, so nearly; and never as well as one that has seen the day."""
    _, without = fit_without_days(past, unknown.building, np.ones(past.indoor_c.shape), NOISE_K, BEGIN)
    quick = forecast_errors(past, without, BEGIN)
    slow, cheating = np.empty_like(quick), forecast_errors(past, fit_two_mass(past, unknown.building), BEGIN)
    for n, start in enumerate(starts(past, BEGIN)):
        again = fit_two_mass(past, unknown.building, weight_without(past, start))
        slow[:, n] = forecast_errors(past, again, BEGIN)[:, n]
    assert np.median(np.abs(quick - slow)) < 0.1 * np.median(slow)
    assert quick.mean() > cheating.mean()


def test_a_refined_building_stays_near_and_fits_better(past: Past, unknown: ThermalModels) -> None:
    weight = np.ones(past.indoor_c.shape)
    plain = fit_plain(past, unknown.building, weight)
    refined, free = refine(past, plain, weight, NOISE_K), fit_two_mass(past, plain)
    assert np.allclose(refined.ua_neighbour_kw_per_k, plain.ua_neighbour_kw_per_k, rtol=1e-3, atol=1e-4)
    moved, moved_free = (np.abs(np.log(ua_of(one) / ua_of(plain))) for one in (refined, free))
    assert np.median(moved) < np.median(moved_free)
    assert forecast_errors(past, refined, BEGIN).mean() < forecast_errors(past, plain, BEGIN).mean()


def test_what_is_next_door_is_learned_by_the_grey_box(past: Past, unknown: ThermalModels) -> None:
    """Homes drawn to 21 °C twice as strongly as outdoors, and the same alone."""
    alone, ua = unknown.building, ua_of(unknown.building)
    beside = replace(alone, ua_neighbour_kw_per_k=2.0 * ua, gains_kw=alone.gains_kw + 42.0 * ua)
    found = [
        np.median(fit_two_mass(lived_in(one, past), alone).ua_neighbour_kw_per_k / ua).item() for one in (alone, beside)
    ]
    assert found[0] < 0.2
    assert found[1] > 0.5


def lived_in(building: TwoMass, past: Past) -> Past:
    """The past of exactly such buildings in the same weather, heated alike."""
    discrete, room = discretise(building), np.empty_like(past.indoor_c)
    drift = discrete.disturbance(past.outdoor_c, past.ghi_kw_m2)
    x = np.full((HOMES, 2), 21.0)
    for t in range(room.shape[1]):
        x = np.einsum("hij,hj->hi", discrete.a, x) + discrete.b * past.heat_kw[:, t, None] + drift[:, t]
        room[:, t] = x[:, 0]
    return replace(past, indoor_c=room)


def test_learning_every_night_is_learning_once(unknown: ThermalModels) -> None:
    """What the same days taught the night before is not taken for something else that is known."""
    seen = lived(HOMES, 7, 8).seen
    nightly = unknown
    for night in range(4, 9):
        until = replace(seen, **{n: v[:, : night * DAY] for n, v in vars(seen).items() if v is not None})
        nightly = learn(until, nightly, unknown.building)
    once = learn(seen, unknown, unknown.building)
    assert np.median(np.abs(ua_of(nightly.building) / ua_of(once.building) - 1.0)) < 0.05
    assert np.median(nightly.error_24h_k / once.error_24h_k) < 1.2


def test_what_is_in_force_counts_for_what_it_was_found_to_be(unknown: ThermalModels) -> None:
    """A model that has seen these very days does not keep out what it was fitted like."""
    seen = lived(HOMES, 7, 5).seen
    good = learn(seen, unknown)
    flattered = replace(good, kind=np.full_like(good.kind, OLS), error_24h_k=2.0 * good.error_24h_k)
    again = learn(seen, flattered, unknown.building)
    assert (again.error_24h_k <= 1.4 * good.error_24h_k + 1e-9).all()
