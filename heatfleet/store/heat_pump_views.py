"""What the Partner API shows of heat pumps: settings, owner, model, latest readings and cues in one query."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from heatfleet.store.database import ReadTx
from heatfleet.store.rows import many, one
from heatfleet.store.users import BEGINS_WITH


class HeatPumpView(msgspec.Struct, frozen=True, gc=False):
    """One row of ``_SELECT``, in its order."""

    # as stored
    id: UUID
    user_id: UUID
    building: UUID | None
    connection_status: str
    monitoring_status: str
    steering_status: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    lifecycle_state: str
    lifecycle_error: str | None
    external_device_id: str
    price_zone: str
    comment: str | None
    current_mode: str | None
    is_smart_optimization_active: bool
    is_space_heating_enabled: bool | None
    is_hot_water_heating_enabled: bool | None
    is_pool_heating_enabled: bool | None
    is_space_cooling_enabled: bool | None
    optimization_level: str | None
    is_heating_policy_enabled: bool | None
    heating_policy_name: str | None
    minimum_temperature_limit: float | None
    maximum_temperature_limit: float | None
    indoor_target_temperature_offset: float | None
    dhw_standard_temperature: float | None
    minimum_dhw_temperature_limit: float | None
    heating_policy_last_updated_at: datetime | None
    is_away_mode_enabled: bool | None
    away_mode_start: datetime | None
    away_mode_end: datetime | None
    away_mode_minimum_temperature_limit: float | None
    away_mode_minimum_dhw_temperature_limit: float | None
    away_mode_last_updated_at: datetime | None
    is_pause_power_active: bool
    pause_power_until: datetime | None
    is_inverter_forced_mode_enabled: bool
    min_solar_power_w: int
    is_forecasting_enabled: bool
    is_trading_enabled: bool
    temperature_delta_override_for_slight_change: int | None
    temperature_delta_override_for_significant_change: int | None
    version: int
    actual_state: str | None
    # owner
    email: str
    first_name: str | None
    last_name: str | None
    external_user_id: str | None
    # model and cloud service
    manufacturer: str | None
    model: str | None
    year: int | None
    short_name: str | None
    long_name: str | None
    cloud_service_id: UUID | None
    instructions: str | None
    signup_link: str | None
    needs_gateway: bool
    is_authenticated: bool
    # latest readings
    read_at: datetime | None
    polled_at: datetime | None
    mode: float | None
    power_kw: float | None
    return_temp_c: float | None
    flow_temp_c: float | None
    dhw_temp_c: float | None
    outdoor_temp_c: float | None
    indoor_temp_c: float | None
    indoor_setpoint_c: float | None
    pool_temp_c: float | None
    consumption_last_day_kwh: float | None
    consumption_last_week_kwh: float | None
    consumption_last_month_kwh: float | None
    consumption_last_updated_at: datetime | None
    optimization_score: float | None
    # cues that are waiting for somebody: [{id, code, metadata, sent_at}]
    cues: list[dict[str, Any]] | None


class HeatPumpFilter(msgspec.Struct, frozen=True):
    """Which heat pumps a list shows; ``after`` and ``limit`` page by id."""

    user_id: UUID | None = None
    include_deleted: bool = False
    price_zone: str | None = None
    connection_status: str | None = None
    steering_status: str | None = None
    lifecycle_state: str | None = None
    cloud_service: UUID | None = None
    is_smart_optimization_active: bool | None = None
    q: str | None = None
    after: UUID | None = None
    limit: int = 500


_SELECT = """
select h.id, h.user_id, h.building_id, h.connection_status, h.monitoring_status, h.steering_status,
  h.created_at, h.updated_at, h.deleted_at, h.lifecycle_state, h.lifecycle_error, h.external_device_id, h.price_zone,
  h.comment, h.current_state, h.is_smart_optimization_active, h.is_space_heating_enabled,
  h.is_hot_water_heating_enabled, h.is_pool_heating_enabled, h.is_space_cooling_enabled, h.optimization_level,
  h.is_heating_policy_enabled, h.heating_policy_name, h.minimum_temperature_limit, h.maximum_temperature_limit,
  h.indoor_target_temperature_offset, h.dhw_standard_temperature, h.minimum_dhw_temperature_limit,
  h.heating_policy_last_updated_at, h.is_away_mode_enabled, h.away_mode_start, h.away_mode_end,
  h.away_mode_minimum_temperature_limit, h.away_mode_minimum_dhw_temperature_limit, h.away_mode_last_updated_at,
  h.is_pause_power_active, h.pause_power_until, h.is_inverter_forced_mode_enabled, h.min_solar_power_w,
  h.is_forecasting_enabled, h.is_trading_enabled, h.temperature_delta_override_for_slight_change,
  h.temperature_delta_override_for_significant_change, h.version, h.actual_state,
  u.email, u.first_name, u.last_name, u.external_user_id,
  m.manufacturer, m.model, m.year, m.short_name, m.long_name, m.cloud_service_id,
  s.instructions, s.signup_link, coalesce(s.needs_gateway, false), coalesce(c.status = 'ok', false),
  l.at, l.polled_at, l.mode, l.power_kw, l.return_temp_c, l.flow_temp_c, l.dhw_temp_c, l.outdoor_temp_c,
  l.indoor_temp_c, l.indoor_setpoint_c, l.pool_temp_c, l.consumption_last_day_kwh, l.consumption_last_week_kwh,
  l.consumption_last_month_kwh, l.consumption_last_updated_at, l.optimization_score,
  (select jsonb_agg(jsonb_build_object('id', q.id, 'code', q.code, 'metadata', q.metadata, 'sent_at', q.sent_at)
                    order by q.sent_at) from cues q where q.heat_pump_id = h.id and q.state = 'active')
