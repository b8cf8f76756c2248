"""A fleet of virtual homes that lives on the fleet clock, whoever looks or does not look.

The homes advance lazily but always on one fixed 5-minute grid, in batch, so that what they do depends on the seed, the
weather and the settings written, never on how often somebody polls. Seeds, not running generators, stand behind every
random number for the same reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from heatfleet.domain.levers import Lever
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.thermal.arrays import Array, stack
from heatfleet.thermal.homes import day_of_use, draw_homes, mean_gains_kw
from heatfleet.thermal.simulate import Drive, Inputs, States, Trace, initial_states, simulate
from heatfleet.thermal.simulate_columns import STATE
from heatfleet.vendors.kit.emulation.roofs import draw_roofs

STEP = timedelta(minutes=5)
STEP_H = 1 / 12
CHUNK_STEPS = 288
BLOCK_LASTS = timedelta(hours=2)
SG_BLOCKED, SG_NORMAL = 1.0, 2.0
WRITE_DELAY_S = (5.0, 60.0)

LEVERS = (
    Lever.INDOOR_SETPOINT_C,
    Lever.CURVE_OFFSET_K,
    Lever.SG_READY_STATE,
    Lever.DHW_SETPOINT_C,
    Lever.DHW_BOOST,
    Lever.COOLING_SETPOINT_C,
    Lever.POOL_SETPOINT_C,
)
"""Columns of the settings matrix, in the order of ``thermal.simulate.Inputs``."""
_COLUMN = {lever: i for i, lever in enumerate(LEVERS)}

SENSORS = ("room", "outside", "supply", "back", "tank", "input", "consumed", "delivered", "activity", "pool", "export")
"""Columns of a frame; those of the pool and of the export mean something only where ``shows`` says so."""
_NOISE_SD = np.array([0.05, 0.2, 0.15, 0.15, 0.15, 0.0, 0.0, 0.0, 0.0, 0.05, 0.01])
_POWER_NOISE = 0.01
_FRAME_OF_TRACE = ("indoor_c", "", "flow_c", "return_c", "tank_c", "power_kw", "", "", "mode", "pool_c")

COLUMNS = [*STATE, *map(str, LEVERS), *SENSORS]
"""What a kept state consists of: one with other columns is of another version."""

Weather = Callable[[TimeGrid], tuple[Array, Array]]
"""Outdoor temperature [°C] and global horizontal irradiance [kW/m2] of each grid step, (step,) or (home, step)."""


@dataclass(frozen=True)
class Pending:
    """A setting on its way to the heat pump."""

    effective_at: datetime
    home: int
    lever: Lever
    value: float
    is_fallback: bool = False  # the pump's own end of an SG-Ready block


@dataclass(frozen=True)
class Frame:
    """What the sensors showed at the end of one grid step: (home, sensor), noise included."""

    at: datetime
    values: Array


class VirtualHomes:
    """The homes, their settings and meters; ``now`` is always the fleet clock's."""

    step = STEP

    def __init__(
        self, count: int, seed: int, weather: Weather, start_at: datetime, zone: str = "Europe/Berlin"
    ) -> None:
        self.count, self.seed, self._weather, self._zone = count, seed, weather, ZoneInfo(zone)
        self._homes, self._roofs = draw_homes(count, seed), draw_roofs(count, seed)
        self._start_at = _floor_step(start_at)
        self._index = 0
        self._settings = stack(Inputs.own(self._homes))
        self._pending: list[Pending] = []
        self._writes = np.zeros(count, int)
        rng = self._rng(1)
        self._phase_s = rng.integers(0, int(STEP.total_seconds()), count)
        energy_kwh = rng.uniform(3_000.0, 20_000.0, count)
        self._meters = np.stack([energy_kwh, energy_kwh * rng.uniform(2.8, 3.6, count)], axis=1)
        outdoor_c, ghi_kw_m2 = (part[:, 0] for part in self._weather_of(0, 1))
        self._states = initial_states(self._homes, outdoor_c)
        resting = _resting(self._states, outdoor_c, self._homes.standby_kw, self._meters)
        first = self._frame(0, resting, ghi_kw_m2, mean_gains_kw(self._homes.occupants))
        self._frames = (replace(first, at=first.at - STEP), first)
        self._day_of_use = lru_cache(maxsize=4)(lambda day: day_of_use(self._homes, seed, day))

    @property
    def at(self) -> datetime:
        """How far the homes have come."""
        return self._at(self._index)

    def has(self, home: int, lever: Lever) -> bool:
        """Whether there is anything behind a lever: not every home can cool or has a pool."""
        if lever is Lever.COOLING_SETPOINT_C:
            return bool(np.isfinite(self._homes.cooling_limit_c[home]))
        return lever is not Lever.POOL_SETPOINT_C or bool(self._homes.pool_capacity_kwh_per_k[home] > 0.0)

    def shows(self, home: int, sensor: str) -> bool:
        """Whether there is anything behind a sensor: not every home has a pool, or a roof and a meter that tells."""
        if sensor == "export":
            return bool(self._roofs.roof_kw_per_kw_m2[home] > 0.0)
        return sensor != "pool" or self.has(home, Lever.POOL_SETPOINT_C)

    def own_settings(self, home: int) -> dict[Lever, float]:
        """What the owner had set at the very start."""
        own = stack(Inputs.own(self._homes))[home]
        return {lever: float(own[i]) for i, lever in enumerate(LEVERS) if self.has(home, lever)}

    def advance(self, now: datetime) -> None:
        """Live on to the last grid point that is not after ``now``."""
        target = (now - self._start_at) // STEP
        while self._index < target:
            self._settle(self.at)
            self._live(min(target, self._index + CHUNK_STEPS, self._next_change()) - self._index)

    def write(self, home: int, lever: Lever, value: float, now: datetime) -> datetime:
        """Send a setting on its way; the instant [fleet clock] from which it holds and shows."""
        delay_s = self._rng(2, home, int(self._writes[home])).uniform(*WRITE_DELAY_S)
        self._writes[home] += 1
        effective_at = now + timedelta(seconds=round(float(delay_s), 3))
        effective_at = max([effective_at, *(p.effective_at for p in self._sent(home, lever))])  # never overtakes
        self._put(Pending(effective_at, home, lever, value))
        return effective_at

    def owner_sets(self, home: int, lever: Lever, value: float, now: datetime) -> None:
        """Turn the knob by hand: holds at once."""
        self._put(Pending(now, home, lever, value))

    def setting(self, home: int, lever: Lever, now: datetime) -> float:
        """The setting in force at ``now``."""
        value = float(self._settings[home, _COLUMN[lever]])
        for change in self._pending:
            if change.home == home and change.lever is lever and change.effective_at <= now:
                value = change.value
        return value

    def sensors(self, home: int, now: datetime) -> tuple[datetime, Array]:
        """When this home last reported, and what: (sensor,); each home reports at its own second of the grid."""
        before, last = self._frames
        phase = timedelta(seconds=int(self._phase_s[home]))
        frame = last if last.at + phase <= now else before
        return min(frame.at + phase, now), frame.values[home]

    def can_go_on(self, state: Mapping[str, Any]) -> bool:
        """Whether a kept state is of these homes and of this version's simulation."""
        return (state["count"], state["seed"], state.get("columns")) == (self.count, self.seed, COLUMNS)

    def to_state(self) -> dict[str, Any]:
        """What must survive a restart, as JSON-ready values."""
        return {
            "count": self.count,
            "seed": self.seed,
            "start_at": self._start_at,
            "index": self._index,
            "columns": COLUMNS,
            "states": self._states.matrix.tolist(),
            "settings": self._settings.tolist(),
            "meters": self._meters.tolist(),
            "writes": self._writes.tolist(),
            "pending": [[p.effective_at, p.home, str(p.lever), p.value, p.is_fallback] for p in self._pending],
            "frames": [[f.at, f.values.tolist()] for f in self._frames],
        }

    def from_state(self, state: Mapping[str, Any]) -> None:
        """Go on where ``to_state`` left off."""
        self._start_at, self._index = datetime.fromisoformat(state["start_at"]), state["index"]
        self._states = States(np.array(state["states"]))
        self._settings, self._meters = np.array(state["settings"]), np.array(state["meters"])
        self._writes = np.array(state["writes"], int)
        self._pending = [Pending(datetime.fromisoformat(at), h, Lever(n), v, f) for at, h, n, v, f in state["pending"]]
        before, last = (Frame(datetime.fromisoformat(at), np.array(values)) for at, values in state["frames"])
        self._frames = (before, last)

    def _put(self, change: Pending) -> None:
        """Line up a change, and the pump's own end of an SG-Ready block with it."""
        if change.lever is Lever.SG_READY_STATE:
            was_blocked = self.setting(change.home, change.lever, change.effective_at) == SG_BLOCKED
            if change.value != SG_BLOCKED or not was_blocked:
                self._pending = [p for p in self._pending if not (p.is_fallback and p.home == change.home)]
            if change.value == SG_BLOCKED and not was_blocked:
                ends_at = change.effective_at + BLOCK_LASTS
                self._pending.append(Pending(ends_at, change.home, change.lever, SG_NORMAL, is_fallback=True))
        self._pending.append(change)
        self._pending.sort(key=lambda p: p.effective_at)

    def _sent(self, home: int, lever: Lever) -> list[Pending]:
        return [p for p in self._pending if p.home == home and p.lever is lever and not p.is_fallback]

    def _settle(self, at: datetime) -> None:
        """Put the changes that hold by ``at`` into the settings."""
        for change in [p for p in self._pending if p.effective_at <= at]:
            self._settings[change.home, _COLUMN[change.lever]] = change.value
        self._pending = [p for p in self._pending if p.effective_at > at]

    def _next_change(self) -> int:
        """Index of the grid point at which the next pending change will hold."""
        if not self._pending:
            return self._index + CHUNK_STEPS
        return max(self._index + 1, -((self._start_at - self._pending[0].effective_at) // STEP))

    def _live(self, steps: int) -> None:
        drive = self._drive(steps)
        inputs = Inputs(*(self._settings[:, i].copy() for i in range(len(LEVERS))))
        self._states, trace = simulate(self._homes, self._states, inputs, drive, STEP_H)
        meters = _metered(self._meters, trace)
        for step in range(max(0, steps - 2), steps):
            values, at = _sensed(trace, drive, meters[:, step], step), self._index + step + 1
            frame = self._frame(at, values, drive.ghi_kw_m2[:, step], drive.gains_kw[:, step])
            self._frames = (self._frames[1], frame)
        self._meters = meters[:, -1]
        self._index += steps

    def _drive(self, steps: int) -> Drive:
        outdoor_c, ghi_kw_m2 = self._weather_of(self._index, steps)
        locals_at = [self._at(self._index + step).astimezone(self._zone) for step in range(steps)]
        use = [self._day_of_use(at.toordinal()) for at in locals_at]
        quarters = [at.hour * 4 + at.minute // 15 for at in locals_at]
        return Drive(
            outdoor_c=outdoor_c,
            ghi_kw_m2=ghi_kw_m2,
            draw_kwh=np.stack([day[0][:, q] / 3.0 for day, q in zip(use, quarters, strict=True)], axis=1),
            gains_kw=np.stack([day[1][:, q] for day, q in zip(use, quarters, strict=True)], axis=1),
            hour_of_week=np.array([at.weekday() * 24 + at.hour + at.minute / 60 for at in locals_at]),
        )

    def _weather_of(self, index: int, steps: int) -> tuple[Array, Array]:
        outdoor_c, ghi_kw_m2 = self._weather(TimeGrid(self._at(index), steps, STEP))
        shape = (self.count, steps)
        return np.broadcast_to(outdoor_c, shape), np.broadcast_to(ghi_kw_m2, shape)

    def _frame(self, index: int, values: Array, ghi_kw_m2: Array, gains_kw: Array) -> Frame:
        """``values``, and what the roof leaves of them for the grid, as the sensors show them."""
        power, rng = SENSORS.index("input"), self._rng(3, index)
        export_kw = self._roofs.export_kw(ghi_kw_m2, gains_kw, values[:, power], self._rng(4, index))
        values = np.column_stack([values, export_kw])
        noise = np.hstack([rng.standard_normal((self.count, n)) for n in (len(SENSORS) - 2, 1, 1)])  # later ones apart
        noisy = values + noise * _NOISE_SD
        noisy[:, power] = np.maximum(values[:, power] * (1 + _POWER_NOISE * noise[:, power]), 0.0)
        return Frame(self._at(index), noisy)

    def _at(self, index: int) -> datetime:
        return self._start_at + index * STEP

    def _rng(self, *what: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, 0x53425800, *what])))


