"""The heat pump's own controller in one substep: heating curve, degree-minutes, hot water, disinfection, SG-Ready."""

from __future__ import annotations

from numba import njit

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate_columns import (
    BASE,
    BOOST,
    COMPRESSOR_TANK_MAX_C,
    CURVE,
    DHW_HYSTERESIS,
    DHW_SETPOINT,
    DISINFECTION_C,
    DISINFECTION_HOLD_H,
    FLOW_MAX_C,
    HYSTERESIS,
    LIMIT,
    MIN_OFF,
    MIN_ON,
    MOD_MIN,
    NOMINAL,
    RESTS,
    ROOM,
    SG_READY,
    UA_EM,
    USE_DHW,
    USE_NONE,
    USE_SPACE,
    Control,
)


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
def _use(
    p: Array, use: float, phase_h: float, deficit_kwh: float, dhw: bool, demand_kw: float, blocked: bool, dt: float
) -> float:
    """What the compressor works for in this substep; thresholds are met at the nearest substep, not the next."""
    if blocked:
        return USE_NONE
    phase_h += 0.5 * dt
    if use == USE_NONE:
        if phase_h < p[MIN_OFF] or not (dhw or deficit_kwh + 0.5 * dt * demand_kw > p[HYSTERESIS]):
            return USE_NONE
        return USE_DHW if dhw else USE_SPACE
    if dhw:
        return USE_DHW
    low_kw = p[MOD_MIN] * p[NOMINAL]
    if use == USE_DHW:
        return USE_SPACE if p[RESTS] == 0.0 and demand_kw > low_kw else USE_NONE
    goes_on = deficit_kwh + 0.5 * dt * (demand_kw - low_kw) > -p[HYSTERESIS] or phase_h < p[MIN_ON]
    return USE_SPACE if goes_on else USE_NONE


@njit(cache=True, inline="always")
def decide(
    p: Array, u: Array, c: Control, sensor_c: float, lower_c: float, deficit_kwh: float, demand_kw: float,
    is_due: bool, blocked: bool, dt: float,
) -> Control:  # fmt: skip
    """The pump's own controller in one substep; the phase is 0 when the compressor has just started or stopped."""
    was, phase_h, charging, disinfecting, dose_h, since_h, blocked_h = c
    blocked_h = blocked_h + dt if u[SG_READY] == 1.0 else 0.0
    disinfecting, dose_h, since_h = _disinfection(is_due, sensor_c, disinfecting, dose_h, since_h, dt)
    charging = _charging(p, sensor_c, charging, disinfecting, u[DHW_SETPOINT] + 3.0 * lift_k(u), u[BOOST])
    dhw = charging == 1.0 and lower_c < COMPRESSOR_TANK_MAX_C
    use = _use(p, was, phase_h, deficit_kwh, dhw, demand_kw, blocked, dt)
    if (use == USE_NONE) != (was == USE_NONE):
        phase_h = 0.0
    return use, phase_h, charging, disinfecting, dose_h, since_h, blocked_h


@njit(cache=True, inline="always")
def lift_k(u: Array) -> float:
    """What "recommended on" and "forced on" add to the setpoint [K]."""
    return 1.0 if u[SG_READY] == 3.0 else (2.0 if u[SG_READY] == 4.0 else 0.0)
