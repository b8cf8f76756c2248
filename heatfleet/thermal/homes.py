"""Parameters of simulated homes, and a seeded draw of plausible ones.

Only simulations and emulators may know these numbers; flows and planning never see them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array


@dataclass(frozen=True)
class Homes:
    """Buildings, tanks, pumps and owner's controls; every field has shape (home,)."""

    ua_indoor_mass_kw_per_k: Array  # indoor air and furniture <-> walls and floor
    ua_indoor_outdoor_kw_per_k: Array  # windows and air change
    ua_mass_outdoor_kw_per_k: Array
    capacity_indoor_kwh_per_k: Array
    capacity_mass_kwh_per_k: Array
    heat_to_indoor: Array  # share of the heating that reaches the air at once (radiator high, floor low)
    solar_area_m2: Array  # kW indoors per kW/m2 of global horizontal irradiance
    emitter_ua_kw_per_k: Array
    tank_capacity_kwh_per_k: Array
    tank_ua_kw_per_k: Array
    heat_nominal_kw: Array  # pump's heat at -7 °C outdoors
    modulation_min: Array  # lowest heat output as a share of the nominal one
    cop_quality: Array  # this pump's COP relative to the generic map
    backup_kw: Array
    standby_kw: Array
    curve_k_per_k: Array  # owner's heating curve: flow K per K of outdoor cold
    curve_base_k: Array  # and its foot point above the setpoint
    room_influence_k_per_k: Array  # flow K per K that the room is below the setpoint (0 = no room sensor)
    hysteresis_kwh: Array  # degree-minutes of the pump's own controller, as heat
    stops_after_dhw: Array  # 1 = the compressor rests after a hot-water charge, 0 = it goes straight on to the house
    min_on_h: Array
    min_off_h: Array
    heating_limit_c: Array  # no heating above this daily mean outdoor temperature
    dhw_hysteresis_k: Array
    disinfection_hour: Array  # hour of the week (0 = Monday 00:00 local), weekly
    occupants: Array
    own_indoor_setpoint_c: Array  # what the owner has set
    own_dhw_setpoint_c: Array
    cooling_limit_c: Array  # no cooling below this daily mean outdoor temperature; inf = cannot cool
    own_cooling_setpoint_c: Array
    pool_capacity_kwh_per_k: Array  # 0 = no pool
    pool_ua_kw_per_k: Array  # to the outdoor air, with its cover
    pool_solar_m2: Array  # kW into the water per kW/m2 of global horizontal irradiance
    own_pool_setpoint_c: Array
    pool_hysteresis_k: Array

    @property
    def count(self) -> int:
        """Number of homes."""
        return len(self.occupants)


