"""What the operations that read below one heat pump share: the pump, and the time they are asked about."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from heatfleet.api.inputs import Instant
from heatfleet.api.operation import Param
from heatfleet.api.parse import Query
from heatfleet.domain.errors import Invalid, NotFound
from heatfleet.store import heat_pumps
from heatfleet.store.database import ReadTx
from heatfleet.store.heat_pumps import HeatPump

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
FROM = Param("from", datetime, "From this instant on, with an offset.")
TO = Param("to", datetime, "Before this instant, with an offset.")


async def living_pump(tx: ReadTx, org_id: UUID, user_id: UUID, heat_pump_id: UUID) -> HeatPump:
    """The user's heat pump; raises :class:`NotFound`, for a deleted one too."""
    pump = await heat_pumps.get(tx, org_id, heat_pump_id)
    if pump is None or pump.user_id != user_id or pump.deleted_at is not None:
        raise NotFound("There is no such heat pump.")
    return pump


def take_window(query: Query) -> tuple[datetime | None, datetime | None]:
    """``from`` and ``to`` as given; raises :class:`Invalid` for other wrong parameters, too."""
    since: datetime | None = query.take("from", Instant)
    until: datetime | None = query.take("to", Instant)
    query.done()
    for name, at in (("from", since), ("to", until)):
        if at is not None and not EARLIEST <= at < LATEST:
            raise Invalid.field(name, "must lie in the years 2000 to 2199", "range", "query")
    return since, until


def require_order(since: datetime, until: datetime) -> None:
    """Nothing when the time is not empty; raises :class:`Invalid`."""
    if until <= since:
        raise Invalid.field(
            "to", f"must be later than {since:%Y-%m-%dT%H:%M:%SZ}, where the time begins", "range", "query"
        )