def _floor_step(at: datetime) -> datetime:
    epoch = datetime.fromtimestamp(0, at.tzinfo)
    return at - (at - epoch) % STEP


def _metered(meters: Array, trace: Trace) -> Array:
    """Meter readings [kWh] after each step, (home, step, 2); summed step by step, however the steps are chunked."""
    steps = np.stack([trace.energy_kwh, trace.heat_kwh], axis=2)
    return np.cumsum(np.concatenate([meters[:, None, :], steps], axis=1), axis=1)[:, 1:]


def _sensed(trace: Trace, drive: Drive, meters: Array, step: int) -> Array:
    """True values behind the sensors after ``step``, (home, sensor)."""
    columns = [getattr(trace, name)[:, step] if name else meters[:, 0] for name in _FRAME_OF_TRACE]
    columns[SENSORS.index("outside")] = drive.outdoor_c[:, step]
    columns[SENSORS.index("delivered")] = meters[:, 1]
    return np.stack(columns, axis=1)


def _resting(states: States, outdoor_c: Array, standby_kw: Array, meters: Array) -> Array:
    """True values behind the sensors before anything has happened, (home, sensor)."""
    temperatures = (states.indoor_c, outdoor_c, states.flow_c, states.return_c, states.tank_c)
    standby_mode = np.ones(len(outdoor_c))
    return np.stack([*temperatures, standby_kw, meters[:, 0], meters[:, 1], standby_mode, states.pool_c], axis=1)


def warm_summer(grid: TimeGrid) -> tuple[Array, Array]:
    """A plain weather for tests: 25 °C with a daily swing of 6 K and much sun."""
    hours = np.array([at.hour + at.minute / 60 for at in grid])
    return 25.0 - 6.0 * np.cos((hours - 3.0) / 24.0 * 2 * np.pi), np.maximum(0.0, 0.75 * np.cos((hours - 12) / 4.0))


def mild_winter(grid: TimeGrid) -> tuple[Array, Array]:
    """A plain weather for tests: 2 °C with a daily swing of 4 K, some sun at noon."""
    hours = np.array([at.hour + at.minute / 60 for at in grid])
    return 2.0 - 4.0 * np.cos((hours - 3.0) / 24.0 * 2 * np.pi), np.maximum(0.0, 0.25 * np.cos((hours - 12) / 4.0))
