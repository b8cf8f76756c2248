"""Controllers that ours is held against, and planners that are told more, or less, than a real one can know."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from heatfleet.demo.control import PLAN_STEPS, Ahead, Outlook, known_prices, plan_step
from heatfleet.demo.loop import DAY, Loop
from heatfleet.demo.scenario import Scenario
from heatfleet.domain.levers import Lever
from heatfleet.planning.state import HOT_WATER, MAX, MID
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.cop import capacity, coefficients, cop
from heatfleet.thermal.grey_box import TwoMass
from heatfleet.thermal.homes import Homes, mean_gains_kw
from heatfleet.thermal.model import ThermalModels
from heatfleet.vendors.kit.emulation.homes import LEVERS

LOW = 1
FLOW_OF_A_CHARGE_C = 54.0


class CheapestHours:
    """Raise in the cheapest hours of the next 24, lower in the dearest, the owner's own setting in between.

    It sees the same published prices as ours and passes the same guards; the defaults were the best of those tried
    without more discomfort (2 to 6 hours, one or two kelvins lower, charging the tank or not) on seeds 9001 and 9002.
    """

    def __init__(self, hours: int = 6, lower: int = LOW, *, charges: bool = True) -> None:
        self.steps, self.lower, self.charges = 4 * hours, lower, charges

    def steer(self, loop: Loop) -> Array:
        """The states asked for (home,)."""
        ahead = known_prices(loop.scenario, loop.step)[:DAY]
        ranked = np.sort(ahead)
        cheap, dear = ahead[0] <= ranked[self.steps - 1], ahead[0] >= ranked[-self.steps]
        state = MAX if cheap else self.lower if dear else MID
        step = plan_step(loop.now, state, HOT_WATER if cheap and self.charges else state)
        loop.book.steer(loop.now, [step] * loop.scenario.homes.count, loop.latest())
        return np.full(loop.scenario.homes.count, state)


class IndoorPi:
    """Holds the room a little above the owner's setpoint: moves setpoint or curve without steps, guards or prices.

    SG-Ready pumps have nothing to move continuously and keep their own control. Gains [K/K] and [K/(K·h)] and the
    target were the best of those tried on seeds 9001 and 9002.
    """

    def __init__(self, loop: Loop, gain: float = 0.5, gain_per_h: float = 0.05, above_own_k: float = 0.3) -> None:
        self.gain, self.gain_per_h = gain, gain_per_h
        self.own_c = loop.scenario.homes.own_indoor_setpoint_c
        self.target_c = self.own_c + above_own_k
        self.sum_k, self.smooth_c = np.zeros(len(self.own_c)), loop.latest()[:, 0]
        self.by_setpoint, self.by_curve = (
            np.array([lever in ranges for ranges in loop.book.ranges])
            for lever in (Lever.INDOOR_SETPOINT_C, Lever.CURVE_OFFSET_K)
        )

    def steer(self, loop: Loop) -> Array:
        """MID throughout: what is asked for is no state."""
        self.smooth_c = self.smooth_c + 0.5 * (loop.latest()[:, 0] - self.smooth_c)
        error_k = self.target_c - self.smooth_c
        self.sum_k = np.clip(self.sum_k + self.gain_per_h * 0.25 * error_k, -3.0, 3.0)
        shift_k = np.clip(self.gain * error_k + self.sum_k, -4.0, 4.0)
        settings = loop.book.settings
        settings[:, LEVERS.index(Lever.INDOOR_SETPOINT_C)] = self.own_c + np.where(self.by_setpoint, shift_k, 0.0)
        settings[:, LEVERS.index(Lever.CURVE_OFFSET_K)] = np.where(self.by_curve, shift_k, 0.0)
        return np.full(len(shift_k), MID)


class FlatPrice(Outlook):
    """Our planner told the mean price only: what is left is what it gains without looking at prices."""

    def ahead(self, scenario: Scenario, step: int) -> Ahead:
        """The real outlook at a mean price."""
        told = super().ahead(scenario, step)
        return replace(told, price=np.full_like(told.price, max(float(told.price.mean()), 0.01)))


@dataclass(frozen=True)
class Foresight(Outlook):
    """Our planner told the future: what is true of it says which. Levers, guards and re-planning stay as they are."""

    price: bool = False
    weather: bool = False
    draws: bool = False
    model: bool = False  # the simulation's parameters in the place of learned ones

    def ahead(self, scenario: Scenario, step: int) -> Ahead:
        """The true future where it is known."""
        told, ahead = super().ahead(scenario, step), slice(step, step + PLAN_STEPS)
        if self.price:
            told = replace(told, price=scenario.price[ahead])
        if self.weather:
            told = replace(told, outdoor_c=scenario.outdoor_c[:, ahead], ghi_kw_m2=scenario.ghi_kw_m2[:, ahead])
        return replace(told, quarter_of_day=np.arange(PLAN_STEPS)) if self.draws else told

    def models(self, learned: ThermalModels, scenario: Scenario, step: int) -> ThermalModels:
        """True parameters, and the very draws of the steps to come, where they are known."""
        models = true_models(scenario.homes, learned) if self.model else learned
        if not self.draws:
            return models
        count, index = scenario.grid.count, np.arange(step, step + PLAN_STEPS)
        index = np.where(index < count, index, count - DAY + (index - count) % DAY)
        tank = replace(models.tank, draw_kwh=scenario.drive.draw_kwh[:, index])
        return _Foreseen(**{**vars(models), "tank": tank})


class _Foreseen(ThermalModels):
    """Models whose draws are no surprise."""

    def unlucky_draw_kwh(self) -> Array:
        """Nothing beyond what is known."""
        return np.zeros_like(self.tank.draw_kwh)


def true_models(homes: Homes, learned: ThermalModels) -> ThermalModels:
    """What the best learner could know: the simulation's parameters, as straight lines where models are lines.

    The mean draws and the habit, which are statistics and no parameters, stay those learned.
    """
    building = TwoMass(
        homes.ua_indoor_mass_kw_per_k, homes.ua_indoor_outdoor_kw_per_k, homes.ua_mass_outdoor_kw_per_k,
        homes.capacity_indoor_kwh_per_k, homes.capacity_mass_kwh_per_k, homes.heat_to_indoor, homes.solar_area_m2,
        mean_gains_kw(homes.occupants), np.zeros(homes.count),
    )  # fmt: skip
    maps, own_c = coefficients(), homes.own_indoor_setpoint_c
    line, charge = _space_cop(homes), _charge_cop(homes)
    response = replace(
        learned.response,
        foot_kw=homes.emitter_ua_kw_per_k * (homes.curve_base_k + homes.curve_k_per_k * own_c),
        outdoor_kw_per_k=-homes.emitter_ua_kw_per_k * homes.curve_k_per_k,
        indoor_kw_per_k=-homes.emitter_ua_kw_per_k * (1.0 + homes.room_influence_k_per_k),
        heat_min_kw=homes.modulation_min * homes.heat_nominal_kw,
        heat_max_kw=homes.heat_nominal_kw * capacity(maps, 0.0, 38.0),
        cop_foot=line[:, 0],
        cop_outdoor_per_k=line[:, 1],
        cop_heat_per_kw=line[:, 2],
        dhw_heat_kw=0.85 * homes.heat_nominal_kw * capacity(maps, 3.0, FLOW_OF_A_CHARGE_C),
        dhw_cop_foot=charge[:, 0],
        dhw_cop_outdoor_per_k=charge[:, 1],
        standby_kw=homes.standby_kw,
    )
    tank = replace(learned.tank, capacity_kwh_per_k=homes.tank_capacity_kwh_per_k, loss_kw_per_k=homes.tank_ua_kw_per_k)
    sure = np.full(homes.count, 0.1)
    kind = np.full(homes.count, "true", dtype="U16")
    known = replace(learned, building=building, response=response, tank=tank)
    return replace(known, error_24h_k=sure, uncertainty_k=sure, kind=kind)


def _space_cop(homes: Homes) -> Array:
    """Foot, outdoor slope and load slope (home, 3) of the true COP around the heat that the weather asks for."""
    maps, lines = coefficients(), np.empty((homes.count, 3))
    for i in range(homes.count):
        own_c, emitter = homes.own_indoor_setpoint_c[i], homes.emitter_ua_kw_per_k[i]
        rows, values = [], []
        for outdoor_c in np.arange(-8.0, 13.0, 1.0):
            wanted = emitter * (homes.curve_base_k[i] + homes.curve_k_per_k[i] * (own_c - outdoor_c))
            for factor in (0.6, 0.8, 1.0, 1.2, 1.4):
                largest = homes.heat_nominal_kw[i] * capacity(maps, outdoor_c, own_c + wanted / emitter)
                heat = np.clip(factor * wanted, homes.modulation_min[i] * homes.heat_nominal_kw[i], largest)
                rows.append([1.0, outdoor_c, heat])
                values.append(cop(maps, outdoor_c, own_c + heat / emitter, heat / largest) * homes.cop_quality[i])
        lines[i] = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    return lines


def _charge_cop(homes: Homes) -> Array:
    """Foot and outdoor slope (home, 2) of the true COP of a hot-water charge."""
    maps, outdoor_c = coefficients(), np.arange(-8.0, 13.0, 1.0)
    values = [cop(maps, float(t), FLOW_OF_A_CHARGE_C, 0.85) for t in outdoor_c]
    slope, foot = np.polyfit(outdoor_c, values, 1)
    return np.stack([foot * homes.cop_quality, slope * homes.cop_quality], axis=1)
