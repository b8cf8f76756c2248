"""What the pages call things that drivers name: channels, levers, hindrances, the questions of a sign-in.

``N_`` marks a text for the catalogues; templates translate it where it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from heatfleet.domain.readings import Channel
from heatfleet.vendors.kit.driver import Hindrance
from heatfleet.vendors.kit.manifest import SignInKind


def N_(text: str) -> str:  # noqa: N802  (the name that gettext's tools know)
    """``text`` itself."""
    return text


THINGS: Mapping[str, str] = {
    "indoor_temp_c": N_("Room temperature"),
    "outdoor_temp_c": N_("Outdoor temperature"),
    "flow_temp_c": N_("Temperature of the heating water, out"),
    "return_temp_c": N_("Temperature of the heating water, back"),
    "dhw_temp_c": N_("Hot-water temperature"),
    "power_kw": N_("Electric power"),
    "energy_kwh": N_("Electricity used"),
    "heat_kwh": N_("Heat delivered"),
    "grid_export_kw": N_("Power fed into the grid"),
    "indoor_setpoint_c": N_("Room temperature you have set"),
    "curve_offset_k": N_("Shift of the heating curve"),
    "dhw_setpoint_c": N_("Hot-water temperature you have set"),
    "dhw_boost": N_("Extra hot water"),
    "sg_ready_state": N_("SG-Ready signal (less, normal or more heat)"),
    "mode": N_("What the heat pump is doing"),
    "degree_minutes": N_("Degree minutes (how much heat is missing)"),
    "cooling_setpoint_c": N_("Room temperature you have set for cooling"),
    "pool_temp_c": N_("Pool temperature"),
    "pool_setpoint_c": N_("Pool temperature you have set"),
}
"""Channels and levers in the words of an owner; a lever has the name of the channel on which it is read back."""

WHY_NOT: Mapping[str, str] = {
    Hindrance.SUBSCRIPTION: N_("the manufacturer asks for a paid subscription"),
    Hindrance.SENSOR: N_("no sensor for it is installed"),
    Hindrance.MODEL: N_("this model does not have it"),
    Hindrance.PERMISSION: N_("your account, or what you allowed at the manufacturer, does not include it"),
}
NOT_OFFERED = N_("this heat pump does not offer it")

UNITS: Mapping[str, str] = {
    Channel.INDOOR_TEMP_C: "°C",
    Channel.OUTDOOR_TEMP_C: "°C",
    Channel.FLOW_TEMP_C: "°C",
    Channel.RETURN_TEMP_C: "°C",
    Channel.DHW_TEMP_C: "°C",
    Channel.POWER_KW: "kW",
    Channel.ENERGY_KWH: "kWh",
    Channel.HEAT_KWH: "kWh",
    Channel.GRID_EXPORT_KW: "kW",
    Channel.INDOOR_SETPOINT_C: "°C",
    Channel.CURVE_OFFSET_K: "K",
    Channel.DHW_SETPOINT_C: "°C",
    Channel.COOLING_SETPOINT_C: "°C",
    Channel.POOL_TEMP_C: "°C",
    Channel.POOL_SETPOINT_C: "°C",
}
"""Channels whose first value is shown; the others are codes."""

STEPS: Mapping[str, str] = {
    "device": N_("Device"),
    "maker": N_("Manufacturer"),
    "consent": N_("Consent"),
    "sign_in": N_("Sign-in"),
    "pump": N_("Heat pump"),
    "comfort": N_("Comfort"),
}

HOW_YOU_SIGN_IN: Mapping[str, str] = {
    SignInKind.REDIRECT: N_("You enter your password at the manufacturer only; we never see it."),
    SignInKind.FORM: N_(
        "What you enter to sign in is passed on to the manufacturer or the device only and stored encrypted."
    ),
    SignInKind.DEVICE_CODE: N_("You enter your password at the manufacturer only; we never see it."),
    SignInKind.PAIR: N_("No account is needed: a gateway in your home is paired with us by a code."),
}

QUESTIONS: Mapping[str, str] = {
    "E-mail": N_("E-mail"),
    "E-mail address": N_("E-mail"),
    "Password": N_("Password"),
    "User name": N_("User name"),
    "Username": N_("User name"),
    "Address": N_("Address in your network"),
    "Serial number": N_("Serial number"),
    "Country": N_("Country"),
    "Access token": N_("Access token"),
}
"""Labels that drivers give to the fields of their forms; others are shown as they are."""


def thing(name: str) -> str:
    """The owner's word for a channel or lever; its own name where this version has none."""
    return THINGS.get(name, name)
