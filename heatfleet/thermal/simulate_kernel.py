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

from dataclasses import fields
from math import exp

import numpy as np
from numba import njit

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.cop import capacity, cop
from heatfleet.thermal.homes import Homes

STATE = (
    "indoor_c", "mass_c", "tank_upper_c", "tank_lower_c", "deficit_kwh", "outdoor_mean_c", "frost_h", "flow_c",
    "return_c", "use", "phase_h", "charging", "disinfecting", "dose_h", "since_disinfection_h", "blocked_h",
)  # fmt: skip
TRACE = (
    "indoor_c", "indoor_mean_c", "tank_c", "tank_min_c", "flow_c", "return_c", "power_kw",
    "energy_space_kwh", "energy_dhw_kwh", "energy_backup_kwh", "energy_standby_kwh", "ambient_kwh", "heat_space_kwh",
    "heat_dhw_kwh", "starts", "unserved_kwh", "mode", "building_loss_kwh", "tank_loss_kwh", "solar_kwh",
)  # fmt: skip
_FIELDS = tuple(f.name for f in fields(Homes))
(UA_IM, UA_IO, UA_MO, C_I, C_M, TO_INDOOR, SOLAR, UA_EM, C_W, UA_W, NOMINAL, MOD_MIN, QUALITY, BACKUP, STANDBY, CURVE,
 BASE, ROOM, HYSTERESIS, RESTS, MIN_ON, MIN_OFF, LIMIT, DHW_HYSTERESIS, DISINFECT, OCCUPANTS, OWN_IN, OWN_DHW) = range(
    len(_FIELDS)
)  # fmt: skip
(X_I, X_IMEAN, X_W, X_WMIN, X_FLOW, X_RETURN, X_POWER, X_ESPACE, X_EDHW, X_EBACKUP, X_ESTANDBY, X_AMBIENT,
 X_QSPACE, X_QDHW, X_STARTS, X_UNSERVED, X_MODE, X_LOSS, X_TANKLOSS, X_SOLAR) = range(len(TRACE))  # fmt: skip

(INDOOR_SETPOINT, CURVE_OFFSET, SG_READY, DHW_SETPOINT, BOOST) = range(5)  # as in ``simulate.Inputs``
EXTRA = ("cold_h", "cold_water_h", "draw_kwh", "gains_kwh")
E_COLD, E_COLD_WATER, E_DRAW, E_GAINS = range(len(TRACE), len(TRACE) + len(EXTRA))

OFF, STANDBY_MODE, HEATING, HOT_WATER, DEFROST = 0.0, 1.0, 2.0, 3.0, 4.0
USE_NONE, USE_SPACE, USE_DHW = 0.0, 1.0, 2.0
FLOW_MAX_C = 58.0
COMPRESSOR_TANK_MAX_C = 54.0
COIL_APPROACH_K, COIL_FLOW_MIN_C = 6.0, 25.0
DHW_LOAD = 0.85  # of the largest heat, while it charges the tank
DISINFECTION_C, DISINFECTION_HOLD_H = 60.0, 0.6
SERVED_C, COLD_C, CELLAR_C = 40.0, 10.0, 18.0
WARM_WATER_C = 45.0
UPPER, LOWER = 1.0 / 3.0, 2.0 / 3.0  # shares of the tank
UA_ZONES = 0.0006  # kW/K: 0.2 m2 of water and 47 cm2 of steel wall over 0.6 m
CATCH_UP_H = 2.0
START_LOSS_H = 2.0 / 60.0  # heat that a start costs, as time at the running output
FROST_H, DEFROST_H = 1.3, 5.0 / 60.0  # running time that frosts the coil at 0 °C, and what melting takes
DEFROST_POWER = 0.15  # of the nominal heat
FROST_BELOW_C, FROST_PER_K = 5.0, 0.0725  # the colder below 0 °C, the less water the air carries (Magnus formula)
BLOCK_LASTS_H = 2.0
SOLAR_TO_AIR = 0.3
DISINFECTION_WINDOW_H, WEEK_H = 1.5, 168.0

