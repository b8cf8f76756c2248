"""The compiled kernel of ``simulate.py``: one home after the other, steps of at most 3 minutes.

Explicit Euler on a 2R2C building and a mixed tank conserves energy exactly. The controller keeps the integral of
heat demand minus heat delivered (degree-minutes, expressed as heat) and switches the compressor on it.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numba import njit

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.cop import capacity, cop
from heatfleet.thermal.homes import Homes

STATE = (
    "indoor_c", "mass_c", "tank_c", "running", "use", "phase_h", "deficit_kwh", "outdoor_mean_c", "charging",
    "disinfecting", "dose_h", "since_disinfection_h", "blocked_h", "frost_h", "flow_c", "return_c",
)  # fmt: skip
TRACE = (
    "indoor_c", "indoor_mean_c", "tank_c", "tank_min_c", "flow_c", "return_c", "power_kw", "energy_space_kwh",
    "energy_dhw_kwh", "energy_backup_kwh", "heat_space_kwh", "heat_dhw_kwh", "starts", "unserved_kwh", "mode",
    "building_loss_kwh", "tank_loss_kwh", "solar_kwh",
)  # fmt: skip
_FIELDS = tuple(f.name for f in fields(Homes))
(UA_IM, UA_IO, UA_MO, C_I, C_M, TO_INDOOR, SOLAR, UA_EM, C_W, UA_W, NOMINAL, MOD_MIN, QUALITY, BACKUP, STANDBY, CURVE,
 BASE, ROOM, HYSTERESIS, RESTS, MIN_ON, MIN_OFF, LIMIT, DHW_HYSTERESIS, DISINFECT, OCCUPANTS, OWN_IN, OWN_DHW) = range(
    len(_FIELDS)
)  # fmt: skip
(T_I, T_M, T_W, RUNNING, USE, PHASE, DEFICIT, T_DAY, CHARGING, DISINFECTING, DOSE, SINCE, BLOCKED, FROST, FLOW,
 RETURN) = range(len(STATE))  # fmt: skip
(X_I, X_IMEAN, X_W, X_WMIN, X_FLOW, X_RETURN, X_POWER, X_ESPACE, X_EDHW, X_EBACKUP, X_QSPACE, X_QDHW, X_STARTS,
 X_UNSERVED, X_MODE, X_LOSS, X_TANKLOSS, X_SOLAR) = range(len(TRACE))  # fmt: skip

OFF, STANDBY_MODE, HEATING, HOT_WATER, DEFROST = 0.0, 1.0, 2.0, 3.0, 4.0
USE_NONE, USE_SPACE, USE_DHW = 0.0, 1.0, 2.0
FLOW_MAX_C = 58.0
COMPRESSOR_TANK_MAX_C = 54.0
DISINFECTION_C, DISINFECTION_HOLD_H = 60.0, 0.6
SERVED_C, COLD_C, CELLAR_C = 40.0, 10.0, 18.0
CATCH_UP_H = 2.0


@njit(cache=True)
def _disinfection(p: Array, x: Array, hour_of_week: float, dt: float) -> None:
    """The pump's own weekly programme: heat to 60 °C and hold."""
    x[SINCE] += dt
    into = (hour_of_week - p[DISINFECT]) % 168.0
    if x[DISINFECTING] == 0.0 and into < 1.5 and x[SINCE] > 24.0:
        x[DISINFECTING], x[DOSE], x[SINCE] = 1.0, 0.0, 0.0
    if x[DISINFECTING] == 1.0:
        if x[T_W] >= DISINFECTION_C:
            x[DOSE] += dt
        if x[DOSE] >= DISINFECTION_HOLD_H or x[SINCE] > 8.0:
            x[DISINFECTING] = 0.0


@njit(cache=True)
def _wants_hot_water(p: Array, x: Array, target_c: float, boost: float) -> None:
    """Hot-water hysteresis; a boost starts early and stops at the same target."""
    if x[DISINFECTING] == 1.0:
        x[CHARGING] = 1.0 if x[T_W] < DISINFECTION_C + 0.5 else 0.0
    elif x[CHARGING] == 1.0:
        if x[T_W] >= target_c:
            x[CHARGING] = 0.0
    elif x[T_W] < target_c - p[DHW_HYSTERESIS] or (boost >= 1.0 and x[T_W] < target_c - 1.5):
        x[CHARGING] = 1.0


@njit(cache=True)
def _space_demand_kw(p: Array, x: Array, outdoor_c: float, setpoint_c: float) -> float:
    """Heat [kW] that the owner's heating curve asks for; negative when the water is warmer than asked."""
    if x[T_DAY] > p[LIMIT]:
        return -0.2 * p[NOMINAL]
    flow_c = setpoint_c + p[BASE] + p[CURVE] * (setpoint_c - outdoor_c) + p[ROOM] * (setpoint_c - x[T_I])
    return p[UA_EM] * (min(flow_c, FLOW_MAX_C) - x[T_I])


