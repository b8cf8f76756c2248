"""English sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Electricity is cheap now, so heat is stored.",
        "cheap_later": "Electricity will be cheaper later, so the heat pump waits a little.",
        "cheap_later.since": "Electricity will be cheaper from {since}, so the heat pump waits a little.",
        "dear_now": "Electricity is expensive now, so the heat pump does less.",
        "dear_now.until": "Electricity is expensive until {until}, so the heat pump does less.",
        "dear_later": "Electricity will be expensive later, so heat is stored now.",
        "dear_later.since.until": "Electricity will be expensive from {since} to {until}, so heat is stored now.",
        "comfort_limit": "Your comfort comes first now, whatever electricity costs.",
        "comfort_limit.low": "It should not get any cooler, so the heat pump keeps heating.",
        "comfort_limit.high": "It is warm enough, so the heat pump does less.",
        "hot_water": "Hot water is made now.",
        "hot_water.by": "Hot water is made now, so that there is enough at {by}.",
        "disinfection": "The hot water is heated up thoroughly now, so that it stays hygienic.",
        "pause": "The heat pump is paused, as you wished.",
        "pause.until": "The heat pump is paused until {until}, as you wished.",
        "away": "Nobody is at home, so it may be a little cooler.",
        "grid_limit": "The power grid is busy, so the heat pump does less for a while.",
        "quota": "The heat pump has been adjusted often enough today, so it stays as it is.",
        "learning": "The heat pump runs a little differently for a while, to get to know your home.",
        "own_programme": "The heat pump follows its own programme.",
        "steady": "All is well: there is nothing to gain from a change now.",
        "solar_surplus": "The sun gives more than you use, so heat is stored.",
        "cooling.cheap_now": "Electricity is cheap now, so the rooms are cooled ahead.",
        "cooling.dear_now": "Electricity is expensive now, so the heat pump cools less.",
        "cooling.dear_now.until": "Electricity is expensive until {until}, so the heat pump cools less.",
        "cooling.dear_later": "Electricity will be expensive later, so the rooms are cooled ahead now.",
        "cooling.dear_later.since.until": "Electricity will be expensive from {since} to {until}, so "
        "the rooms are cooled ahead now.",
        "cooling.comfort_limit.low": "It is cool enough, so the heat pump cools less.",
        "cooling.comfort_limit.high": "It should not get any warmer, so the heat pump keeps cooling.",
        "cooling.away": "Nobody is at home, so it may be a little warmer.",
        "cooling.grid_limit": "The power grid is busy, so the heat pump cools less for a while.",
        "cooling.solar_surplus": "The sun gives more than you use, so the rooms are cooled ahead.",
        "pool.heated": "The pool is heated now, while electricity is cheap.",
        "pool.waits": "The pool waits until electricity is cheaper.",
    }
)
