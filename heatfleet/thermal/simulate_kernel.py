"""The compiled kernel of ``simulate.py``: one home after the other, in steps of at most five minutes.

Explicit Euler on a 2R2C building and a tank of two zones conserves energy to rounding. The controller keeps the
integral of heat demand minus heat delivered (degree-minutes, expressed as heat) and switches the compressor on it.

Tank: upper third and lower two thirds, as in OCHRE's two-node model. Taps take from the top and cold water follows
below; the coil and the inline heater warm the lower zone; warmer water below mixes with the upper zone at once; between
the zones water and steel conduct. The sensor sits at the boundary, a third below the top, and reads the mean of both.

A start costs two minutes of heat: with one start an hour and half an hour's running 7 %, where EN 14825's default for
cycling (Cc = 0.9) says 9 %. Helpers are inlined: as calls they cost 1.7 times as much.
"""

from __future__ import annotations

from math import exp

import numpy as np
from numba import njit

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate_columns import (
    BLOCK_LASTS_H,
    COOLING,
    DEFROST,
    DISINFECT,
    DISINFECTION_WINDOW_H,
    E_COLD,
    E_COLD_WATER,
    E_DRAW,
    E_GAINS,
    FROST_BELOW_C,
    FROST_PER_K,
    HEATING,
    HOT_WATER,
    HYSTERESIS,
    POOL_HEATING,
    SG_READY,
    SOLAR,
    STANDBY,
    STANDBY_MODE,
    TRACE,
    USE_COOLING,
    USE_DHW,
    USE_NONE,
    USE_POOL,
    WARM_WATER_C,
    WEEK_H,
    X_AMBIENT,
    X_COLD,
    X_EBACKUP,
    X_ECOOLING,
    X_EDHW,
    X_EPOOL,
    X_ESPACE,
    X_ESTANDBY,
    X_FLOW,
    X_I,
    X_IMEAN,
    X_LOSS,
    X_MODE,
    X_POOL,
    X_POOLLOSS,
    X_POOLSOLAR,
    X_POWER,
    X_QDHW,
    X_QPOOL,
    X_QSPACE,
    X_REJECTED,
    X_RETURN,
    X_SOLAR,
    X_STARTS,
    X_TANKLOSS,
    X_UNSERVED,
    X_W,
    X_WMIN,
    Series,
)
from heatfleet.thermal.simulate_control import decide, rooms_ask
from heatfleet.thermal.simulate_heat import backup_kw, building, compressor, sensed_water_c, tank
from heatfleet.thermal.simulate_summer import pool_water


@njit(cache=True, inline="always")
def _meter(
    p: Array, out: Array, use: float, heat: float, electric: float, element: float, tank_element: float, melting: float,
    dt: float,
) -> None:  # fmt: skip
    """Adds what one substep used and made to ``out``; while cooling ``heat`` is the cold."""
    if use == USE_COOLING:
        out[X_ECOOLING] += electric * dt
        out[X_COLD] += heat * dt
        out[X_REJECTED] += (heat + electric) * dt
    elif use == USE_POOL:
        out[X_EPOOL] += electric * dt
        out[X_QPOOL] += heat * dt
    elif use == USE_DHW:
        out[X_EDHW] += electric * dt
        out[X_QDHW] += heat * dt
    else:
        out[X_ESPACE] += electric * dt
        out[X_QSPACE] += heat * dt
    out[X_ESPACE] += (p[STANDBY] + element) * dt
    out[X_EDHW] += tank_element * dt
    out[X_EBACKUP] += (element + tank_element) * dt
    out[X_ESTANDBY] += p[STANDBY] * dt
    out[X_QSPACE] += element * dt
    out[X_QDHW] += tank_element * dt
    if use != USE_COOLING:
        out[X_AMBIENT] += (heat - electric) * dt
    if melting >= 0.5:
        out[X_MODE] = DEFROST
    elif use == USE_DHW or (use == USE_NONE and tank_element > 0.0):
        out[X_MODE] = HOT_WATER
    else:
        out[X_MODE] = _mode(use)


@njit(cache=True, inline="always")
def _mode(use: float) -> float:
    """How a pump that does not heat water and does not melt shows what it works for."""
    if use == USE_COOLING:
        return COOLING
    if use == USE_POOL:
        return POOL_HEATING
    return STANDBY_MODE if use == USE_NONE else HEATING


@njit(cache=True, inline="always")
def _happening(d: Array, drive: Series, hour_of_week: Array, home: int, step: int, step_h: float) -> None:
    """Fills ``d``: outdoor temperature, sun, draw [kW], gains, hour of week."""
    outdoor_c, ghi_kw_m2, draw_kwh, gains_kw = drive
    d[0], d[1], d[4] = outdoor_c[home, step], ghi_kw_m2[home, step], hour_of_week[step]
    d[2], d[3] = draw_kwh[home, step] / step_h, gains_kw[home, step]


