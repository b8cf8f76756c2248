"""Simulation over long times that keeps sums per home instead of traces, on several cores.

Weeks come from a generator, one is made while another is simulated, so that memory depends on the number of homes and
the length of a week only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np

from heatfleet.thermal.arrays import Array, stack
from heatfleet.thermal.cop import coefficients
from heatfleet.thermal.homes import Homes
from heatfleet.thermal.simulate import Drive, Inputs, States, Uses, stored_heat_kwh, substeps_of
from heatfleet.thermal.simulate_columns import EXTRA, TRACE
from heatfleet.thermal.simulate_kernel import run_totals

CHUNK_HOMES = 256
BELOW_SETPOINT_K = 0.5
SUMS = TRACE + EXTRA


@dataclass(frozen=True)
class Stretch:
    """A piece of time: what happens, and to which period (a month, say; from 0) each step belongs (step,)."""

    drive: Drive
    period: Array


@dataclass(frozen=True)
class Totals(Uses):
    """Sums over a long time, (home,) unless said otherwise; columns of ``TRACE`` and ``EXTRA`` by their names."""

    sums: Array  # (home, len(SUMS))
    energy_by_period_kwh: Array  # (home, period)
    fleet_kw: Array  # (step,) power of all homes together
    stored_more_kwh: Array  # heat in building, tank and pool, end minus start
    step_h: float

    def __getattr__(self, name: str) -> Array:
        """Sum of column ``name`` over the steps, (home,)."""
        if name.startswith("_") or name not in SUMS:
            raise AttributeError(name)
        return self.sums[:, SUMS.index(name)]

    @property
    def scop(self) -> Array:
        """Heat per electricity over the whole time, element and standby included, cooling left out."""
        return self.heat_kwh / np.maximum(self.energy_kwh - self.energy_cooling_kwh, 1e-9)

    @property
    def mean_indoor_c(self) -> Array:
        """Mean indoor temperature."""
        return self.indoor_mean_c / max(len(self.fleet_kw), 1)

    @property
    def balance_error(self) -> Array:
        """What came in minus what went out and stayed, relative to what came in; rounding only."""
        came = self.energy_kwh + self.ambient_kwh + self.solar_kwh + self.pool_solar_kwh + self.gains_kwh
        lost = self.building_loss_kwh + self.tank_loss_kwh + self.pool_loss_kwh + self.energy_standby_kwh
        went = lost + self.rejected_kwh + self.draw_kwh - self.unserved_kwh
        return (came - went - self.stored_more_kwh) / np.maximum(came, 1e-9)


def simulate_totals(
    homes: Homes,
    states: States,
    inputs: Inputs,
    stretches: Iterable[Stretch],
    step_h: float = 0.25,
    *,
    periods: int = 12,
    threads: int = 2,
    progress: Callable[[int], None] = lambda steps: None,
) -> tuple[States, Totals]:
    """States after all ``stretches`` with the levers held at ``inputs``, and the sums over them.

    Parameters
    ----------
    stretches : consecutive pieces of time, read one ahead.
    periods : how many periods ``Stretch.period`` counts.
    threads : homes are simulated in chunks on so many threads (the kernel releases the interpreter lock).
    progress : told the number of steps done so far.
    """
    work = _Work(homes, states, inputs, step_h, periods)
    size = max(1, min(CHUNK_HOMES, -(-homes.count // max(threads, 1))))
    parts = [slice(i, min(i + size, homes.count)) for i in range(0, homes.count, size)]
    fleet_kw: list[Array] = []
    source = iter(stretches)
    with ThreadPoolExecutor(max(threads, 1)) as pool:
        coming = pool.submit(next, source, None)
        while (stretch := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            running = [pool.submit(work.live, stretch, part) for part in parts]
            wait(running)
            fleet_kw.append(np.sum([each.result() for each in running], axis=0))
            progress(sum(map(len, fleet_kw)))
    end = States(work.states)
    stored = stored_heat_kwh(homes, end) - stored_heat_kwh(homes, states)
    joined = np.concatenate(fleet_kw) if fleet_kw else np.zeros(0)
    return end, Totals(work.sums, work.energy_kwh, joined, stored, step_h)


class _Work:
    """Arrays of all homes; threads work on disjoint rows of them."""

    def __init__(self, homes: Homes, states: States, inputs: Inputs, step_h: float, periods: int) -> None:
        self.homes, self.inputs = stack(homes), stack(inputs)
        self.states = np.ascontiguousarray(states.matrix, dtype=float).copy()
        self.comfort_c = homes.own_indoor_setpoint_c - BELOW_SETPOINT_K
        self.sums = np.zeros((homes.count, len(SUMS)))
        self.energy_kwh = np.zeros((homes.count, periods))
        self.time = substeps_of(step_h)

    def live(self, stretch: Stretch, part: slice) -> Array:
        """Advance some homes through a stretch; their power together [kW], (step,)."""
        fleet_kw = np.zeros(len(stretch.period))
        run_totals(
            self.homes[part], self.states[part], self.inputs[part], *stretch.drive.of(part).arrays(), coefficients(),
            *self.time, self.comfort_c[part], np.asarray(stretch.period, np.int64), self.sums[part],
            self.energy_kwh[part], fleet_kw,
        )  # fmt: skip
        return fleet_kw