@njit(cache=True)
def _switch(p: Array, x: Array, demand_kw: float, low_kw: float, blocked: bool) -> bool:
    """Set running and use; whether the compressor was started."""
    dhw = x[CHARGING] == 1.0 and x[T_W] < COMPRESSOR_TANK_MAX_C
    if x[RUNNING] == 1.0:
        space = x[DEFICIT] > -p[HYSTERESIS] or x[PHASE] < p[MIN_ON]
        if x[USE] == USE_DHW:
            space = p[RESTS] == 0.0 and demand_kw > low_kw
        if blocked or not (dhw or space):
            x[RUNNING], x[USE], x[PHASE] = 0.0, USE_NONE, 0.0
        else:
            x[USE] = USE_DHW if dhw else USE_SPACE
        return False
    if not blocked and x[PHASE] >= p[MIN_OFF] and (dhw or x[DEFICIT] > p[HYSTERESIS]):
        x[RUNNING], x[USE], x[PHASE] = 1.0, (USE_DHW if dhw else USE_SPACE), 0.0
        return True
    return False


@njit(cache=True)
def _heat(p: Array, x: Array, maps: Array, outdoor_c: float, demand_kw: float, dt: float) -> tuple[float, float, float]:
    """Compressor heat [kW], its electricity [kW], operating mode."""
    if x[RUNNING] == 0.0:
        return 0.0, 0.0, STANDBY_MODE
    if outdoor_c < 5.0:
        x[FROST] += dt
    if x[FROST] > 1.3:
        x[FROST] = 0.0
        return 0.0, 0.15 * p[NOMINAL], DEFROST
    if x[USE] == USE_DHW:
        flow_c = x[T_W] + 6.0
        heat = 0.85 * p[NOMINAL] * capacity(maps, outdoor_c, flow_c)
        return heat, heat / (cop(maps, outdoor_c, flow_c, 0.85) * p[QUALITY]), HOT_WATER
    high = p[NOMINAL] * capacity(maps, outdoor_c, x[T_I] + max(demand_kw, 0.0) / p[UA_EM])
    wanted = demand_kw + max(x[DEFICIT], 0.0) / CATCH_UP_H
    heat = min(max(wanted, p[MOD_MIN] * p[NOMINAL]), high)
    flow_c = x[T_I] + heat / p[UA_EM]
    return heat, heat / (cop(maps, outdoor_c, flow_c, heat / high) * p[QUALITY]), HEATING


@njit(cache=True)
def _backup_kw(p: Array, x: Array, demand_kw: float, space_kw: float) -> tuple[float, float]:
    """Electric element [kW] into space and into the tank: only what the compressor cannot do."""
    if x[CHARGING] == 1.0 and x[T_W] >= COMPRESSOR_TANK_MAX_C:
        return 0.0, min(p[BACKUP], 3.0)
    if x[DEFICIT] >= 2.9 * p[HYSTERESIS] and x[USE] == USE_SPACE and demand_kw > 1.02 * space_kw:
        return min(p[BACKUP], demand_kw - space_kw), 0.0
    return 0.0, 0.0


@njit(cache=True)
def _step(p: Array, x: Array, u: Array, d: Array, maps: Array, dt: float, out: Array) -> None:
    """One substep: decide, heat, advance; adds to ``out``. ``d`` = outdoor, sun, draw [kW], gains, hour of week."""
    outdoor_c = d[0]
    x[T_DAY] += (outdoor_c - x[T_DAY]) * dt / 24.0
    blocked = u[2] == 1.0 and x[BLOCKED] < 2.0
    x[BLOCKED] = x[BLOCKED] + dt if u[2] == 1.0 else 0.0
    lift = 1.0 if u[2] == 3.0 else (2.0 if u[2] == 4.0 else 0.0)
    _disinfection(p, x, d[4], dt)
    _wants_hot_water(p, x, u[3] + 3.0 * lift, u[4])
    demand = _space_demand_kw(p, x, outdoor_c, u[0] + u[1] + lift)
    low = p[MOD_MIN] * p[NOMINAL]
    if _switch(p, x, demand, low, blocked):
        out[X_STARTS] += 1.0
    heat, electric, mode = _heat(p, x, maps, outdoor_c, demand, dt)
    to_tank = heat if x[USE] == USE_DHW else 0.0
    to_space = heat - to_tank
    backup_space, backup_tank = _backup_kw(p, x, demand, to_space) if not blocked else (0.0, 0.0)
    to_space += backup_space
    to_tank += backup_tank
    x[DEFICIT] = min(max(x[DEFICIT] + (demand - to_space) * dt, -1.5 * p[HYSTERESIS]), 3.0 * p[HYSTERESIS])
    x[PHASE] += dt
    _advance(p, x, d, to_space, to_tank, dt, out)
    _account(p, x, heat, electric, backup_space, backup_tank, mode, dt, out)


