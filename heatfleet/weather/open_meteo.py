"""Open-Meteo: forecasts by the quarter-hour and past weather by the hour, no key, CC BY 4.0.

``shortwave_radiation`` is the mean of the time before its stamp, ``temperature_2m`` the value at its stamp.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import numpy as np

from heatfleet.domain.alignment import Floats, as_instants, instants
from heatfleet.domain.answers import nonsense, offline, status_error
from heatfleet.domain.places import coordinates_of
from heatfleet.domain.time_grid import MTU, TimeGrid
from heatfleet.weather.source import INSTEAD, WeatherRows

FORECAST_URL = "https://api.open-meteo.com"
ARCHIVE_URL = "https://archive-api.open-meteo.com"
WHO = "open-meteo.com"
_MEANS = ("shortwave_radiation",)  # of the step before the stamp
_INSTANT = ("shortwave_radiation_instant",)
_ARCHIVE_AFTER = timedelta(days=60)  # the forecast service keeps about three months of the past


class OpenMeteo:
    """Asks Open-Meteo with the session it is handed."""

    label = WHO

    def __init__(
        self, session: aiohttp.ClientSession, forecast_url: str = FORECAST_URL, archive_url: str = ARCHIVE_URL
    ) -> None:
        self._session = session
        self._forecast_url = forecast_url
        self._archive_url = archive_url

    async def fetch(self, place: str, grid: TimeGrid, now: datetime) -> WeatherRows:
        """The weather of a place; ``TryAgain`` when offline or busy, ``Refused`` otherwise."""
        latitude, longitude = coordinates_of(place)
        query = {
            "latitude": f"{latitude:.1f}",
            "longitude": f"{longitude:.1f}",
            "timezone": "GMT",
            "start_date": (grid.start_at - MTU).date().isoformat(),
            "end_date": (grid.end_at + timedelta(hours=1)).date().isoformat(),
        }
        old = now - grid.end_at > _ARCHIVE_AFTER
        url = f"{self._archive_url}/v1/archive" if old else f"{self._forecast_url}/v1/forecast"
        answer = await self._get(
            url, {**query, "hourly" if old else "minutely_15": "temperature_2m,shortwave_radiation"}
        )
        return parse(answer, place, grid)

    async def _get(self, url: str, query: Mapping[str, str]) -> Any:
        try:
            async with self._session.get(url, params=query) as response:
                detail = await response.text() if response.status >= 400 else ""
                error = status_error(WHO, response.status, response.headers.get("Retry-After"), detail)
                if error is not None:
                    raise error
                return await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise offline(WHO, type(error).__name__, INSTEAD) from error
        except ValueError as error:
            raise nonsense(WHO, str(error)) from error


def parse(answer: Any, place: str, grid: TimeGrid) -> WeatherRows:
    """The weather on a grid in an answer with ``minutely_15`` or ``hourly`` values; NaN outside of it."""
    try:
        block, step = ("minutely_15", MTU) if "minutely_15" in answer else ("hourly", timedelta(hours=1))
        values = answer[block]
        offset = timedelta(seconds=answer.get("utc_offset_seconds", 0))
        at = [datetime.fromisoformat(text).replace(tzinfo=UTC) - offset for text in values["time"]]
        stamps = as_instants(at).astype(np.int64).astype(np.float64)
        temperature = np.array(values["temperature_2m"], dtype=np.float64)
        sun, is_mean = _sun(values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise nonsense(WHO, f"{type(error).__name__} {error}") from error
    if stamps.shape != temperature.shape or (sun is not None and sun.shape != stamps.shape):
        raise nonsense(WHO, f"{stamps.size} times for {temperature.size} temperatures")
    steps = instants(grid).astype(np.int64).astype(np.float64)
    half_s = step.total_seconds() / 2
    ghi = None if sun is None else _on(steps + MTU.total_seconds() / 2, stamps - (half_s if is_mean else 0), sun * 1e-3)
    return WeatherRows(place, grid, _on(steps, stamps, temperature), ghi, WHO)


def _sun(values: Mapping[str, Any]) -> tuple[Floats | None, bool]:
    """Irradiance (row,) [W/m²] and whether it is the mean of the step before each stamp."""
    for names, is_mean in ((_MEANS, True), (_INSTANT, False)):
        for name in names:
            if name in values:
                return np.array(values[name], dtype=np.float64), is_mean
    return None, False


def _on(at: Floats, stamps: Floats, values: Floats) -> Floats:
    """Values (step,) at instants (step,) on straight lines between the known rows; NaN more than an hour from any."""
    known = ~np.isnan(values)
    if not known.any():
        return np.full(at.shape, np.nan)
    stamps, values = stamps[known], values[known]
    after = np.clip(np.searchsorted(stamps, at), 0, stamps.size - 1)
    before = np.maximum(after - 1, 0)
    near = np.minimum(np.abs(stamps[after] - at), np.abs(stamps[before] - at)) <= 3600.0
    line: Floats = np.where(near, np.interp(at, stamps, values), np.nan)
    return line
