"""The owner's own page of a heat pump: links that lead to it, and everything it shows.

What the owner changes there goes through the same flows as the Partner API's changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import msgspec

from heatfleet.domain.errors import Conflict, HeatfleetError, NotFound
from heatfleet.domain.policy import Comfort, OwnSettings, Policy, comfort_at, settle
from heatfleet.domain.statuses import Lifecycle
from heatfleet.domain.time_grid import floor_mtu
from heatfleet.flows.toolbox import Act
from heatfleet.flows.toolbox_homes import home_of, load
from heatfleet.store import audit, heat_pump_views, heat_pumps, home_links, organisations, plans, sites
from heatfleet.store.audit import Entry
from heatfleet.store.database import Database, ReadTx
from heatfleet.store.heat_pump_views import HeatPumpView
from heatfleet.store.heat_pumps import HeatPump
from heatfleet.store.home_links import LinkFacts
from heatfleet.store.organisations import Organisation
from heatfleet.store.plans import PlanRow

LIFE = timedelta(days=400)
PURPOSE = "home"
AHEAD = timedelta(hours=12)


class LinkClosed(HeatfleetError):
    """The link was good once: the heat pump is disconnected, or newer links have replaced it."""


class Signer(Protocol):
    """What signs a link."""

    def sign(self, purpose: str, subject: str, now: datetime, life: timedelta) -> str:
        """A URL-safe secret that says ``subject`` until ``now + life``."""
        ...


class HomeKey(msgspec.Struct, frozen=True):
    """What a link says: whose page of which heat pump, and the version of links it belongs to."""

    org_id: UUID
    heat_pump_id: UUID
    user_id: UUID
    version: int

    @property
    def subject(self) -> str:
        """What is signed; :func:`read_key` takes it back."""
        return f"{self.org_id}|{self.heat_pump_id}|{self.user_id}|{self.version}"


@dataclass(frozen=True)
class Home:
    """What the page shows; ``version`` is that of the settings, ``comfort`` holds at each of the plan's ``rows``.

    ``pump`` and ``policy`` are as of now: a pause or an absence that is over is not in them.
    """

    pump: HeatPump
    policy: Policy
    version: int
    view: HeatPumpView
    organisation: Organisation
    currency: str
    rows: Sequence[PlanRow]
    comfort: Sequence[Comfort]
    comfort_now: Comfort | None  # None for a pump that was never read


def read_key(subject: str) -> HomeKey:
    """The key whose ``subject`` was signed."""
    org_id, heat_pump_id, user_id, version = subject.split("|")
    return HomeKey(UUID(org_id), UUID(heat_pump_id), UUID(user_id), int(version))


def link_to(signer: Signer, public_url: str, key: HomeKey, now: datetime) -> str:
    """The address that opens the page of ``key`` for :data:`LIFE`; who has it, has the page."""
    return f"{public_url}/home?secret={signer.sign(PURPOSE, key.subject, now, LIFE)}"


async def home_link(act: Act, signer: Signer, public_url: str, heat_pump_id: UUID) -> str | None:
    """A link to the owner's page of this heat pump, for its owner's eyes only; None where there is no page."""
    async with act.database.read(act.org_id) as tx:
        found = await home_links.facts(tx, act.org_id, heat_pump_id)
    if found is None or found.lifecycle_state == Lifecycle.DISCONNECTED:
        return None
    key = HomeKey(act.org_id, heat_pump_id, found.user_id, found.version)
    return link_to(signer, public_url, key, act.clock.wall_now())


async def new_key(act: Act, user_id: UUID, heat_pump_id: UUID, *, revoke_older: bool) -> HomeKey:
    """What a fresh link says, noted in the audit; ``revoke_older`` = links made before are no good any more.

    :class:`NotFound`; :class:`Conflict` for a heat pump that is disconnected.
    """
    now = act.clock.wall_now()
    async with act.database.write(act.org_id) as tx:
        if await heat_pumps.get_for_update(tx, act.org_id, heat_pump_id) is None:
            raise NotFound("There is no such heat pump.")
        if revoke_older:
            await home_links.revoke(tx, act.org_id, heat_pump_id)
        found = await home_links.facts(tx, act.org_id, heat_pump_id)
        if found is None or found.user_id != user_id:
            raise NotFound("There is no such heat pump.")
        if found.lifecycle_state == Lifecycle.DISCONNECTED:
            raise Conflict("The owner has disconnected this heat pump; it has no page until it is connected again.")
        after = {"expires_at": now + LIFE, "revoke_older": revoke_older}
        await audit.record(tx, act.org_id, act.actor, Entry("home_link", "heat_pump", heat_pump_id, None, after), now)
    return HomeKey(act.org_id, heat_pump_id, user_id, found.version)


async def check_key(database: Database, key: HomeKey) -> LinkFacts:
    """What is known of the page's heat pump; :class:`NotFound` (it or its owner is gone), :class:`LinkClosed`."""
    async with database.read(key.org_id) as tx:
        found = await home_links.facts(tx, key.org_id, key.heat_pump_id)
    if found is None or found.user_id != key.user_id:
        raise NotFound("There is no such heat pump.")
    if found.version != key.version or found.lifecycle_state == Lifecycle.DISCONNECTED:
        raise LinkClosed("This link is not good any more.")
    return found


async def look(act: Act, user_id: UUID, heat_pump_id: UUID) -> Home:
    """Everything the page shows now; raises :class:`NotFound`."""
    now = act.clock.fleet_now()
    async with act.database.read(act.org_id) as tx:
        pump = await heat_pumps.get(tx, act.org_id, heat_pump_id)
        view = await heat_pump_views.get(tx, act.org_id, user_id, heat_pump_id)
        organisation = await organisations.get(tx, act.org_id)
        if pump is None or view is None or organisation is None:
            raise NotFound("There is no such heat pump.")
        currency = (await sites.sites(tx, [pump.id]))[pump.id].currency
        since = floor_mtu(now)
        rows = await plans.of_pump(tx, act.org_id, pump.id, since, since + AHEAD)
        before = heat_pumps.policy_of(pump)
        policy = settle(before, now)
        own = await _own_settings(tx, pump)
    comfort = [] if own is None else [comfort_at(policy, own, row.start_at, row.cooling) for row in rows]
    cools_now = bool(rows) and rows[0].cooling
    return Home(
        pump=pump,
        policy=policy,
        version=pump.version + (policy != before),
        view=view,
        organisation=organisation,
        currency=currency,
        rows=rows,
        comfort=comfort,
        comfort_now=None if own is None else comfort_at(policy, own, now, cools_now),
    )


async def _own_settings(tx: ReadTx, pump: HeatPump) -> OwnSettings | None:
    """The owner's own; None for a pump that was never read, whose settings nobody knows."""
    loaded = await load(tx, [pump.id], only_optimised=False)
    return home_of(loaded, pump).own if loaded.pumps else None
