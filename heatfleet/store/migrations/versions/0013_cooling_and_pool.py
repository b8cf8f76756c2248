"""Cooling and pool: what is read of them and planned for them."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0013_cooling_and_pool"
down_revision = "0012_tanks"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