from heat_pumps h
  join users u on u.id = h.user_id
  left join device_models m on m.id = h.device_model_id
  left join cloud_services s on s.id = m.cloud_service_id
  left join connections c on c.id = h.connection_id
  left join device_latest l on l.heat_pump_id = h.id
"""
ONE = _SELECT + "where h.org_id = $1 and h.user_id = $2 and h.id = $3 and (h.deleted_at is null or $4)"
"""The hot path; the bench's floor runs the very same statement."""

_CONDITIONS = {
    "user_id": "h.user_id = {}",
    "price_zone": "h.price_zone = {}",
    "connection_status": "h.connection_status = {}",
    "steering_status": "h.steering_status = {}",
    "lifecycle_state": "h.lifecycle_state = {}",
    "cloud_service": "h.device_model_id in (select id from device_models where cloud_service_id = {})",
    "is_smart_optimization_active": "h.is_smart_optimization_active = {}",
    "q": "h.user_id in (select u.id from users u where u.org_id = $1 and (" + BEGINS_WITH + "))",
    "after": "h.id > {}",
}
"""What each filter asks of a heat pump; the page is found by these alone, before anything is joined to it."""


async def get(
    tx: ReadTx, org_id: UUID, user_id: UUID, heat_pump_id: UUID, include_deleted: bool = False
) -> HeatPumpView | None:
    """One heat pump of one user, or None."""
    return one(HeatPumpView, await tx.row(ONE, org_id, user_id, heat_pump_id, include_deleted))


async def find(tx: ReadTx, org_id: UUID, wanted: HeatPumpFilter) -> list[HeatPumpView]:
    """Heat pumps in order of id, at most ``wanted.limit``."""
    return many(HeatPumpView, await records(tx, org_id, wanted))


async def records(tx: ReadTx, org_id: UUID, wanted: HeatPumpFilter) -> list[asyncpg.Record]:
    """As :func:`find`, as the database gives them (the bench's floor runs the very same statement)."""
    sql, args = page_sql(wanted)
    return await tx.fetch(sql, org_id, *args)


def page_sql(wanted: HeatPumpFilter) -> tuple[str, list[Any]]:
    """The statement of a page, with the filters it needs and no other, and its arguments but the first (org_id)."""
    given = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) is not None}
    conditions = ["h.org_id = $1"] + ([] if wanted.include_deleted else ["h.deleted_at is null"])
    conditions += [_CONDITIONS[name].replace("{}", f"${n}") for n, name in enumerate(given, 2)]
    if "q" in given:
        given["q"] = given["q"].lower()
    ids = f"select h.id from heat_pumps h where {' and '.join(conditions)} order by h.id limit ${len(given) + 2}"
    return f"{_SELECT}where h.id in ({ids}) order by h.id", [*given.values(), wanted.limit]
