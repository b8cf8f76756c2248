"""Price files: plain UTC CSV or SMARD's own export, read whole, then laid onto the time that is asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heatfleet.domain import tables
from heatfleet.domain.alignment import (
    HOUR,
    Aligned,
    Bools,
    Floats,
    Instants,
    Series,
    align,
    as_instants,
    constant_steps,
    covered,
    resolution_of,
    sorted_starts,
)
from heatfleet.domain.errors import HeatfleetError
from heatfleet.domain.price_zones import zone_facts, zone_time
from heatfleet.domain.tables import Row, Source
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.markets import smard

CARBON = "carbon"
CARBON_MOST = 2000.0  # g/kWh: brown coal is about 1100
_HOUR = np.timedelta64(1, "h")
_PLAIN_START = ("start_utc", "time_utc", "start", "time", "timestamp", "datetime", "date_time", "utc")
_DECIMAL_COMMA = re.compile(r"^[-+−]?\d{1,3}(\.\d{3})*,\d+$|^[-+−]?\d+,\d+$")
_AMBIGUOUS = re.compile(r"^[-+−]?\d{1,3}(,\d{3})+$")


@dataclass(frozen=True)
class PriceFile:
    """A price file as read: starts (row,) [datetime64[s], UTC]; per zone prices (row,) [currency/MWh], NaN missing."""

    source: Source
    resolution: timedelta
    start_utc: Instants
    prices: Mapping[str, Floats]
    ignored: tuple[str, ...] = ()  # column titles that name no zone
    notes: tuple[str, ...] = ()

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones the file has prices of, in the file's order."""
        return tuple(self.prices)

    def series(self, zone: str) -> Series:
        """The prices of one zone; ``AT_HOURLY`` is the hourly mean of ``AT``, ``DE`` means ``DE_LU``."""
        column = {"DE": "DE_LU", "AT_HOURLY": "AT"}.get(zone, zone) if zone not in self.prices else zone
        if column not in self.prices:
            raise self.source.wrong(f"no prices of zone '{zone}'; the file has {', '.join(self.zones)}")
        value = self.prices[column]
        if zone == "AT_HOURLY" and column == "AT":
            value = _hourly_means(self.start_utc, value)
        return Series(self.source, f"prices of {zone}", self.start_utc, value, self.resolution)


def load_prices(path: str | Path) -> PriceFile:
    """The prices in a file; ``Invalid`` names file, line and column of the first thing wrong."""
    return parse_prices(*_read("prices", path))


def load_carbon(path: str | Path) -> PriceFile:
    """Carbon intensities [g/kWh] in a file laid out as one of prices; ``Invalid`` as for these."""
    file = parse_prices(*_read(CARBON, path))
    wrong = [zone for zone, values in file.prices.items() if (values < 0.0).any() or (values > CARBON_MOST).any()]
    if wrong:
        raise file.source.wrong(f"intensities must lie within 0 and {CARBON_MOST:g} g/kWh", column=wrong[0])
    return file


def _read(kind: str, path: str | Path) -> tuple[bytes, Source]:
    try:
        return Path(path).read_bytes(), Source(kind, Path(path).name)
    except OSError as error:
        raise Source(kind, str(path)).wrong(f"cannot be read: {error.strerror or error}") from error


def parse_prices(raw: bytes, source: Source) -> PriceFile:
    """The prices in the bytes of a file; the carbon intensities, if that is what the source is of."""
    rows = tables.rows_of(source, raw, _is_header)
    if len(rows) < 2:
        raise source.wrong("no table found; the first line must be 'start_utc,<ZONE>,…' or SMARD's own header")
    header, body = rows[0].cells, rows[1:]
    first = header[0].lower()
    notes: tuple[str, ...] = ()
    if smard.is_smard(first):
        starts = smard.starts_utc(source, header, body)
    else:
        starts, notes = _plain_starts(source, body)
    columns, ignored = _columns(source, header, smard_titles=smard.is_smard(first))
    comma = smard.is_german(first) or (not smard.is_smard(first) and _has_decimal_comma(body))
    order = sorted_starts(source, starts, body)
    prices = {
        zone: np.array(tables.numbers(source, body, i, header[i], decimal_comma=comma))[order]
        for zone, i in columns.items()
    }
    return _checked(source, as_instants(starts)[order], prices, ignored, notes)


def align_prices(
    file: PriceFile, zone: str, grid: TimeGrid, *, allow_uncovered_before: datetime | None = None
) -> tuple[Floats, tuple[str, ...]]:
    """Prices (step,) [currency/MWh] of ``zone`` on a grid of quarter-hours, and what had to be said about them."""
    assert grid.step == MTU, "prices are aligned to quarter-hours"
    aligned: Aligned = align(file.series(zone), grid, zone_time(zone), allow_uncovered_before)
    return constant_steps(aligned, grid), file.notes + aligned.notes


