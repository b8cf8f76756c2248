"""What stands at the pumps in this home, until when; gives a pump back to its own control when that is over.

A command is over when its time has passed, or when contact to the server has been lost for ``GRACE_S``. Until then it
is renewed at the local device, which gets only ``DEAD_MAN_S``: when this process dies, the device ends it by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from heatfleet.domain.errors import OutsideWorldError, Refused
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Snapshot
from heatfleet.gateway.journal import Journal
from heatfleet.vendors.kit.driver import DeviceRef, Grant, Receipt, Unread, Write
from heatfleet.vendors.kit.gateway_contract import MAX_TTL_S, Ack, AckStatus, Command, writes_of

GRACE_S = 120.0
DEAD_MAN_S = 300.0
RENEW_S = 100.0
RETRY_S = 10.0
CLOCKS_APART = timedelta(minutes=5)
NORMAL = {str(Lever.SG_READY_STATE): 2.0}
"""The pump's own programme."""

log = structlog.get_logger("heatfleet.gateway")


class LocalDriver(Protocol):
    """What the agent needs of a driver."""

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        """The pumps here."""
        ...

    async def read(self, grant: Grant, external_device_ids: Sequence[str]) -> Sequence[Snapshot | Unread]:
        """What they show."""
        ...

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        """Move a lever."""
        ...


@dataclass(frozen=True)
class Local:
    """The driver of this home, signed in, and the pumps it found."""

    driver: LocalDriver
    grant: Grant
    devices: tuple[DeviceRef, ...]


@dataclass
class Standing:
    """Lever values in force at one pump [s on the keeper's clock]."""

    values: dict[str, float]
    until_s: float
    renew_at_s: float


class Keeper:
    """Holds commands in force; ``now_s`` is a clock of seconds that never jumps."""

    def __init__(self, local: Local, journal: Journal, now_s: Callable[[], float]) -> None:
        self._local, self._journal, self._now_s = local, journal, now_s
        self._known = {device.external_device_id for device in local.devices}
        self._standing: dict[str, Standing] = {}
        self._owed = {device: now_s() for device in journal.moved if device in self._known}
        self._lost_at_s: float | None = None
        self._lock = asyncio.Lock()
        self.changed = asyncio.Event()

    def contact(self, is_there: bool) -> None:
        """The server is there, or has just been lost."""
        if is_there:
            self._lost_at_s = None
        elif self._lost_at_s is None:
            self._lost_at_s = self._now_s()
        self.changed.set()

    async def take(self, command: Command, server_now: datetime) -> Ack:
        """What became of a command; one that is old, came before or has no end is refused."""
        async with self._lock:
            refusal = self._refusal(command, server_now)
            if refusal is not None:
                return Ack(command.id, *refusal)
            self._journal.note(command.id, {*self._standing, *self._owed, command.device})
            left_s = self._left_s(command, server_now)
            fault = await self._write(command.device, command.writes, min(left_s, DEAD_MAN_S))
            self._settle(command, left_s, is_done=fault is None)
            self.changed.set()
            status = AckStatus.DONE if fault is None else fault[0]
            return Ack(command.id, status, "" if fault is None else fault[1])

    def _refusal(self, command: Command, server_now: datetime) -> tuple[AckStatus, str] | None:
        if not self._journal.is_newer(command.id):
            return AckStatus.REPLAYED, "it, or a later one, came before"
        if command.device not in self._known:
            return AckStatus.REFUSED, "no such heat pump here"
        if not 0 < command.ttl_s <= MAX_TTL_S or set(command.writes) != set(NORMAL):
            return AckStatus.REFUSED, "not a command with an end for the lever there is"
        if self._left_s(command, server_now) <= 0 or command.issued_at - server_now > CLOCKS_APART:
            return AckStatus.EXPIRED, "it came after its end, or before its beginning"
        return None

    def _left_s(self, command: Command, server_now: datetime) -> float:
        return command.ttl_s - max(0.0, (server_now - command.issued_at).total_seconds())

    def _settle(self, command: Command, left_s: float, *, is_done: bool) -> None:
        """What stands from now on; a pump that did not follow is given back."""
        now_s, device = self._now_s(), command.device
        self._standing.pop(device, None)
        self._owed.pop(device, None)
        if not is_done:
            self._owed[device] = now_s + RETRY_S
        elif command.writes != NORMAL:
            self._standing[device] = Standing(command.writes, now_s + left_s, now_s + RENEW_S)
        self._remember()

    async def due(self) -> None:
        """Renews what stands, gives back what is over; what could not be given back stays owed."""
        async with self._lock:
            now_s = self._now_s()
            is_lost = self._lost_at_s is not None and now_s >= self._lost_at_s + GRACE_S
            for device, standing in list(self._standing.items()):
                if is_lost or now_s >= standing.until_s:
                    log.info("giving back", heat_pump=device, why="contact lost" if is_lost else "time has passed")
                    del self._standing[device]
                    self._owed[device] = now_s
                elif now_s >= standing.renew_at_s:
                    standing.renew_at_s = now_s + RENEW_S
                    await self._write(device, standing.values, min(standing.until_s - now_s, DEAD_MAN_S))
            await self._give_back(now_s)

    async def _give_back(self, now_s: float) -> None:
        before = dict(self._owed)
        for device, at_s in before.items():
            if now_s >= at_s and await self._write(device, NORMAL, DEAD_MAN_S) is None:
                del self._owed[device]
            elif now_s >= at_s:
                self._owed[device] = now_s + RETRY_S
        if self._owed.keys() != before.keys():
            self._remember()

    def next_due_s(self) -> float | None:
        """When :meth:`due` has something to do, on the keeper's clock; None while nothing stands."""
        ends = [min(s.until_s, s.renew_at_s) for s in self._standing.values()]
        if self._lost_at_s is not None and self._standing:
            ends.append(self._lost_at_s + GRACE_S)
        return min([*ends, *self._owed.values()], default=None)

    async def give_all_back(self) -> bool:
        """Whether every pump follows its own programme again: the farewell."""
        async with self._lock:
            now_s = self._now_s()
            self._owed = dict.fromkeys([*self._standing, *self._owed], now_s)
            self._standing.clear()
            await self._give_back(now_s)
            return not self._owed

    async def _write(self, device: str, values: dict[str, float], lasts_s: float) -> tuple[AckStatus, str] | None:
        """Why the pump did not follow, or None."""
        try:
            receipt = await self._local.driver.write(self._local.grant, device, writes_of(values, lasts_s))
        except Refused as fault:
            return AckStatus.REFUSED, fault.code
        except OutsideWorldError as fault:
            log.warning("the heat pump does not follow", heat_pump=device, code=fault.code)
            return AckStatus.FAILED, fault.code
        return None if receipt.accepted else (AckStatus.REFUSED, receipt.detail)

    def _remember(self) -> None:
        self._journal.note(None, {*self._standing, *self._owed})

    @property
    def in_force(self) -> dict[str, dict[str, float]]:
        """What stands, by pump."""
        return {device: dict(standing.values) for device, standing in self._standing.items()}
