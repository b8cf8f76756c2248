"""energy-charts.info (Fraunhofer ISE): day-ahead prices of most European zones, no key, CC BY 4.0 for many of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import aiohttp
import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.answers import nonsense, offline, status_error
from heatfleet.domain.errors import Refused
from heatfleet.markets.source import INSTEAD, DayPrices, day_prices

BASE_URL = "https://api.energy-charts.info"
WHO = "energy-charts.info"
_UNITS = ("EUR/MWh", "EUR / MWh", "EUR / megawatt_hour")
_LONGEST_STEP_S = 3600
_ZONES = {
    "DE_LU": "DE-LU",
    "AT_HOURLY": "AT",
    "IT_NORD": "IT-North",
    "IT_CNOR": "IT-Centre-North",
    "IT_CSUD": "IT-Centre-South",
    "IT_SUD": "IT-South",
    "IT_SARD": "IT-Sardinia",
    "IT_SICI": "IT-Sicily",
    **{f"{land}_{n}": f"{land}{n}" for land in ("SE", "DK", "NO") for n in range(1, 6)},
    **{zone: zone for zone in ("AT", "BE", "CH", "CZ", "EE", "FR", "HU", "NL", "PL", "PT", "RO", "SI")},
}


class EnergyCharts:
    """Asks energy-charts with the session it is handed."""

    label = WHO

    def __init__(self, session: aiohttp.ClientSession, base_url: str = BASE_URL) -> None:
        self._session = session
        self._base_url = base_url

    async def fetch(self, zone: str, day: date) -> DayPrices:
        """The prices of a delivery day; ``TryAgain`` when offline, busy or not published, ``Refused`` otherwise."""
        name = _ZONES.get(zone)
        if name is None:
            raise Refused(f"{WHO} has no prices of zone {zone}: {INSTEAD}", code="unknown_zone")
        # A day more on both sides: the source cuts days by the zone's clock, the market by Central European time.
        window = {"start": (day - timedelta(days=1)).isoformat(), "end": (day + timedelta(days=1)).isoformat()}
        answer = await self._get({"bzn": name, **window})
        return parse(answer, zone, day)

    async def _get(self, query: Mapping[str, str]) -> Any:
        try:
            async with self._session.get(f"{self._base_url}/price", params=query) as response:
                detail = await response.text() if response.status >= 400 else ""
                error = status_error(WHO, response.status, response.headers.get("Retry-After"), detail)
                if error is not None:
                    raise error
                return await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise offline(WHO, type(error).__name__, INSTEAD) from error
        except ValueError as error:
            raise nonsense(WHO, str(error)) from error


def parse(answer: Any, zone: str, day: date) -> DayPrices:
    """The prices of a delivery day in an answer of ``/price``, hourly or by the quarter-hour."""
    try:
        start_s = np.array(answer["unix_seconds"], dtype=np.float64)
        price = np.array(answer["price"], dtype=np.float64)  # null becomes NaN
        unit = answer.get("unit", _UNITS[0])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise nonsense(WHO, f"{type(error).__name__} {error}") from error
    if start_s.shape != price.shape or start_s.ndim != 1:
        raise nonsense(WHO, f"{start_s.size} times for {price.size} prices")
    if unit not in _UNITS:
        raise nonsense(WHO, f"prices in {unit}")
    order = np.argsort(start_s, kind="stable")
    start_s, price = start_s[order], price[order]
    return day_prices(zone, day, np.column_stack([start_s, _lengths_s(start_s), price]), WHO)


def _lengths_s(start_s: Floats) -> Floats:
    """How long (row,) [s] each row is for: until the next, an hour at most; the last as long as the one before."""
    if start_s.size < 2:
        return np.full(start_s.size, float(_LONGEST_STEP_S))
    gaps = np.diff(start_s)
    lengths: Floats = np.minimum(np.append(gaps, gaps[-1]), float(_LONGEST_STEP_S))
    return lengths
