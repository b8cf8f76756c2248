"""What reasons refer to, and every plan beside the owner's own control."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0006_reasons"
down_revision = "0005_fleet_pages"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
