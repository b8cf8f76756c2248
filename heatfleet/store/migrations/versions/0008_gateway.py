"""Gateways in homes: how they are paired, what they last told, what they are told to do."""

from __future__ import annotations

from heatfleet.store.migrations.scripts import run_sibling

revision = "0008_gateway"
down_revision = "0007_notices"


def upgrade() -> None:
    """Runs the SQL beside this file."""
    run_sibling(__file__)
