"""The closed loop in memory: homes live on, sensors are read, a controller moves the levers every quarter-hour.

A loop can be forked, so that controllers are compared from the very same homes, readings and settings.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

import numpy as np

from heatfleet.demo.control_book import POLICY, ControlBook
from heatfleet.demo.scenario import Scenario
from heatfleet.demo.sensors import Sensors
from heatfleet.domain.policy import Policy, comfort_at
from heatfleet.planning.state import MID
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.simulate import States, Trace, building_heat_kwh, initial_states, simulate, stored_heat_kwh
from heatfleet.thermal.simulate_columns import TRACE
from heatfleet.vendors.kit.emulation.homes import STEP_H
from heatfleet.vendors.kit.registry import find_vendors

DAY = 96
OBSERVE_DAYS = 7  # of the warm-up: the owner's own control, watched
SETTLE_DAYS = 1  # its last: the owner's own control again, so that nobody begins with what another one stored
Progress = Callable[[int, int], None]


class Controller(Protocol):
    """Somebody who moves levers."""

    def steer(self, loop: Loop) -> Array:
        """Move the levers for the quarter-hour that begins; the actions asked for (home,)."""


class OwnControl:
    """The owner's own control: every lever given back."""

    def steer(self, loop: Loop) -> Array:
        """Give back what somebody moved."""
        homes = loop.scenario.homes.count
        loop.book.steer(loop.now, [None] * homes, loop.latest())
        return np.full(homes, MID)


@dataclass
class Loop:
    """Homes under control, up to ``step`` of the scenario."""

    scenario: Scenario
    book: ControlBook
    sensors: Sensors
    states: States
    step: int = 0

    @classmethod
    def begin(cls, scenario: Scenario, policy: Policy = POLICY) -> Loop:
        """The homes as they stand before the warm-up."""
        book = ControlBook(scenario.homes, find_vendors()["sandbox"].manifest, policy)
        states = initial_states(scenario.homes, scenario.drive.outdoor_c[:, 0])
        return cls(scenario, book, Sensors(scenario), states)

    @property
    def now(self) -> datetime:
        """The quarter-hour that begins."""
        return self.scenario.grid.at(self.step)

    def latest(self) -> Array:
        """What was read last, (home, 5), as :meth:`Sensors.latest` has it."""
        return self.sensors.latest(self.step)

    def fork(self, price: Array | None = None, policy: Policy | None = None) -> Loop:
        """The same moment once more, to go on differently: at another price (step + tail,), under another policy."""
        scenario = self.scenario if price is None else replace(self.scenario, price=price)
        book = deepcopy(self.book)
        book.policy = policy or book.policy
        return Loop(scenario, book, deepcopy(self.sensors), self.states, self.step)

    def run(self, controller: Controller | None, until: int, progress: Progress | None = None) -> tuple[Trace, Array]:
        """Go on to step ``until``: the trace (home, step, ·) in quarter-hours and the actions asked for (home, step).

        Without a controller nobody touches a lever.
        """
        cubes, actions, homes = [], [], self.scenario.homes
        while self.step < until:
            actions.append(np.full(homes.count, MID) if controller is None else controller.steer(self))
            drive = self.scenario.fine(self.step, self.step + 1)
            self.states, trace = simulate(homes, self.states, self.book.inputs(), drive, STEP_H)
            self.sensors.read(self.step, trace, self.book)
            cubes.append(merged(trace.cube))
            self.step += 1
            if progress is not None:
                progress(self.step, self.scenario.grid.count)
        return Trace(np.concatenate(cubes, axis=1)), np.stack(actions, axis=1)

    def warm_up(self, controller: Controller, progress: Progress | None = None) -> None:
        """Watch the homes, let ``controller`` steer and learn, then leave them to their own control for a day."""
        settle = self.scenario.counted - SETTLE_DAYS * DAY
        for who, until in ((None, OBSERVE_DAYS * DAY), (controller, settle), (OwnControl(), self.scenario.counted)):
            self.run(who, until, progress)

    def stored_heat_kwh(self) -> tuple[Array, Array]:
        """Heat in building, tank and pool now, and the building's part of it, each (home,)."""
        homes = self.scenario.homes
        return stored_heat_kwh(homes, self.states), building_heat_kwh(homes, self.states)

    def band(self, trace: Trace) -> tuple[Array, Array]:
        """Lowest and highest indoor temperature that the owners want [°C], each (home, step) of ``trace``.

        On days (of ``trace``, from its first step) on which the pump cooled, they are those of the cooling.
        """
        count = trace.cube.shape[1]
        days = np.arange(count) // DAY
        cold = np.stack([trace.cold_kwh[:, days == day].sum(axis=1) > 0.0 for day in range(days[-1] + 1)], axis=1)
        warm, cool = (
            [comfort_at(self.book.policy, own, self.now, cooling) for own in self.book.own] for cooling in (False, True)
        )
        low, high = (
            np.where(cold[:, days], *(np.array([[getattr(c, name)] for c in comfort]) for comfort in (cool, warm)))
            for name in ("indoor_min_c", "indoor_max_c")
        )
        return low, high


def merged(cube: Array) -> Array:
    """Traces in five-minute steps (home, 3·quarter, ·) as quarter-hours (home, quarter, ·)."""
    parts = cube.reshape(cube.shape[0], -1, 3, cube.shape[2])
    whole: Array = parts.sum(axis=2)
    for name in ("indoor_mean_c", "power_kw"):
        whole[..., TRACE.index(name)] /= 3.0
    for name in ("indoor_c", "tank_c", "flow_c", "return_c", "mode", "pool_c"):
        whole[..., TRACE.index(name)] = parts[:, :, -1, TRACE.index(name)]
    whole[..., TRACE.index("tank_min_c")] = parts[..., TRACE.index("tank_min_c")].min(axis=2)
    return whole
