"""Two workers may drop the same weeks side by side."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0013_weeks_dropped_twice"
down_revision = "0012_tanks"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
