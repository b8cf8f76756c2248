"""The comfort an organisation gives to new heat pumps that bring none of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from heatfleet.domain.errors import FieldError, Invalid
from heatfleet.domain.policy import Policy, check

BAND = ("minimum_temperature_limit", "maximum_temperature_limit")
HOT_WATER = ("dhw_standard_temperature", "minimum_dhw_temperature_limit")


def check_default_comfort(comfort: Mapping[str, float | None]) -> dict[str, float]:
    """What is set of ``comfort`` [°C]; raises :class:`Invalid` where a heat pump with it would break a rule."""
    given: dict[str, Any] = {name: value for name, value in comfort.items() if value is not None}
    try:
        check(Policy(**given))
    except Invalid as fault:
        errors = [FieldError(("body", "default_comfort", *e.loc[1:]), e.msg, e.type) for e in fault.errors]
        raise Invalid(*errors) from None
    return given


def with_default_comfort(settings: Mapping[str, Any], comfort: Mapping[str, float]) -> dict[str, Any]:
    """The new pump's ``settings`` with the default indoor band and hot-water limits, each where it has none."""
    result = dict(settings)
    for group in (BAND, HOT_WATER):
        default = {name: comfort[name] for name in group if name in comfort}
        if default and all(settings.get(name) is None for name in group):
            result |= default
            if group is BAND:
                result.setdefault("is_heating_policy_enabled", True)
    return result
