"""Where heat pumps stand and what their owners pay: place, building, surcharge and energy contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx
from heatfleet.store.rows import many


class Site(msgspec.Struct, frozen=True):
    """The surroundings of one heat pump; what is not known is None."""

    heat_pump_id: UUID
    price_zone: str
    latitude: float | None
    longitude: float | None
    area_m2: float | None
    age_years: int | None
    occupants: int | None
    surcharge_per_kwh: float
    energy_prices: list[dict[str, Any]] | None
    includes_everything: bool


_SQL = """
select h.id, h.price_zone, coalesce(h.latitude, b.latitude, u.latitude),
  coalesce(h.longitude, b.longitude, u.longitude), b.property_size_m2, b.property_age, b.num_occupants,
  coalesce((o.surcharge_per_zone ->> h.price_zone)::float8, 0), c.energy_prices,
  coalesce(c.energy_price_includes_external_components, false)
from heat_pumps h
  join users u on u.id = h.user_id
  join organisations o on o.id = h.org_id
  left join buildings b on b.id = h.building_id and b.deleted_at is null
  left join lateral (
    select energy_prices, energy_price_includes_external_components from energy_contracts e
    where e.org_id = h.org_id and e.user_id = h.user_id and e.deleted_at is null
      and (e.building_id is null or e.building_id = h.building_id)
    order by e.building_id nulls last, e.created_at desc limit 1) c on true
where h.id = any($1)"""


async def sites(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[UUID, Site]:
    """The surroundings of these pumps; a contract of the building comes before one of the whole household."""
    return {site.heat_pump_id: site for site in many(Site, await tx.fetch(_SQL, list(heat_pump_ids)))}
