"""What days cost beside what they could have cost, and the score that follows."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0009_score"
down_revision = "0008_gateway"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
