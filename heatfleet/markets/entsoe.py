"""ENTSO-E transparency platform: day-ahead prices of all European zones; needs a key.

Asking is done by the library ``entsoe-py`` (blocking, so in a thread). Reading is done here, because the library's
parser mixes the auctions of a day: only sequence position 1 is the coupled day-ahead price, position 2 differs from it.
Curve type A03 leaves out points that repeat the one before; one answer may mix hourly and quarter-hour periods.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import entsoe.exceptions
import numpy as np
import pandas as pd
import requests
from entsoe.entsoe import EntsoeRawClient

from heatfleet.domain.answers import nonsense, offline, status_error
from heatfleet.domain.errors import OutsideWorldError, Refused, TryAgain
from heatfleet.domain.market_day import delivery_grid
from heatfleet.markets.source import INSTEAD, NOT_PUBLISHED_S, DayPrices, day_prices

WHO = "ENTSO-E"
COUPLED_AUCTION = 1
_TIMEOUT_S = 30
_RESOLUTION_S = {"PT15M": 900, "PT30M": 1800, "PT60M": 3600, "PT1H": 3600}
_QUARTERS_SINCE = datetime(2025, 9, 30, 22, tzinfo=UTC)  # first delivery day of the 15-minute day-ahead auction
_AREAS = {"AT_HOURLY": "AT"}
_UNKNOWN = ("IT_PUN",)  # an index, not a bidding zone


@dataclass(frozen=True)
class _Block:
    """One ``Period``: prices [currency/MWh] at neighbouring starts, each for ``step_s``."""

    start_s: float
    step_s: int
    prices: tuple[float, ...]


class Entsoe:
    """Asks ENTSO-E with the key it is handed."""

    label = WHO

    def __init__(self, api_key: str, session: requests.Session | None = None) -> None:
        # One attempt: repeating is the job queue's business.
        self._client = EntsoeRawClient(api_key, session=session, retry_count=1, retry_delay=0, timeout=_TIMEOUT_S)

    async def fetch(self, zone: str, day: date) -> DayPrices:
        """The prices of a delivery day; ``TryAgain`` when offline, busy or not published, ``Refused`` otherwise."""
        if zone in _UNKNOWN:
            raise Refused(f"{WHO} has no prices of zone {zone}: {INSTEAD}", code="unknown_zone")
        return parse(await asyncio.to_thread(self._ask, zone, day), zone, day)

    def _ask(self, zone: str, day: date) -> str:
        grid = delivery_grid(day, zone)
        try:
            return str(
                self._client.query_day_ahead_prices(
                    _AREAS.get(zone, zone), start=pd.Timestamp(grid.start_at), end=pd.Timestamp(grid.end_at)
                )
            )
        except entsoe.exceptions.NoMatchingDataError as error:
            detail = f"{WHO} has no prices of {zone} for {day} yet"
            raise TryAgain(detail, after_s=NOT_PUBLISHED_S, code="not_published") from error
        except requests.RequestException as error:
            raise _http_error(error) from error


def _http_error(error: requests.RequestException) -> OutsideWorldError:
    """Ours for theirs; never repeats the request's address, which holds the key."""
    if error.response is None:
        return offline(WHO, type(error).__name__, INSTEAD)
    status = error.response.status_code
    if status in (401, 403):
        return Refused(f"{WHO} refused the key ({status}): check HEATFLEET_ENTSOE_API_KEY", code="bad_key")
    return status_error(WHO, status, error.response.headers.get("Retry-After")) or nonsense(WHO, type(error).__name__)


def parse(xml: str, zone: str, day: date) -> DayPrices:
    """The coupled day-ahead prices of a delivery day in an A44 document."""
    try:
        blocks = list(_blocks(ElementTree.fromstring(xml)))  # noqa: S314 (expat expands no external entities)
    except (ElementTree.ParseError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise nonsense(WHO, f"{type(error).__name__} {error}") from error
    # Where the same time comes in two resolutions, the market's own one of that time is written last and stays.
    blocks.sort(key=lambda block: block.step_s == (900 if block.start_s >= _QUARTERS_SINCE.timestamp() else 3600))
    rows = [(b.start_s + i * b.step_s, b.step_s, price) for b in blocks for i, price in enumerate(b.prices)]
    return day_prices(zone, day, np.array(rows, dtype=np.float64).reshape(-1, 3), WHO)


def _blocks(document: ElementTree.Element) -> Iterator[_Block]:
    for series in document.iterfind("{*}TimeSeries"):
        position = series.findtext("{*}classificationSequence_AttributeInstanceComponent.position")
        if position is not None and int(position) != COUPLED_AUCTION:
            continue
        repeats = series.findtext("{*}curveType") == "A03"
        for period in series.iterfind("{*}Period"):
            yield _block(period, repeats)


def _block(period: Any, repeats: bool) -> _Block:
    """The prices of one period; points left out repeat the one before under curve type A03, else are missing."""
    interval = period.find("{*}timeInterval")
    start, end = (datetime.fromisoformat(interval.findtext(f"{{*}}{edge}")) for edge in ("start", "end"))
    step_s = _RESOLUTION_S[period.findtext("{*}resolution")]
    count = (end - start) // timedelta(seconds=step_s)
    given = {
        int(point.findtext("{*}position")): float(point.findtext("{*}price.amount"))
        for point in period.iterfind("{*}Point")
    }
    prices, last = [], np.nan
    for position in range(1, count + 1):
        last = given.get(position, last if repeats else np.nan)
        prices.append(last)
    return _Block(start.timestamp(), step_s, tuple(prices))
