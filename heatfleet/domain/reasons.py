"""What is said to people about a quarter-hour of a plan: one sentence for each reason of ``plans.Reason``."""

from __future__ import annotations

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Electricity is cheap now, so heat is stored.",
        "dear_now": "Electricity is expensive now, so the heat pump does less.",
        "comfort_limit": "A comfort limit is near and decides now, whatever electricity costs.",
        "hot_water": "Hot water is made now.",
        "disinfection": "The hot water tank is heated up to keep the water hygienic.",
        "pause": "The heat pump is paused at your wish.",
        "away": "Nobody is at home, so a lower temperature is kept.",
        "learning": "The heat pump runs a little differently for a while, to get to know the building.",
        "own_programme": "The heat pump follows its own programme.",
        "steady": "There is nothing to gain from a change now.",
        "solar_surplus": "The roof makes more than is used, so heat is stored.",
    }
)


def sentence(code: str) -> str:
    """The sentence of a stored reason; the code itself for one this version does not know."""
    return SENTENCES.get(code, code)
