"""The heat pump's own controller in one substep: heating curve, degree-minutes, hot water, disinfection, SG-Ready.

Hot water comes before the rooms, the rooms before a pool.
"""

from __future__ import annotations

from numba import njit

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate_columns import (
    BASE,
    BOOST,
    COMPRESSOR_TANK_MAX_C,
    COOLING_SETPOINT,
    CURVE,
    CURVE_OFFSET,
    DHW_HYSTERESIS,
    DHW_SETPOINT,
    DISINFECTION_C,
    DISINFECTION_HOLD_H,
    FLOW_MAX_C,
    HYSTERESIS,
    INDOOR_SETPOINT,
    LIMIT,
    MIN_OFF,
    MIN_ON,
    MOD_MIN,
    NOMINAL,
    POOL_SETPOINT,
    RESTS,
    ROOM,
    SG_READY,
    TURN_H,
    UA_EM,
    USE_COOLING,
    USE_DHW,
    USE_NONE,
    USE_POOL,
    USE_SPACE,
    Control,
)
from heatfleet.thermal.simulate_summer import asked_cold_kw, cools, least_cold_kw, pool_asks, side_after_h


@njit(cache=True, inline="always")
def _disinfection(
    is_due: bool, sensor_c: float, is_on: float, dose_h: float, since_h: float, dt: float
) -> tuple[float, float, float]:
    """The pump's own weekly programme, heat to 60 °C and hold: on, dose so far, time since it began."""
    since_h += dt
    if is_on == 0.0 and is_due and since_h > 24.0:
        return 1.0, 0.0, 0.0
    if is_on == 1.0:
        if sensor_c >= DISINFECTION_C:
            dose_h += dt
        if dose_h >= DISINFECTION_HOLD_H or since_h > 8.0:
            is_on = 0.0
    return is_on, dose_h, since_h


@njit(cache=True, inline="always")
def _charging(p: Array, sensor_c: float, was: float, disinfecting: float, target_c: float, boost: float) -> float:
    """Hot-water hysteresis at the sensor; a boost starts early and stops at the same target."""
    if disinfecting == 1.0:
        return 1.0 if sensor_c < DISINFECTION_C + 0.5 else 0.0
    if was == 1.0:
        return 0.0 if sensor_c >= target_c else 1.0
    return 1.0 if sensor_c < target_c - (1.5 if boost >= 1.0 else p[DHW_HYSTERESIS]) else 0.0


@njit(cache=True, inline="always")
def asked_kw(p: Array, indoor_c: float, outdoor_mean_c: float, outdoor_c: float, setpoint_c: float) -> float:
    """Heat [kW] that the owner's heating curve asks for; negative when the water is warmer than asked."""
    if outdoor_mean_c > p[LIMIT]:
        return -0.2 * p[NOMINAL]
    flow_c = setpoint_c + p[BASE] + p[CURVE] * (setpoint_c - outdoor_c) + p[ROOM] * (setpoint_c - indoor_c)
    return p[UA_EM] * (min(flow_c, FLOW_MAX_C) - indoor_c)


@njit(cache=True, inline="always")
def rooms_ask(
    p: Array, u: Array, indoor_c: float, outdoor_mean_c: float, outdoor_c: float, side_h: float
) -> tuple[float, float, float]:
    """What the rooms may be given, how much of it [kW] they ask for, and the least that the compressor gives."""
    low_kw = p[MOD_MIN] * p[NOMINAL]
    if cools(p, outdoor_mean_c, side_h):
        asked = asked_cold_kw(p, indoor_c, outdoor_c, u[COOLING_SETPOINT])
        return USE_COOLING, asked, least_cold_kw(p, indoor_c)
    if -TURN_H < side_h < 0.0:
        return USE_SPACE, -0.2 * p[NOMINAL], low_kw
    setpoint = u[INDOOR_SETPOINT] + u[CURVE_OFFSET] + lift_k(u)
    return USE_SPACE, asked_kw(p, indoor_c, outdoor_mean_c, outdoor_c, setpoint), low_kw


@njit(cache=True, inline="always")
def _use(
    p: Array, use: float, phase_h: float, deficit_kwh: float, dhw: bool, pool: bool, space: float, demand_kw: float,
    low_kw: float, blocked: bool, dt: float,
) -> float:  # fmt: skip
    """What the compressor works for in this substep; thresholds are met at the nearest substep, not the next."""
    phase_h += 0.5 * dt
    if blocked or (use == USE_NONE and phase_h < p[MIN_OFF]):
        return USE_NONE
    if dhw:
        return USE_DHW
    if use in (USE_NONE, USE_POOL):
        left = USE_POOL if pool else USE_NONE
        return space if deficit_kwh + 0.5 * dt * demand_kw > p[HYSTERESIS] else left
    if use == USE_DHW:
        return space if p[RESTS] == 0.0 and demand_kw > low_kw else USE_NONE
    goes_on = deficit_kwh + 0.5 * dt * (demand_kw - low_kw) > -p[HYSTERESIS] or phase_h < p[MIN_ON]
    return use if goes_on else USE_NONE


@njit(cache=True, inline="always")
def decide(
    p: Array, u: Array, c: Control, sensor_c: float, lower_c: float, pool_c: float, outdoor_mean_c: float,
    deficit_kwh: float, rooms: tuple[float, float, float], is_due: bool, blocked: bool, dt: float,
) -> Control:  # fmt: skip
    """The pump's own controller in one substep; the phase is 0 when the compressor has just started or stopped."""
    was, phase_h, charging, disinfecting, dose_h, since_h, blocked_h, pool_on, side_h = c
    space, demand_kw, low_kw = rooms
    blocked_h = blocked_h + dt if u[SG_READY] == 1.0 else 0.0
    disinfecting, dose_h, since_h = _disinfection(is_due, sensor_c, disinfecting, dose_h, since_h, dt)
    charging = _charging(p, sensor_c, charging, disinfecting, u[DHW_SETPOINT] + 3.0 * lift_k(u), u[BOOST])
    dhw = charging == 1.0 and lower_c < COMPRESSOR_TANK_MAX_C
    pool_on = pool_asks(p, pool_on, pool_c, u[POOL_SETPOINT], outdoor_mean_c)
    pool = pool_on == 1.0 and charging == 0.0
    use = _use(p, was, phase_h, deficit_kwh, dhw, pool, space, demand_kw, low_kw, blocked, dt)
    if (use == USE_NONE) != (was == USE_NONE):
        phase_h = 0.0
    return use, phase_h, charging, disinfecting, dose_h, since_h, blocked_h, pool_on, side_after_h(use, side_h, dt)


@njit(cache=True, inline="always")
def lift_k(u: Array) -> float:
    """What "recommended on" and "forced on" add to the setpoint [K]."""
    return 1.0 if u[SG_READY] == 3.0 else (2.0 if u[SG_READY] == 4.0 else 0.0)
