"""Onboarding sessions: what a partner asks for, and what a person's browser brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.flows.toolbox import Act, SessionOver, session_still_open
from heatfleet.store import audit, buildings, heat_pumps, onboarding, organisations, users
from heatfleet.store.audit import Actor, Entry
from heatfleet.store.database import FLEET, Database, ReadTx
from heatfleet.store.ids import new_id
from heatfleet.store.onboarding import OnboardingSession


@dataclass(frozen=True)
class NewSession:
    """What a partner asks for."""

    user_id: UUID
    language: str
    price_zone_default: str
    success_url: str
    cancel_url: str
    is_smart_optimization_active_default: bool = False
    building_id: UUID | None = None
    device_type: str | None = "hp"
    external_metadata: Mapping[str, Any] = field(default_factory=dict)
    heat_pump_id: UUID | None = None


async def create_session(act: Act, wanted: NewSession) -> UUID:
    """The id of a new session; :class:`Invalid` names what does not exist or is not allowed."""
    async with act.database.read(act.org_id) as tx:
        await _check_hosts(tx, act.org_id, wanted)
    return await _create(act, wanted)


async def _create(act: Act, wanted: NewSession) -> UUID:
    session_id, now = new_id(), act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        await _check_wanted(tx, act.org_id, wanted)
        await onboarding.insert(tx, act.org_id, _new_row(act.org_id, session_id, wanted, now))
        after = {"user_id": wanted.user_id, "heat_pump_id": wanted.heat_pump_id}
        await audit.record(
            tx, act.org_id, act.actor, Entry("create", "onboarding_session", session_id, None, after), now
        )
    return session_id


async def session_for_pump(act: Act, heat_pump_id: UUID, home_url: str, language: str = "en") -> UUID:
    """The id of the session open for this very pump, made when there is none; it leads to ``home_url``."""
    async with act.database.read(act.org_id) as tx:
        known = await onboarding.open_for_pump(tx, act.org_id, heat_pump_id, act.clock.wall_now())
        pump = await heat_pumps.get(tx, act.org_id, heat_pump_id)
    if pump is None or pump.deleted_at is not None:
        raise NotFound("There is no such heat pump.")
    if known is not None:
        return known.id
    wanted = NewSession(
        user_id=pump.user_id,
        language=language,
        price_zone_default=pump.price_zone,
        success_url=home_url,
        cancel_url=home_url,
        is_smart_optimization_active_default=pump.is_smart_optimization_active,
        building_id=pump.building_id,
        heat_pump_id=heat_pump_id,
    )
    return await _create(act, wanted)  # it leads to our own pages, which no organisation has to allow


async def open_session(database: Database, clock: Clock, session_id: UUID) -> OnboardingSession:
    """The session a person's browser brings; raises :class:`SessionOver`."""
    async with database.read(FLEET) as tx:
        session = await onboarding.find_for_connect(tx, session_id)
    if session is None:
        raise SessionOver("unknown")
    if session.state != "open":
        raise SessionOver(session.state, session)
    if session.expires_at <= clock.wall_now():
        raise SessionOver("expired", session)
    return session


def act_for(database: Database, clock: Clock, session: OnboardingSession, request_id: str | None) -> Act:
    """The person of the session as an actor."""
    return Act(database, clock, Actor(f"user:{session.user_id}", request_id), session.org_id)


async def cancel(act: Act, session: OnboardingSession) -> None:
    """Ends the session without a device."""
    async with act.database.write(act.org_id) as tx:
        await session_still_open(tx, act.org_id, session.id)
        await onboarding.close(tx, act.org_id, session.id, "cancelled", session.heat_pump_id)


async def _check_wanted(tx: ReadTx, org_id: UUID, wanted: NewSession) -> None:
    if await users.get(tx, org_id, wanted.user_id) is None:
        raise Invalid.field("user_id", "the organisation has no such user", "not_found")
    building = await buildings.get(tx, org_id, wanted.building_id) if wanted.building_id else None
    if wanted.building_id and (building is None or building.user_id != wanted.user_id):
        raise Invalid.field("building_id", "the user has no such building", "not_found")


async def _check_hosts(tx: ReadTx, org_id: UUID, wanted: NewSession) -> None:
    organisation = await organisations.get(tx, org_id)
    hosts = organisation.redirect_hosts if organisation else []
    for name in ("success_url", "cancel_url"):
        if hosts and urlsplit(getattr(wanted, name)).hostname not in hosts:
            raise Invalid.field(name, "the organisation's settings do not allow this host", "host")


def _new_row(org_id: UUID, session_id: UUID, wanted: NewSession, now: datetime) -> OnboardingSession:
    """The session as a row: open until the end of the next day, UTC."""
    end_of_next_day = datetime.combine(now.astimezone(UTC).date() + timedelta(days=2), time(), UTC)
    return OnboardingSession(
        id=session_id,
        org_id=org_id,
        user_id=wanted.user_id,
        language=wanted.language,
        price_zone_default=wanted.price_zone_default,
        is_smart_optimization_active_default=wanted.is_smart_optimization_active_default,
        success_url=wanted.success_url,
        cancel_url=wanted.cancel_url,
        building_id=wanted.building_id,
        device_type=wanted.device_type,
        external_metadata=dict(wanted.external_metadata),
        state="open",
        step={},
        heat_pump_id=wanted.heat_pump_id,
        expires_at=end_of_next_day,
        created_at=now,
    )
