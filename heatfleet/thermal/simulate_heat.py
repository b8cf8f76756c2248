"""Compressor, electric element, tank and building in one substep; parameters ``p`` are a row of ``Homes``."""

from __future__ import annotations

from numba import njit

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.cop import capacity, cop
from heatfleet.thermal.simulate_columns import (
    BACKUP,
    C_I,
    C_M,
    C_W,
    CATCH_UP_H,
    CELLAR_C,
    COIL_APPROACH_K,
    COIL_FLOW_MIN_C,
    COLD_C,
    COLD_SPREAD_K,
    COMPRESSOR_TANK_MAX_C,
    DEFROST_H,
    DEFROST_POWER,
    DHW_LOAD,
    FROST_H,
    HYSTERESIS,
    LOWER,
    MOD_MIN,
    NOMINAL,
    POOL_APPROACH_K,
    QUALITY,
    SERVED_C,
    SOLAR_TO_AIR,
    START_LOSS_H,
    TO_INDOOR,
    UA_EM,
    UA_IM,
    UA_IO,
    UA_MO,
    UA_W,
    UA_ZONES,
    UPPER,
    USE_COOLING,
    USE_DHW,
    USE_NONE,
    USE_POOL,
    USE_SPACE,
)
from heatfleet.thermal.simulate_summer import cold_flow_c, cold_output, pool_output


@njit(cache=True, inline="always")
def _defrost(frost_h: float, frosting: float, dt: float) -> tuple[float, float]:
    """Running time since the last defrost (below 0: still to melt), share of the substep spent melting."""
    if frost_h > FROST_H:
        frost_h = -DEFROST_H
    if frost_h < 0.0:
        return min(frost_h + dt, 0.0), min(-frost_h, dt) / dt
    return frost_h + frosting * dt, 0.0


@njit(cache=True, inline="always")
def _coil_c(p: Array, upper_c: float, lower_c: float, heat_kwh: float) -> float:
    """Temperature of the water around the coil after some heat; above the upper zone's both are mixed."""
    lower_after_c = lower_c + heat_kwh / (LOWER * p[C_W])
    if lower_after_c <= upper_c:
        return lower_after_c
    return UPPER * upper_c + LOWER * lower_c + heat_kwh / p[C_W]


@njit(cache=True, inline="always")
def _output(
    p: Array, maps: Array, use: float, outdoor_c: float, indoor_c: float, upper_c: float, lower_c: float,
    pool_c: float, wanted_kw: float, demand_kw: float, frosting: float, dt: float,
) -> tuple[float, float]:  # fmt: skip
    """Heat of the running compressor and its electricity [kW], between two defrosts.

    The maps hold what is left after defrosting (EN 14511 measures over whole frost cycles), so that between defrosts
    both heat and COP are higher by the share of time that melting takes. A tank warms by kelvins within a substep:
    the water around the coil counts as it is halfway.
    """
    if use == USE_COOLING:
        return cold_output(p, maps, outdoor_c, indoor_c, wanted_kw)
    if use == USE_POOL:
        return pool_output(p, maps, outdoor_c, pool_c)
    gain = 1.0 + frosting * DEFROST_H / FROST_H
    if use == USE_DHW:
        full, load = DHW_LOAD * p[NOMINAL] * gain, DHW_LOAD
        flow_c = _coil_flow_c(_coil_c(p, upper_c, lower_c, 0.5 * dt * full))
        heat = full * capacity(maps, outdoor_c, flow_c)
    else:
        high = p[NOMINAL] * gain * capacity(maps, outdoor_c, indoor_c + max(demand_kw, 0.0) / p[UA_EM])
        heat = min(max(wanted_kw, p[MOD_MIN] * p[NOMINAL]), high)
        flow_c, load = indoor_c + heat / p[UA_EM], heat / high
    return heat, heat / (gain * cop(maps, outdoor_c, flow_c, load) * p[QUALITY])


@njit(cache=True, inline="always")
def _coil_flow_c(water_c: float) -> float:
    """Flow temperature it takes to heat a tank through its coil [°C]."""
    return max(water_c + COIL_APPROACH_K, COIL_FLOW_MIN_C)


