"""The tables of the first walk."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0001_first_walk"
down_revision = None


def upgrade() -> None:
    """Makes the tables."""
    run_sibling(__file__)
