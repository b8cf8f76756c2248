"""How fast the one forward model lives through years, and how exactly: ``heatfleet bench simulate``.

References of the same run: the same source run by the Python interpreter (also: does compiling change a figure?);
scipy's adaptive ODE solver on the building of one home with the heat the model gave it; and the model itself in steps
of 15 seconds.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from time import perf_counter, process_time
from typing import Any

import numpy as np

from heatfleet.demo.long_run import LongOptions, long_run
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.homes import Homes, day_of_use, draw_homes
from heatfleet.thermal.simulate import Drive, Inputs, Trace, initial_states, simulate

BAR_S, BAR_MIB = 120.0, 2048.0
FULL_HOMES, FULL_DAYS = 10_000, 365
SMALL_HOMES, SMALL_DAYS = 40, 7
FINE = 60  # parts of a quarter-hour: 15 seconds
_INTERPRETED = """
import numba; numba.config.DISABLE_JIT = 1
from heatfleet.bench.simulate import small_run
seconds, energy = small_run({homes}, {days})
print(seconds, energy)
"""


def run(homes: int = 1000, days: int = 28, seed: int = 1) -> dict[str, Any]:
    """Speed, memory, balance and accuracy; ``homes=10000 days=365`` runs the whole bar instead of extrapolating."""
    long_run(LongOptions(homes=2, days=1, seed=seed))  # compiles
    one, two = (_speed(LongOptions(homes=homes, days=days, seed=seed, threads=n)) for n in (1, 2))
    is_full = homes >= FULL_HOMES and days >= FULL_DAYS
    home_years = homes * days / FULL_DAYS
    times = FULL_HOMES / home_years
    return {
        "homes": homes,
        "days": days,
        "seed": seed,
        "one_thread": one,
        "two_threads": two,
        "two_over_one": round(one["seconds"] / two["seconds"], 2),
        "ten_thousand_years": {
            "is": "measured" if is_full else "extrapolated",
            "seconds_two_threads": round(two["seconds"] * times, 1),
            "cpu_seconds": round(two["cpu_seconds"] * times, 1),
            "bar_seconds": BAR_S,
        },
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0),
        "bar_mib": BAR_MIB,
        "interpreted": _interpreted(),
        "building_against_ode_solver": _against_solver(seed),
        "against_15_second_steps": _against_fine_steps(seed),
    }


def _speed(options: LongOptions) -> dict[str, float]:
    done = long_run(options)
    years = options.homes * options.days / FULL_DAYS
    return {
        "seconds": round(done.seconds, 2),
        "cpu_seconds": round(done.cpu_seconds, 2),
        "home_years_a_second": round(years / done.seconds, 1),
        "home_years_a_cpu_second": round(years / done.cpu_seconds, 1),
        "balance_error": float(np.abs(done.totals.balance_error).max()),
    }


def small_run(homes: int, days: int, seed: int = 1) -> tuple[float, float]:
    """Seconds of the simulation alone, and its electricity [kWh]."""
    some, drive = _small(homes, days, seed)
    start, own = initial_states(some, 2.0), Inputs.own(some)
    simulate(some, start, own, _first(drive, 1))
    began = perf_counter()
    _, trace = simulate(some, start, own, drive)
    return perf_counter() - began, float(trace.energy_kwh.sum())


def _interpreted() -> dict[str, float]:
    """The same source without compiling, in a process of its own."""
    seconds, energy_kwh = min(small_run(2, 2) for _ in range(3))
    code = _INTERPRETED.format(homes=2, days=2)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    slow, same_kwh = (float(word) for word in done.stdout.split())
    return {"times_slower": round(slow / seconds), "energy_differs_by": abs(same_kwh / energy_kwh - 1.0)}


def _against_solver(seed: int) -> dict[str, float]:
    """Largest and mean error of the room temperature of one home over two days [K], and the solver's time."""
    from scipy.integrate import solve_ivp

    home, drive = _small(1, 2, seed)
    drive = _finer(drive, 3)
    start = initial_states(home, 2.0)
    began = process_time()
    _, trace = simulate(home, start, Inputs.own(home), drive, 1 / 12)
    ours_s, at = process_time() - began, _Building(home, drive, trace)
    state, error, began = np.array([start.indoor_c[0], start.mass_c[0]]), [], process_time()
    for step in range(trace.cube.shape[1]):
        end = solve_ivp(at.slope, (0.0, 1 / 12), state, args=(step,), rtol=1e-8, atol=1e-10)
        state = end.y[:, -1]
        error.append(abs(state[0] - trace.indoor_c[0, step]))
    return {
        "largest_k": round(max(error), 4),
        "mean_k": round(float(np.mean(error)), 4),
        "solver_times_slower": round((process_time() - began) / max(ours_s, 1e-6)),
    }


