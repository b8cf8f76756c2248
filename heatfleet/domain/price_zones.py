"""Price zones: their names, local time, currency and main city.

A delivery day is a local day of the zone's market: 92, 96 or 100 quarter-hours.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from zoneinfo import ZoneInfo

from heatfleet.domain.errors import Invalid


class PriceZone(StrEnum):
    """The bidding zones the Partner API knows."""

    AT = "AT"
    AT_HOURLY = "AT_HOURLY"
    BE = "BE"
    CH = "CH"
    EE = "EE"
    DE_LU = "DE_LU"
    HU = "HU"
    IT_CNOR = "IT_CNOR"
    IT_CSUD = "IT_CSUD"
    IT_NORD = "IT_NORD"
    IT_PUN = "IT_PUN"
    IT_SARD = "IT_SARD"
    IT_SICI = "IT_SICI"
    IT_SUD = "IT_SUD"
    PT = "PT"
    RO = "RO"
    SE_1 = "SE_1"
    SE_2 = "SE_2"
    SE_3 = "SE_3"
    SE_4 = "SE_4"
    UK = "UK"


@dataclass(frozen=True)
class ZoneFacts:
    """Where a zone's clock, money and weather come from when nothing better is known."""

    time_zone: str
    currency: str
    city: str
    latitude: float
    longitude: float


_CET = "Europe/Berlin"
_FACTS: dict[str, ZoneFacts] = {
    "AT": ZoneFacts("Europe/Vienna", "EUR", "Vienna", 48.21, 16.37),
    "BE": ZoneFacts("Europe/Brussels", "EUR", "Brussels", 50.85, 4.35),
    "CH": ZoneFacts("Europe/Zurich", "EUR", "Zurich", 47.38, 8.54),
    "EE": ZoneFacts("Europe/Tallinn", "EUR", "Tallinn", 59.44, 24.75),
    "DE_LU": ZoneFacts(_CET, "EUR", "Frankfurt", 50.11, 8.68),
    "HU": ZoneFacts("Europe/Budapest", "EUR", "Budapest", 47.50, 19.04),
    "IT_CNOR": ZoneFacts("Europe/Rome", "EUR", "Florence", 43.77, 11.26),
    "IT_CSUD": ZoneFacts("Europe/Rome", "EUR", "Rome", 41.90, 12.50),
    "IT_NORD": ZoneFacts("Europe/Rome", "EUR", "Milan", 45.46, 9.19),
    "IT_PUN": ZoneFacts("Europe/Rome", "EUR", "Rome", 41.90, 12.50),
    "IT_SARD": ZoneFacts("Europe/Rome", "EUR", "Cagliari", 39.22, 9.12),
    "IT_SICI": ZoneFacts("Europe/Rome", "EUR", "Palermo", 38.12, 13.36),
    "IT_SUD": ZoneFacts("Europe/Rome", "EUR", "Bari", 41.12, 16.87),
    "PT": ZoneFacts("Europe/Lisbon", "EUR", "Lisbon", 38.72, -9.14),
    "RO": ZoneFacts("Europe/Bucharest", "EUR", "Bucharest", 44.43, 26.10),
    "SE_1": ZoneFacts("Europe/Stockholm", "EUR", "Luleå", 65.58, 22.15),
    "SE_2": ZoneFacts("Europe/Stockholm", "EUR", "Sundsvall", 62.39, 17.31),
    "SE_3": ZoneFacts("Europe/Stockholm", "EUR", "Stockholm", 59.33, 18.07),
    "SE_4": ZoneFacts("Europe/Stockholm", "EUR", "Malmö", 55.60, 13.00),
    "UK": ZoneFacts("Europe/London", "GBP", "London", 51.51, -0.13),
    # Zones a price file may name although the Partner API does not list them (``--zone`` takes any column).
    "CZ": ZoneFacts("Europe/Prague", "EUR", "Prague", 50.08, 14.44),
    "DK_1": ZoneFacts("Europe/Copenhagen", "EUR", "Aarhus", 56.16, 10.20),
    "DK_2": ZoneFacts("Europe/Copenhagen", "EUR", "Copenhagen", 55.68, 12.57),
    "FR": ZoneFacts("Europe/Paris", "EUR", "Paris", 48.86, 2.35),
    "NL": ZoneFacts("Europe/Amsterdam", "EUR", "Amsterdam", 52.37, 4.90),
    "NO_2": ZoneFacts("Europe/Oslo", "EUR", "Kristiansand", 58.15, 8.00),
    "PL": ZoneFacts("Europe/Warsaw", "EUR", "Warsaw", 52.23, 21.01),
    "SI": ZoneFacts("Europe/Ljubljana", "EUR", "Ljubljana", 46.06, 14.51),
}
_ALIASES = {"DE": "DE_LU", "AT_HOURLY": "AT"}


def parse_price_zone(text: str, field: str = "price_zone") -> PriceZone:
    """The zone named by ``text`` (``DE`` means ``DE_LU``); raises :class:`Invalid` naming ``field``."""
    try:
        return PriceZone("DE_LU" if text == "DE" else text)
    except ValueError:
        raise Invalid.field(field, f"unknown price zone '{text}'; one of {', '.join(PriceZone)}", "enum") from None


def zone_facts(zone: str) -> ZoneFacts:
    """Facts of a zone or a price-file column; raises :class:`Invalid` for a zone nobody knows."""
    facts = _FACTS.get(_ALIASES.get(zone, zone))
    if facts is None:
        raise Invalid.field("zone", f"unknown zone '{zone}'; one of {', '.join(sorted(_FACTS))}", "enum")
    return facts


@cache
def zone_time(zone: str) -> ZoneInfo:
    """The zone's local clock."""
    return ZoneInfo(zone_facts(zone).time_zone)
