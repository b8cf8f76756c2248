"""What every weather source gives: temperature and irradiance of one place on a grid. Files and synthetic are two."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from heatfleet.domain.alignment import Floats
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.weather.forecast import with_forecast_errors
from heatfleet.weather.synthetic import LABEL, synthetic_weather
from heatfleet.weather.weather_file import WeatherFile, align_weather

INSTEAD = "give --weather FILE, or run 'heatfleet demo', which falls back to a synthetic fortnight"


@dataclass(frozen=True)
class WeatherRows:
    """Temperature (step,) [°C] and irradiance (step,) [kW/m²] (None: not known) at a place; NaN where missing."""

    place: str
    grid: TimeGrid
    temp_c: Floats
    ghi_kw_m2: Floats | None
    source: str


class WeatherSource(Protocol):
    """Anything that knows the weather of places."""

    @property
    def label(self) -> str:
        """What is printed with every figure made from it."""
        ...

    async def fetch(self, place: str, grid: TimeGrid, now: datetime) -> WeatherRows:
        """Measured weather up to ``now`` and a forecast from then on; ``TryAgain`` or ``Refused``."""
        ...


@dataclass(frozen=True)
class FileWeather:
    """A weather file as a source: its places are spread over ours; the future is shown with forecast errors."""

    file: WeatherFile
    seed: int = 1

    @property
    def label(self) -> str:
        """The file's name."""
        return f"file {self.file.source.file}"

    async def fetch(self, place: str, grid: TimeGrid, now: datetime) -> WeatherRows:
        """The file's weather by the alignment rule, days it does not hold repeated."""
        name = self.file.places[place_number(place) % len(self.file.places)]
        temp_c, ghi, _ = align_weather(self.file, grid, place=name, allow_uncovered_before=grid.end_at)
        temp_c, ghi = with_forecast_errors(temp_c, ghi, grid, now, self.seed + place_number(place))
        return WeatherRows(place, grid, temp_c, ghi, self.label)


@dataclass(frozen=True)
class SyntheticWeather:
    """The bundled fortnight as a source, in the local time of ``zone``; the future is shown with forecast errors."""

    zone: str
    seed: int = 1
    label: str = LABEL

    async def fetch(self, place: str, grid: TimeGrid, now: datetime) -> WeatherRows:
        """The synthetic weather, the same at every place but for the forecast's errors."""
        temp_c, ghi = with_forecast_errors(
            *synthetic_weather(grid, self.zone), grid, now, self.seed + place_number(place)
        )
        return WeatherRows(place, grid, temp_c, ghi, self.label)


def place_number(place: str) -> int:
    """A number that is always the same for a place."""
    return zlib.crc32(place.encode())
