"""What is learned of cooling and pools from what was seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.cooling import cold_kw, learn_cooling, prior_cooling
from heatfleet.thermal.pool import Pool, learn_pool, prior_pool
from heatfleet.thermal.response import Response

DAYS = 14
STEPS = DAYS * 96
HOUR = np.arange(STEPS) / 4 % 24


def weather(seed: int, mean_c: float) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    days = np.repeat(rng.normal(0, 2.5, DAYS), 96)
    outdoor = mean_c + days + 6.0 * np.sin((HOUR - 10) / 24 * 2 * np.pi)
    sun = np.maximum(0.8 * np.sin((HOUR - 6) / 12 * np.pi), 0.0) * np.repeat(rng.uniform(0.3, 1.0, DAYS), 96)
    return outdoor[None, :], sun[None, :]


def own_prior() -> Response:
    return prior_cooling(np.array([0.18]), np.array([0.35]))


def test_cooling_is_learned_on_the_days_that_cooled() -> None:
    prior, (outdoor, sun) = own_prior(), weather(1, 27.0)
    true = replace(prior, foot_kw=prior.foot_kw + 1.2, outdoor_kw_per_k=1.3 * prior.outdoor_kw_per_k)
    rng = np.random.default_rng(2)
    room = 25.0 + 0.4 * np.sin((HOUR - 14) / 24 * 2 * np.pi)[None, :] + rng.normal(0, 0.05, (1, STEPS))
    shift = np.repeat(rng.choice([-1.0, 0.0, 0.0, 1.0], STEPS // 16), 16)[None, :]
    cold = true.heat_kw(-outdoor, 25.0 - room, -shift)
    power = true.energy_kw(np.maximum(cold, 0.0), -outdoor)
    hot = np.repeat(np.arange(DAYS) >= 4, 96)[None, :]  # on the first days nothing was cooled
    seen = np.where(hot, power, 0.0)
    found = learn_cooling(room, np.full((1, STEPS), 25.0), shift, (outdoor, sun), seen, prior)
    asked, learned = true.demand_kw(-outdoor, 25.0 - room, -shift), found.demand_kw(-outdoor, 25.0 - room, -shift)
    before = prior.demand_kw(-outdoor, 25.0 - room, -shift)
    error, was = (np.abs(values - asked)[hot].mean() for values in (learned, before))
    assert error < 0.35 * was
    assert found.cop_foot == prior.cop_foot, "nothing measures cold"


def test_a_pump_that_hardly_cooled_keeps_what_is_in_force() -> None:
    prior, air = own_prior(), weather(1, 15.0)
    power = np.zeros((1, STEPS))
    power[0, 100:110] = 0.8
    room = np.full((1, STEPS), 24.0)
    assert learn_cooling(room, room + 1.0, 0.0 * room, air, power, prior) is prior


def test_cold_follows_from_power_by_the_eer() -> None:
    prior = own_prior()
    outdoor = np.full((1, 4), 30.0)
    cold = np.array([[0.0, 1.5, 2.5, 4.0]])
    power = prior.energy_kw(cold, -outdoor)
    found = cold_kw(power, outdoor, prior)
    np.testing.assert_allclose(found, cold, rtol=0.1)
    assert found[0, 0] == 0.0
    assert (cold_kw(np.full((1, 4), np.nan), outdoor, prior) == 0.0).all()


def live(pool: Pool, outdoor: Array, sun: Array, heats: Array) -> Array:
    a, b, w = pool.matrices(outdoor, sun, 0.25)
    temp, found = np.full(len(a), 27.0), np.empty(heats.shape)
    for t in range(heats.shape[1]):
        temp = a * temp + b * pool.heat_kw * heats[:, t] + w[:, t]
        found[:, t] = temp
    return found


def test_a_pool_is_learned() -> None:
    prior, (outdoor, sun) = prior_pool(np.array([7.0])), weather(3, 19.0)
    one = np.array([1.0])
    true = replace(
        prior, capacity_kwh_per_k=28.0 * one, loss_kw_per_k=0.6 * one, solar_m2=10.0 * one, heat_kw=5.0 * one
    )
    heats = np.repeat(np.random.default_rng(4).random(STEPS // 24) < 0.4, 24)[None, :].astype(float)
    pool_c = live(true, outdoor, sun, heats) + np.random.default_rng(5).normal(0, 0.02, (1, STEPS))
    power = heats * true.energy_kw(outdoor)
    found = learn_pool(pool_c, heats * 5.0, power, (outdoor, sun), prior)
    np.testing.assert_allclose(found.capacity_kwh_per_k, 28.0, rtol=0.12)
    np.testing.assert_allclose(found.loss_kw_per_k, 0.6, rtol=0.25)
    np.testing.assert_allclose(found.heat_kw, 5.0, rtol=0.02)
    unmetered = learn_pool(pool_c, np.full((1, STEPS), np.nan), power, (outdoor, sun), prior)
    np.testing.assert_allclose(unmetered.capacity_kwh_per_k / unmetered.heat_kw, 28.0 / 5.0, rtol=0.15)


def test_a_pool_nobody_reads_keeps_the_prior() -> None:
    prior, air = prior_pool(np.array([7.0])), weather(3, 19.0)
    nothing = np.full((1, STEPS), np.nan)
    found = learn_pool(nothing, nothing, nothing, air, prior)
    for name, value in vars(prior).items():
        np.testing.assert_allclose(getattr(found, name), value)
