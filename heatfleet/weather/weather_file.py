"""Weather files: hourly CSV with one or several places, Open-Meteo's download, PVGIS year or typical year (TMY).

Columns are either quantities of one place (``t2m_c``, ``ghi_w_m2``, PVGIS' ``T2m`` and ``G(h)`` …) or one column of
temperatures per place (``koeln,frankfurt,hamburg``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from heatfleet.domain import tables
from heatfleet.domain.alignment import (
    HOUR,
    Floats,
    Instants,
    Series,
    align,
    as_instants,
    linear_steps,
    resolution_of,
    sorted_starts,
)
from heatfleet.domain.tables import Row, Source
from heatfleet.domain.time_grid import MTU, TimeGrid

_TIME_TITLES = ("start_utc", "sample_utc", "time_utc", "time(utc)", "time_as_exported", "time", "timestamp", "datetime")
_TEMPERATURE = ("t2m_c", "t2m", "temp_c", "temperature_2m", "outdoor_temp_c", "temperature", "temp")
_IRRADIANCE = {"ghi_w_m2": 1e-3, "g(h)": 1e-3, "g(i)": 1e-3, "shortwave_radiation": 1e-3, "ghi": 1e-3, "ghi_kw_m2": 1.0}
_OTHER = re.compile(
    r"^(rh|relative_humidity|wind|ws10m|wd10m|sp|pressure|gb|gd|ir\(h\)|h_sun|int|beam|diffuse|direct|dew|rain|snow"
    r"|precip|cloud|weather)",
    re.IGNORECASE,
)
_PREAMBLE = re.compile(r"^(latitude|longitude)[^:]*:\s*(-?\d+(?:\.\d+)?)", re.IGNORECASE)
_FOOTER = re.compile(r"^([\w()]+:|PVGIS)")
_RANGE_C = (-90.0, 60.0)


@dataclass(frozen=True)
class WeatherFile:
    """A weather file as read: starts (row,) [datetime64[s], UTC]; per place temperature (row,) [°C], NaN missing.

    ``ghi_kw_m2`` holds the irradiance (row,) [kW/m²] of those places that have one.
    """

    source: Source
    resolution: timedelta
    start_utc: Instants
    temp_c: Mapping[str, Floats]
    ghi_kw_m2: Mapping[str, Floats]
    latitude: float | None = None
    longitude: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[str, ...]:
        """The places of the file, in its order."""
        return tuple(self.temp_c)


def load_weather(path: str | Path) -> WeatherFile:
    """The weather in a file; ``Invalid`` names file, line and column of the first thing wrong."""
    source = Source("weather", Path(path).name)
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise Source("weather", str(path)).wrong(f"cannot be read: {error.strerror or error}") from error
    return parse_weather(raw, source)


def parse_weather(raw: bytes, source: Source) -> WeatherFile:
    """The weather in the bytes of a file."""
    rows = tables.rows_of(source, raw, _is_header)
    if len(rows) < 2:
        raise source.wrong("no table found; the header must begin with start_utc, time_as_exported or time(UTC)")
    header, body = rows[0].cells, _without_footer(rows[1:])
    coordinates, offset = _preamble(tables.decode(raw))
    starts, notes = _starts(source, header[0].lower(), body, offset)
    order = sorted_starts(source, starts, body)
    temp_c, ghi = _values(source, header, body)
    start_utc, whole_hour_notes = _on_the_hour(source, as_instants(starts)[order])
    return WeatherFile(
        source,
        resolution_of(source, start_utc),
        start_utc,
        {place: np.array(values)[order] for place, values in temp_c.items()},
        {place: np.array(values)[order] for place, values in ghi.items() if not np.isnan(values).all()},
        coordinates.get("latitude"),
        coordinates.get("longitude"),
        notes + whole_hour_notes,
    )


def align_weather(
    file: WeatherFile, grid: TimeGrid, *, place: str | None = None, allow_uncovered_before: datetime | None = None
) -> tuple[Floats, Floats | None, tuple[str, ...]]:
    """Temperature (step,) [°C], irradiance (step,) [kW/m²] or None, and what had to be said about them.

    Values lie on straight lines between the file's rows. ``place`` is the file's first one unless named.
    """
    assert grid.step == MTU, "weather is aligned to quarter-hours"
    name = file.places[0] if place is None else place
    if name not in file.temp_c:
        raise file.source.wrong(f"no place '{name}'; the file has {', '.join(file.places)}")
    temperature = Series(file.source, f"temperature of {name}", file.start_utc, file.temp_c[name], file.resolution)
    aligned = align(temperature, grid, UTC, allow_uncovered_before)
    temp_c, notes = linear_steps(aligned, grid), file.notes + aligned.notes
    if name not in file.ghi_kw_m2:
        return temp_c, None, (*notes, f"{file.source.file}: no irradiance")
    sun = Series(file.source, f"irradiance of {name}", file.start_utc, file.ghi_kw_m2[name], file.resolution)
    sunny = align(sun, grid, UTC, allow_uncovered_before)
    return temp_c, np.maximum(linear_steps(sunny, grid), 0.0), notes + sunny.notes


def _is_header(line: str) -> bool:
    return tables.first_cell(line) in _TIME_TITLES


def _without_footer(rows: Sequence[Row]) -> list[Row]:
    """Rows up to PVGIS' legend, which follows its table."""
    end = next(
        (i for i, row in enumerate(rows) if _FOOTER.match(row.cells[0]) and not row.cells[0][:1].isdigit()), None
    )
    return list(rows[:end])


