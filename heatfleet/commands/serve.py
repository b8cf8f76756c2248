"""``heatfleet up|web|worker|migrate|release``: the platform on a real machine."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

import typer

from heatfleet.commands import show
from heatfleet.commands.show import settings_with
from heatfleet.processes import follow_parent


def up(
    port: Annotated[int | None, typer.Option(help="Port to listen on [default: the setting].")] = None,
    workers: Annotated[int, typer.Option(help="How many worker processes.", min=1, max=64)] = 1,
) -> None:
    """Everything a small installation needs: database (unless HEATFLEET_DATABASE_URL names one), web and worker.

    Migrates first, restarts a part that dies, and drains on SIGTERM. For many machines run
    `heatfleet web` and `heatfleet worker` yourself against one PostgreSQL.
    """
    from heatfleet.supervisor import up as run_up

    asyncio.run(run_up(settings_with(port=port), workers))


def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: the setting].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [default: the setting].")] = None,
    follow: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False,
) -> None:
    """The Partner API and the Connect page, against the database of HEATFLEET_DATABASE_URL."""
    from heatfleet.app import run_web

    if follow:
        follow_parent()
    asyncio.run(run_web(settings_with(host=host, port=port)))


def worker(follow: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False) -> None:
    """One worker: polls heat pumps, learns, plans and steers until SIGTERM; run as many as you like."""
    from heatfleet.app import run_worker

    if follow:
        follow_parent()
    asyncio.run(run_worker(settings_with()))


def migrate() -> None:
    """Bring the database to this version's tables (safe to run twice, or from two machines at once)."""
    from heatfleet.app import migrate_database

    show.line(f"database is at {asyncio.run(migrate_database(settings_with()))}")


def release(
    heat_pump: Annotated[UUID | None, typer.Argument(help="Id of one heat pump.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every heat pump we have written to.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait until the pumps confirm.", min=0)] = 60.0,
) -> None:
    """Give heat pumps back to their owners' settings, and wait until they are seen restored.

    Optimisation is switched off for them, so that nothing steers them again by itself.
    """
    if (heat_pump is None) == (not everything):
        raise typer.BadParameter("name one heat pump, or say --all")
    from heatfleet.app import release_pumps

    left = asyncio.run(release_pumps(settings_with(), heat_pump, wait_s=wait))
    show.line("all restored" if not left else f"{left} still owed; a running worker goes on trying")
    raise typer.Exit(1 if left else 0)