class _Building:
    """The 2R2C equations of the first home, with the heat that the model delivered in each step."""

    def __init__(self, home: Homes, drive: Drive, trace: Trace) -> None:
        self.home, self.drive = {name: float(value[0]) for name, value in vars(home).items()}, drive
        self.heat_kw = trace.heat_space_kwh[0] * 12.0

    def slope(self, _: float, state: Array, step: int) -> list[float]:
        """Change of air and mass [K/h]."""
        h, outdoor_c = self.home, float(self.drive.outdoor_c[0, step])
        solar_kw = h["solar_area_m2"] * float(self.drive.ghi_kw_m2[0, step])
        between = h["ua_indoor_mass_kw_per_k"] * (state[1] - state[0])
        air = between - h["ua_indoor_outdoor_kw_per_k"] * (state[0] - outdoor_c) + float(self.drive.gains_kw[0, step])
        air += h["heat_to_indoor"] * self.heat_kw[step] + 0.3 * solar_kw
        mass = (1 - h["heat_to_indoor"]) * self.heat_kw[step] + 0.7 * solar_kw - between
        mass -= h["ua_mass_outdoor_kw_per_k"] * (state[1] - outdoor_c)
        return [air / h["capacity_indoor_kwh_per_k"], mass / h["capacity_mass_kwh_per_k"]]


def _against_fine_steps(seed: int) -> dict[str, float]:
    """How far quarter-hours in 5-minute substeps are from 15-second ones: electricity [%], starts [%], rooms [K]."""
    homes, drive = _small(SMALL_HOMES, SMALL_DAYS, seed)
    start, own = initial_states(homes, 2.0), Inputs.own(homes)
    _, coarse = simulate(homes, start, own, drive)
    _, fine = simulate(homes, start, own, _finer(drive, FINE), 0.25 / FINE)
    energy = [t.energy_kwh.sum() for t in (coarse, fine)]
    indoor = [t.indoor_mean_c.mean(axis=1) for t in (coarse, fine)]
    return {
        "energy_percent": round(float(100.0 * (energy[0] / energy[1] - 1.0)), 3),
        "starts_percent": round(float(100.0 * (coarse.starts.sum() / fine.starts.sum() - 1.0)), 2),
        "mean_indoor_k": round(float(np.abs(indoor[0] - indoor[1]).max()), 4),
    }


def _small(count: int, days: int, seed: int) -> tuple[Homes, Drive]:
    """A few homes and winter days around 2 °C, in quarter-hours."""
    homes, quarter = draw_homes(count, seed), np.arange(days * 96)
    use = [day_of_use(homes, seed, day) for day in range(days)]
    noon = np.cos(2 * np.pi * (quarter - 48) / 96)
    drive = Drive(
        outdoor_c=np.tile(2.0 + 3.0 * noon + 4.0 * np.sin(quarter / 200.0), (count, 1)),
        ghi_kw_m2=np.tile(np.maximum(0.3 * noon, 0.0), (count, 1)),
        draw_kwh=np.concatenate([drawn for drawn, _ in use], axis=1),
        gains_kw=np.concatenate([gains for _, gains in use], axis=1),
        hour_of_week=quarter / 4.0 % 168.0,
    )
    return homes, drive


def _first(drive: Drive, steps: int) -> Drive:
    series = (drive.outdoor_c, drive.ghi_kw_m2, drive.draw_kwh, drive.gains_kw)
    outdoor, sun, draw, gains = (values[:, :steps] for values in series)
    return Drive(outdoor, sun, draw, gains, drive.hour_of_week[:steps])


def _finer(drive: Drive, parts: int) -> Drive:
    """The same drive with each quarter-hour in ``parts`` steps."""
    hours = np.repeat(drive.hour_of_week, parts) + np.tile(np.arange(parts) / (4.0 * parts), len(drive.hour_of_week))
    outdoor, sun, gains = (np.repeat(v, parts, axis=1) for v in (drive.outdoor_c, drive.ghi_kw_m2, drive.gains_kw))
    return Drive(outdoor, sun, np.repeat(drive.draw_kwh / parts, parts, axis=1), gains, hours)
