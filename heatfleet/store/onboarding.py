"""Onboarding sessions and what a finished one leaves behind: connection, consent, place in the polling table."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from heatfleet.store.database import ReadTx, WriteTx
from heatfleet.store.ids import new_id
from heatfleet.store.rows import columns, one


class OnboardingSession(msgspec.Struct, frozen=True):
    """One way of one person through the Connect UI; ``step`` is where the person is."""

    id: UUID
    org_id: UUID
    user_id: UUID
    language: str
    price_zone_default: str
    is_smart_optimization_active_default: bool
    success_url: str
    cancel_url: str
    building_id: UUID | None
    device_type: str | None
    external_metadata: dict[str, Any]
    state: str
    step: dict[str, Any]
    heat_pump_id: UUID | None
    expires_at: datetime
    created_at: datetime


class NewConnection(msgspec.Struct, frozen=True):
    """An account at a vendor, its grant already sealed."""

    id: UUID
    user_id: UUID
    vendor: str
    account_id: str
    grant_sealed: bytes
    grant_expires_at: datetime | None


class Consent(msgspec.Struct, frozen=True):
    """What a person agreed to, in which words and language."""

    user_id: UUID
    heat_pump_id: UUID
    vendor: str
    scopes: list[str]
    language: str
    text_version: str


_COLUMNS = columns(OnboardingSession)


async def insert(tx: WriteTx, org_id: UUID, session: OnboardingSession) -> None:
    """A new session."""
    assert session.org_id == org_id
    values = msgspec.structs.astuple(session)
    marks = ", ".join(f"${i + 1}" for i in range(len(values)))
    await tx.execute(f"insert into onboarding_sessions ({_COLUMNS}) values ({marks})", *values)


async def get(tx: ReadTx, org_id: UUID, session_id: UUID) -> OnboardingSession | None:
    """The organisation's session, or None."""
    sql = f"select {_COLUMNS} from onboarding_sessions where org_id = $1 and id = $2"
    return one(OnboardingSession, await tx.row(sql, org_id, session_id))


async def find_for_connect(tx: ReadTx, session_id: UUID) -> OnboardingSession | None:
    """The session in whatever organisation: its id is what the person's browser brings."""
    return one(OnboardingSession, await tx.row(f"select {_COLUMNS} from onboarding_sessions where id = $1", session_id))


async def lock(tx: WriteTx, org_id: UUID, session_id: UUID) -> OnboardingSession | None:
    """The session, locked until the transaction ends, or None."""
    sql = f"select {_COLUMNS} from onboarding_sessions where org_id = $1 and id = $2 for update"
    return one(OnboardingSession, await tx.row(sql, org_id, session_id))


async def open_for_pump(tx: ReadTx, org_id: UUID, heat_pump_id: UUID, now: datetime) -> OnboardingSession | None:
    """The session that is open for this very pump, or None."""
    sql = f"""
        select {_COLUMNS} from onboarding_sessions
        where org_id = $1 and heat_pump_id = $2 and state = 'open' and expires_at > $3 order by id desc limit 1"""
    return one(OnboardingSession, await tx.row(sql, org_id, heat_pump_id, now))


async def save_step(tx: WriteTx, org_id: UUID, session_id: UUID, step: dict[str, Any]) -> None:
    """Where the person now is."""
    sql = "update onboarding_sessions set step = $3 where org_id = $1 and id = $2"
    await tx.execute(sql, org_id, session_id, step)


async def close(tx: WriteTx, org_id: UUID, session_id: UUID, state: str, heat_pump_id: UUID | None) -> None:
    """The session is over: done, cancelled or failed; what the step held (a sealed grant) is dropped."""
    sql = "update onboarding_sessions set state = $3, heat_pump_id = $4, step = '{}' where org_id = $1 and id = $2"
    await tx.execute(sql, org_id, session_id, state, heat_pump_id)


async def forget_expired(tx: WriteTx, now: datetime) -> int:
    """How many sessions ran out with something in their step (a sealed grant), which is dropped."""
    sql = "update onboarding_sessions set step = '{}' where state = 'open' and expires_at <= $1 and step <> '{}'"
    return await tx.execute(sql, now)


async def insert_connection(tx: WriteTx, org_id: UUID, connection: NewConnection, now: datetime) -> None:
    """A new connection with its sealed grant."""
    sql = """
        insert into connections (id, org_id, user_id, vendor, account_id, grant_sealed, grant_expires_at,
          created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8)"""
    c = connection
    await tx.execute(sql, c.id, org_id, c.user_id, c.vendor, c.account_id, c.grant_sealed, c.grant_expires_at, now)


async def insert_consent(tx: WriteTx, org_id: UUID, consent: Consent, now: datetime) -> None:
    """A row in the consent ledger."""
    sql = """
        insert into consents (id, org_id, user_id, heat_pump_id, vendor, scopes, language, text_version, given_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
    await tx.execute(sql, new_id(), org_id, *msgspec.structs.astuple(consent), now)


async def withdraw_consents(tx: WriteTx, org_id: UUID, heat_pump_id: UUID, now: datetime) -> None:
    """What the person agreed to for this pump ends now."""
    sql = "update consents set withdrawn_at = $3 where org_id = $1 and heat_pump_id = $2 and withdrawn_at is null"
    await tx.execute(sql, org_id, heat_pump_id, now)


async def start_polling(
    tx: WriteTx, org_id: UUID, heat_pump_id: UUID, connection_id: UUID, due_at: datetime, interval_s: int
) -> None:
    """The pump's place in the due-table; ``due_at`` on the fleet clock."""
    sql = """
        insert into polls (heat_pump_id, org_id, connection_id, due_at, last_contact_at, interval_s)
        values ($1, $2, $3, $4, $4, $5)
        on conflict (heat_pump_id) do update set connection_id = excluded.connection_id, due_at = excluded.due_at,
          interval_s = excluded.interval_s, leased_until = null, failures = 0"""
    await tx.execute(sql, heat_pump_id, org_id, connection_id, due_at, interval_s)


async def save_first_reading(
    tx: WriteTx, org_id: UUID, heat_pump_id: UUID, at: datetime, values: dict[str, float]
) -> None:
    """The reading taken before the pump was stored, as its newest values."""
    names = list(values)
    marks = "".join(f", ${i + 4}" for i in range(len(names)))
    heads = "".join(f", {name}" for name in names)
    sets = "".join(f", {name} = excluded.{name}" for name in names)
    sql = f"""
        insert into device_latest (heat_pump_id, org_id, at, polled_at{heads}) values ($1, $2, $3, $3{marks})
        on conflict (heat_pump_id) do update set at = excluded.at, polled_at = excluded.polled_at{sets}"""
    await tx.execute(sql, heat_pump_id, org_id, at, *values.values())
