"""What sensors have said over the last days: which stand still, and what was fed into the grid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heatfleet.domain.readings import Channel
from heatfleet.domain.solar import Export
from heatfleet.store.database import ReadTx

WATCHED = (Channel.INDOOR_TEMP_C, Channel.OUTDOOR_TEMP_C, Channel.DHW_TEMP_C)

_STILL = " or ".join(
    f"""(l.{name} is not null
      and exists (select from telemetry t where t.heat_pump_id = l.heat_pump_id and t.{name} is not null
                  and t.at > $2::timestamptz - interval '1 hour' and t.at <= $2)
      and not exists (select from telemetry t where t.heat_pump_id = l.heat_pump_id
                      and t.at > $2 and t.{name} <> l.{name}))"""
    for name in (channel.value for channel in WATCHED)
)


async def frozen(tx: ReadTx, heat_pump_ids: Sequence[UUID], since: datetime) -> set[UUID]:
    """Pumps of which a temperature has been read since ``since`` and has never changed."""
    sql = f"select l.heat_pump_id from device_latest l where l.heat_pump_id = any($1) and ({_STILL})"
    return {row[0] for row in await tx.fetch(sql, list(heat_pump_ids), since)}


async def exports(tx: ReadTx, heat_pump_ids: Sequence[UUID], since: datetime) -> dict[UUID, list[Export]]:
    """Power fed into the grid [kW] by these homes since an instant, in order; homes that do not measure it left out."""
    if not heat_pump_ids:
        return {}
    sql = """
        select heat_pump_id, array_agg(at order by at), array_agg(grid_export_kw order by at) from telemetry
        where heat_pump_id = any($1) and at >= $2 and grid_export_kw is not null group by heat_pump_id"""
    rows = await tx.fetch(sql, list(heat_pump_ids), since)
    return {row[0]: [Export(at, kw) for at, kw in zip(row[1], row[2], strict=True)] for row in rows}
