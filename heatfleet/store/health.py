"""Whether the database answers."""

from __future__ import annotations

from heatfleet.store.database import ReadTx


async def ping(tx: ReadTx) -> None:
    """Nothing; raises when the database does not answer or is not migrated."""
    await tx.value("select id from organisations limit 1")
