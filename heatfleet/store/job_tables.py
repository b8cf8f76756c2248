"""The names of PgQueuer's tables, stated here so that nothing outside the house can change them."""

from __future__ import annotations

from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel

CHANNEL = "ch_pgqueuer"
SETTINGS = DBSettings(
    prefix="",
    db_schema=None,
    channel=Channel(CHANNEL),
    function="fn_pgqueuer_changed",
    statistics_table="pgqueuer_statistics",
    queue_status_type="pgqueuer_status",
    queue_table="pgqueuer",
    queue_table_log="pgqueuer_log",
    trigger="tg_pgqueuer_changed",
    schedules_table="pgqueuer_schedules",
    durability=Durability.balanced,
)
