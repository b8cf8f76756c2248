"""A recorded series laid onto another time: the one rule by which price and weather files meet a simulation.

1. A step the series holds is taken as it is.
2. Else the same month, day and UTC hour of the nearest year it holds; 29 February falls back to the 28th.
3. At most three missing hours are interpolated; more is an error that names them.
4. Where the caller allows it (an uncounted warm-up, a demo without end), a day that is not covered repeats the nearest
   covered day of the same weekday (failing that, of any) at the same local time, later ones first.
Whatever was not taken as it is, is said in the notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt

from heatfleet.domain.tables import Row, Source
from heatfleet.domain.time_grid import MTU, TimeGrid

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Instants = npt.NDArray[np.datetime64]  # datetime64[s], UTC

MAX_MISSING_H = 3
HOUR = timedelta(hours=1)
_RESOLUTIONS = (MTU, 2 * MTU, HOUR)
FORTNIGHT_STEPS = 14 * 96
_MARGIN = 4  # slots looked up before and after the grid, so that its edges interpolate too
_YEAR_D = 371  # 53 weeks
# Where a day that is not covered looks for another: whole weeks first, nearest first, later ones first.
_SHIFTS_D = tuple(
    sign * days
    for whole in (True, False)
    for days in range(1, _YEAR_D + 1)
    if (days % 7 == 0) == whole
    for sign in (1, -1)
)
_NAMED_GAPS = 12


@dataclass(frozen=True)
class Series:
    """Values (row,) at rising starts (row,) [datetime64[s], UTC], each for ``resolution``; NaN where missing."""

    source: Source
    what: str  # "prices of DE_LU"
    start_utc: Instants
    value: Floats
    resolution: timedelta


@dataclass(frozen=True)
class Aligned:
    """Values (slot,) without holes inside the grid, at slots (slot,) of the series' own resolution, with a margin."""

    slots: Instants
    value: Floats
    notes: tuple[str, ...]


def instants(grid: TimeGrid) -> Instants:
    """Starts (step,) of a grid as datetime64[s]."""
    start = np.datetime64(grid.start_at.replace(tzinfo=None), "s")
    seconds: Instants = start + np.arange(grid.count) * np.timedelta64(grid.step).astype("timedelta64[s]")
    return seconds


def sorted_starts(source: Source, starts: Sequence[datetime], rows: Sequence[Row]) -> npt.NDArray[np.intp]:
    """The order (row,) that sorts ``starts``; names the line of a start that appears twice."""
    at = as_instants(starts)
    order = np.argsort(at, kind="stable")
    twice = np.flatnonzero(np.diff(at[order]) == np.timedelta64(0, "s"))
    if twice.size:
        second = int(order[twice[0] + 1])
        raise source.wrong(f"{starts[second]:%Y-%m-%dT%H:%MZ} appears twice", rows[second].line)
    return order


def as_instants(starts: Sequence[datetime]) -> Instants:
    """Aware datetimes as datetime64[s], UTC."""
    return np.array([s.astimezone(UTC).replace(tzinfo=None) for s in starts], dtype="datetime64[s]")


def resolution_of(source: Source, start_utc: Instants) -> timedelta:
    """The step of sorted starts: 15, 30 or 60 minutes; any other spacing is an error."""
    if start_utc.size < 2:
        return HOUR
    smallest = timedelta(seconds=int(np.diff(start_utc).astype(np.int64).min()))
    if smallest not in _RESOLUTIONS:
        raise source.wrong(f"rows are {smallest} apart; 15, 30 or 60 minutes are understood")
    odd = np.flatnonzero(start_utc.astype(np.int64) % int(smallest.total_seconds()))
    if odd.size:
        raise source.wrong(f"{start_utc[odd[0]]}Z does not start on a step of {smallest}")
    return smallest


