"""How a migration runs SQL of several statements (a prepared statement takes only one)."""

from __future__ import annotations

from pathlib import Path

from alembic import op


def run_sql(sql: str) -> None:
    """Runs ``sql``, many statements at once, inside the migration's transaction."""
    bind = op.get_bind()
    bind.exec_driver_sql("select 1")  # makes the driver begin the transaction that the next line must be in
    bind.connection.dbapi_connection.run_async(lambda connection: connection.execute(sql))  # type: ignore[union-attr]


def run_sibling(migration: str) -> None:
    """Runs the ``.sql`` file beside the migration ``migration`` (its ``__file__``)."""
    run_sql(Path(migration).with_suffix(".sql").read_text(encoding="utf-8"))
