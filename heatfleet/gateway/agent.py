"""The agent: talks to the server, reports its pumps, carries out commands, gives pumps back.

Two tasks: one dials, again and again with growing pauses, and converses; the other watches what stands at the pumps.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import OutsideWorldError
from heatfleet.domain.readings import Snapshot
from heatfleet.gateway.keeper import Keeper, Local
from heatfleet.gateway.link import Dial, Link, LinkLost
from heatfleet.processes import until_first
from heatfleet.vendors.kit.driver import DeviceRef
from heatfleet.vendors.kit.gateway_contract import Command, State, Welcome, profile_of, values_of

PAUSES_S = (1.0, 60.0)
UNKNOWN_PAUSE_S = 300.0
HEALTHY_AFTER_S = 60.0
FAREWELL_S = 15.0

log = structlog.get_logger("heatfleet.gateway")


@dataclass(frozen=True)
class Pace:
    """The pump's seconds: real ones, or for a simulated pump ``speed`` as many."""

    loop: asyncio.AbstractEventLoop
    speed: float = 1.0

    def now_s(self) -> float:
        """Seconds of the pump."""
        return self.loop.time() * self.speed

    def real_s(self, until_s: float | None) -> float | None:
        """How long that is from now, in real seconds."""
        return None if until_s is None else max(0.0, (until_s - self.now_s()) / self.speed)


class Agent:
    """One home's agent."""

    def __init__(self, local: Local, keeper: Keeper, dial: Dial, clock: Clock, pace: Pace) -> None:
        self._local, self._keeper, self._dial, self._clock, self._pace = local, keeper, dial, clock, pace
        self._server_ahead = timedelta(0)
        self._uniform: Callable[[float, float], float] = secrets.SystemRandom().uniform

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop``; then every pump is given back."""
        try:
            await until_first(self._talk(), self._keep(), stop.wait())
        finally:
            await self._farewell()

    async def _farewell(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL_S):
                is_done = await self._keeper.give_all_back()
                log.info("farewell", given_back=is_done)
                return
        log.warning("farewell without an answer of the heat pump; its relays open by themselves")

    async def _keep(self) -> None:
        """What stands is renewed or given back when it is due."""
        while True:
            await self._keeper.due()
            self._keeper.changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.real_s(self._keeper.next_due_s())):
                    await self._keeper.changed.wait()

    async def _talk(self) -> None:
        """Dial and converse for ever."""
        loop, (pause_s, longest_s) = asyncio.get_running_loop(), PAUSES_S
        while True:
            began_s, least_s = loop.time(), 0.0
            try:
                async with self._dial() as link:
                    await self._converse(link)
            except LinkLost as lost:
                least_s = UNKNOWN_PAUSE_S if lost.is_unknown else 0.0
                hint = "pair it anew with --code" if lost.is_unknown else None
                log.warning("no contact to the server", why=str(lost), hint=hint)
            self._keeper.contact(False)
            pause_s = PAUSES_S[0] if loop.time() - began_s > HEALTHY_AFTER_S else min(2 * pause_s, longest_s)
            await asyncio.sleep(self._uniform(0.5, 1.5) * max(pause_s, least_s))

    async def _converse(self, link: Link) -> None:
        """Until the link is lost."""
        welcome = await link.receive()
        if not isinstance(welcome, Welcome):
            raise LinkLost("the server does not greet")
        self._server_ahead = welcome.now - self._clock.wall_now()
        self._keeper.contact(True)
        log.info("in contact with the server", heat_pumps=len(self._local.devices))
        await until_first(self._obey(link), self._report(link, max(welcome.state_every_s / self._pace.speed, 1.0)))

    async def _obey(self, link: Link) -> None:
        devices = {device.external_device_id: device for device in self._local.devices}
        while True:
            message = await link.receive()
            if isinstance(message, Command):
                ack = await self._keeper.take(message, self._server_now())
                log.info("command", heat_pump=message.device, status=ack.status.value, ttl_s=message.ttl_s)
                if message.device in devices:
                    await link.send(await self._state(devices[message.device]))
                await link.send(ack)

    async def _report(self, link: Link, every_s: float) -> None:
        while True:
            for device in self._local.devices:
                await link.send(await self._state(device))
            await asyncio.sleep(every_s)

    async def _state(self, device: DeviceRef) -> State:
        """The pump as it is now; without readings when it could not be read."""
        try:
            snapshots = await self._local.driver.read(self._local.grant, [device.external_device_id])
            readings = {}
            if snapshots and isinstance(snapshots[0], Snapshot):
                readings = values_of(snapshots[0].readings)
        except OutsideWorldError as fault:
            log.warning("the heat pump cannot be read", heat_pump=device.external_device_id, code=fault.code)
            readings = {}
        return State(device.external_device_id, self._clock.fleet_now(), profile_of(device), readings)

    def _server_now(self) -> datetime:
        return self._clock.wall_now() + self._server_ahead
