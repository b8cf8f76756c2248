"""What is wanted of a tank by its temperature."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0012_tanks"
down_revision = "0011_poll_faults"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
