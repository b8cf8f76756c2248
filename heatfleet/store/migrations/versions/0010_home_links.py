"""Which of the links to an owner's page are good."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0010_home_links"
down_revision = "0009_score"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
