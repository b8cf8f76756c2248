"""Telemetry that stays small and fast: roll-ups, compacted weeks, retention."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0004_telemetry"
down_revision = "0003_partner_api"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