@njit(cache=True, inline="always")
def _pass_time(
    p: Array, out: Array, d: Array, indoor: float, mass: float, upper: float, lower: float, to_space: float,
    to_tank: float, dt: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """Air, mass and both zones of the tank after a substep with so much heat [kW]; adds what was lost to ``out``."""
    solar = p[SOLAR] * d[1]
    indoor, mass, lost = building(p, indoor, mass, d[0], to_space, solar, d[3], dt)
    upper, lower, drawn, tank_lost = tank(p, upper, lower, to_tank * dt, d[2] * dt, dt)
    out[X_UNSERVED] += d[2] * dt - drawn
    out[X_LOSS] += lost
    out[X_TANKLOSS] += tank_lost
    out[X_SOLAR] += solar * dt
    out[X_WMIN] = min(out[X_WMIN], upper)
    return indoor, mass, upper, lower


@njit(cache=True, inline="always")
def _heats(use: float, heat: float, element: float, tank_element: float) -> tuple[float, float, float]:
    """Heat into rooms (negative: taken from them), tank and pool [kW]."""
    if use == USE_DHW:
        return element, heat + tank_element, 0.0
    if use == USE_POOL:
        return element, tank_element, heat
    if use == USE_COOLING:
        return -heat, tank_element, 0.0
    return heat + element, tank_element, 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _live(p: Array, x: Array, u: Array, d: Array, maps: Array, dt: float, substeps: int, out: Array) -> None:
    """One step of one home: advances ``x`` (a row of states) and adds to ``out`` (a row of a trace)."""
    indoor, mass, upper, lower, deficit = x[0], x[1], x[2], x[3], x[4]
    day_mean, frost, flow, back = x[5], x[6], x[7], x[8]
    c = (x[9], x[10], x[11], x[12], x[13], x[14], x[15], x[16], x[17])
    pool, outdoor = x[18], d[0]
    frosting = min(exp(FROST_PER_K * outdoor), 1.0) if outdoor < FROST_BELOW_C else 0.0
    is_due = (d[4] - p[DISINFECT]) % WEEK_H < DISINFECTION_WINDOW_H
    out[X_WMIN] = upper
    for _ in range(substeps):
        day_mean += (outdoor - day_mean) * dt / 24.0
        rooms = rooms_ask(p, u, indoor, day_mean, outdoor, c[8])
        demand = rooms[1]
        was, blocked = c[0], u[SG_READY] == 1.0 and c[6] < BLOCK_LASTS_H
        c = decide(p, u, c, 0.5 * (upper + lower), lower, pool, day_mean, deficit, rooms, is_due, blocked, dt)
        use = c[0]
        heat, electric, output, frost, melting = compressor(
            p, maps, use, c[1], frost, frosting, outdoor, indoor, upper, lower, pool, deficit, demand, dt
        )
        element, tank_element = backup_kw(p, use, c[2], lower, deficit, demand, output) if not blocked else (0.0, 0.0)
        _meter(p, out, use, heat, electric, element, tank_element, melting, dt)
        to_space, to_tank, to_pool = _heats(use, heat, element, tank_element)
        deficit = min(max(deficit + (demand - abs(to_space)) * dt, -1.5 * p[HYSTERESIS]), 3.0 * p[HYSTERESIS])
        c = (use, c[1] + dt, c[2], c[3], c[4], c[5], c[6], c[7], c[8])
        flow, back = sensed_water_c(p, use, heat, indoor, lower, pool, flow, back, dt)
        pool, pool_lost, pool_sun = pool_water(p, pool, outdoor, d[1], to_pool, dt)
        out[X_POOLLOSS] += pool_lost
        out[X_POOLSOLAR] += pool_sun
        indoor, mass, upper, lower = _pass_time(p, out, d, indoor, mass, upper, lower, to_space, to_tank, dt)
        out[X_STARTS] += was == USE_NONE and use != USE_NONE
        out[X_IMEAN] += indoor / substeps
    x[0], x[1], x[2], x[3], x[4] = indoor, mass, upper, lower, deficit
    x[5], x[6], x[7], x[8] = day_mean, frost, flow, back
    x[9], x[10], x[11], x[12], x[13], x[14], x[15], x[16], x[17] = c
    x[18] = out[X_POOL] = pool
    out[X_I], out[X_W], out[X_FLOW], out[X_RETURN] = indoor, 0.5 * (upper + lower), flow, back
    out[X_POWER] = (out[X_ESPACE] + out[X_EDHW] + out[X_ECOOLING] + out[X_EPOOL]) / (dt * substeps)


@njit(cache=True, nogil=True, error_model="numpy")
def run(
    homes: Array, states: Array, inputs: Array, drive: Series, hour_of_week: Array, maps: Array, dt: float,
    substeps: int, cube: Array,
) -> None:  # fmt: skip
    """Advance ``states`` (home, ·) in place through every step and fill ``cube`` (home, step, ·)."""
    d = np.empty(5)
    for home in range(homes.shape[0]):
        for step in range(hour_of_week.shape[0]):
            _happening(d, drive, hour_of_week, home, step, dt * substeps)
            _live(homes[home], states[home], inputs[home], d, maps, dt, substeps, cube[home, step])


@njit(cache=True, nogil=True, error_model="numpy")
def run_totals(
    homes: Array, states: Array, inputs: Array, drive: Series, hour_of_week: Array, maps: Array, dt: float,
    substeps: int, comfort_c: Array, period: Array, sums: Array, energy_kwh: Array, fleet_kw: Array,
) -> None:  # fmt: skip
    """Advance ``states`` like :func:`run`, but keep sums only.

    ``sums`` (home, TRACE + ``EXTRA``), ``energy_kwh`` (home, period), ``fleet_kw`` (step,) are added to.
    """
    d, out, step_h = np.empty(5), np.empty(len(TRACE)), dt * substeps
    for home in range(homes.shape[0]):
        for step in range(hour_of_week.shape[0]):
            _happening(d, drive, hour_of_week, home, step, step_h)
            out[:] = 0.0
            _live(homes[home], states[home], inputs[home], d, maps, dt, substeps, out)
            for column in range(len(TRACE)):
                sums[home, column] += out[column]
            sums[home, E_COLD] += step_h * (out[X_IMEAN] < comfort_c[home])
            sums[home, E_COLD_WATER] += step_h * (out[X_WMIN] < WARM_WATER_C)
            sums[home, E_DRAW] += d[2] * step_h
            sums[home, E_GAINS] += d[3] * step_h
            energy_kwh[home, period[step]] += out[X_POWER] * step_h
            fleet_kw[step] += out[X_POWER]