Series = tuple[Array, Array, Array, Array]
"""Outdoor temperature, irradiance, draw and gains, each (home, step), as in ``simulate.Drive``."""
Control = tuple[float, float, float, float, float, float, float]
"""Use, phase, charging, disinfecting, dose, time since disinfection, time blocked: the second half of ``STATE``."""


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
def _demand_kw(p: Array, indoor_c: float, outdoor_mean_c: float, outdoor_c: float, setpoint_c: float) -> float:
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
    wanted_kw: float, demand_kw: float, frosting: float, dt: float,
) -> tuple[float, float]:  # fmt: skip
    """Heat of the running compressor and its electricity [kW], between two defrosts.

    The maps hold what is left after defrosting (EN 14511 measures over whole frost cycles), so that between defrosts
    both heat and COP are higher by the share of time that melting takes. A tank warms by kelvins within a substep:
    the water around the coil counts as it is halfway.
    """
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
def _backup_kw(
    p: Array, use: float, charging: float, lower_c: float, deficit_kwh: float, demand_kw: float, output_kw: float
) -> tuple[float, float]:
    """Electric element [kW] into space and into the tank: only what the compressor cannot do."""
    if charging == 1.0 and lower_c >= COMPRESSOR_TANK_MAX_C:
        return 0.0, min(p[BACKUP], 3.0)
    if deficit_kwh >= 2.9 * p[HYSTERESIS] and use == USE_SPACE and demand_kw > 1.02 * output_kw:
        return min(p[BACKUP], demand_kw - output_kw), 0.0
    return 0.0, 0.0