def align(
    series: Series, grid: TimeGrid, zone: tzinfo = UTC, allow_uncovered_before: datetime | None = None
) -> Aligned:
    """The series on ``grid`` by the rule above; ``zone`` is the clock of rule 4."""
    slots, inside = _slots(series, grid)
    value, year = _find(series, slots)
    notes = _redating_notes(series, slots, year, inside & ~np.isnan(value))
    if allow_uncovered_before is not None:
        wanted = inside & (slots < as_instants([allow_uncovered_before])[0])
        value, repeated = _repeat_weeks(series, slots, value, wanted, zone)
        notes += _repeat_notes(series, slots, repeated)
    missing = np.isnan(value) & inside
    if missing.any():
        notes += _missing_notes(series, slots, missing)
    known = ~np.isnan(value)
    filled = np.interp(slots.astype(np.int64), slots[known].astype(np.int64), value[known]) if known.any() else value
    return Aligned(slots, np.where(inside | known, filled, np.nan), tuple(notes))


def covered(series: Series, grid: TimeGrid) -> Bools:
    """Whether the series holds each step (step,), in its own or in another year."""
    slots, _ = _slots(series, grid)
    value, _ = _find(series, slots)
    held: Bools = ~np.isnan(constant_steps(Aligned(slots, value, ()), grid))
    return held


def constant_steps(aligned: Aligned, grid: TimeGrid) -> Floats:
    """Values (step,): each step has the value of the slot that holds it."""
    index = np.searchsorted(aligned.slots, instants(grid), side="right") - 1
    values: Floats = aligned.value[index]
    return values


def linear_steps(aligned: Aligned, grid: TimeGrid) -> Floats:
    """Values (step,) at the start of each step, on straight lines between the slots."""
    known = ~np.isnan(aligned.value)
    slots = aligned.slots[known].astype(np.int64)
    return np.interp(instants(grid).astype(np.int64), slots, aligned.value[known])


