"""Heat pumps: their settings (policy) as rows; what the API shows of them is in ``heat_pump_views.py``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.domain.levers import OptimizationLevel
from heatfleet.domain.policy import Policy
from heatfleet.domain.statuses import Lifecycle
from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, insert_row, one, unique, update_row


class HeatPump(msgspec.Struct, frozen=True):
    """One heat pump: whose it is, what it can do, what owner and partner allow, how we stand to it."""

    id: UUID
    org_id: UUID
    user_id: UUID
    building_id: UUID | None
    connection_id: UUID | None
    device_model_id: UUID | None
    vendor: str | None
    external_device_id: str
    name: str | None
    capabilities: dict[str, Any]
    price_zone: str
    comment: str | None
    latitude: float | None
    longitude: float | None
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
    is_away_mode_enabled: bool | None
    away_mode_start: datetime | None
    away_mode_end: datetime | None
    away_mode_minimum_temperature_limit: float | None
    away_mode_minimum_dhw_temperature_limit: float | None
    is_pause_power_active: bool
    pause_power_until: datetime | None
    is_inverter_forced_mode_enabled: bool
    min_solar_power_w: int
    is_forecasting_enabled: bool
    is_trading_enabled: bool
    temperature_delta_override_for_slight_change: int | None
    temperature_delta_override_for_significant_change: int | None
    heating_policy_last_updated_at: datetime | None
    away_mode_last_updated_at: datetime | None
    policy_version: int
    version: int
    lifecycle_state: str
    lifecycle_error: str | None
    control_state: str
    current_state: str | None
    connection_status: str
    monitoring_status: str
    steering_status: str
    deleted_at: datetime | None

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted or disconnected: what we have moved on it is given back, nothing else is done."""
        return self.deleted_at is not None or self.lifecycle_state == Lifecycle.DISCONNECTED


_FIXED = {"id", "org_id", "created_at", "updated_at", "version"}
WRITABLE = frozenset(HeatPump.__struct_fields__) - _FIXED
POLICY_FIELDS = tuple(Policy.__dataclass_fields__)
_COLUMNS = columns(HeatPump)
_DEVICE = ("heat_pumps_device", "This heat pump is already connected in the organisation.")


def policy_of(pump: HeatPump) -> Policy:
    """The pump's policy as the domain knows it."""
    values = {name: getattr(pump, name) for name in POLICY_FIELDS}
    values["optimization_level"] = OptimizationLevel(pump.optimization_level or "Mid")
    return Policy(**values)


async def insert(tx: WriteTx, org_id: UUID, heat_pump_id: UUID, fields: Mapping[str, Any], now: datetime) -> None:
    """A new heat pump with ``fields``."""
    with unique(*_DEVICE):
        await insert_row(tx, "heat_pumps", {"id": heat_pump_id, "org_id": org_id}, fields, WRITABLE, now)


async def get(tx: ReadTx, org_id: UUID, heat_pump_id: UUID) -> HeatPump | None:
    """The heat pump, deleted ones included, or None."""
    sql = f"select {_COLUMNS} from heat_pumps where org_id = $1 and id = $2"
    return one(HeatPump, await tx.row(sql, org_id, heat_pump_id))


async def get_for_update(tx: WriteTx, org_id: UUID, heat_pump_id: UUID) -> HeatPump | None:
    """The living heat pump, locked until the transaction ends, or None."""
    sql = f"select {_COLUMNS} from heat_pumps where org_id = $1 and id = $2 and deleted_at is null for update"
    return one(HeatPump, await tx.row(sql, org_id, heat_pump_id))


async def update(
    tx: WriteTx, org_id: UUID, heat_pump_id: UUID, changes: Mapping[str, Any], version: int, now: datetime
) -> None:
    """The changed columns and the new version."""
    with unique(*_DEVICE):
        await update_row(tx, "heat_pumps", (org_id, heat_pump_id), changes, WRITABLE, version, now)


async def device_is_owed(
    tx: ReadTx, org_id: UUID, vendor: str, external_device_id: str, but: UUID | None = None
) -> bool:
    """Whether a deleted or disconnected pump other than ``but`` was this device and is not done with it yet.

    A deleted one owes its owner's settings; a disconnected one holds the device until they are seen restored.
    """
    sql = """
        select exists (select from heat_pumps h
          where h.org_id = $1 and h.vendor = $2 and h.external_device_id = $3 and ($4::uuid is null or h.id <> $4)
            and case when h.deleted_at is null then h.lifecycle_state = 'disconnected' else exists (
              select from baselines b where b.heat_pump_id = h.id and b.release_owed_since is not null) end)"""
    owed: bool = await tx.value(sql, org_id, vendor, external_device_id, but)
    return owed


async def taken_devices(
    tx: ReadTx, org_id: UUID, vendor: str, external_device_ids: Sequence[str], but: UUID | None
) -> set[str]:
    """Those of the vendor's devices that living pumps other than ``but`` already are."""
    sql = """
        select external_device_id from heat_pumps where org_id = $1 and vendor = $2 and external_device_id = any($3)
          and deleted_at is null and lifecycle_state <> 'disconnected' and ($4::uuid is null or id <> $4)"""
    return {row[0] for row in await tx.fetch(sql, org_id, vendor, list(external_device_ids), but)}