def _preamble(text: str) -> tuple[dict[str, float], timedelta]:
    """Coordinates and UTC offset that PVGIS and Open-Meteo write above their table."""
    lines = text.splitlines()[:4]
    found = {m[1].lower(): float(m[2]) for m in map(_PREAMBLE.match, lines) if m}
    if lines and lines[0].lower().startswith("latitude,longitude") and len(lines) > 1:
        values = dict(zip(lines[0].lower().split(","), lines[1].split(","), strict=False))
        numbers = {name: text for name, text in values.items() if re.fullmatch(r"-?\d{1,6}(\.\d+)?", text)}
        found = {name: float(numbers[name]) for name in ("latitude", "longitude") if name in numbers}
        return found, timedelta(seconds=float(numbers.get("utc_offset_seconds", "0")))
    return found, timedelta(0)


def _starts(
    source: Source, title: str, rows: Sequence[Row], offset: timedelta
) -> tuple[list[datetime], tuple[str, ...]]:
    """UTC instants of the first column; times of unknown zone count as UTC, and a note says so."""
    starts, naive = [], False
    for row in rows:
        try:
            at = _time(row.cells[0])
            starts.append(at.replace(tzinfo=UTC) - offset if at.tzinfo is None else at.astimezone(UTC))
        except (ValueError, OverflowError):
            raise source.wrong(f"'{row.cells[0]}' is not a time like 2024-01-31T23:00:00Z", row.line) from None
        naive = naive or at.tzinfo is None
    unknown = naive and not offset and "utc" not in title
    note = f"{source.file}: the times of column '{title}' carry no zone and count as UTC"
    return starts, (note,) if unknown else ()


def _time(text: str) -> datetime:
    """An ISO time or one of PVGIS' (``20150101:0010``); ``ValueError`` for anything else."""
    if re.fullmatch(r"\d{8}:\d{4}", text):
        return datetime.strptime(text, "%Y%m%d:%H%M")  # noqa: DTZ007 (the caller says which zone)
    return datetime.fromisoformat(text)


def _values(
    source: Source, header: Sequence[str], rows: Sequence[Row]
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Temperatures [°C] and irradiance [kW/m²] by place."""
    titles = {index: _plain(title) for index, title in enumerate(header) if index}
    quantity = next((i for name in _TEMPERATURE for i, title in titles.items() if title == name), None)
    sun = next((i for i, title in titles.items() if title in _IRRADIANCE), None)
    if quantity is not None:
        place = Path(source.file).stem
        temp = {place: _temperatures(source, rows, quantity, header[quantity])}
        if sun is None:
            return temp, {}
        ghi = tables.numbers(source, rows, sun, header[sun], decimal_comma=False)
        return temp, {place: [value * _IRRADIANCE[titles[sun]] for value in ghi]}
    places = [i for i, title in titles.items() if title not in _IRRADIANCE and not _OTHER.match(title) and title]
    if not places:
        raise source.wrong(f"no column of temperatures found (columns: {', '.join(header[1:]) or 'none'})")
    return {header[i]: _temperatures(source, rows, i, header[i]) for i in places}, {}


def _plain(title: str) -> str:
    """A column title in lower case without its unit: ``temperature_2m (°C)`` is ``temperature_2m``."""
    return re.split(r"\s+[(\[]", title, maxsplit=1)[0].strip().lower()


def _temperatures(source: Source, rows: Sequence[Row], index: int, column: str) -> list[float]:
    values = tables.numbers(source, rows, index, column, decimal_comma=False)
    for row, value in zip(rows, values, strict=True):
        if value < _RANGE_C[0] or value > _RANGE_C[1]:
            raise source.wrong(f"{value:g} is no outdoor temperature in °C", row.line, column)
    if not np.isfinite(values).any():
        raise source.wrong("every temperature is missing", None, column)
    return values


def _on_the_hour(source: Source, start_utc: Instants) -> tuple[Instants, tuple[str, ...]]:
    """Hourly samples taken at hh:10 (PVGIS) count for that hour."""
    minute = (start_utc - start_utc.astype("datetime64[h]")).astype(np.int64) // 60
    hourly = start_utc.size > 1 and np.diff(start_utc).astype(np.int64).min() == HOUR.total_seconds()
    if not hourly or minute[0] == 0 or np.any(minute != minute[0]):
        return start_utc, ()
    note = f"{source.file}: samples at hh:{minute[0]:02d} count for that hour"
    return start_utc.astype("datetime64[h]").astype("datetime64[s]"), (note,)