@njit(cache=True, inline="always")
def _tank(
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
def _water(
    p: Array, use: float, heat_kw: float, indoor_c: float, lower_c: float, flow_c: float, return_c: float, dt: float
) -> tuple[float, float]:
    """Flow and return temperature at the pump's sensors."""
    if use == USE_NONE:
        quick = min(dt / 0.7, 1.0)
        return flow_c + (indoor_c - flow_c) * quick, return_c + (indoor_c - return_c) * quick
    to_c = _coil_flow_c(lower_c) if use == USE_DHW else indoor_c + heat_kw / p[UA_EM] + 2.0
    quick = min(dt / 0.15, 1.0)
    return flow_c + (to_c - flow_c) * quick, return_c + (to_c - 4.5 - return_c) * quick


@njit(cache=True, inline="always")
def _building(
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


@njit(cache=True, inline="always")
def _decide(
    p: Array, u: Array, c: Control, sensor_c: float, lower_c: float, deficit_kwh: float, demand_kw: float,
    is_due: bool, blocked: bool, dt: float,
) -> Control:  # fmt: skip
    """The pump's own controller in one substep; the phase is 0 when the compressor has just started or stopped."""
    was, phase_h, charging, disinfecting, dose_h, since_h, blocked_h = c
    blocked_h = blocked_h + dt if u[SG_READY] == 1.0 else 0.0
    disinfecting, dose_h, since_h = _disinfection(is_due, sensor_c, disinfecting, dose_h, since_h, dt)
    charging = _charging(p, sensor_c, charging, disinfecting, u[DHW_SETPOINT] + 3.0 * _lift_k(u), u[BOOST])
    dhw = charging == 1.0 and lower_c < COMPRESSOR_TANK_MAX_C
    use = _use(p, was, phase_h, deficit_kwh, dhw, demand_kw, blocked, dt)
    if (use == USE_NONE) != (was == USE_NONE):
        phase_h = 0.0
    return use, phase_h, charging, disinfecting, dose_h, since_h, blocked_h


@njit(cache=True, inline="always")
def _lift_k(u: Array) -> float:
    """What "recommended on" and "forced on" add to the setpoint [K]."""
    return 1.0 if u[SG_READY] == 3.0 else (2.0 if u[SG_READY] == 4.0 else 0.0)


@njit(cache=True, inline="always")
def _compressor(
    p: Array, maps: Array, use: float, phase_h: float, frost_h: float, frosting: float, outdoor_c: float,
    indoor_c: float, upper_c: float, lower_c: float, deficit_kwh: float, demand_kw: float, dt: float,
) -> tuple[float, float, float, float, float]:  # fmt: skip
    """Mean heat and electricity, output while heating [kW], running time since melting, share spent melting."""
    if use == USE_NONE:
        return 0.0, 0.0, 0.0, frost_h, 0.0
    frost_h, melting = _defrost(frost_h, frosting, dt)
    wanted = demand_kw + max(deficit_kwh, 0.0) / CATCH_UP_H
    output, electric = _output(p, maps, use, outdoor_c, indoor_c, upper_c, lower_c, wanted, demand_kw, frosting, dt)
    starting = max(START_LOSS_H - phase_h, 0.0) / dt
    electric = electric * (1.0 - melting) + DEFROST_POWER * p[NOMINAL] * melting
    return output * max(1.0 - melting - starting, 0.0), electric, output, frost_h, melting


@njit(cache=True, inline="always")
def _meter(
    p: Array, out: Array, use: float, heat: float, electric: float, element: float, tank_element: float, melting: float,
    dt: float,
) -> None:  # fmt: skip
    """Adds what one substep used and made to ``out``."""
    if use == USE_DHW:
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
    out[X_AMBIENT] += (heat - electric) * dt
    if melting >= 0.5:
        out[X_MODE] = DEFROST
    elif use == USE_DHW or (use == USE_NONE and tank_element > 0.0):
        out[X_MODE] = HOT_WATER
    else:
        out[X_MODE] = STANDBY_MODE if use == USE_NONE else HEATING


@njit(cache=True, inline="always")
def _happening(d: Array, drive: Series, hour_of_week: Array, home: int, step: int, step_h: float) -> None:
    """Fills ``d``: outdoor temperature, sun, draw [kW], gains, hour of week."""
    outdoor_c, ghi_kw_m2, draw_kwh, gains_kw = drive
    d[0], d[1], d[4] = outdoor_c[home, step], ghi_kw_m2[home, step], hour_of_week[step]
    d[2], d[3] = draw_kwh[home, step] / step_h, gains_kw[home, step]


@njit(cache=True, nogil=True, error_model="numpy")
def _live(p: Array, x: Array, u: Array, d: Array, maps: Array, dt: float, substeps: int, out: Array) -> None:
    """One step of one home: advances ``x`` (a row of states) and adds to ``out`` (a row of a trace)."""
    (indoor, mass, upper, lower, deficit, day_mean, frost, flow, back) = (
        x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8])  # fmt: skip
    c = (x[9], x[10], x[11], x[12], x[13], x[14], x[15])
    outdoor, solar, setpoint = d[0], p[SOLAR] * d[1], u[INDOOR_SETPOINT] + u[CURVE_OFFSET] + _lift_k(u)
    frosting = min(exp(FROST_PER_K * outdoor), 1.0) if outdoor < FROST_BELOW_C else 0.0
    is_due = (d[4] - p[DISINFECT]) % WEEK_H < DISINFECTION_WINDOW_H
    out[X_WMIN] = upper
    for _ in range(substeps):
        day_mean += (outdoor - day_mean) * dt / 24.0
        demand = _demand_kw(p, indoor, day_mean, outdoor, setpoint)
        was, blocked = c[0], u[SG_READY] == 1.0 and c[6] < BLOCK_LASTS_H
        c = _decide(p, u, c, 0.5 * (upper + lower), lower, deficit, demand, is_due, blocked, dt)
        use = c[0]
        heat, electric, output, frost, melting = _compressor(
            p, maps, use, c[1], frost, frosting, outdoor, indoor, upper, lower, deficit, demand, dt
        )
        element, tank_element = _backup_kw(p, use, c[2], lower, deficit, demand, output) if not blocked else (0.0, 0.0)
        _meter(p, out, use, heat, electric, element, tank_element, melting, dt)
        space, water = (element, heat + tank_element) if use == USE_DHW else (heat + element, tank_element)
        deficit = min(max(deficit + (demand - space) * dt, -1.5 * p[HYSTERESIS]), 3.0 * p[HYSTERESIS])
        c = (use, c[1] + dt, c[2], c[3], c[4], c[5], c[6])
        flow, back = _water(p, use, heat, indoor, lower, flow, back, dt)
        indoor, mass, lost = _building(p, indoor, mass, outdoor, space, solar, d[3], dt)
        upper, lower, drawn, tank_lost = _tank(p, upper, lower, water * dt, d[2] * dt, dt)
        out[X_STARTS] += was == USE_NONE and use != USE_NONE
        out[X_UNSERVED] += d[2] * dt - drawn
        out[X_LOSS] += lost
        out[X_TANKLOSS] += tank_lost
        out[X_SOLAR] += solar * dt
        out[X_IMEAN] += indoor / substeps
        out[X_WMIN] = min(out[X_WMIN], upper)
    x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8] = (
        indoor,
        mass,
        upper,
        lower,
        deficit,
        day_mean,
        frost,
        flow,
        back,
    )
    x[9], x[10], x[11], x[12], x[13], x[14], x[15] = c
    out[X_I], out[X_W], out[X_FLOW], out[X_RETURN] = indoor, 0.5 * (upper + lower), flow, back
    out[X_POWER] = (out[X_ESPACE] + out[X_EDHW]) / (dt * substeps)


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
