"""What a platform reads of simulated homes: sensor noise, meters in watt-hours, the levers in force."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heatfleet.demo.control_book import ControlBook
from heatfleet.demo.scenario import Scenario
from heatfleet.domain.levers import Lever
from heatfleet.flows.toolbox_outlook import BLOCK_DELTA_K, RAISED_DELTA_K
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate import Trace
from heatfleet.thermal.simulate_columns import COOLING, HEATING, HOT_WATER, POOL_HEATING
from heatfleet.vendors.kit.emulation.homes import LEVERS

NOISE_SD = {"indoor_c": 0.05, "outdoor_c": 0.2, "tank_c": 0.15, "flow_c": 0.15, "return_c": 0.15, "pool_c": 0.05}


@dataclass
class Readings:
    """What has been read, (home, step), filled as time goes on; NaN where nothing was yet."""

    indoor_c: Array
    outdoor_c: Array
    tank_c: Array
    water_c: Array  # mean of flow and return
    energy_kwh: Array
    heat_kwh: Array
    water_share: Array  # of the time the pump ran: how much it heated the tank
    cooling_share: Array  # how much it cooled the rooms
    pool_share: Array  # how much it heated the pool
    is_charging: Array
    shift_k: Array
    dhw_setpoint_c: Array  # in force
    is_boosted: Array
    pool_c: Array
    cooling_setpoint_c: Array  # in force; NaN where the pump cannot cool
    cooling_shift_k: Array  # of it from the owner's own, positive = warmer
    pool_setpoint_c: Array  # in force; NaN where there is no pool

    @property
    def house_share(self) -> Array:
        """What is left of the pump's electricity for heating the house, standby with it."""
        return 1.0 - self.water_share - self.cooling_share - self.pool_share

    @property
    def cooling_kwh(self) -> Array:
        """Electricity of the cooling."""
        return self.energy_kwh * self.cooling_share

    @property
    def pool_kwh(self) -> Array:
        """Electricity of heating the pool."""
        return self.energy_kwh * self.pool_share

    @property
    def pool_heat_kwh(self) -> Array:
        """Heat into the pool."""
        return self.heat_kwh * self.pool_share

    @classmethod
    def empty(cls, homes: int, steps: int) -> Readings:
        """Nothing read yet."""
        return cls(*(np.full((homes, steps), np.nan) for _ in cls.__dataclass_fields__))


class Sensors:
    """Reads homes at the end of every quarter-hour and keeps what was read."""

    def __init__(self, scenario: Scenario) -> None:
        self.outdoor_c = scenario.drive.outdoor_c
        self.homes = scenario.homes
        self.rng = np.random.default_rng([scenario.seed, 0x524541])
        self.pool_rng = np.random.default_rng([scenario.seed, 0x504F4F4C])  # a pool changes no other reading
        self.seen = Readings.empty(scenario.homes.count, scenario.grid.count)

    def read(self, step: int, trace: Trace, book: ControlBook) -> None:
        """Note what the sensors show at the end of ``step``; ``trace`` is its three five-minute steps."""
        s = self.seen
        s.indoor_c[:, step] = self._sensed("indoor_c", trace.indoor_c[:, -1])
        s.tank_c[:, step] = self._sensed("tank_c", trace.tank_c[:, -1])
        s.outdoor_c[:, step] = self._sensed("outdoor_c", self.outdoor_c[:, step])
        flow, back = (self._sensed(n, getattr(trace, n)[:, -1]) for n in ("flow_c", "return_c"))
        s.water_c[:, step] = 0.5 * (flow + back)
        s.energy_kwh[:, step] = np.round(trace.energy_kwh.sum(axis=1), 3)
        s.heat_kwh[:, step] = np.round(trace.heat_kwh.sum(axis=1), 3)
        s.water_share[:, step], s.cooling_share[:, step], s.pool_share[:, step] = _shares(trace.mode)
        s.is_charging[:, step] = trace.mode[:, -1] == HOT_WATER
        s.shift_k[:, step] = self._shift_in_force(book)
        s.dhw_setpoint_c[:, step] = book.settings[:, LEVERS.index(Lever.DHW_SETPOINT_C)]
        s.is_boosted[:, step] = book.settings[:, LEVERS.index(Lever.DHW_BOOST)]
        self._read_summer(step, trace, book)

    def _read_summer(self, step: int, trace: Trace, book: ControlBook) -> None:
        """Cooling and pool, of the homes that have them."""
        s, settings = self.seen, dict(zip(LEVERS, book.settings.T, strict=True))
        cooling_c = settings[Lever.COOLING_SETPOINT_C]
        s.cooling_setpoint_c[:, step] = np.where(book.can_cool, cooling_c, np.nan)
        s.cooling_shift_k[:, step] = np.where(book.can_cool, cooling_c - self.homes.own_cooling_setpoint_c, 0.0)
        pool_c = trace.pool_c[:, -1]
        noisy = np.round(pool_c + self.pool_rng.normal(0.0, NOISE_SD["pool_c"], pool_c.shape), 1)
        s.pool_c[:, step] = np.where(book.has_pool, noisy, np.nan)
        s.pool_setpoint_c[:, step] = np.where(book.has_pool, settings[Lever.POOL_SETPOINT_C], np.nan)

    def latest(self, step: int) -> Array:
        """Rooms, tank and pool [°C], whether the tank is charged and the rooms are cooled, as read before ``step``.

        (home, 5)
        """
        s = self.seen
        columns = (s.indoor_c, s.tank_c, s.pool_c, s.is_charging, s.cooling_share)
        return np.stack([a[:, step - 1] for a in columns], axis=1)

    def _sensed(self, name: str, value: Array) -> Array:
        rounded: Array = np.round(value + self.rng.normal(0.0, NOISE_SD[name], value.shape), 1)
        return rounded

    def _shift_in_force(self, book: ControlBook) -> Array:
        settings = dict(zip(LEVERS, book.settings.T, strict=True))
        state, own_c = settings[Lever.SG_READY_STATE], self.homes.own_indoor_setpoint_c
        signal = np.where(state == 1.0, BLOCK_DELTA_K, np.where(state >= 3.0, RAISED_DELTA_K, 0.0))
        shift: Array = settings[Lever.INDOOR_SETPOINT_C] - own_c + settings[Lever.CURVE_OFFSET_K] + signal
        return shift


def _shares(mode: Array) -> tuple[Array, ...]:
    """Shares of the time the pump ran, (home,): tank, cooling, pool; what is left it heated the house."""
    uses = (HOT_WATER, COOLING, POOL_HEATING)
    water, cooling, pool, house = (np.mean(mode == use, axis=1) for use in (*uses, HEATING))
    runs = np.maximum(water + house + cooling + pool, 1e-9)
    return water / runs, cooling / runs, pool / runs
