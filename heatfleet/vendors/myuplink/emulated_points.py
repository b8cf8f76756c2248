"""The points that emulated heat pumps show, with everything odd that real answers have; data only.

Models after published recordings of an F730 and a CTC EcoZenith i555, and after published tables of an S735.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GONE = -32768.0
"""What a sensor that is not there shows."""
NOTHING = "nothing"
"""Takes a write, says "modified", and nothing happens."""


@dataclass(frozen=True)
class Spec:
    """One point: what it shows (a key of the home's values, or a constant), and what it says of itself."""

    id: str
    name: str
    shows: str | float
    unit: str = ""
    scale: str = "0.1"
    writable: bool = False
    categories: tuple[str, ...] = ()
    limits: tuple[float, float, float] | None = None  # scaled: minimum, maximum, step
    choices: tuple[tuple[str, str], ...] = ()
    moves: str = ""  # which of the home's settings a write moves
    needs: str = ""  # shown only while this value is 1


@dataclass(frozen=True)
class Model:
    """A product and its points."""

    product: str
    specs: tuple[Spec, ...]
    has_zones: bool = False

    def spec(self, parameter_id: str, values: Mapping[str, float]) -> Spec | None:
        """The point with this id as it is shown now, or None."""
        return next((one for one in self.shown(values) if one.id == parameter_id), None)

    def shown(self, values: Mapping[str, float]) -> Sequence[Spec]:
        """The points shown while the home has these values: some appear only after a write."""
        return [spec for spec in self.specs if not spec.needs or values[spec.needs] == 1.0]


_SWITCH = (("0", "off"), ("1", "on"))
_PRIORITY = (
    ("10", "Off"),
    ("20", "Hot water"),
    ("30", "Heating"),
    ("40", "Pool"),
    ("41", "Pool 2"),
    ("50", "Transfer"),
)
_COMPRESSOR = (("20", "off"), ("40", "starts"), ("60", "runs"), ("100", "stops"))
_DEMAND = (("4", "smart control"), ("0", "economy"), ("1", "normal"), ("2", "luxury"))

_F_BASE = (
    Spec("40004", "Current outd temp (BT1)", "outside", "°C"),
    Spec("40067", "Average outdoor temp (BT1)", "outside", "°C"),
    Spec("40008", "Supply line (BT2)", "supply", "°C"),
    Spec("40012", "Return line (BT3)", "back", "°C"),
    Spec("40013", "Hot water top (BT7)", "tank", "°C"),
    Spec("40014", "Hot water charging (BT6)", "tank", "°C"),
    Spec("40047", "Supply line (BT61)", GONE, "°C"),
    Spec("40048", "Return line (BT62)", GONE, "°C"),
    Spec("40079", "Current (BE1)", "amps", "A"),
    Spec("40081", "Current (BE2)", "amps", "A"),
    Spec("40083", "Current (BE3)", "amps", "A"),
    Spec("40940", "Gradmi\u00adnuten", "degree_minutes", "GM", writable=True),
    Spec("40940", "De\u00adgree min\u00adutes", "degree_minutes", writable=True),
    Spec("41778", "Current com\u00adpressor fre\u00adquency", "hertz", "Hz"),
    Spec("43009", "Calculated supply climate system 1", "supply", "°C"),
    Spec("43427", "Status com\u00adpressor", "compressor", scale="1", choices=_COMPRESSOR),
    Spec("44298", "Heat meter, hot water incl. add. heat", "heat_dhw", "kWh"),
    Spec("44300", "Heat meter, heating incl. add. heat", "heat_space", "kWh"),
    Spec("49993", "Int elec add heat", 4.0, scale="1"),
    Spec("49994", "Pri\u00adority", "priority", scale="1", choices=_PRIORITY),
    Spec("50004", "Tempo\u00adrary lux", "boost", scale="1", writable=True, choices=_SWITCH, moves="boost"),
    Spec("47041", "comfort mode", "demand", scale="1", writable=True, choices=_DEMAND, moves="demand"),
    Spec("148072", "start diff additional heat", 700.0, "DM", "1", True, limits=(100, 2000, 10)),
    Spec("148072r", "r start diff additional heat", 700.0, "DM", "1", limits=(100, 2000, 10)),
    Spec("47007", "Heating curve", 7.0, "", "1", True, ("sh-indoorSpOffsHeat",), (0, 15, 1)),
    Spec(
        "47011", "Heating offset climate system 1", "offset", "", "1", True, ("sh-indoorSpOffsHeat",), (-10, 10, 1),
        moves="offset",
    ),
)  # fmt: skip

F730 = Model(
    "F730 CU 3x400V",
    (
        *_F_BASE,
        Spec("40033", "Room temp\u00aderature (BT50)", "room", "°C"),
        Spec("47394", "Use room sensor climate system 1", 1.0, scale="1", writable=True, choices=_SWITCH),
        Spec(
            "47398", "Room sensor set point value heating climate system 1", "setpoint", "°C", "0.1", False, (),
            (5, 35, 0.5), moves="setpoint",
        ),
    ),
)  # fmt: skip
F1255 = Model(
    "NIBE F1255-6 PC", (*_F_BASE, Spec("47398", "Room sensor set point value heating climate system 1", 20.0, "°C"))
)
"""No room sensor: the setpoint is there and moves nothing."""

S735 = Model(
    "S735-7",
    (
        Spec("4", "Current out\u00addoor temp\u00aderature (BT1)", "outside", "°C", categories=("sh-outdoorTemp",)),
        Spec("54", "Average outdoor temp (BT1)", "outside", "°C"),
        Spec("8", "Supply line (BT2)", "supply", "°C", categories=("sh-supplyTemp",)),
        Spec("10", "Return line (BT3)", "back", "°C", categories=("sh-returnTemp",)),
        Spec("11", "Hot water top (BT7)", "tank", "°C", categories=("sh-hwTemp",)),
        Spec("12", "Hot water charging (BT6)", "tank", "°C"),
        Spec("50660", "Room temperature 1 (BT50)", "room", "°C", categories=("sh-indoorTemp",)),
        Spec("781", "De\u00adgree min\u00adutes", "degree_minutes", "DM", writable=True),
        Spec("1708", "Calculated supply climate system 1", "supply", "°C"),
        Spec("1756", "Additional heat", 0.0, "kW"),
        Spec("1965", "Compressor", "compressor", scale="1", choices=_COMPRESSOR),
        Spec("5927", "Current compressor frequency", "hertz", "Hz"),
        Spec("22130", "Used power", "watts", "W", "1"),
        Spec("28393", "Total consumption", "consumed", "kWh"),
        Spec("28392", "Total production", "delivered", "kWh"),
        Spec("55000", "Priority", "priority", scale="1", choices=_PRIORITY),
        Spec("4789", "Smart price adaption", "smart_price", scale="1", writable=True, choices=_SWITCH),
        Spec(
            "47751", "Room sensor set point value heating climate system 1", "setpoint", "°C", "0.1", True,
            ("sh-indoorSpHeat",), (5, 35, 0.5), moves=NOTHING,
        ),
        Spec(
            "3671", "Heating, offset climate system 1", "offset", "", "1", True, ("sh-indoorSpOffsHeat",),
            (-10, 10, 1), moves="offset",
        ),
        Spec("30337", "Smart control", "smart_demand", scale="1", writable=True, choices=_SWITCH),
        Spec(
            "30338", "Hot water demand", "demand", scale="1", writable=True, moves="demand",
            choices=(("0", "Small"), ("1", "Medium"), ("2", "Large")),
        ),
        Spec(
            "7086", "More hot water", "boost", scale="1", writable=True, categories=("sh-hwBoost",), choices=_SWITCH,
            moves="boost",
        ),
        Spec("10613", "Activate SG Ready via API", "sg_on", scale="1", writable=True, choices=_SWITCH, moves="sg_on"),
        Spec(
            "10614", "Requested SG Ready mode", "sg_request", scale="1", writable=True, moves="sg_request",
            choices=(("0", "Block"), ("1", "Normal"), ("2", "Cheap"), ("3", "Free")), needs="sg_on",
        ),
        Spec("3260", "SG Ready state", "sg_state", scale="1", needs="sg_on"),
        Spec("4694", "SG Ready influences", 1.0, scale="1", needs="sg_on"),
    ),
    has_zones=True,
)  # fmt: skip

CTC = Model(
    "CTC EcoZenith i555 Pro",
    (
        Spec("61001", "Outdoor temp", "outside", "°C", categories=("sh-outdoorTemp",)),
        Spec("61002", "Primary flow", "supply", "°C", categories=("sh-supplyTemp",)),
        Spec("61003", "Return temp", "back", "°C", categories=("sh-returnTemp",)),
        Spec("61004", "Upper tank", "tank", "°C", categories=("sh-hwTemp",)),
        Spec(
            "61590", "Lower Immersion heater / heating kW", 3.0, writable=True,
            choices=(("0.0", "0.0"), ("3.0", "3.0")),
        ),
        Spec(
            "61591", "Upper Immersion heater / DHW kW", 8.7, writable=True,
            choices=(("0.0", "0.0"), ("8.7", "8.7"), ("0.3", "0.3"), ("9.0", "9.0")),
        ),
        Spec(
            "61880", "Extra hot water", "boost", scale="1", writable=True, categories=("sh-hwBoost",), moves="boost",
            choices=(("0", "off"), ("2", "once"), ("12", "12 h")),
        ),
        Spec("99000", "Greeting", "hello"),
    ),
    has_zones=True,
)  # fmt: skip

MODELS = (F730, S735, CTC, F1255)
"""Emulated homes take turns."""
