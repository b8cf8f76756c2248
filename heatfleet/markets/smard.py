"""SMARD's own export: German or English titles, local time of Germany, both clock-change days.

``Datum von`` is local wall time; on the autumn day 02:00 comes twice (first summer, then winter time), on the spring
day it does not come at all. ``Datum bis`` is not used: SMARD writes it wrongly around clock changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from heatfleet.domain.tables import Row, Source

START_TITLES = ("datum von", "start date", "datum", "date")
TITLES = {
    "deutschland/luxemburg": "DE_LU",
    "germany/luxembourg": "DE_LU",
    "österreich": "AT",
    "austria": "AT",
    "belgien": "BE",
    "belgium": "BE",
    "schweiz": "CH",
    "switzerland": "CH",
    "ungarn": "HU",
    "hungary": "HU",
    "italien (nord)": "IT_NORD",
    "italy (north)": "IT_NORD",
    "northern italy": "IT_NORD",
    "tschechien": "CZ",
    "czech republic": "CZ",
    "czechia": "CZ",
    "dänemark 1": "DK_1",
    "denmark 1": "DK_1",
    "dänemark 2": "DK_2",
    "denmark 2": "DK_2",
    "frankreich": "FR",
    "france": "FR",
    "niederlande": "NL",
    "netherlands": "NL",
    "norwegen 2": "NO_2",
    "norway 2": "NO_2",
    "polen": "PL",
    "poland": "PL",
    "slowenien": "SI",
    "slovenia": "SI",
    **{f"{sweden} {n}": f"SE_{n}" for sweden in ("schweden", "sweden") for n in range(1, 5)},
}
_CLOCK = ZoneInfo("Europe/Berlin")
_FIRST_YEAR = 1900
_FORMATS = ("%d.%m.%Y %H:%M", "%b %d, %Y %I:%M %p", "%d/%m/%Y %H:%M", "%Y-%m-%d %H:%M")


def is_smard(first_cell: str) -> bool:
    """Whether a first header cell (lower case) is SMARD's."""
    return first_cell in START_TITLES


def is_german(first_cell: str) -> bool:
    """Whether the export is written the German way (decimal comma)."""
    return first_cell.startswith("datum")


def zone_of(title: str) -> str | None:
    """The zone code of a column title such as ``Belgien [€/MWh] Originalauflösungen``, or None."""
    return TITLES.get(title.split("[", 1)[0].strip().lower())


def starts_utc(source: Source, header: Sequence[str], rows: Sequence[Row]) -> list[datetime]:
    """The UTC start of each row; names the line of a time that cannot be."""
    split = len(header) > 1 and header[1].strip().lower() in ("anfang", "start", "von")
    seen: set[datetime] = set()
    return [_start_utc(source, row, split, seen) for row in rows]


def _start_utc(source: Source, row: Row, split: bool, seen: set[datetime]) -> datetime:
    text = " ".join(row.cells[:2]) if split else row.cells[0]
    local = _local(source, row, text)
    at = local.astimezone(UTC)
    if at in seen:  # the second 02:00 of the autumn day
        at = local.replace(fold=1).astimezone(UTC)
    if at in seen:
        raise source.wrong(f"{text} appears twice", row.line)
    if at.astimezone(_CLOCK).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise source.wrong(f"{text} does not exist in local time (clocks go forward)", row.line)
    seen.add(at)
    return at


def _local(source: Source, row: Row, text: str) -> datetime:
    for style in _FORMATS:
        try:
            local = datetime.strptime(text, style).replace(tzinfo=_CLOCK)
        except ValueError:
            continue
        if local.year > _FIRST_YEAR:
            return local
    raise source.wrong(f"'{text}' is not a local time like 31.03.2024 00:00", row.line, "Datum von")
