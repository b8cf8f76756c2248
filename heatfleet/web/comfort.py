"""The comfort form: what a person fills in, read and checked, and what is wrong with it in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from heatfleet.domain.errors import Invalid
from heatfleet.flows.connect import Probe, uses_of
from heatfleet.web.words import N_

LOW, HIGH, HOT = "minimum_temperature_limit", "maximum_temperature_limit", "minimum_dhw_temperature_limit"
SPACE, WATER = "is_space_heating_enabled", "is_hot_water_heating_enabled"
COOLING = "is_space_cooling_enabled"
RANGES: Mapping[str, tuple[float, float]] = {LOW: (5.0, 35.0), HIGH: (5.0, 35.0), HOT: (30.0, 65.0)}
_NOT_A_NUMBER = N_("Enter a number, for example 20.5.")
_OUT_OF_RANGE = N_("Enter a temperature between %(low)s and %(high)s °C.")
_TOO_NARROW = N_("The lowest room temperature must be at least half a degree below the highest.")
_TOO_HOT = N_("The lowest hot-water temperature must not be above the one that is set.")
_UNUSUAL = N_("This value is not possible.")


@dataclass(frozen=True)
class FieldFault:
    """What is wrong with one field; ``values`` fill the text's gaps."""

    name: str
    text: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ComfortForm:
    """The form as it is shown: texts in its fields, ticks, faults."""

    texts: Mapping[str, str]
    ticks: Mapping[str, bool]
    faults: tuple[FieldFault, ...] = ()


def offered(probe: Probe) -> ComfortForm:
    """The form as a person first sees it: what holds now, to the nearest half degree, and the uses the device has."""
    comfort, has = probe.comfort, uses_of(probe.device)
    numbers: dict[str, float] = {}
    if has[SPACE] or has[COOLING]:
        numbers |= {LOW: comfort.indoor_min_c, HIGH: comfort.indoor_max_c}
    if has[WATER]:
        numbers[HOT] = comfort.dhw_min_c
    ticks = {name: probe.uses is None or probe.uses[name] for name in has if has[name]}
    texts = {name: f"{round(value * 2) / 2:g}" for name, value in numbers.items()}
    return ComfortForm(texts, ticks)


def read(first: ComfortForm, values: Mapping[str, str]) -> tuple[ComfortForm, dict[str, Any]]:
    """The form as it came back, and the wishes in it (policy fields) as far as they can be read."""
    texts = {name: values.get(name, "").strip()[:20] for name in first.texts}
    ticks = {name: values.get(name) == "yes" for name in first.ticks}
    numbers = {name: _number(text) for name, text in texts.items()}
    faults = tuple(fault for name, value in numbers.items() if (fault := _fault(name, value)) is not None)
    wishes: dict[str, Any] = {**numbers, **ticks}
    if LOW in texts:
        wishes["is_heating_policy_enabled"] = True
    return ComfortForm(texts, ticks, faults), wishes


def refused(form: ComfortForm, why: Invalid) -> ComfortForm:
    """The form with the rules that its wishes break."""
    texts, names = {LOW: _TOO_NARROW, HOT: _TOO_HOT}, [str(error.loc[-1]) for error in why.errors]
    known = [name if name in form.texts else next(iter(form.texts)) for name in names]
    faults = tuple(FieldFault(at, texts.get(name, _UNUSUAL)) for at, name in zip(known, names, strict=True))
    return ComfortForm(form.texts, form.ticks, faults)


def _number(text: str) -> float | None:
    """The number in ``text`` (decimal point or comma), or None."""
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if abs(value) < 1000 else None


def _fault(name: str, value: float | None) -> FieldFault | None:
    low, high = RANGES[name]
    if value is None:
        return FieldFault(name, _NOT_A_NUMBER)
    if not low <= value <= high:
        return FieldFault(name, _OUT_OF_RANGE, {"low": f"{low:g}", "high": f"{high:g}"})
    return None
