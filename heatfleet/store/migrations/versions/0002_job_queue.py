"""PgQueuer's tables, and our count of how often a job was begun."""

from __future__ import annotations

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment

from heatfleet.store.job_tables import SETTINGS
from heatfleet.store.migrations.scripts import run_sibling, run_sql

revision = "0002_job_queue"
down_revision = "0001_first_walk"


def upgrade() -> None:
    """Makes the queue."""
    queries = QueryBuilderEnvironment(SETTINGS)
    run_sql(queries.build_install_query(create_schema=False))
    run_sql(queries.build_optimize_autovacuum_query())
    run_sibling(__file__)
