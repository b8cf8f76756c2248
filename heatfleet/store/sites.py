"""Where heat pumps stand and what their owners pay: place, building, surcharge and energy contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.domain.price_zones import zone_facts
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
    contract_type: str
    contract_currency: str | None = None
    property_type: str | None = None
    carbon_price_per_kg: float = 0.0

    @property
    def currency(self) -> str:
        """That of the contract whose prices count, else that of the market."""
        by_contract = self.contract_currency if self.includes_everything and self.energy_prices else None
        return by_contract or zone_facts(self.price_zone).currency


PLACE = """
left join lateral (
  select latitude, longitude from (values (1, h.latitude, h.longitude), (2, b.latitude, b.longitude),
    (3, u.latitude, u.longitude)) known(rank, latitude, longitude)
  where latitude is not null and longitude is not null order by rank limit 1) place on true"""
"""Where the pump ``h`` of user ``u`` in building ``b`` stands: its own coordinates, its building's, its owner's."""

_SQL = f"""
select h.id, h.price_zone, place.latitude, place.longitude, b.property_size_m2, b.property_age, b.num_occupants,
  coalesce((o.surcharge_per_zone ->> h.price_zone)::float8, 0), c.energy_prices,
  coalesce(c.energy_price_includes_external_components, false), coalesce(c.energy_contract_type, ''),
  c.currency_energy_price, b.property_type, o.carbon_price_per_kg
from heat_pumps h
  join users u on u.id = h.user_id
  join organisations o on o.id = h.org_id
  left join buildings b on b.id = h.building_id and b.deleted_at is null
  {PLACE}
  left join lateral (
    select energy_prices, energy_price_includes_external_components, energy_contract_type, currency_energy_price
      from energy_contracts e
    where e.org_id = h.org_id and e.user_id = h.user_id and e.deleted_at is null
      and (e.building_id is null or e.building_id = h.building_id)
    order by e.building_id nulls last, e.created_at desc, e.id desc limit 1) c on true
where h.id = any($1)"""


async def sites(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[UUID, Site]:
    """The surroundings of these pumps; a contract of the building comes before one of the whole household."""
    return {site.heat_pump_id: site for site in many(Site, await tx.fetch(_SQL, list(heat_pump_ids)))}
