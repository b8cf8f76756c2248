"""What summer adds to the kernel: the rooms cooled through the floor, and a pool; ``p`` is a row of ``Homes``.

Cooling mirrors heating. A pump that cannot turn down far enough for water above the dew point runs in pulses, which
within a substep count as their mean. Heating and cooling are a day apart. The pool is a thermostat with a season of
its own, and comes after everything else.
"""

from __future__ import annotations

from numba import njit

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.cop import capacity, cop, eer
from heatfleet.thermal.simulate_columns import (
    C_POOL,
    COLD_FLOW_MIN_C,
    COLD_FULL,
    COLD_SPREAD_K,
    COOLING_BASE_K,
    COOLING_LIMIT,
    COOLING_ROOM,
    CURVE,
    DHW_LOAD,
    MOD_MIN,
    NOMINAL,
    POOL_APPROACH_K,
    POOL_GROUND_C,
    POOL_HYSTERESIS,
    POOL_SEASON_C,
    POOL_SOLAR,
    QUALITY,
    TURN_H,
    UA_EM,
    UA_POOL,
    USE_COOLING,
    USE_SPACE,
)


@njit(cache=True, inline="always")
def cools(p: Array, outdoor_mean_c: float, side_h: float) -> bool:
    """Whether it is the season for cooling, and a day since the rooms were heated."""
    return outdoor_mean_c > p[COOLING_LIMIT] and not 0.0 <= side_h < TURN_H


@njit(cache=True, inline="always")
def side_after_h(use: float, side_h: float, dt: float) -> float:
    """Time since heating, or minus the time since cooling, after a substep."""
    if use == USE_SPACE:
        return 0.0
    if use == USE_COOLING:
        return -dt
    return side_h + dt if side_h >= 0.0 else side_h - dt


@njit(cache=True, inline="always")
def asked_cold_kw(p: Array, indoor_c: float, outdoor_c: float, setpoint_c: float) -> float:
    """Cold [kW] that the owner's cooling curve asks for; negative when the water is colder than asked."""
    flow_c = setpoint_c - COOLING_BASE_K - p[CURVE] * (outdoor_c - setpoint_c) - COOLING_ROOM * (indoor_c - setpoint_c)
    return p[UA_EM] * (indoor_c - max(flow_c, COLD_FLOW_MIN_C) - 0.5 * COLD_SPREAD_K)


@njit(cache=True, inline="always")
def _dew_point_kw(p: Array, indoor_c: float) -> float:
    """Cold [kW] that the floor takes with the coldest water allowed."""
    return max(p[UA_EM] * (indoor_c - COLD_FLOW_MIN_C - 0.5 * COLD_SPREAD_K), 0.0)


@njit(cache=True, inline="always")
def least_cold_kw(p: Array, indoor_c: float) -> float:
    """Lowest cold [kW]: what the compressor turns down to, or all that water above the dew point takes."""
    return min(p[MOD_MIN] * p[NOMINAL], _dew_point_kw(p, indoor_c))


@njit(cache=True, inline="always")
def cold_output(p: Array, maps: Array, outdoor_c: float, indoor_c: float, wanted_kw: float) -> tuple[float, float]:
    """Cold of the running compressor and its electricity [kW]."""
    most_kw = _dew_point_kw(p, indoor_c)
    cold = min(max(wanted_kw, p[MOD_MIN] * p[NOMINAL]), most_kw, COLD_FULL * p[NOMINAL])
    load = max(cold / p[NOMINAL], p[MOD_MIN]) / COLD_FULL
    return cold, cold / (eer(maps, outdoor_c, cold_flow_c(p, indoor_c, cold), load) * p[QUALITY])


@njit(cache=True, inline="always")
def cold_flow_c(p: Array, indoor_c: float, cold_kw: float) -> float:
    """Flow temperature with which the floor takes so much heat from the rooms [°C]."""
    return indoor_c - cold_kw / p[UA_EM] - 0.5 * COLD_SPREAD_K


@njit(cache=True, inline="always")
def pool_asks(p: Array, was: float, pool_c: float, setpoint_c: float, outdoor_mean_c: float) -> float:
    """The pool's thermostat, off outside its season; 1 = asks for heat."""
    if p[C_POOL] == 0.0 or outdoor_mean_c <= POOL_SEASON_C:
        return 0.0
    return 1.0 if pool_c < setpoint_c - (0.0 if was == 1.0 else p[POOL_HYSTERESIS]) else 0.0


@njit(cache=True, inline="always")
def pool_output(p: Array, maps: Array, outdoor_c: float, pool_c: float) -> tuple[float, float]:
    """Heat into the pool and its electricity [kW]; its season knows no frost."""
    flow_c = pool_c + POOL_APPROACH_K
    heat = DHW_LOAD * p[NOMINAL] * capacity(maps, outdoor_c, flow_c)
    return heat, heat / (cop(maps, outdoor_c, flow_c, DHW_LOAD) * p[QUALITY])


@njit(cache=True, inline="always")
def pool_water(
    p: Array, pool_c: float, outdoor_c: float, ghi_kw_m2: float, heat_kw: float, dt: float
) -> tuple[float, float, float]:
    """Pool after a substep, heat lost and sun taken up [kWh]."""
    if p[C_POOL] == 0.0:
        return pool_c, 0.0, 0.0
    lost = p[UA_POOL] * (pool_c - max(outdoor_c, POOL_GROUND_C)) * dt
    sun = p[POOL_SOLAR] * ghi_kw_m2 * dt
    return pool_c + (heat_kw * dt + sun - lost) / p[C_POOL], lost, sun