def _slots(series: Series, grid: TimeGrid) -> tuple[Instants, Bools]:
    """Slots (slot,) of the series' resolution around the grid, and which of them the grid needs."""
    size = int(series.resolution.total_seconds())
    first = int(grid.start_at.timestamp()) // size - _MARGIN
    last = -(-int(grid.end_at.timestamp()) // size) + _MARGIN
    index = np.arange(first, last)
    inside: Bools = (index >= first + _MARGIN) & (index < last - _MARGIN)
    return (index * size).astype("datetime64[s]"), inside


def _find(series: Series, at: Instants) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Values (slot,) by rules 1 and 2, NaN where there is none, and the year (slot,) each was taken from."""
    asked = _years(at)
    value, year = _exact(series, at), asked.copy()
    held = np.unique(_years(series.start_utc))
    for leap_day in (29, 28):
        for k in range(held.size):
            open_ = np.isnan(value)
            if not open_.any():
                return value, year
            nearest = held[np.argsort(np.abs(held[None, :] - asked[open_, None]), axis=1, kind="stable")[:, k]]
            value[open_] = _exact(series, _in_year(at[open_], nearest, leap_day))
            year[open_] = nearest
    return value, year


def _exact(series: Series, at: Instants) -> Floats:
    """Values (slot,) of exactly these starts; NaN where the series has none (NaT included)."""
    if not series.start_utc.size:
        return np.full(at.shape, np.nan)
    index = np.minimum(np.searchsorted(series.start_utc, at), series.start_utc.size - 1)
    found: Floats = np.where(series.start_utc[index] == at, series.value[index], np.nan)
    return found


def _years(at: Instants) -> npt.NDArray[np.int64]:
    years: npt.NDArray[np.int64] = at.astype("datetime64[Y]").astype(np.int64) + 1970
    return years


def _in_year(at: Instants, year: npt.NDArray[np.int64], leap_day: int) -> Instants:
    """The same month, day and time in ``year``; 29 February becomes ``leap_day``, NaT where that does not exist."""
    month = at.astype("datetime64[M]")
    day = (at.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)
    month_of_year = month.astype(np.int64) % 12
    is_leap_day = (month_of_year == 1) & (day == 28)
    day = np.where(is_leap_day, leap_day - 1, day)
    new_month = ((year - 1970) * 12 + month_of_year).astype("datetime64[M]")
    new_day = new_month.astype("datetime64[D]") + day
    moved: Instants = new_day.astype("datetime64[s]") + (at - at.astype("datetime64[D]"))
    return np.where(new_day.astype("datetime64[M]") == new_month, moved, np.datetime64("NaT", "s"))


def fortnight_steps(grid: TimeGrid, zone: tzinfo) -> npt.NDArray[np.int64]:
    """Quarter-hour (step,) of each step in a fortnight of local time that begins on a Monday: 0 to 1343."""
    quarter = _local(instants(grid), zone).astype(np.int64) // int(MTU.total_seconds())
    monday = int(np.datetime64("2024-01-01T00:00", "s").astype(np.int64)) // int(MTU.total_seconds())
    position: npt.NDArray[np.int64] = (quarter - monday) % FORTNIGHT_STEPS
    return position


def _repeat_weeks(series: Series, slots: Instants, value: Floats, wanted: Bools, zone: tzinfo) -> tuple[Floats, Bools]:
    """Values with rule 4 applied to the uncovered local days among ``wanted``, and which slots it filled."""
    local = _local(slots, zone)
    day = local.astype("datetime64[D]")
    open_ = np.isnan(value) & wanted
    hours = int(HOUR / series.resolution)
    lacking = {d for d in np.unique(day[open_]) if np.count_nonzero(open_ & (day == d)) > MAX_MISSING_H * hours}
    todo = open_ & np.isin(day, np.array(sorted(lacking), dtype="datetime64[D]"))
    filled = value.copy()
    for days in _SHIFTS_D:
        left = todo & np.isnan(filled)
        if not left.any():
            break
        filled[left], _ = _find(series, _utc(local[left] + np.timedelta64(days, "D"), zone))
    return filled, todo & ~np.isnan(filled)


def _local(at: Instants, zone: tzinfo) -> Instants:
    """UTC instants as local wall time."""
    local = [t.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None) for t in at.astype(object)]
    return np.array(local, dtype="datetime64[s]")


def _utc(local: Instants, zone: tzinfo) -> Instants:
    """Local wall times as UTC instants."""
    return as_instants([t.replace(tzinfo=zone) for t in local.astype(object)])


def _redating_notes(series: Series, slots: Instants, year: npt.NDArray[np.int64], found: Bools) -> list[str]:
    moved = found & (year != _years(slots))
    if not moved.any():
        return []
    sources = ", ".join(map(str, np.unique(year[moved])))
    text = f"{series.what}: {_span(series, slots[moved])} taken from {sources} (same month, day and UTC hour)"
    is_leap = (slots.astype("datetime64[D]") - slots.astype("datetime64[Y]").astype("datetime64[D]")).astype(int) == 59
    is_leap &= slots.astype("datetime64[M]").astype(int) % 12 == 1
    return [text + ("; 29 February from the 28th" if (moved & is_leap & (year % 4 != 0)).any() else "")]


def _repeat_notes(series: Series, slots: Instants, repeated: Bools) -> list[str]:
    if not repeated.any():
        return []
    return [
        f"{series.what}: {_span(series, slots[repeated])} is not in {series.source.file}; "
        "the nearest covered days, of the same weekday where there are any, are repeated at the same local time"
    ]


def _missing_notes(series: Series, slots: Instants, missing: Bools) -> list[str]:
    """One note naming what is interpolated; too much of it raises."""
    hours = np.count_nonzero(missing) * (series.resolution / HOUR)
    gaps = _gaps(series, slots[missing])
    named = ", ".join(gaps[:_NAMED_GAPS]) + (f" and {len(gaps) - _NAMED_GAPS} more" if len(gaps) > _NAMED_GAPS else "")
    if hours > MAX_MISSING_H:
        raise series.source.wrong(
            f"{series.what}: {hours:g} hours missing, at most {MAX_MISSING_H} are interpolated: {named}{_range(series)}"
        )
    return [f"{series.what}: {hours:g} missing hours interpolated: {named}"]


def _range(series: Series) -> str:
    held = series.start_utc[~np.isnan(series.value)]
    return f" (the file holds {_span(series, held)})" if held.size else " (the file holds none)"


def _gaps(series: Series, at: Instants) -> list[str]:
    """Runs of neighbouring slots as text."""
    breaks = np.flatnonzero(np.diff(at) > np.timedelta64(series.resolution)) + 1
    return [_span(series, run) for run in np.split(at, breaks)]


def _span(series: Series, at: Instants) -> str:
    end = at[-1] + np.timedelta64(series.resolution)
    return f"{at[0].astype('datetime64[m]')}Z to {end.astype('datetime64[m]')}Z"
