"""Signals between processes about gateways, by LISTEN and NOTIFY: nobody polls, and nothing is lost by missing one.

A signal only says where to look; what counts is in the tables. Whoever begins to listen looks once by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec

from heatfleet.store.database import Database, WriteTx

CHANNEL: Final = "heatfleet_gateway"


class What(StrEnum):
    """What has happened."""

    COMMAND = "command"  # one waits for the gateway
    ANSWER = "answer"  # the gateway has answered the command ``id``
    SESSION = "session"  # the gateway's connection ``id`` is the only one that counts; none when revoked


class Signal(msgspec.Struct, frozen=True, array_like=True):
    """One signal."""

    what: What
    gateway_id: UUID
    id: UUID | None = None


async def send(tx: WriteTx, *signals: Signal) -> None:
    """Heard by every listening process when the transaction commits."""
    texts = [msgspec.json.encode(signal).decode() for signal in signals]
    await tx.fetch("select pg_notify($1, text) from unnest($2::text[]) as s(text)", CHANNEL, texts)


@asynccontextmanager
async def listening(database: Database, hear: Callable[[Signal], None]) -> AsyncIterator[asyncio.Event]:
    """Calls ``hear`` with every signal while the block runs; the event it yields is set when the connection is lost."""
    lost = asyncio.Event()

    def notified(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
        hear(msgspec.json.decode(str(payload), type=Signal))

    def ended(_connection: Any) -> None:
        lost.set()

    async with database.pool.acquire() as connection:
        await connection.add_listener(CHANNEL, notified)
        connection.add_termination_listener(ended)
        try:
            yield lost
        finally:
            connection.remove_termination_listener(ended)
            if not connection.is_closed():
                await connection.remove_listener(CHANNEL, notified)
