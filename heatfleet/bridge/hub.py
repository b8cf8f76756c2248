"""Joins the processes: who of this process's gateways has a command waiting, who waits for which answer.

Listens on the database only while somebody here needs it. When the listening connection is lost everybody is woken to
look for themselves, and again when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import structlog

from heatfleet.store import gateway_signals
from heatfleet.store.database import Database
from heatfleet.store.gateway_signals import Signal, What
from heatfleet.store.health import UNREACHABLE

LISTEN_AGAIN_S = (0.2, 10.0)
MAX_SESSIONS = 20_000
MAX_WAITING = 10_000

log = structlog.get_logger("heatfleet.bridge")


@dataclass
class Seat:
    """The place of one connected gateway: woken when commands may wait, closed when another connection counts."""

    gateway_id: UUID
    session_id: UUID
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)


class Hub:
    """One per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seats: dict[UUID, Seat] = {}
        self._answers: dict[UUID, asyncio.Event] = {}
        self._carriers: set[Callable[[UUID], None]] = set()
        self._users = 0
        self._listener: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Signals are heard while the block runs."""
        self._users += 1
        if self._listener is None:
            self._listener = asyncio.create_task(self._listen(), name="gateway-signals")
        try:
            await self._ready.wait()
            yield
        finally:
            self._users -= 1
            if self._users == 0:
                await self._stop()

    async def _stop(self) -> None:
        listener, self._listener = self._listener, None
        self._ready.clear()
        if listener is not None:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener

    @asynccontextmanager
    async def seated(self, gateway_id: UUID, session_id: UUID) -> AsyncIterator[Seat]:
        """The seat of a gateway connected to this process; an older one of the same gateway is over."""
        assert len(self._seats) < MAX_SESSIONS
        if gateway_id in self._seats:
            self._seats[gateway_id].is_over.set()
        seat = self._seats[gateway_id] = Seat(gateway_id, session_id)
        seat.wake.set()
        try:
            yield seat
        finally:
            if self._seats.get(gateway_id) is seat:
                del self._seats[gateway_id]

    @asynccontextmanager
    async def awaiting(self, command_id: UUID) -> AsyncIterator[asyncio.Event]:
        """An event set when the command may have been answered."""
        assert len(self._answers) < MAX_WAITING
        event = self._answers[command_id] = asyncio.Event()
        try:
            yield event
        finally:
            del self._answers[command_id]

    @contextlib.contextmanager
    def carrying(self, wake: Callable[[UUID], None]) -> Iterator[None]:
        """``wake`` is called with every gateway that may have a command waiting: for carriers without seats."""
        self._carriers.add(wake)
        try:
            yield
        finally:
            self._carriers.discard(wake)

    async def _listen(self) -> None:
        wait_s, longest_s = LISTEN_AGAIN_S
        while True:
            try:
                async with gateway_signals.listening(self._database, self._hear) as lost:
                    wait_s = LISTEN_AGAIN_S[0]
                    self._ready.set()
                    self._wake_all()
                    await lost.wait()
            except UNREACHABLE as fault:
                log.warning("gateway signals are not heard", error=type(fault).__name__, again_in_s=wait_s)
            self._wake_all()
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, longest_s)

    def _wake_all(self) -> None:
        for seat in self._seats.values():
            seat.wake.set()
        for event in self._answers.values():
            event.set()

    def _hear(self, signal: Signal) -> None:
        seat = self._seats.get(signal.gateway_id)
        if signal.what is What.ANSWER and signal.id in self._answers:
            self._answers[signal.id].set()
        elif signal.what is What.SESSION and seat is not None and seat.session_id != signal.id:
            seat.is_over.set()
        elif signal.what is What.COMMAND and seat is not None:
            seat.wake.set()
        elif signal.what is What.COMMAND:
            for wake in self._carriers:
                wake(signal.gateway_id)
