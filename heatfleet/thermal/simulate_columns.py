"""Columns of the forward model's arrays and the constants of its physics; units stand in the names."""

from __future__ import annotations

from dataclasses import fields

from heatfleet.thermal.arrays import Array
from heatfleet.thermal.homes import Homes

STATE = (
    "indoor_c", "mass_c", "tank_upper_c", "tank_lower_c", "deficit_kwh", "outdoor_mean_c", "frost_h", "flow_c",
    "return_c", "use", "phase_h", "charging", "disinfecting", "dose_h", "since_disinfection_h", "blocked_h",
    "pool_on", "side_h", "pool_c",
)  # fmt: skip
TRACE = (
    "indoor_c", "indoor_mean_c", "tank_c", "tank_min_c", "flow_c", "return_c", "power_kw",
    "energy_space_kwh", "energy_dhw_kwh", "energy_backup_kwh", "energy_standby_kwh", "ambient_kwh", "heat_space_kwh",
    "heat_dhw_kwh", "starts", "unserved_kwh", "mode", "building_loss_kwh", "tank_loss_kwh", "solar_kwh",
    "energy_cooling_kwh", "cold_kwh", "rejected_kwh", "energy_pool_kwh", "heat_pool_kwh", "pool_c", "pool_loss_kwh",
    "pool_solar_kwh",
)  # fmt: skip
_FIELDS = tuple(f.name for f in fields(Homes))
(UA_IM, UA_IO, UA_MO, C_I, C_M, TO_INDOOR, SOLAR, UA_EM, C_W, UA_W, NOMINAL, MOD_MIN, QUALITY, BACKUP, STANDBY, CURVE,
 BASE, ROOM, HYSTERESIS, RESTS, MIN_ON, MIN_OFF, LIMIT, DHW_HYSTERESIS, DISINFECT, OCCUPANTS, OWN_IN, OWN_DHW,
 COOLING_LIMIT, OWN_COOLING, C_POOL, UA_POOL, POOL_SOLAR, OWN_POOL, POOL_HYSTERESIS) = range(
    len(_FIELDS)
)  # fmt: skip
(X_I, X_IMEAN, X_W, X_WMIN, X_FLOW, X_RETURN, X_POWER, X_ESPACE, X_EDHW, X_EBACKUP, X_ESTANDBY, X_AMBIENT,
 X_QSPACE, X_QDHW, X_STARTS, X_UNSERVED, X_MODE, X_LOSS, X_TANKLOSS, X_SOLAR,
 X_ECOOLING, X_COLD, X_REJECTED, X_EPOOL, X_QPOOL, X_POOL, X_POOLLOSS, X_POOLSOLAR) = range(len(TRACE))  # fmt: skip

(INDOOR_SETPOINT, CURVE_OFFSET, SG_READY, DHW_SETPOINT, BOOST, COOLING_SETPOINT, POOL_SETPOINT) = range(7)
"""As in ``simulate.Inputs``."""
EXTRA = ("cold_h", "cold_water_h", "draw_kwh", "gains_kwh")
E_COLD, E_COLD_WATER, E_DRAW, E_GAINS = range(len(TRACE), len(TRACE) + len(EXTRA))

OFF, STANDBY_MODE, HEATING, HOT_WATER, DEFROST, COOLING, POOL_HEATING = 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0
USE_NONE, USE_SPACE, USE_DHW, USE_COOLING, USE_POOL = 0.0, 1.0, 2.0, 3.0, 4.0
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
COOLING_BASE_K, COOLING_ROOM = 2.0, 2.0  # foot of the cooling curve below the setpoint, flow K per K of room
COLD_FLOW_MIN_C, COLD_SPREAD_K = 18.0, 2.0  # no colder than the dew point of a summer room
COLD_FULL = 1.3  # largest cold relative to the nominal heat
TURN_H = 24.0  # between heating and cooling
POOL_SEASON_C, POOL_APPROACH_K = 13.0, 5.0
POOL_GROUND_C = 2.0  # in frost the ground keeps the water from freezing through
DISINFECTION_WINDOW_H, WEEK_H = 1.5, 168.0

Series = tuple[Array, Array, Array, Array]
"""Outdoor temperature, irradiance, draw and gains, each (home, step), as in ``simulate.Drive``."""
Control = tuple[float, float, float, float, float, float, float, float, float]
"""Use, phase, charging, disinfecting, dose, time since disinfection, time blocked, pool, side: as in ``STATE``.

The side is the time since the rooms were last heated, or minus the time since they were last cooled.
"""
