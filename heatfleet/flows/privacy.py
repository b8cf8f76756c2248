"""People leave: deleted softly at once, and, if they wish, erased once their heat pumps are their own again.

Who asks for it also gets everything that is kept of a person, page by page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from heatfleet.domain.errors import Conflict, NotFound, TryAgain
from heatfleet.domain.jobs import JobName
from heatfleet.flows.toolbox import Act, require_version
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.flows.toolbox_people import enqueue_for
from heatfleet.store import audit, exports, jobs, privacy, revocations, users
from heatfleet.store.audit import Entry
from heatfleet.store.database import FLEET, WriteTx
from heatfleet.store.exports import Rows, Series
from heatfleet.store.privacy import Ended
from heatfleet.store.users import User

RESTORED_WITHIN = timedelta(hours=24)
LOOK_AGAIN_S = 300.0
KINDS = {"building": "buildings", "energy_contract": "contracts", "heat_pump": "heat_pumps"}


async def delete_user(act: Act, user_id: UUID, if_match: frozenset[int] | None, *, by_client: bool) -> None:
    """Deletes the user softly with buildings, contracts and heat pumps, which get their owner's settings back first.

    :class:`NotFound`, :class:`PreconditionFailed`, :class:`Conflict` (the last admin; only a client may do that).
    """
    async with act.database.write(act.org_id) as tx:
        admins = await privacy.admins(tx, act.org_id)
        user = await users.get_for_update(tx, act.org_id, user_id)
        if user is None:
            raise NotFound("There is no such user.")
        require_version(user.version, if_match)
        if admins == [user_id] and not by_client:
            raise Conflict("The last admin of an organisation can only be deleted by one of its clients.")
        await _end(tx, act, user)


async def _end(tx: WriteTx, act: Act, user: User) -> None:
    now = act.clock.wall_now()
    await users.update(tx, act.org_id, user.id, {"deleted_at": now, "password_hash": None}, user.version + 1, now)
    await revocations.end_tokens_of_user(tx, act.org_id, user.id, now)
    ended = await privacy.end_things(tx, act.org_id, user.id, now)
    await privacy.forget_grants(tx, await privacy.unread_connections(tx, act.org_id, user.id), now)
    await enqueue_for(tx, JobName.RELEASE, act.org_id, ended.heat_pumps)
    await audit.record_many(tx, act.org_id, act.actor, [Entry("delete", "user", user.id), *_entries(ended)], now)


def _entries(ended: Ended) -> list[Entry]:
    return [Entry("delete", kind, id_) for kind, name in KINDS.items() for id_ in getattr(ended, name)]


async def ask_erasure(act: Act, user_id: UUID) -> None:
    """Has everything of a deleted user erased once their heat pumps are restored, a day from now at the latest.

    :class:`NotFound`; :class:`Conflict` when the user is not deleted.
    """
    now = act.clock.wall_now()
    payload = {"org_id": str(act.org_id), "user_id": str(user_id), "until": (now + RESTORED_WITHIN).isoformat()}
    async with act.database.write(act.org_id) as tx:
        person = await privacy.person(tx, act.org_id, user_id)
        if person is None:
            raise NotFound("There is no such user.")
        if person.deleted_at is None:
            raise Conflict("Only a deleted user can be erased.")
        await audit.record(tx, act.org_id, act.actor, Entry("erase", "user", user_id), now)
        await jobs.enqueue(tx, JobName.ERASE, payload, dedupe_key=str(user_id))


async def erase(tools: Tools, payloads: Sequence[Mapping[str, Any]]) -> None:
    """Erases what can be erased by now; :class:`TryAgain` while something is left to wait for."""
    waiting = [payload for payload in payloads if not await _erase_one(tools, payload)]
    if waiting:
        raise TryAgain("a heat pump is still being restored, or an access token could live", after_s=LOOK_AGAIN_S)


async def _erase_one(tools: Tools, payload: Mapping[str, Any]) -> bool:
    """Whether nothing is left of the person."""
    org_id, user_id = UUID(payload["org_id"]), UUID(payload["user_id"])
    now = tools.clock.wall_now()
    async with tools.database.write(FLEET) as tx:
        person = await privacy.person(tx, org_id, user_id)
        if person is not None and person.deleted_at is not None:
            things = await privacy.owned(tx, org_id, user_id)
            if now < datetime.fromisoformat(payload["until"]) and await privacy.is_owed(tx, things.heat_pumps):
                return False
            await privacy.erase(tx, org_id, person, things)
        return await privacy.refusal_ended(tx, org_id, user_id, now - revocations.LONGEST_LIFE)


async def note_export(act: Act, user_id: UUID) -> None:
    """That the user's data is about to be exported stands in the audit log."""
    async with act.database.write(act.org_id) as tx:
        await audit.record(tx, act.org_id, act.actor, Entry("export", "user", user_id), act.clock.wall_now())


async def export(act: Act, user_id: UUID) -> AsyncIterator[tuple[str, Rows]]:
    """Everything kept of the user as (section, rows): each section at least once, its pages one after the other.

    No page is larger than a week of one heat pump's readings; each is read in a transaction of its own.
    """
    for section in exports.SECTIONS:
        after: UUID | None = None
        while True:
            async with act.database.read(act.org_id) as tx:
                rows = await exports.page(tx, section, act.org_id, user_id, after)
            yield section.name, rows
            if len(rows) < exports.PAGE:
                break
            after = rows[-1]["id"]
    for series in exports.SERIES:
        async for rows in _weeks(act, user_id, series):
            yield series.name, rows
    async for rows in _telemetry(act, user_id):
        yield "telemetry", rows


async def _weeks(act: Act, user_id: UUID, series: Series) -> AsyncIterator[Rows]:
    yield []
    async with act.database.read(act.org_id) as tx:
        spans = await exports.spans(tx, series, act.org_id, user_id)
    for span in spans:
        for since in span.weeks():
            async with act.database.read(act.org_id) as tx:
                rows = await exports.week(tx, series, act.org_id, span.heat_pump_id, since)
            yield rows


async def _telemetry(act: Act, user_id: UUID) -> AsyncIterator[Rows]:
    yield []
    async with act.database.read(act.org_id) as tx:
        spans = await exports.telemetry_spans(tx, act.org_id, user_id)
    for span in spans:
        for since in span.weeks():
            async with act.database.read(act.org_id) as tx:
                rows = await exports.telemetry_week(tx, act.org_id, span.heat_pump_id, since)
            yield rows
