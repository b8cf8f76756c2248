"""What the owner fills into the forms of their page, as settings of the heat pump: no rules here but how to read it.

The rules are those of the Partner API (``domain/policy.py``); each form names the fields that it sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from heatfleet.domain.capabilities import Capabilities
from heatfleet.domain.errors import FieldError, Invalid
from heatfleet.store.heat_pumps import HeatPump

USES = {
    "is_space_heating_enabled": "heating",
    "is_hot_water_heating_enabled": "hot_water",
    "is_pool_heating_enabled": "pool",
    "is_space_cooling_enabled": "cooling",
}
MOST_CHARACTERS = 40


@dataclass(frozen=True)
class Filled:
    """A form that was sent: its texts, the heat pump, its local clock, and now on the fleet clock."""

    texts: Mapping[str, str]
    pump: HeatPump
    zone: tzinfo
    now: datetime

    def number(self, name: str) -> float | None:
        """A temperature, with a point or a comma; None for an empty field; raises :class:`Invalid`."""
        text = self.text(name)
        try:
            return float(text.replace(",", ".")) if text else None
        except ValueError:
            raise Invalid.field(name, "is not a number", "number") from None

    def instant(self, name: str) -> datetime:
        """A local date and time as an instant; raises :class:`Invalid` for an empty or unreadable field."""
        text = self.text(name)
        if not text:
            raise Invalid.field(name, "is required", "missing")
        try:
            local = datetime.fromisoformat(text).replace(tzinfo=self.zone)
            return local.astimezone(UTC)
        except (ValueError, OverflowError):
            raise Invalid.field(name, "is not a date and time", "date") from None

    def coming(self, name: str) -> datetime:
        """As :meth:`instant`; what is over by now is :class:`Invalid`, too."""
        at = self.instant(name)
        if at <= self.now:
            raise Invalid.field(name, "must be in the future", "past")
        return at

    def text(self, name: str) -> str:
        """What stands in a field; more than any of them takes is cut off."""
        return self.texts.get(name, "").strip()[:MOST_CHARACTERS]


Settings = dict[str, Any]
Take = Callable[[], Any]


def _comfort(filled: Filled) -> Settings:
    """The band; both fields empty = what is set at the heat pump."""
    names = ("minimum_temperature_limit", "maximum_temperature_limit")
    band = _all({name: lambda n=name: filled.number(n) for name in names})  # type: ignore[misc]
    return {**band, "is_heating_policy_enabled": any(value is not None for value in band.values())}


def _water(filled: Filled) -> Settings:
    names = ("dhw_standard_temperature", "minimum_dhw_temperature_limit")
    return _all({name: lambda n=name: filled.number(n) for name in names})  # type: ignore[misc]


def _away(filled: Filled) -> Settings:
    names = ("away_mode_minimum_temperature_limit", "away_mode_minimum_dhw_temperature_limit")
    takes: dict[str, Take] = {
        "away_mode_start": lambda: filled.instant("away_mode_start"),
        "away_mode_end": lambda: filled.coming("away_mode_end"),
        **{name: lambda n=name: filled.number(n) for name in names if name in filled.texts},  # type: ignore[misc]
    }
    return {**_all(takes), "is_away_mode_enabled": True}


def _back(filled: Filled) -> Settings:
    return {"away_mode_start": None, "away_mode_end": None}


def _pause(filled: Filled) -> Settings:
    return {"is_pause_power_active": True, "pause_power_until": filled.coming("pause_power_until")}


def _resume(filled: Filled) -> Settings:
    return {"pause_power_until": None}


def _uses(filled: Filled) -> Settings:
    """The boxes that were shown, ticked or not."""
    shown = ("is_smart_optimization_active", *uses_of(filled.pump))
    return {name: name in filled.texts for name in shown}


FORMS: Mapping[str, Callable[[Filled], Settings]] = {
    "comfort": _comfort,
    "water": _water,
    "away": _away,
    "back": _back,
    "pause": _pause,
    "resume": _resume,
    "uses": _uses,
}
"""Each form by its name in the address."""


def uses_of(pump: HeatPump) -> list[str]:
    """The uses the owner decides about: those the device has."""
    return [name for name, has in Capabilities.from_json(pump.capabilities).uses.items() if has]


def _all(takes: Mapping[str, Take]) -> Settings:
    """Every field's value; raises one :class:`Invalid` with all that is wrong."""
    found, errors = Settings(), list[FieldError]()
    for name, take in takes.items():
        try:
            found[name] = take()
        except Invalid as fault:
            errors += fault.errors
    if errors:
        raise Invalid(*errors)
    return found
