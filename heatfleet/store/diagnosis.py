"""What is looked at when a heat pump makes trouble: connection, last polls, and the words that name a person."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.domain.compaction import CHANNELS
from heatfleet.store.database import ReadTx
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.rows import many, one


class ConnectionState(msgspec.Struct, frozen=True):
    """One connection without its grant."""

    status: str
    error_code: str | None
    error_detail: str | None
    grant_version: int
    grant_expires_at: datetime | None
    updated_at: datetime
    heat_pumps: int


class PollState(msgspec.Struct, frozen=True):
    """The place of one pump in the due-table, and why its last poll failed."""

    due_at: datetime
    interval_s: int
    leased_until: datetime | None
    last_contact_at: datetime | None
    last_reading_at: datetime | None
    failures: int
    fault_code: str | None
    fault_detail: str | None


class OpenCue(msgspec.Struct, frozen=True):
    """One active cue."""

    code: str
    metadata: dict[str, Any]
    sent_at: datetime


class PlanState(msgspec.Struct, frozen=True):
    """How fresh a plan is."""

    made_at: datetime
    ends_at: datetime
    steps: int
    policy_version: int
    model_version: int


async def connection(tx: ReadTx, connection_id: UUID) -> ConnectionState | None:
    """The connection, or None."""
    sql = """
        select c.status, c.error_code, c.error_detail, c.grant_version, c.grant_expires_at, c.updated_at,
          (select count(*) from heat_pumps h where h.connection_id = c.id and h.deleted_at is null)
        from connections c where c.id = $1"""
    return one(ConnectionState, await tx.row(sql, connection_id))


async def poll(tx: ReadTx, heat_pump_id: UUID) -> PollState | None:
    """The pump's row of the due-table; None when it is not polled."""
    sql = """
        select due_at, interval_s, leased_until, last_contact_at, last_reading_at, failures, fault_code, fault_detail
        from polls where heat_pump_id = $1"""
    return one(PollState, await tx.row(sql, heat_pump_id))


async def last_readings(tx: ReadTx, heat_pump_id: UUID, limit: int) -> list[tuple[datetime, dict[str, float]]]:
    """The last polls that brought something: instants and values, newest first."""
    names = [channel.value for channel in CHANNELS]
    sql = f"select at, {', '.join(names)} from telemetry where heat_pump_id = $1 order by at desc limit $2"
    rows = await tx.fetch(sql, heat_pump_id, limit)
    return [(row[0], {n: v for n, v in zip(names, tuple(row)[1:], strict=True) if v is not None}) for row in rows]


async def cues(tx: ReadTx, heat_pump_id: UUID) -> list[OpenCue]:
    """The active cues, oldest first."""
    sql = "select code, metadata, sent_at from cues where heat_pump_id = $1 and state = 'active' order by sent_at"
    return many(OpenCue, await tx.fetch(sql, heat_pump_id))


async def plan(tx: ReadTx, heat_pump_id: UUID, now: datetime) -> PlanState | None:
    """The plan from now on, or None where there is none."""
    sql = """
        select min(made_at), max(start_at) + interval '15 minutes', count(*), max(policy_version), max(model_version)
        from plan_steps where heat_pump_id = $1 and start_at > $2::timestamptz - interval '15 minutes'"""
    row = await tx.row(sql, heat_pump_id, now)
    return None if row is None or row[0] is None else PlanState(*row)


async def model(tx: ReadTx, pump: HeatPump) -> tuple[str, str] | None:
    """Manufacturer and model, or None."""
    row = await tx.row("select manufacturer, model from device_models where id = $1", pump.device_model_id)
    return None if row is None else (row[0], row[1])


async def personal_words(tx: ReadTx, pump: HeatPump) -> list[str]:
    """Every word the installation knows that names the owner, their place, account or device."""
    sql = """
        select array[u.email, u.first_name, u.last_name, u.external_user_id, u.street_and_number, u.street_add_info,
          u.zip_code, u.town, b.name, b.street_and_number, b.street_add_info, b.zip_code, b.town, c.account_id]
        from users u left join buildings b on b.id = $3 left join connections c on c.id = $4
        where u.org_id = $1 and u.id = $2"""
    found = await tx.value(sql, pump.org_id, pump.user_id, pump.building_id, pump.connection_id)
    return [word for word in (*(found or ()), pump.name, pump.external_device_id, pump.comment) if word]
