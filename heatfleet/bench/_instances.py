"""Random planning problems of plausible homes, deterministic by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.planning.problem import Problem, make_problem
from heatfleet.thermal.arrays import Array


@dataclass(frozen=True)
class Kind:
    """What sort of problem."""

    states: int = 2
    steps: int = 96
    min_on: int = 4
    min_off: int = 4
    adder: float = 0.12
    negative: bool = False
    tank: bool = True
    space_actions: int = 5


def random_problem(homes: int, seed: int, kind: Kind = Kind()) -> Problem:
    """A problem of ``homes`` homes: winter day, evening peak, building 1R1C or 2R2C, part-load COP, tank with draws."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x504C414E]))
    price, outdoor = _prices(rng, homes, kind), _weather(rng, homes, kind.steps)
    building = _building(rng, homes, kind.states, outdoor)
    pump = _pump(rng, homes, kind, outdoor, building.pop("design_kw"))
    low = np.where((_hours(kind.steps) % 24 < 6)[None, :], 19.5, 20.0) + rng.choice([0.0, 0.5, 1.0], (homes, 1))
    cop, mean_price = 3.2, np.abs(price).mean(1)
    return make_problem(
        step_h=0.25,
        comfort_penalty=1.0,
        dhw_penalty=0.5,
        min_on_steps=kind.min_on,
        min_off_steps=kind.min_off,
        price=price,
        indoor_min=low,
        indoor_max=low + 2.0,
        value_x=building.pop("capacity") / cop * mean_price,
        **_tank(rng, homes, kind, mean_price / cop),
        **pump,
        **building,
    )


def _hours(steps: int) -> Array:
    return np.arange(steps) * 0.25


