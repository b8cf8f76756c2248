"""Why the last poll of a heat pump failed."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0011_poll_faults"
down_revision = "0010_home_links"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
