"""Cooling as heating in a mirror: every temperature with its sign turned, and what is known of heating holds.

A pump that cools takes heat out as a heating pump puts it in: its controller asks for more the farther it is from the
setpoint on the warm side and the warmer it is outdoors. With ``T' = -T`` that is a :class:`Response` like any other,
learned by the same function and planned by the same programme. A response in the mirror has its outdoor temperature
with the sign turned, its heat is the heat taken from the rooms (cold), its COP the EER.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from heatfleet.thermal.arrays import Array, choose, put, take
from heatfleet.thermal.grey_box import TwoMass
from heatfleet.thermal.response import Response, Seen, learn_response, prior_response

OWN_SETPOINT_C = 25.0
SUN_KW = 0.5  # of a summer day, through windows, on average
EER_FOOT, EER_PER_K = 12.9, 0.24  # hplib's generic regulated air-to-water map at 18 °C water, some load taken off
RUNNING_KW = 0.05
LEAST_STEPS = 48  # of cooling: half a day
MET_BY_METER = (
    "cop_foot", "cop_outdoor_per_k", "cop_heat_per_kw", "dhw_heat_kw", "dhw_cop_foot", "dhw_cop_outdoor_per_k",
    "standby_kw",
)  # fmt: skip
DAY = 96


def prior_cooling(ua_kw_per_k: Array, gains_kw: Array) -> Response:
    """The cooling, in the mirror, of a pump that heats such homes well, (home,)."""
    heating = prior_response(ua_kw_per_k, np.full_like(ua_kw_per_k, 21.0), gains_kw)
    return replace(
        heating,
        foot_kw=gains_kw + SUN_KW - ua_kw_per_k * OWN_SETPOINT_C,
        cop_foot=np.full_like(ua_kw_per_k, EER_FOOT),
        cop_outdoor_per_k=np.full_like(ua_kw_per_k, EER_PER_K),
        habit_outdoor_c=np.full_like(ua_kw_per_k, -OWN_SETPOINT_C),
        habit_ghi_kw_m2=np.full_like(ua_kw_per_k, 0.2),
    )


def mirrored_building(building: TwoMass, where: Array) -> TwoMass:
    """The building with ``where`` (home,) turned: what warms it, cools it in the mirror."""
    sign = np.where(where, -1.0, 1.0)
    return replace(building, solar_area_m2=sign * building.solar_area_m2, gains_kw=sign * building.gains_kw)


def mirrored_response(heating: Response, cooling: Response, where: Array) -> Response:
    """The response of cooling ``where`` (home,) the pump cools, its hot water as ever; that of heating elsewhere."""
    water = {
        "dhw_heat_kw": heating.dhw_heat_kw,
        "dhw_cop_foot": heating.dhw_cop_foot,
        "dhw_cop_outdoor_per_k": -heating.dhw_cop_outdoor_per_k,
        "standby_kw": heating.standby_kw,
    }
    turned = {**vars(cooling), **water}
    return Response(**{name: np.where(where, turned[name], value) for name, value in vars(heating).items()})


def cold_kw(power_kw: Array, outdoor_c: Array, cooling: Response) -> Array:
    """Heat taken from the rooms [kW] at a power [kW], (home, step), by the EER: pumps do not meter it.

    One fixed-point step from what an EER of four would give; nothing where the pump did not cool or is not known to.
    """
    power = np.nan_to_num(power_kw)
    guess = np.maximum(4.0 * power, cooling.heat_min_kw[:, None])
    eer = guess / np.maximum(cooling.energy_kw(guess, -outdoor_c), 1e-6)
    found: Array = np.where(power > RUNNING_KW, power * eer, 0.0)
    return found


def learn_cooling(
    room_c: Array, setpoint_c: Array, shift_k: Array, air: tuple[Array, Array], power_kw: Array, in_force: Response
) -> Response:
    """Cooling, in the mirror, fitted to the days on which pumps cooled; the one in force of those that hardly did.

    Parameters
    ----------
    room_c, setpoint_c : room temperature and the owner's own cooling setpoint [°C], (home, step).
    shift_k : how far that setpoint was moved [K], positive = warmer, (home, step).
    air : outdoor temperature [°C] and sun [kW/m²], each (home, step).
    power_kw : electricity of the cooling [kW], (home, step).

    Notes
    -----
    Pumps do not meter cold, so the EER stays the one in force, and what is learned of output and demand is by it.
    """
    outdoor_c, ghi = air
    index = np.flatnonzero((np.nan_to_num(power_kw) > RUNNING_KW).sum(axis=1) >= LEAST_STEPS)
    if index.size == 0:
        return in_force
    prior = take(in_force, index)
    outdoor_c, power, ghi = outdoor_c[index], power_kw[index], ghi[index]
    on = _days_of(np.nan_to_num(power) > RUNNING_KW)

    def seen(values: Array) -> Array:
        return np.where(on, values, np.nan)

    nothing = np.zeros(power.shape)
    learned = learn_response(
        Seen(
            seen(-outdoor_c), seen(ghi), seen(setpoint_c[index] - room_c[index]), seen(-np.nan_to_num(shift_k[index])),
            seen(cold_kw(power, outdoor_c, prior)), seen(power), nothing, nothing, np.full(power.shape, np.nan),
        ),
        prior,
    )  # fmt: skip
    learned = replace(learned, **{name: getattr(prior, name) for name in MET_BY_METER})
    fine = np.logical_and.reduce([np.isfinite(v) for v in vars(learned).values()])
    return put(in_force, index, choose(fine, learned, prior))


def _days_of(flags: Array) -> Array:
    """Steps (home, step) of days, counted back from the last step, on which there is a flag."""
    days = -(-flags.shape[1] // DAY)
    padded = np.pad(flags, ((0, 0), (days * DAY - flags.shape[1], 0)))
    whole = padded.reshape(len(flags), days, DAY).any(axis=2)
    found: Array = np.repeat(whole, DAY, axis=1)[:, -flags.shape[1] :]
    return found