def _prices(rng: np.random.Generator, homes: int, kind: Kind) -> Array:
    """Spot like a winter day (two peaks, a noon valley) plus an adder, hourly noise per home [currency/kWh]."""
    hour = _hours(kind.steps)[None, :] % 24
    level, swing = rng.uniform(0.05, 0.12, (homes, 1)), rng.uniform(0.3, 1.2, (homes, 1))
    shape = 0.7 * _bump(hour, 8.0, 1.7) + _bump(hour, 18.0, 2.2) - 0.6 * _bump(hour, 13.0, 2.5)
    shape = shape - 0.5 * _bump(hour, 3.0, 2.5)
    noise = np.repeat(rng.normal(0, 0.012, (homes, -(-kind.steps // 4))), 4, axis=1)[:, : kind.steps]
    spot = level * (1 + swing * shape) + noise
    if kind.negative:
        spot = spot - 0.25 * _bump(hour, 13.0, 2.0)
    paid: Array = spot + kind.adder
    return paid


def _bump(hour: Array, at: float, width: float) -> Array:
    return np.exp(-(((hour - at) / width) ** 2))


def _weather(rng: np.random.Generator, homes: int, steps: int) -> Array:
    mean, swing = rng.uniform(-6, 9, (homes, 1)), rng.uniform(1, 4, (homes, 1))
    return mean + swing * np.sin((_hours(steps)[None, :] - 9) / 24 * 2 * np.pi)


def _building(rng: np.random.Generator, homes: int, states: int, outdoor: Array) -> dict[str, Array]:
    ua = rng.uniform(0.10, 0.28, homes)
    capacity = ua * rng.uniform(40, 110, homes)
    gains = 0.3 + rng.uniform(1.5, 4.5, (homes, 1)) * 0.12 * np.exp(
        -(((_hours(outdoor.shape[1]) % 24) - 12.5) ** 2) / 8
    )
    x_in = rng.uniform(20.2, 21.5, homes)
    design_kw = ua * 31.0
    if states == 1:
        a = np.exp(-0.25 * ua / capacity)
        b = (1 - a) / ua
        w = (1 - a)[:, None] * outdoor + b[:, None] * gains
        return {
            "a": a[:, None, None], "b": b[:, None], "w": w[:, :, None], "x0": x_in[:, None],
            "state_weight": np.ones((homes, 1)), "capacity": capacity, "design_kw": design_kw,
        }  # fmt: skip
    share = rng.uniform(0.08, 0.16, homes)
    c_i, c_m, between = capacity * share, capacity * (1 - share), ua * rng.uniform(3.5, 6.5, homes)
    to_air = np.where(rng.random(homes) < 0.5, rng.uniform(0.2, 0.4, homes), rng.uniform(0.6, 0.8, homes))
    u_o, u_m = 0.45 * ua, 0.55 * ua
    a, b, w = np.empty((homes, 2, 2)), np.empty((homes, 2)), np.empty((homes, outdoor.shape[1], 2))
    from scipy.linalg import expm

    for i in range(homes):
        m = np.zeros((5, 5))
        m[0, :2] = [-(between[i] + u_o[i]) / c_i[i], between[i] / c_i[i]]
        m[1, :2] = [between[i] / c_m[i], -(between[i] + u_m[i]) / c_m[i]]
        m[:2, 2] = [to_air[i] / c_i[i], (1 - to_air[i]) / c_m[i]]
        m[:2, 3] = [u_o[i] / c_i[i], u_m[i] / c_m[i]]
        m[:2, 4] = [0.5 / c_i[i], 0.5 / c_m[i]]
        e = expm(m * 0.25)
        a[i], b[i] = e[:2, :2], e[:2, 2]
        w[i] = outdoor[i][:, None] * e[:2, 3] + gains[i][:, None] * e[:2, 4]
    weight = np.stack([c_i, c_m], 1) / capacity[:, None]
    x0 = np.stack([x_in, x_in - rng.uniform(0.2, 1.2, homes)], 1)
    return {"a": a, "b": b, "w": w, "x0": x0, "state_weight": weight, "capacity": capacity, "design_kw": design_kw}


def _pump(rng: np.random.Generator, homes: int, kind: Kind, outdoor: Array, design_kw: Array) -> dict[str, Array]:
    nominal = np.maximum(design_kw * rng.uniform(1.0, 1.6, homes), 4.0)
    levels = np.linspace(0.35, 1.0, kind.space_actions - 1)
    most = nominal[:, None] * np.clip(1 + 0.012 * outdoor, 0.6, 1.3)
    heat = most[:, :, None] * np.concatenate([[0.0], levels])[None, None, :]
    load = np.concatenate([[0.4], levels])
    cop = (
        (3.4 + 0.07 * outdoor)[:, :, None]
        * (1 - 0.4 * (load - 0.4) ** 2)
        * rng.uniform(0.9, 1.05, homes)[:, None, None]
    )
    energy = 0.25 * (heat / np.maximum(cop, 1.3)) + 0.25 * 0.012
    dhw_heat = np.minimum(0.85 * most, 7.0) * (1.0 if kind.tank else 0.0)
    dhw_energy = 0.25 * dhw_heat / (2.5 + 0.05 * outdoor) + 0.003
    return {"space_energy": energy, "space_heat": heat, "dhw_energy": dhw_energy, "dhw_heat": dhw_heat}


def _tank(rng: np.random.Generator, homes: int, kind: Kind, heat_price: Array) -> dict[str, Array]:
    capacity = rng.choice([180.0, 200.0, 250.0, 300.0], homes) * 1.163e-3
    loss = rng.uniform(0.0015, 0.0025, homes)
    hour = _hours(kind.steps)[None, :] % 24
    shape = 0.05 + np.exp(-(((hour - 7.3) / 1.2) ** 2)) + 0.8 * np.exp(-(((hour - 19.5) / 2.0) ** 2))
    draw = shape / shape[:, : min(96, kind.steps)].sum(1, keepdims=True) * rng.uniform(2, 8, (homes, 1))
    a = np.exp(-0.25 * loss / capacity)
    w = (1 - a)[:, None] * 18.0 - draw / capacity[:, None]
    if not kind.tank:
        w = (1 - a)[:, None] * 50.0 + np.zeros((homes, kind.steps))
    return {
        "tank_a": a, "tank_b": (1 - a) / loss, "tank_w": w, "tank_min": np.full(homes, 45.0),
        "tank_max": np.full(homes, 56.0), "tank0": rng.uniform(47, 52, homes) if kind.tank else np.full(homes, 50.0),
        "value_tank": capacity * heat_price * 1.15,
    }  # fmt: skip
