"""The fleet at a glance: one row per living heat pump, for the live table of the demo."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx
from heatfleet.store.rows import many


class FleetRow(msgspec.Struct, frozen=True):
    """One heat pump now; temperatures [°C], power [kW], price [currency/MWh, wholesale]."""

    id: UUID
    name: str
    control_state: str
    current_state: str | None
    steering_status: str
    connection_status: str
    indoor_temp_c: float | None
    outdoor_temp_c: float | None
    dhw_temp_c: float | None
    power_kw: float | None
    reason_code: str | None
    hot_water: bool | None
    polled_at: datetime | None
    price_per_mwh: float | None


class FleetCounts(msgspec.Struct, frozen=True):
    """How many heat pumps, how many of them we steer, and how many releases we owe."""

    heat_pumps: int
    steering: int
    releases_owed: int


async def rows(tx: ReadTx, org_id: UUID, at: datetime, limit: int) -> list[FleetRow]:
    """The first ``limit`` heat pumps of the organisation, with the plan step and the price that hold at ``at``."""
    sql = """
        select h.id, coalesce(h.name, h.external_device_id), h.control_state, h.current_state, h.steering_status,
          h.connection_status, l.indoor_temp_c, l.outdoor_temp_c, l.dhw_temp_c, l.power_kw, p.reason_code, p.hot_water,
          l.polled_at, m.price_per_mwh
        from heat_pumps h
        left join device_latest l on l.heat_pump_id = h.id and l.org_id = h.org_id
        left join plan_steps p on p.heat_pump_id = h.id and p.org_id = h.org_id
          and p.start_at = date_bin('15 minutes', $2, timestamptz '2000-01-01 00:00+00')
        left join prices m on m.zone = h.price_zone
          and m.start_at = date_bin('15 minutes', $2, timestamptz '2000-01-01 00:00+00')
        where h.org_id = $1 and h.deleted_at is null and h.connection_id is not null
        order by length(h.external_device_id), h.external_device_id, h.id limit $3"""
    return many(FleetRow, await tx.fetch(sql, org_id, at, limit))


async def counts(tx: ReadTx, org_id: UUID) -> FleetCounts:
    """Figures over the whole organisation."""
    sql = """
        select count(*), count(*) filter (where h.control_state = 'steering'),
          (select count(distinct b.heat_pump_id) from baselines b
            where b.org_id = $1 and b.release_owed_since is not null)
        from heat_pumps h where h.org_id = $1 and h.deleted_at is null and h.connection_id is not null"""
    return many(FleetCounts, await tx.fetch(sql, org_id))[0]


async def connected_devices(tx: ReadTx, org_id: UUID, vendor: str) -> set[str]:
    """The vendor's ids of the organisation's living, connected heat pumps."""
    records = await tx.fetch(
        "select external_device_id from heat_pumps"
        " where org_id = $1 and vendor = $2 and deleted_at is null and connection_id is not null",
        org_id,
        vendor,
    )
    return {record[0] for record in records}
