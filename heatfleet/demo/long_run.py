"""``heatfleet simulate``: a fleet under its owners' own control over a long time, as sums per home.

Homes, people and weather are those of the demo's scenarios; nobody steers. Weeks are made one at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.demo.long_picture import LongPicture, draw_long
from heatfleet.demo.scenario import design_outdoor_c, drive_of
from heatfleet.domain.errors import Invalid
from heatfleet.domain.price_zones import zone_facts, zone_time
from heatfleet.domain.time_grid import MTU, TimeGrid, local_midnight
from heatfleet.thermal.arrays import Array, take
from heatfleet.thermal.homes import Homes, draw_homes
from heatfleet.thermal.simulate import Drive, Inputs, Trace, initial_states, simulate
from heatfleet.thermal.simulate_totals import BELOW_SETPOINT_K, Stretch, Totals, simulate_totals
from heatfleet.thermal.sun import estimated_ghi_kw_m2
from heatfleet.weather import synthetic_year
from heatfleet.weather.weather_file import align_weather, load_weather

STRETCH_STEPS = 7 * 96
SHOWN_DAYS = 7
FIGURES = {
    "energy_kwh": "electricity [kWh]",
    "heat_kwh": "heat [kWh]",
    "scop": "heat per electricity [-]",
    "starts_a_day": "compressor starts a day",
    "mean_indoor_c": "mean indoor [°C]",
    "cold_h": f"hours more than {BELOW_SETPOINT_K:g} K below the setpoint",
    "cold_water_h": "hours with hot water below 45 °C",
    "unserved_kwh": "hot water not served [kWh]",
    "energy_cooling_kwh": "electricity for cooling, of homes that cooled [kWh]",
    "cold_kwh": "cold, of homes that cooled [kWh]",
    "energy_pool_kwh": "electricity for the pool, of homes that heated one [kWh]",
    "energy_backup_kwh": "electric element [kWh]",
    "energy_standby_kwh": "standby [kWh]",
}
"""What is told of every home, and its name in the table."""
WHERE_ANY = ("energy_cooling_kwh", "cold_kwh", "energy_pool_kwh")
"""Told where there are any only, and of those homes that have any."""


@dataclass(frozen=True)
class LongOptions:
    """What ``heatfleet simulate`` was asked for."""

    homes: int = 100
    days: int = 365
    start: str = "2025-01-01"
    zone: str = "DE_LU"
    weather: Path | None = None
    seed: int = 1
    threads: int = 2
    png: Path | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> LongOptions:
        """From the command line's options; others are left alone."""
        return cls(**{each.name: options[each.name] for each in fields(cls) if each.name in options})

    def grid(self) -> TimeGrid:
        """The quarter-hours of the local days asked for; raises :class:`Invalid` naming ``start``."""
        try:
            first = date.fromisoformat(self.start)
        except ValueError:
            raise Invalid.field("start", f"'{self.start}' is no date; write it as 2025-01-01", "date") from None
        begin, end = (local_midnight(first + timedelta(days=d), zone_time(self.zone)) for d in (0, self.days))
        return TimeGrid(begin, (end - begin) // MTU)


@dataclass(frozen=True)
class LongRun:
    """One run: its homes, time, weather (place, step), sums, and the drive of the first home."""

    homes: Homes
    grid: TimeGrid
    outdoor_c: Array
    totals: Totals
    first_home: Drive
    data: str
    notes: tuple[str, ...]
    seconds: float
    cpu_seconds: float


Progress = Callable[[int, int], None]


def simulate_fleet(options: LongOptions, progress: Progress = lambda done, of: None) -> dict[str, Any]:
    """The run as a JSON-able object; draws the picture where one is asked for."""
    run = long_run(options, progress)
    if options.png is not None:
        draw_long(_picture(options, run), options.png)
    return report(options, run)


def long_run(options: LongOptions, progress: Progress = lambda done, of: None) -> LongRun:
    """Simulates the fleet; from the owners' setpoints on, without a warm-up."""
    grid = options.grid()
    outdoor_c, ghi, data, notes = _air(options, grid)
    homes = draw_homes(options.homes, options.seed, design_outdoor_c(options.zone))
    began, cpu_began = time.perf_counter(), time.process_time()
    kept: list[Drive] = []
    _, totals = simulate_totals(
        homes,
        initial_states(homes, outdoor_c[_places(options, outdoor_c), 0]),
        Inputs.own(homes),
        _stretches(homes, options, grid, (outdoor_c, ghi), kept),
        threads=options.threads,
        progress=lambda steps: progress(steps, grid.count),
    )
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    return LongRun(homes, grid, outdoor_c, totals, _joined(kept), data, notes, seconds, cpu_seconds)


def _stretches(
    homes: Homes, options: LongOptions, grid: TimeGrid, air: tuple[Array, Array], kept: list[Drive]
) -> Iterator[Stretch]:
    """The weeks of ``grid``; the first home's part of each is kept."""
    places, clock = _places(options, air[0]), zone_time(options.zone)
    for start in range(0, grid.count, STRETCH_STEPS):
        week = TimeGrid(grid.at(start), min(STRETCH_STEPS, grid.count - start))
        span = slice(start, start + week.count)
        drive = drive_of(homes, options.seed, options.zone, week, (air[0][places, span], air[1][places, span]))
        kept.append(drive.of(slice(0, 1)))
        yield Stretch(drive, np.array([at.astimezone(clock).month - 1 for at in week]))


def _joined(parts: list[Drive]) -> Drive:
    return Drive(*(np.concatenate([getattr(p, f.name) for p in parts], axis=-1) for f in fields(Drive)))


def _places(options: LongOptions, outdoor_c: Array) -> Array:
    return np.arange(options.homes) % len(outdoor_c)


def _air(options: LongOptions, grid: TimeGrid) -> tuple[Array, Array, str, tuple[str, ...]]:
    """Temperature and irradiance (place, step), their source and notes; ``Invalid`` where a file has no such days."""
    facts, times = zone_facts(options.zone), list(grid)
    if options.weather is None:
        temp_c = synthetic_year.synthetic_year(grid, options.zone, options.seed)
        sun = estimated_ghi_kw_m2(times, facts.latitude, facts.longitude, options.seed)
        return temp_c[None], sun[None], f"weather: {synthetic_year.LABEL} of {facts.city} (no --weather given)", ()
    file = load_weather(options.weather)
    read = [align_weather(file, grid, place=place) for place in file.places]
    notes = tuple(dict.fromkeys(note for _, _, place_notes in read for note in place_notes))
    if any(sun is None for _, sun, _ in read):
        notes += ("irradiance estimated: clear sky x a seeded daily cloud factor",)
        place = (file.latitude or facts.latitude, file.longitude or facts.longitude)
        estimate = estimated_ghi_kw_m2(times, *place, options.seed)
    ghi = np.stack([estimate if sun is None else sun for _, sun, _ in read])
    return np.stack([t for t, _, _ in read]), ghi, f"weather: {options.weather.name} ({', '.join(file.places)})", notes


def report(options: LongOptions, run: LongRun) -> dict[str, Any]:
    """Figures of the fleet and how they spread over the homes."""
    totals, days = run.totals, run.grid.count / 96.0
    starts = totals.starts / days
    values = {name: starts if name == "starts_a_day" else getattr(totals, name) for name in FIGURES}
    values |= {name: values[name][values[name] > 0.0] for name in WHERE_ANY}
    months = sorted({at.astimezone(zone_time(options.zone)).month for at in _days(run.grid)})
    return {
        "homes": options.homes,
        "days": options.days,
        "start": options.start,
        "zone": options.zone,
        "seed": options.seed,
        "data": run.data,
        "notes": list(run.notes),
        "mean_outdoor_c": round(float(run.outdoor_c.mean()), 2),
        "a_home": {name: _spread(value) for name, value in values.items() if len(value)},
        "homes_cooled": len(values["cold_kwh"]),
        "homes_with_a_warm_pool": len(values["energy_pool_kwh"]),
        "fleet_scop": round(float(totals.heat_kwh.sum() / (totals.energy_kwh - totals.energy_cooling_kwh).sum()), 3),
        "fleet_peak_kw_a_home": round(float(totals.fleet_kw.max()) / options.homes, 3),
        "energy_kwh_by_month": {m: round(float(totals.energy_by_period_kwh[:, m - 1].sum()), 1) for m in months},
        "balance_error": float(np.abs(totals.balance_error).max()),
        "picture": None if options.png is None else str(options.png),
        "seconds": round(run.seconds, 2),
        "cpu_seconds": round(run.cpu_seconds, 2),
        "home_years_a_second": round(options.homes * days / 365.0 / run.seconds, 1),
    }


def _days(grid: TimeGrid) -> Iterator[datetime]:
    return (grid.at(i) for i in range(0, grid.count, 48))


def _spread(values: Array) -> dict[str, float]:
    low, mid, high = np.quantile(values, [0.1, 0.5, 0.9])
    figures = {"mean": np.mean(values), "p10": low, "median": mid, "p90": high}
    return {name: round(float(value), 3) + 0.0 for name, value in figures.items()}  # no -0.0


def _picture(options: LongOptions, run: LongRun) -> LongPicture:
    """The first home in the coldest days, and the fleet over the whole time."""
    home = take(run.homes, slice(0, 1))
    _, trace = simulate(home, initial_states(home, run.outdoor_c[0, 0]), Inputs.own(home), run.first_home)
    steps = min(SHOWN_DAYS * 96, run.grid.count)
    starts = range(0, run.grid.count - steps + 1, 96)
    first = min(starts, key=lambda s: float(run.outdoor_c[0, s : s + steps].mean()))
    shown = slice(first, first + steps)
    return LongPicture(
        title=f"{options.homes} simulated homes, {options.zone}, {options.days} days from {options.start}",
        subtitle=f"owners' own control; {run.data}; seed {options.seed}",
        times=[run.grid.at(i) for i in range(run.grid.count)],
        zone_time=zone_time(options.zone),
        shown=shown,
        home=Trace(trace.cube[:, shown]),
        setpoint_c=float(home.own_indoor_setpoint_c[0]),
        below_k=BELOW_SETPOINT_K,
        outdoor_c=run.outdoor_c.mean(axis=0),
        kw_a_home=run.totals.fleet_kw / options.homes,
    )
