"""Simulated homes with the sensors and faults of real ones, and what truly happened afterwards."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.block import Block
from heatfleet.thermal.homes import Homes, day_of_use, draw_homes
from heatfleet.thermal.simulate import Drive, Inputs, Trace, initial_states, simulate
from heatfleet.thermal.sun import estimated_ghi_kw_m2

DAY, SPELL = 96, 12
WARM_UP_DAYS = 3
NOISE_K = {"indoor_c": 0.05, "outdoor_c": 0.2, "tank_c": 0.15, "water_c": 0.15}
SHIFTS_K = (-1.5, -0.5, 0.0, 0.0, 0.0, 0.5, 1.5)
WINDOWS_A_DAY, WINDOW_KW = 0.7, -2.5
FIRST_DAY = datetime(2026, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Lived:
    """Readings of homes (home, step) and the true indoor temperature behind them."""

    seen: Block
    indoor_c: Array
    homes: Homes


def lived(count: int, seed: int, days: int) -> Lived:
    """Homes of a seed over some days from a Monday in January, steered now and then, with sensors of 0.1 K."""
    rng = np.random.default_rng([seed, 0x4C4541])
    homes, steps = draw_homes(count, seed), (days + WARM_UP_DAYS) * DAY
    drive = _drive(homes, rng, seed, steps)
    shift, trace = _simulated(homes, drive, rng)
    seen = _readings(homes, drive, trace, shift, rng)
    begin = WARM_UP_DAYS * DAY
    return Lived(between(seen, begin, steps), trace.indoor_c[:, begin:], homes)


def between(block: Block, begin: int, end: int) -> Block:
    """The steps from ``begin`` to ``end`` (exclusive) of a block."""
    cut = {f.name: getattr(block, f.name)[:, begin:end] for f in fields(block) if getattr(block, f.name) is not None}
    return Block(**cut)


def _drive(homes: Homes, rng: np.random.Generator, seed: int, steps: int) -> Drive:
    times = [FIRST_DAY - timedelta(days=WARM_UP_DAYS) + timedelta(minutes=15 * n) for n in range(steps)]
    hour = np.arange(steps) / 4.0
    ghi = estimated_ghi_kw_m2(times, 50.1, 8.7, seed)
    waves = 3.5 * np.sin(hour / 27.0 + rng.uniform(0, 6.28)) + 2.0 * np.sin(hour / 11.3 + rng.uniform(0, 6.28))
    swing = (1.5 + 6.0 * np.repeat(ghi.reshape(-1, DAY).max(axis=1), DAY)) * np.cos(2 * np.pi * (hour - 14.0) / 24.0)
    outdoor = 3.0 + waves + swing + rng.uniform(-1.5, 1.5, (homes.count, 1))
    use = [day_of_use(homes, seed, day) for day in range(steps // DAY)]
    draw, gains = (np.concatenate([u[i] for u in use], axis=1) for i in (0, 1))
    hours = np.array([t.weekday() * 24 + t.hour + t.minute / 60.0 for t in times])
    return Drive(outdoor, np.tile(ghi, (homes.count, 1)), draw, gains, hours)


def _simulated(homes: Homes, drive: Drive, rng: np.random.Generator) -> tuple[Array, Trace]:
    """Steering shift (home, step) and trace."""
    states, own = initial_states(homes, drive.outdoor_c[:, 0]), Inputs.own(homes)
    shift: Array = np.zeros(drive.outdoor_c.shape)
    cubes = []
    for begin in range(0, shift.shape[1], SPELL):
        part = np.s_[:, begin : begin + SPELL]
        if begin >= WARM_UP_DAYS * DAY:
            shift[part] = rng.choice(np.array(SHIFTS_K), homes.count)[:, None]
        inputs = replace(own, indoor_setpoint_c=own.indoor_setpoint_c + shift[:, begin])
        piece = Drive(drive.outdoor_c[part], drive.ghi_kw_m2[part], drive.draw_kwh[part], drive.gains_kw[part],
                      drive.hour_of_week[begin : begin + SPELL])  # fmt: skip
        states, trace = simulate(homes, states, inputs, piece)
        cubes.append(trace.cube)
    return shift, Trace(np.concatenate(cubes, axis=1))


def _readings(homes: Homes, drive: Drive, trace: Trace, shift: Array, rng: np.random.Generator) -> Block:
    def sensed(name: str, value: Array) -> Array:
        rounded: Array = np.round(value + rng.normal(0.0, NOISE_K[name], value.shape), 1)
        return rounded

    water = sensed("water_c", 0.5 * (trace.flow_c + trace.return_c))
    indoor = sensed("indoor_c", trace.indoor_c)
    return Block(
        indoor_c=indoor,
        outdoor_c=sensed("outdoor_c", drive.outdoor_c),
        ghi_kw_m2=drive.ghi_kw_m2,
        space_heat_kw=np.round(trace.heat_space_kwh * 4.0, 3),
        space_power_kw=np.round(trace.energy_space_kwh * 4.0, 3),
        dhw_heat_kw=np.round(trace.heat_dhw_kwh * 4.0, 3),
        dhw_power_kw=np.round(trace.energy_dhw_kwh * 4.0, 3),
        tank_c=sensed("tank_c", trace.tank_c),
        setpoint_c=np.repeat(homes.own_indoor_setpoint_c[:, None], shift.shape[1], axis=1),
        shift_k=shift,
        quarter_of_day=np.tile(_slots(drive.hour_of_week), (homes.count, 1)),
        water_c=water,
    )


def _slots(hour_of_week: Array) -> Array:
    """Quarter-hour of the day, those of weekends from 96 on, (step,)."""
    slots: Array = (hour_of_week % 24 * 4).astype(int) + 96 * (hour_of_week >= 120.0)
    return slots
