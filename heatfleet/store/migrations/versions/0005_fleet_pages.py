"""Pages of large fleets: what filters and searches look up."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0005_fleet_pages"
down_revision = "0004_telemetry"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