@njit(cache=True, inline="always")
def compressor(
    p: Array, maps: Array, use: float, phase_h: float, frost_h: float, frosting: float, outdoor_c: float,
    indoor_c: float, upper_c: float, lower_c: float, pool_c: float, deficit_kwh: float, demand_kw: float, dt: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Mean heat (or cold) and electricity, output while heating [kW], running time since melting, share spent melting.

    A coil that is warm in summer needs no melting.
    """
    if use == USE_NONE:
        return 0.0, 0.0, 0.0, frost_h, 0.0
    frost_h, melting = (0.0, 0.0) if use == USE_COOLING else _defrost(frost_h, frosting, dt)
    wanted = demand_kw + max(deficit_kwh, 0.0) / CATCH_UP_H
    output, electric = _output(
        p, maps, use, outdoor_c, indoor_c, upper_c, lower_c, pool_c, wanted, demand_kw, frosting, dt
    )
    starting = max(START_LOSS_H - phase_h, 0.0) / dt
    electric = electric * (1.0 - melting) + DEFROST_POWER * p[NOMINAL] * melting
    return output * max(1.0 - melting - starting, 0.0), electric, output, frost_h, melting


@njit(cache=True, inline="always")
def backup_kw(
    p: Array, use: float, charging: float, lower_c: float, deficit_kwh: float, demand_kw: float, output_kw: float
) -> tuple[float, float]:
    """Electric element [kW] into space and into the tank: only what the compressor cannot do."""
    if charging == 1.0 and lower_c >= COMPRESSOR_TANK_MAX_C:
        return 0.0, min(p[BACKUP], 3.0)
    if deficit_kwh >= 2.9 * p[HYSTERESIS] and use == USE_SPACE and demand_kw > 1.02 * output_kw:
        return min(p[BACKUP], demand_kw - output_kw), 0.0
    return 0.0, 0.0


@njit(cache=True, inline="always")
def tank(
    p: Array, upper_c: float, lower_c: float, heat_kwh: float, draw_kwh: float, dt: float
) -> tuple[float, float, float, float]:
    """Upper and lower zone after a substep, heat drawn and heat lost [kWh].

    A tap takes the water that gives its heat at ``SERVED_C`` or above; below that, people take what comes. A draw is
    cut into pieces smaller than the upper zone.
    """
    upper, lower = UPPER * p[C_W], LOWER * p[C_W]
    drawn, pieces = 0.0, 1 + int(draw_kwh / ((SERVED_C - COLD_C) * upper))
    if draw_kwh > 0.0:
        for _ in range(pieces):
            water = draw_kwh / pieces / max(upper_c - COLD_C, SERVED_C - COLD_C)  # kWh/K
            drawn += water * (upper_c - COLD_C)
            upper_c += water * (lower_c - upper_c) / upper
            lower_c += water * (COLD_C - lower_c) / lower
    down = UA_ZONES * (upper_c - lower_c) * dt
    loss_upper = UPPER * p[UA_W] * (upper_c - CELLAR_C) * dt
    loss_lower = LOWER * p[UA_W] * (lower_c - CELLAR_C) * dt
    upper_c -= (down + loss_upper) / upper
    lower_c += (down + heat_kwh - loss_lower) / lower
    if lower_c > upper_c:
        upper_c = lower_c = UPPER * upper_c + LOWER * lower_c
    return upper_c, lower_c, drawn, loss_upper + loss_lower


@njit(cache=True, inline="always")
def sensed_water_c(
    p: Array, use: float, heat_kw: float, indoor_c: float, lower_c: float, pool_c: float, flow_c: float,
    return_c: float, dt: float,
) -> tuple[float, float]:  # fmt: skip
    """Flow and return temperature at the pump's sensors."""
    if use == USE_NONE:
        quick = min(dt / 0.7, 1.0)
        return flow_c + (indoor_c - flow_c) * quick, return_c + (indoor_c - return_c) * quick
    to_c, spread_k = indoor_c + heat_kw / p[UA_EM] + 2.0, 4.5
    if use == USE_DHW:
        to_c = _coil_flow_c(lower_c)
    elif use == USE_POOL:
        to_c = pool_c + POOL_APPROACH_K
    elif use == USE_COOLING:
        to_c, spread_k = cold_flow_c(p, indoor_c, heat_kw), -COLD_SPREAD_K
    quick = min(dt / 0.15, 1.0)
    return flow_c + (to_c - flow_c) * quick, return_c + (to_c - spread_k - return_c) * quick


@njit(cache=True, inline="always")
def building(
    p: Array,
    indoor_c: float,
    mass_c: float,
    outdoor_c: float,
    space_kw: float,
    solar_kw: float,
    gains_kw: float,
    dt: float,
) -> tuple[float, float, float]:
    """Air and mass after a substep, heat lost [kWh]."""
    between = p[UA_IM] * (mass_c - indoor_c)
    loss_i, loss_m = p[UA_IO] * (indoor_c - outdoor_c), p[UA_MO] * (mass_c - outdoor_c)
    to_air = between - loss_i + p[TO_INDOOR] * space_kw + SOLAR_TO_AIR * solar_kw + gains_kw
    to_mass = (1.0 - p[TO_INDOOR]) * space_kw + (1.0 - SOLAR_TO_AIR) * solar_kw - between - loss_m
    return indoor_c + to_air * dt / p[C_I], mass_c + to_mass * dt / p[C_M], (loss_i + loss_m) * dt
