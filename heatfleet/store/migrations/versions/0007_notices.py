"""All cues of a pump are found quickly: a notice is raised once, read or not."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0007_notices"
down_revision = "0006_reasons"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
