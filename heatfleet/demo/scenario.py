"""One comparable stretch of time: homes, people, weather and prices, the same for every controller that is tried.

Everything is deterministic by seed. ``notes`` says what was re-dated, repeated or estimated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from heatfleet.domain.errors import Invalid
from heatfleet.domain.price_zones import zone_facts, zone_time
from heatfleet.domain.time_grid import TimeGrid, floor_mtu, local_midnight
from heatfleet.markets import synthetic as synthetic_market
from heatfleet.markets.prices_file import align_prices, load_prices
from heatfleet.thermal.arrays import Array
from heatfleet.thermal.homes import Homes, day_of_use, draw_homes
from heatfleet.thermal.simulate import Drive
from heatfleet.thermal.sun import estimated_ghi_kw_m2
from heatfleet.weather import synthetic as synthetic_air
from heatfleet.weather.weather_file import align_weather, load_weather

WARM_UP_DAYS = 14
TAIL_STEPS = 192  # what a plan may look at beyond the last simulated step
EXAMPLE_DAY = date(2025, 1, 13)


@dataclass(frozen=True)
class OnceOptions:
    """What ``heatfleet demo --once`` was asked for."""

    homes: int = 50
    days: int = 7
    start: str | None = None
    zone: str = "DE_LU"
    adder: float = 0.15
    seed: int = 1
    prices: Path | None = None
    weather: Path | None = None
    home: Path = Path()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> OnceOptions:
        """From the command line's options; others are left alone."""
        return cls(**{name: options[name] for name in cls.__dataclass_fields__ if name in options})

    def start_day(self) -> date:
        """First counted local day; raises :class:`Invalid` naming ``start``."""
        if self.start is None:
            return EXAMPLE_DAY
        try:
            return date.fromisoformat(self.start)
        except ValueError:
            raise Invalid.field("start", f"'{self.start}' is no date; write it as 2024-01-08", "date") from None


@dataclass(frozen=True)
class Scenario:
    """Inputs of a comparison; steps run from the warm-up's start, ``counted`` from where figures count."""

    grid: TimeGrid
    counted: int
    zone: str
    price: Array  # currency/kWh with the adder, (step + tail,)
    place_of: Array  # (home,)
    outdoor_c: Array  # (place, step + tail)
    ghi_kw_m2: Array  # (place, step + tail)
    local_quarter: Array  # quarter of the local day, (step + tail,)
    homes: Homes
    drive: Drive  # (home, step)
    seed: int
    design_outdoor_c: float
    data: str
    notes: tuple[str, ...] = field(default=())

    def slice(self, start: int, end: int) -> Drive:
        """The drive of steps ``start`` to ``end`` (exclusive)."""
        d, cut = self.drive, np.s_[:, start:end]
        return Drive(d.outdoor_c[cut], d.ghi_kw_m2[cut], d.draw_kwh[cut], d.gains_kw[cut], d.hour_of_week[start:end])

    def fine(self, start: int, end: int) -> Drive:
        """The same in steps of five minutes."""
        d = self.slice(start, end)

        def thrice(values: Array) -> Array:
            return np.repeat(values, 3, axis=1)

        hours = np.repeat(d.hour_of_week, 3) + np.tile(np.arange(3) / 12.0, end - start)
        return Drive(thrice(d.outdoor_c), thrice(d.ghi_kw_m2), thrice(d.draw_kwh / 3.0), thrice(d.gains_kw), hours)


