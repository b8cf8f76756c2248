"""Which of a device's points is which: smart-home categories, parameter ids of each family, names.

F-series ids are the pump's register numbers; the S-series has ids of its own. Names come in the language asked for
(en-GB), now and then in another one, and with soft hyphens; they are the last resort.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Channel, OperationalMode


class Family(StrEnum):
    """Whose parameter ids a device has."""

    F = "F"
    S = "S"
    OTHER = "other"


@dataclass(frozen=True)
class Word:
    """How one quantity is named: category, ids by family (alternatives, best first; ``+`` = to be added up), name."""

    category: str = ""
    f_ids: tuple[str, ...] = ()
    s_ids: tuple[str, ...] = ()
    name: re.Pattern[str] | None = None

    def ids(self, family: Family) -> tuple[str, ...]:
        """The alternatives of a family; a device of neither has none."""
        return {Family.F: self.f_ids, Family.S: self.s_ids}.get(family, ())


def _name(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


SENSORS: Mapping[Channel, Word] = {
    Channel.OUTDOOR_TEMP_C: Word("sh-outdoorTemp", ("40004",), ("4",), _name(r"^(current )?outd(oor)?\b.*\bbt1\b")),
    Channel.INDOOR_TEMP_C: Word(
        "sh-indoorTemp", ("40033",), ("48351", "50660"), _name(r"^room temperature\b|\(bt50\)$")
    ),
    Channel.FLOW_TEMP_C: Word(
        "sh-supplyTemp", ("40008", "40071", "40047"), ("8",), _name(r"^(supply|flow) (line|temp\w*)\b")
    ),
    Channel.RETURN_TEMP_C: Word(
        "sh-returnTemp", ("40012", "40152", "40048"), ("10",), _name(r"^return (line|temp\w*)\b")
    ),
    Channel.DHW_TEMP_C: Word(
        "sh-hwTemp", ("40013", "40014"), ("11", "12", "32628"), _name(r"^(hot water|dhw) (top|temp\w*|tank)\b")
    ),
    Channel.POWER_KW: Word(f_ids=("43141",), s_ids=("22130", "25165", "27335"), name=_name(r"^used power\b")),
    Channel.ENERGY_KWH: Word(s_ids=("28393",), name=_name(r"^total consumption\b")),
    Channel.HEAT_KWH: Word(
        f_ids=("44300+44298", "44308+44306"), s_ids=("28392",), name=_name(r"^total (heat )?production\b")
    ),
    Channel.DEGREE_MINUTES: Word(f_ids=("40940",), s_ids=("781",), name=_name(r"^degree minutes\b")),
}
"""Sensors and meters; a unit of W, Wh or MWh is brought to ours."""

EXTRA_HEAT = Word(f_ids=("43084",), s_ids=("1756",))
"""Electric additional heat [kW], which the compressor's own input power (F-series) leaves out."""
COMPRESSOR_ONLY = frozenset({"43141"})
PHASE_CURRENTS = ("40079", "40081", "40083")

MODES: Mapping[str, Mapping[int, OperationalMode]] = {
    "49994": {
        10: OperationalMode.STANDBY,
        20: OperationalMode.HOT_WATER,
        30: OperationalMode.HEATING,
        40: OperationalMode.POOL_HEATING,
        41: OperationalMode.POOL_HEATING,
        50: OperationalMode.STANDBY,
        60: OperationalMode.COOLING,
    },
    "14950": {
        0: OperationalMode.STANDBY,
        1: OperationalMode.HEATING,
        2: OperationalMode.COOLING,
        3: OperationalMode.HOT_WATER,
    },
}
"""Priority: what the pump works for (10 = for nothing)."""
MODE = Word(f_ids=("49994",), s_ids=("55000", "14950"), name=_name(r"^priority$"))
SAME_MODES = {"55000": "49994"}
DEFROSTING = ("1965", range(120, 161))

ROOM_SETPOINT = Word(
    "sh-indoorSpHeat", ("47398",), ("47751",), _name(r"^room (sensor )?set ?point( value)?( heating)?\b.*\b1$")
)
USE_ROOM_SENSOR = "47394"
CURVE_OFFSET = Word("sh-indoorSpOffsHeat", ("47011",), ("3671",), _name(r"^(heating )?offset\b.*\b(1|heating)$"))
DEMAND = Word(f_ids=("47041",), s_ids=("30338",), name=_name(r"^hot water demand$"))
SMART_DEMAND, SMART_SWITCH = 4, "30337"
MORE_HOT_WATER = Word(
    "sh-hwBoost", ("50004",), ("7086", "4564"), _name(r"^(temporary lux|more hot water|temp(orary)? hot water)$")
)
STOP_TEMPERATURES = ("47049", "47048", "47047")
"""F-series: where a charge ends at small, medium and large demand [°C]."""
USUAL_STOPS_C = (51.0, 55.0, 58.0)

SETTINGS: Mapping[Lever, Word] = {
    Lever.INDOOR_SETPOINT_C: ROOM_SETPOINT,
    Lever.CURVE_OFFSET_K: CURVE_OFFSET,
    Lever.DHW_SETPOINT_C: DEMAND,
    Lever.DHW_BOOST: MORE_HOT_WATER,
}

SG_SWITCH, SG_REQUEST, SG_STATE = "10613", "10614", "3260"
SG_STATES = {10: 2.0, 20: 1.0, 30: 3.0, 40: 4.0}
SMART_PRICE = ("4789",)

NEVER_WRITTEN = frozenset(
    {"47007", "40940", "781", "47137", "47371", "47387", "47050", "47051", "1755", "1959", "1961", "1963", "15753"}
)
"""Curve, degree minutes, operating mode, allowed uses, legionella; and points that only say they can be written."""

_F_MODEL = re.compile(r"\bF\s?\d{3,4}\b|\bVVM\s?\d{3}\b|\bSMO\s?(20|40|05|10)\b", re.IGNORECASE)
_S_MODEL = re.compile(r"\bS\s?\d{3,4}\b|\bVVM\s?S\s?\d+|\bSMO\s?S\s?\d+", re.IGNORECASE)
_BRANDS = (
    (re.compile(r"\bCTC\b|Eco(Zenith|Heat|Part|Air|Logic)|\bGS\s?\d{3}\b|\bGSi\b", re.IGNORECASE), "CTC"),
    (re.compile(r"Høiax|Hoiax", re.IGNORECASE), "Høiax"),
    (re.compile(r"Cetetherm", re.IGNORECASE), "Cetetherm"),
    (re.compile(r"Contura", re.IGNORECASE), "Contura"),
)


def family_of(product: str, ids: frozenset[str]) -> Family:
    """Whose ids these are: from the product's name, else from ids that only one family has."""
    if _S_MODEL.search(product):
        return Family.S
    if _F_MODEL.search(product) or "40004" in ids:
        return Family.F
    return Family.S if {"4", "8", "781"} <= ids else Family.OTHER


def brand_of(product: str) -> str:
    """The brand behind a product's name; NIBE where the name does not tell."""
    return next((brand for pattern, brand in _BRANDS if pattern.search(product)), "NIBE")
