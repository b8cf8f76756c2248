"""Weather per place and quarter-hour, the same for all organisations; a newer forecast replaces an older one."""

from __future__ import annotations

from datetime import datetime

import msgspec
import numpy as np

from heatfleet.domain.alignment import Floats
from heatfleet.domain.places import place_or_city
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.sites import PLACE


class WeatherOnGrid(msgspec.Struct, frozen=True):
    """Temperature (step,) [°C] and irradiance (step,) [kW/m²]; NaN where none is stored."""

    temp_c: Floats
    ghi_kw_m2: Floats


async def save(
    tx: WriteTx,
    place: str,
    grid: TimeGrid,
    weather: WeatherOnGrid,
    source: str,
    made_at: datetime,
) -> int:
    """How many quarter-hours are new or changed; steps that begin after ``made_at`` [fleet clock] are forecasts.

    NaN temperatures are left out. A forecast never replaces what was measured.
    """
    known = np.flatnonzero(~np.isnan(weather.temp_c))
    ghi = [None if np.isnan(value) else float(value) for value in weather.ghi_kw_m2[known]]
    starts = [grid.at(int(i)) for i in known]
    return await tx.execute(
        """insert into weather (place, start_at, temp_c, ghi_kw_m2, is_forecast, source, fetched_at)
           select $1, start_at, temp_c, ghi_kw_m2, start_at > $5, $6, $5
           from unnest($2::timestamptz[], $3::real[], $4::real[]) as given(start_at, temp_c, ghi_kw_m2)
           on conflict (place, start_at) do update
             set temp_c = excluded.temp_c, ghi_kw_m2 = excluded.ghi_kw_m2, is_forecast = excluded.is_forecast,
                 source = excluded.source, fetched_at = excluded.fetched_at
             where (weather.is_forecast or not excluded.is_forecast)
               and (weather.temp_c, weather.ghi_kw_m2, weather.is_forecast)
                 is distinct from (excluded.temp_c, excluded.ghi_kw_m2, excluded.is_forecast)""",
        place,
        starts,
        [float(value) for value in weather.temp_c[known]],
        ghi,
        made_at,
        source,
    )


async def weather_on(tx: ReadTx, place: str, grid: TimeGrid) -> WeatherOnGrid:
    """The weather of a place on a grid of quarter-hours."""
    records = await tx.fetch(
        "select extract(epoch from start_at)::bigint, temp_c, ghi_kw_m2 from weather"
        " where place = $1 and start_at >= $2 and start_at < $3",
        place,
        grid.start_at,
        grid.end_at,
    )
    temp_c, ghi = np.full(grid.count, np.nan), np.full(grid.count, np.nan)
    start_s, step_s = int(grid.start_at.timestamp()), int(grid.step.total_seconds())
    for at_s, temperature, irradiance in records:
        index = (at_s - start_s) // step_s
        temp_c[index] = temperature
        ghi[index] = np.nan if irradiance is None else irradiance
    return WeatherOnGrid(temp_c, ghi)


async def last_fetched_at(tx: ReadTx, place: str) -> datetime | None:
    """When a forecast for a place was last saved [fleet clock], or None."""
    found: datetime | None = await tx.value("select max(fetched_at) from weather where place = $1", place)
    return found


async def places_in_use(tx: ReadTx) -> list[str]:
    """The places of the connected heat pumps: their own, their building's, their owner's, else the zone's city."""
    records = await tx.fetch(
        f"""select distinct place.latitude, place.longitude, h.price_zone
           from heat_pumps h join users u on u.id = h.user_id
             left join buildings b on b.id = h.building_id and b.deleted_at is null {PLACE}
           where h.deleted_at is null and h.connection_id is not null"""
    )
    return sorted({place_or_city(latitude, longitude, zone) for latitude, longitude, zone in records})
