"""Whether the database answers."""

from __future__ import annotations

from typing import Final

import asyncpg

from heatfleet.store.database import ReadTx

UNREACHABLE: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
)
"""What asking the database raises while it is not there."""


async def ping(tx: ReadTx) -> None:
    """Nothing; raises when the database does not answer or is not migrated."""
    await tx.value("select id from organisations limit 1")