def draw_homes(count: int, seed: int, design_outdoor_c: float = -10.0) -> Homes:
    """``count`` plausible one-family homes, deterministic by ``seed``.

    Parameters
    ----------
    design_outdoor_c : outdoor temperature [°C] for which pump and emitters are sized.

    Notes
    -----
    Heat loss 0.10-0.28 kW/K and 8-25 kWh/K of effective capacity span renovated and newer houses
    (orders of magnitude of TABULA and of identified Dutch homes); sizing, curves and hysteresis are
    installers' practice with a seeded error, because real curves are never quite right. Oversizing and modulation
    are set so that the compressor starts about as often as monitored pumps do (median 6 a day over a year in the
    open heatpumpmonitor.org data).
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x48454154]))

    def u(low: float, high: float) -> Array:
        return rng.uniform(low, high, count)

    limit_c: Array
    setpoint_c = rng.choice([20.0, 20.5, 21.0, 21.5, 22.0], count)
    occupants = rng.integers(1, 6, count).astype(float)
    ua = u(0.10, 0.28)
    capacity_kwh_per_k = ua * u(55.0, 110.0)  # time constant 55-110 h
    share_indoor = u(0.08, 0.16)
    is_floor = rng.random(count) < 0.55
    design_kw = ua * (setpoint_c - design_outdoor_c)
    emitter_ua = design_kw / (np.where(is_floor, u(33.0, 38.0), u(40.0, 48.0)) - setpoint_c)  # at the design flow
    nominal_kw = np.maximum(design_kw * u(1.0, 1.6), 4.0)
    tank_litres = rng.choice([180.0, 200.0, 250.0, 300.0], count)
    ua_indoor_mass = ua * u(3.5, 6.5)
    return Homes(
        ua_indoor_mass_kw_per_k=ua_indoor_mass,
        ua_indoor_outdoor_kw_per_k=ua * 0.45,
        ua_mass_outdoor_kw_per_k=1.0 / (1.0 / (ua * 0.55) - 1.0 / ua_indoor_mass),  # in series: 0.55 ua
        capacity_indoor_kwh_per_k=capacity_kwh_per_k * share_indoor,
        capacity_mass_kwh_per_k=capacity_kwh_per_k * (1.0 - share_indoor),
        heat_to_indoor=np.where(is_floor, u(0.2, 0.4), u(0.6, 0.8)),
        solar_area_m2=u(1.5, 4.5),
        emitter_ua_kw_per_k=emitter_ua,
        tank_capacity_kwh_per_k=tank_litres * 1.163e-3,
        tank_ua_kw_per_k=0.0012 + tank_litres * 3.0e-6,
        heat_nominal_kw=nominal_kw,
        modulation_min=u(0.30, 0.45),
        cop_quality=u(0.90, 1.05),
        backup_kw=rng.choice([3.0, 6.0], count),
        standby_kw=u(0.008, 0.018),
        curve_k_per_k=ua / emitter_ua * u(0.98, 1.06),
        curve_base_k=-mean_gains_kw(occupants) / emitter_ua + u(0.0, 0.8),
        room_influence_k_per_k=np.where(rng.random(count) < 0.5, u(0.8, 2.0), 0.0),
        hysteresis_kwh=nominal_kw * u(0.06, 0.14),
        stops_after_dhw=(rng.random(count) < 0.6).astype(float),
        min_on_h=u(0.2, 0.4),
        min_off_h=u(0.15, 0.3),
        heating_limit_c=(limit_c := u(14.0, 17.0)),
        dhw_hysteresis_k=u(3.0, 6.0),
        disinfection_hour=rng.integers(0, 7, count) * 24.0 + rng.choice([1.0, 2.0, 3.0, 13.0], count),
        occupants=occupants,
        own_indoor_setpoint_c=setpoint_c,
        own_dhw_setpoint_c=rng.choice([48.0, 50.0, 52.0], count),
        **_cooling_and_pool(seed, is_floor, limit_c),
    )


def _cooling_and_pool(seed: int, is_floor: Array, heating_limit_c: Array) -> dict[str, Array]:
    """Who can cool and who has a pool, from a generator of its own: no other number of a seed depends on it.

    Floors cool, radiators do not. A pool of 1.4 m depth loses 4-6 W/(m2 K) below its cover, most of it by evaporation
    while it is open, and takes up the sun of those hours.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 0x434F4F4C]))
    count = len(is_floor)
    can_cool = is_floor & (rng.random(count) < 2.0 / 3.0)
    has_pool = rng.random(count) < 1.0 / 8.0
    volume_m3 = np.where(has_pool, rng.uniform(25.0, 60.0, count), 0.0)
    surface_m2 = volume_m3 / 1.4
    return {
        "cooling_limit_c": np.where(can_cool, heating_limit_c + rng.uniform(4.0, 5.0, count), np.inf),
        "own_cooling_setpoint_c": rng.choice([23.5, 24.0, 24.5, 25.0], count),
        "pool_capacity_kwh_per_k": volume_m3 * 1.163,
        "pool_ua_kw_per_k": surface_m2 * rng.uniform(0.004, 0.006, count),
        "pool_solar_m2": surface_m2 * rng.uniform(0.15, 0.3, count),
        "own_pool_setpoint_c": rng.choice([26.0, 27.0, 28.0, 29.0], count),
        "pool_hysteresis_k": rng.uniform(0.3, 0.6, count),
    }


def mean_gains_kw(occupants: Array) -> Array:
    """Mean internal gains of people and appliances [kW], (home,)."""
    return 0.12 + 0.07 * np.asarray(occupants, float)


_DRAW_SHAPE = np.interp(
    (np.arange(96) + 0.5) / 4.0,
    [0, 5, 6, 7, 8.5, 10, 12, 13.5, 15, 17.5, 19, 21, 22.5, 24],
    [0.02, 0.05, 0.8, 2.6, 1.6, 0.7, 0.8, 0.6, 0.5, 1.0, 2.0, 1.6, 0.5, 0.02],
)
_GAIN_SHAPE = np.interp(
    (np.arange(96) + 0.5) / 4.0, [0, 6, 8, 10, 16, 18, 22, 24], [0.6, 0.7, 1.3, 0.8, 0.9, 1.5, 1.4, 0.7]
)
DHW_KWH_PER_PERSON_DAY = 1.5


def day_of_use(homes: Homes, seed: int, day: int) -> tuple[Array, Array]:
    """Hot water drawn [kWh of heat per quarter-hour] and internal gains [kW] of one local day, each (home, 96).

    Deterministic by ``seed`` and ``day`` (an ordinal), whatever window is simulated. Draws come in events
    (a shower is a shower), so single days differ a lot; the mean is ``DHW_KWH_PER_PERSON_DAY``.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, day, 0x55534531]))
    n = homes.count
    shape = _DRAW_SHAPE / _DRAW_SHAPE.sum()
    events = rng.poisson(homes.occupants[:, None] * 4.0 * shape[None, :])
    size_kwh = rng.gamma(1.5, DHW_KWH_PER_PERSON_DAY / 4.0 / 1.5, (n, 96))
    at_home = np.where(rng.random(n) < 0.06, 0.15, 1.0)
    gains = mean_gains_kw(homes.occupants)[:, None] * _GAIN_SHAPE / _GAIN_SHAPE.mean()
    return events * size_kwh * at_home[:, None], gains * at_home[:, None] * rng.uniform(0.8, 1.2, (n, 1))
