"""A connected heat pump with readings, a plan and notices, and a browser of its owner's: for tests of their page."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Plan, PlanStep, Reason, ReasonDetail
from heatfleet.store import onboarding, plans
from heatfleet.store.database import FLEET
from heatfleet.store.ids import new_id
from heatfleet.store.onboarding import Consent
from tests.api_server import Answer, Api
from tests.store.worlds import add_connection, add_pump

MTU = timedelta(minutes=15)
READ = {
    "indoor_temp_c": 21.4, "outdoor_temp_c": 1.25, "dhw_temp_c": 47.5, "power_kw": 1.2345, "mode": 2.0,
    "indoor_setpoint_c": 21.0, "dhw_setpoint_c": 50.0,
}  # fmt: skip


async def connected_pump(api: Api, user_id: UUID, now: datetime, language: str = "en", **fields: Any) -> UUID:
    """A pump that is read and steered, whose owner has agreed in ``language``."""
    database, org_id = api.services.database, api.org_id
    connection_id = await add_connection(database, org_id, user_id, b"sealed", now)
    about = {"name": "Air 8", "control_state": "steering", "current_state": "low"}
    pump_id = await add_pump(database, org_id, (user_id, connection_id), now, **about | fields)
    async with database.write(FLEET) as tx:
        await onboarding.save_first_reading(tx, org_id, pump_id, now - timedelta(minutes=3), READ)
        consent = Consent(user_id, pump_id, "sandbox", ["read", "write"], language, "1")
        await onboarding.insert_consent(tx, org_id, consent, now)
    return pump_id


def step(at: datetime, n: int) -> PlanStep:
    """A day as days are: dear in the morning, hot water, cheap at noon."""
    state, reason, detail = SteeringState.MID, Reason.STEADY, ReasonDetail()
    if n < 12:
        state, reason, detail = SteeringState.LOW, Reason.DEAR_NOW, ReasonDetail(until=at + (12 - n) * MTU)
    elif 20 <= n < 32:
        state, reason = SteeringState.MAX, Reason.CHEAP_NOW
    price = 0.41 if n < 12 else 0.22 if 20 <= n < 32 else 0.31
    return PlanStep(
        at, state, 14 <= n < 17, 1.2, 21.2 - 0.05 * min(n, 20) + 0.08 * max(n - 20, 0), 46.0, price, reason, detail
    )


def summer_step(at: datetime, n: int) -> PlanStep:
    """The same day in summer: it is cooled, and the pool is heated when it is cheap."""
    warmer = step(at, n).indoor_temp_c + 3.0
    return replace(
        step(at, n), indoor_temp_c=warmer, cooling=True, pool_heating=24 <= n < 32, pool_temp_c=27.0 + 0.02 * n
    )


Step = Callable[[datetime, int], PlanStep]


async def save_plan(api: Api, pump_id: UUID, now: datetime, count: int = 64, step: Step = step) -> None:
    """A plan from now on."""
    steps = tuple(step(now + n * MTU, n) for n in range(count))
    async with api.services.database.write(FLEET) as tx:
        version = await tx.value("select policy_version from heat_pumps where id = $1", pump_id)
        assert await plans.replace(tx, {pump_id: Plan(steps, now, 1, version)}) == [pump_id]


async def add_cue(api: Api, pump_id: UUID, kind: str, **metadata: Any) -> UUID:
    """A cue that is active."""
    cue_id = new_id()
    async with api.services.database.write(api.org_id) as tx:
        await tx.execute(
            "insert into cues (id, org_id, heat_pump_id, code, metadata, sent_at) values ($1, $2, $3, $4, $5, $6)",
            cue_id, api.org_id, pump_id, kind, metadata, api.services.clock.wall_now(),
        )  # fmt: skip
    return cue_id


async def make_link(api: Api, user_id: UUID, pump_id: UUID, **query: Any) -> str:
    """What the partner gets to send."""
    path = f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}/home-link"
    made = await api.call("POST", path, params=query)
    assert made.status == 200, made.body
    return str(made.body["url"])


@dataclass
class Owner:
    """One browser, by hand: its cookies by name, and the page it last saw."""

    api: Api
    user_id: UUID
    pump_id: UUID
    cookies: dict[str, str] = field(default_factory=dict)
    last: Answer = field(init=False)

    async def open(self, url: str) -> Answer:
        """Follows a link; what it answers, and the cookie kept."""
        answer = await self.ask("GET", url.removeprefix(self.api.url))
        for header in answer.headers.getall("set-cookie", []):
            name, _, rest = header.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        return answer

    async def ask(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items()), **more.pop("headers", {})}
        self.last = await self.api.call(method, f"/{path}", token=None, headers=headers, **more)
        return self.last

    @property
    def path(self) -> str:
        return f"/home/{self.pump_id}"

    async def see(self, **query: str) -> str:
        """The page's text."""
        return text(await self.ask("GET", self.path, params=query))

    async def send(self, form: str, **fields: str) -> Answer:
        """Fills a form of the page as it is now and sends it; ``token`` and ``version`` as the page has them."""
        seen = await self.see()
        given = {name: hidden(seen, name) for name in ("token", "version")} | fields
        return await self.ask("POST", f"{self.path}/{form}", data=given)

    async def settings(self) -> dict[str, Any]:
        """The pump as the partner reads it."""
        path = f"/org/{self.api.org_id}/users/{self.user_id}/heat-pumps/{self.pump_id}"
        return (await self.api.call("GET", path)).body


def hidden(page: str, name: str) -> str:
    """The value of the first hidden field of this name."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return found[1]


def text(answer: Answer) -> str:
    return answer.body.decode()
