"""The Partner API: what accounts, access and contracts need beyond the first walk."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0003_partner_api"
down_revision = "0002_job_queue"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