def make_scenario(options: OnceOptions) -> Scenario:
    """The scenario of ``options``; raises :class:`Invalid` where a file does not cover the days asked for."""
    zone = zone_time(options.zone)
    first = local_midnight(options.start_day(), zone)
    warm = local_midnight(options.start_day() - timedelta(days=WARM_UP_DAYS), zone)
    last = local_midnight(options.start_day() + timedelta(days=options.days), zone)
    grid = TimeGrid(warm, (last - warm) // timedelta(minutes=15))
    counted = grid.index(first)
    price, price_label, price_notes = _prices(options, grid, first)
    outdoor_c, ghi, air_label, air_notes = _weather(options, grid, first)
    design_c = design_outdoor_c(options.zone)
    homes = draw_homes(options.homes, options.seed, design_c)
    place_of = np.arange(options.homes) % len(outdoor_c)
    times = list(TimeGrid(warm, grid.count + TAIL_STEPS))
    return Scenario(
        grid, counted, options.zone, price + options.adder, place_of, outdoor_c, ghi, _quarters(times, options.zone),
        homes, drive_of(homes, options.seed, options.zone, grid, (outdoor_c[place_of], ghi[place_of])),
        options.seed, design_c, f"prices: {price_label}; weather: {air_label}", price_notes + air_notes,
    )  # fmt: skip


def design_outdoor_c(zone: str) -> float:
    """Outdoor temperature for which installers size [°C]: colder in the north-east, milder in the south-west."""
    facts = zone_facts(zone)
    return float(np.clip(-10.0 - 0.5 * (facts.latitude - 50.0) - 0.15 * (facts.longitude - 9.0), -22.0, -2.0))


def _with_tail(values: Array) -> Array:
    """The series continued for ``TAIL_STEPS`` by repeating its last day."""
    return np.concatenate([values, np.resize(values[-96:], TAIL_STEPS)])


def _prices(options: OnceOptions, grid: TimeGrid, first: datetime) -> tuple[Array, str, tuple[str, ...]]:
    """Wholesale price (step + tail,) [currency/kWh], its source and notes; days beyond the file repeat its last."""
    if options.prices is None:
        longer = TimeGrid(grid.start_at, grid.count + TAIL_STEPS)
        label = f"{synthetic_market.LABEL} (no --prices given)"
        return synthetic_market.synthetic_prices(longer, options.zone) / 1000.0, label, ()
    file = load_prices(options.prices)
    per_mwh, notes = align_prices(file, options.zone, grid, allow_uncovered_before=first)
    return _with_tail(per_mwh) / 1000.0, f"{options.prices.name} {options.zone}", notes


def _weather(options: OnceOptions, grid: TimeGrid, first: datetime) -> tuple[Array, Array, str, tuple[str, ...]]:
    """Temperature and irradiance (place, step + tail), their source and notes."""
    facts = zone_facts(options.zone)
    if options.weather is None:
        longer = TimeGrid(grid.start_at, grid.count + TAIL_STEPS)
        temp_c, ghi = synthetic_air.synthetic_weather(longer, options.zone)
        return temp_c[None], ghi[None], f"{synthetic_air.LABEL} (no --weather given)", ()
    file = load_weather(options.weather)
    read = [align_weather(file, grid, place=place, allow_uncovered_before=first) for place in file.places]
    outdoor_c = np.stack([_with_tail(temp_c) for temp_c, _, _ in read])
    notes = tuple(dict.fromkeys(note for _, _, place_notes in read for note in place_notes))
    latitude, longitude = file.latitude, file.longitude
    if latitude is None or longitude is None:
        latitude, longitude = facts.latitude, facts.longitude
        notes += (f"no coordinates in {options.weather.name}: sun as in {facts.city}",)
    clear = estimated_ghi_kw_m2(list(grid), latitude, longitude, options.seed)
    ghi = np.stack([_with_tail(clear if sun is None else sun) for _, sun, _ in read])
    if any(sun is None for _, sun, _ in read):
        notes += ("irradiance estimated: clear sky x a seeded daily cloud factor",)
    return outdoor_c, ghi, f"{options.weather.name} ({', '.join(file.places)})", notes


def _quarters(times: list[datetime], zone: str) -> Array:
    clock = zone_time(zone)
    return np.array([(local.hour * 4 + local.minute // 15) for local in (t.astimezone(clock) for t in times)])


def drive_of(homes: Homes, seed: int, zone: str, grid: TimeGrid, air: tuple[Array, Array]) -> Drive:
    """What happens to the homes; ``air`` = outdoor temperature and irradiance, (home, step) or longer."""
    clock, (outdoor_c, ghi) = zone_time(zone), air
    local = [floor_mtu(t).astimezone(clock) for t in grid]
    days = np.array([t.toordinal() for t in local])
    quarter = np.array([t.hour * 4 + t.minute // 15 for t in local])
    draw_kwh, gains_kw = np.zeros((2, homes.count, grid.count))
    for day in np.unique(days):
        first, last = np.flatnonzero(days == day)[[0, -1]]
        span, drawn = slice(first, last + 1), day_of_use(homes, seed, int(day))
        draw_kwh[:, span], gains_kw[:, span] = (np.take(each, quarter[span], axis=1) for each in drawn)
    hour_of_week = np.array([t.weekday() * 24 + t.hour + t.minute / 60.0 for t in local])
    return Drive(outdoor_c[:, : grid.count], ghi[:, : grid.count], draw_kwh, gains_kw, hour_of_week)
