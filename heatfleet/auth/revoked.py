"""Which access tokens are refused before they expire: a copy of ``store/revocations.py``, seconds old at most.

While requests come it is read anew beside them; only the first request after a quiet time waits for it. A token ended
anywhere is so refused everywhere within ``MUST_READ``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from heatfleet.store import revocations
from heatfleet.store.database import FLEET, Database
from heatfleet.store.health import UNREACHABLE

log = structlog.get_logger()
READ_AGAIN, MUST_READ = timedelta(seconds=5), timedelta(seconds=20)


@dataclass
class Revoked:
    """Subject → the lowest token version still good; empty until first kept up."""

    _lowest: Mapping[str, int] = field(default_factory=dict)
    _read_at: datetime | None = None
    _reading: asyncio.Task[None] | None = None

    def refuses(self, subject: str, session: str, version: int) -> bool:
        """Whether a token of this subject, session and version was ended."""
        lowest = self._lowest
        return version < lowest.get(subject, 0) or version < lowest.get(session, 0)

    async def keep_up(self, database: Database, now: datetime) -> None:
        """Sees to it that the copy is fresh enough at ``now``; without a database the older one has to do."""
        age = MUST_READ if self._read_at is None else abs(now - self._read_at)
        if age < READ_AGAIN:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(database, now), name="revocations")
        if age >= MUST_READ:
            await asyncio.shield(self._reading)

    async def _read(self, database: Database, now: datetime) -> None:
        try:
            async with database.read(FLEET) as tx:
                self._lowest = await revocations.everything(tx, now)
        except UNREACHABLE as fault:
            log.warning("revocations_not_read", fault=str(fault))
            return
        self._read_at = now