@njit(cache=True)
def _advance(p: Array, x: Array, d: Array, to_space: float, to_tank: float, dt: float, out: Array) -> None:
    """Heat balances of air, mass and tank over one substep."""
    solar = p[SOLAR] * d[1]
    between = p[UA_IM] * (x[T_M] - x[T_I])
    loss_i, loss_m = p[UA_IO] * (x[T_I] - d[0]), p[UA_MO] * (x[T_M] - d[0])
    x[T_I] += (between - loss_i + p[TO_INDOOR] * to_space + 0.3 * solar + d[3]) * dt / p[C_I]
    x[T_M] += (-between - loss_m + (1.0 - p[TO_INDOOR]) * to_space + 0.7 * solar) * dt / p[C_M]
    short = min(max((SERVED_C - x[T_W]) / (SERVED_C - COLD_C), 0.0), 1.0)
    tank_loss = p[UA_W] * (x[T_W] - CELLAR_C)
    x[T_W] += (to_tank - tank_loss - d[2] * (1.0 - short)) * dt / p[C_W]
    out[X_UNSERVED] += d[2] * short * dt
    out[X_LOSS] += (loss_i + loss_m) * dt
    out[X_TANKLOSS] += tank_loss * dt
    out[X_SOLAR] += solar * dt
    out[X_QSPACE] += to_space * dt
    out[X_QDHW] += to_tank * dt


@njit(cache=True)
def _account(
    p: Array, x: Array, heat: float, electric: float, backup_space: float, backup_tank: float, mode: float, dt: float,
    out: Array,
) -> None:  # fmt: skip
    """Meters and water temperatures of one substep."""
    if x[USE] == USE_DHW:
        out[X_EDHW] += electric * dt
    else:
        out[X_ESPACE] += electric * dt
    out[X_ESPACE] += (p[STANDBY] + backup_space) * dt
    out[X_EDHW] += backup_tank * dt
    out[X_EBACKUP] += (backup_space + backup_tank) * dt
    out[X_MODE] = mode if mode != STANDBY_MODE or backup_tank == 0.0 else HOT_WATER
    rest_c = x[T_I] if x[USE] != USE_DHW else x[T_W]
    flow_c = x[T_W] + 6.0 if x[USE] == USE_DHW else x[T_I] + heat / p[UA_EM] + 2.0
    if x[RUNNING] == 0.0:
        x[FLOW] += (rest_c - x[FLOW]) * min(dt / 0.7, 1.0)
        x[RETURN] += (rest_c - x[RETURN]) * min(dt / 0.7, 1.0)
    else:
        x[FLOW] += (flow_c - x[FLOW]) * min(dt / 0.15, 1.0)
        x[RETURN] += (flow_c - 4.5 - x[RETURN]) * min(dt / 0.15, 1.0)


@njit(cache=True, nogil=True)
def run(
    homes: Array, states: Array, inputs: Array, outdoor_c: Array, ghi_kw_m2: Array, draw_kwh: Array, gains_kw: Array,
    hour_of_week: Array, maps: Array, dt: float, substeps: int, cube: Array,
) -> None:  # fmt: skip
    """Advance ``states`` (home, ·) in place through every step and fill ``cube`` (home, step, ·)."""
    step_h = dt * substeps
    for home in range(homes.shape[0]):
        x, d = states[home], np.empty(5)
        for step in range(outdoor_c.shape[1]):
            out = cube[home, step]
            d[0], d[1] = outdoor_c[home, step], ghi_kw_m2[home, step]
            d[2], d[3] = draw_kwh[home, step] / step_h, gains_kw[home, step]
            out[X_WMIN] = x[T_W]
            for sub in range(substeps):
                d[4] = hour_of_week[step] + sub * dt
                _step(homes[home], x, inputs[home], d, maps, dt, out)
                out[X_IMEAN] += x[T_I] / substeps
                out[X_WMIN] = min(out[X_WMIN], x[T_W])
            out[X_I], out[X_W], out[X_FLOW], out[X_RETURN] = x[T_I], x[T_W], x[FLOW], x[RETURN]
            out[X_POWER] = (out[X_ESPACE] + out[X_EDHW]) / step_h
