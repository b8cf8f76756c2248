"""Thermal models: every accepted fit is a version; one of a pump's versions is in force."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.rows import columns, many


class StoredModel(msgspec.Struct, frozen=True):
    """One version of the model of one pump; ``parameters`` in the form of ``thermal.model``."""

    heat_pump_id: UUID
    org_id: UUID
    version: int
    kind: str
    parameters: dict[str, Any]
    error_24h_k: float | None
    fitted_at: datetime


class NewModel(msgspec.Struct, frozen=True):
    """A fit that was accepted."""

    heat_pump_id: UUID
    org_id: UUID
    kind: str
    parameters: dict[str, Any]
    error_24h_k: float | None
    fitted_at: datetime


async def in_force(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[UUID, StoredModel]:
    """The model in force of each of these pumps; pumps without one are left out."""
    sql = f"select {columns(StoredModel)} from thermal_models where heat_pump_id = any($1) and in_force"
    return {row.heat_pump_id: row for row in many(StoredModel, await tx.fetch(sql, list(heat_pump_ids)))}


async def tanks_kwh_per_k(tx: ReadTx, heat_pump_ids: Sequence[UUID]) -> dict[UUID, float]:
    """The heat capacity of these pumps' tanks as the model in force has it; pumps without one are left out."""
    sql = """
        select heat_pump_id, (parameters #>> '{tank,capacity_kwh_per_k}')::float8 from thermal_models
        where heat_pump_id = any($1) and in_force"""
    return {row[0]: row[1] for row in await tx.fetch(sql, list(heat_pump_ids)) if row[1] is not None}


async def add(tx: WriteTx, models: Sequence[NewModel]) -> None:
    """New versions, in force at once."""
    if not models:
        return
    ids = [model.heat_pump_id for model in models]
    await tx.fetch("select pg_advisory_xact_lock(hashtextextended('thermal_models', 0))")
    await tx.execute("update thermal_models set in_force = false where heat_pump_id = any($1) and in_force", ids)
    sql = """
        insert into thermal_models (heat_pump_id, org_id, version, kind, parameters, error_24h_k, fitted_at, in_force)
        select g.pump, g.org,
          1 + coalesce((select max(version) from thermal_models t where t.heat_pump_id = g.pump), 0),
          g.kind, g.parameters, g.error, g.fitted_at, true
        from unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::real[], $6::timestamptz[])
          as g(pump, org, kind, parameters, error, fitted_at)"""
    await tx.execute(sql, *([getattr(model, name) for model in models] for name in NewModel.__struct_fields__))
