"""Where the demo's fleet clock stood; it never runs backwards, not even over a restart."""

from __future__ import annotations

from datetime import datetime

from heatfleet.store.database import ReadTx, WriteTx


async def load(tx: ReadTx) -> datetime | None:
    """The instant last saved, or None before the first."""
    found: datetime | None = await tx.value("select fleet_at from fleet_clock")
    return found


async def save(tx: WriteTx, fleet_at: datetime) -> None:
    """Keep the instant; an older one than the kept one changes nothing."""
    await tx.execute(
        "insert into fleet_clock (fleet_at) values ($1)"
        " on conflict (only_row) do update set fleet_at = greatest(fleet_clock.fleet_at, excluded.fleet_at)",
        fleet_at,
    )