def covered_steps(file: PriceFile, zone: str, grid: TimeGrid) -> Bools:
    """Whether the file holds a price (step,) for each step, in its own or in another year."""
    return covered(file.series(zone), grid)


def _is_header(line: str) -> bool:
    first = tables.first_cell(line)
    return smard.is_smard(first) or first in _PLAIN_START


def _plain_starts(source: Source, rows: Sequence[Row]) -> tuple[list[datetime], tuple[str, ...]]:
    """UTC starts of ISO times; a time without offset counts as UTC, and a note says so."""
    starts, naive = [], False
    for row in rows:
        try:
            at = datetime.fromisoformat(row.cells[0])
            starts.append(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
        except (ValueError, OverflowError):
            raise source.wrong(f"'{row.cells[0]}' is not a time like 2024-01-31T23:00:00Z", row.line) from None
        naive = naive or at.tzinfo is None
    return starts, (f"{source.file}: times without an offset count as UTC",) if naive else ()


def _columns(source: Source, header: Sequence[str], *, smard_titles: bool) -> tuple[dict[str, int], tuple[str, ...]]:
    """Index of each zone's column, and the titles that name no zone."""
    found: dict[str, int] = {}
    ignored = []
    for index, title in enumerate(header[1:], start=1):
        zone = smard.zone_of(title) if smard_titles else _plain_zone(title)
        if zone is None:
            ignored.append(title)
        elif source.option != CARBON and "kwh" in title.lower():
            raise source.wrong("prices per kWh; they must be per MWh", None, title)
        elif zone in found:
            raise source.wrong(f"zone {zone} has two columns", None, title)
        else:
            found[zone] = index
    if not found:
        raise source.wrong(f"no column names a price zone (found: {', '.join(header[1:]) or 'none'})")
    return found, tuple(ignored)


def _plain_zone(title: str) -> str | None:
    code = re.split(r"[\s(\[]", title.strip(), maxsplit=1)[0].upper().replace("-", "_")
    try:
        zone_facts(code)
    except HeatfleetError:
        return None
    return {"DE": "DE_LU"}.get(code, code)


def _has_decimal_comma(rows: Sequence[Row]) -> bool:
    """Whether numbers are written with a decimal comma, judged by the cells that can mean only one thing."""
    return any(_DECIMAL_COMMA.match(c) and not _AMBIGUOUS.match(c) for row in rows for c in row.cells[1:])


def _checked(
    source: Source, start_utc: Instants, prices: dict[str, Floats], ignored: tuple[str, ...], notes: tuple[str, ...]
) -> PriceFile:
    held = {zone: value for zone, value in prices.items() if not np.isnan(value).all()}
    if not held:
        raise source.wrong("every price is missing")
    resolution = resolution_of(source, start_utc)
    index, start_utc = _even(start_utc, resolution)
    return PriceFile(source, resolution, start_utc, {z: v[index] for z, v in held.items()}, ignored, notes)


def _even(start_utc: Instants, resolution: timedelta) -> tuple[npt.NDArray[np.intp], Instants]:
    """Rows (step,) and starts (step,) of one resolution: hourly stretches of a finer file repeat each row.

    Files that span 1 October 2025 change from hours to quarters. A lone gap of an hour stays a gap.
    """
    index = np.arange(start_utc.size)
    is_hour = np.append(np.diff(start_utc) == _HOUR, False)
    hourly = is_hour & (np.roll(is_hour, 1) | np.roll(is_hour, -1))
    if resolution >= HOUR or not hourly.any():
        return index, start_utc
    times = np.where(hourly, HOUR // resolution, 1)
    within = np.arange(int(times.sum())) - np.repeat(np.cumsum(times) - times, times)
    index = np.repeat(index, times)
    starts: Instants = start_utc[index] + within * np.timedelta64(int(resolution.total_seconds()), "s")
    return index, starts


def _hourly_means(start_utc: Instants, value: Floats) -> Floats:
    """Prices (row,) with each replaced by the mean of its UTC hour."""
    hours, which = np.unique(start_utc.astype("datetime64[h]"), return_inverse=True)
    sums = np.bincount(which, weights=np.nan_to_num(value), minlength=hours.size)
    counts = np.bincount(which, weights=(~np.isnan(value)).astype(np.float64), minlength=hours.size)
    means: Floats = np.where(np.isnan(value), np.nan, (sums / np.maximum(counts, 1))[which])
    return means
