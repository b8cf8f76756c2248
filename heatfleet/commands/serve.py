"""``heatfleet up|web|worker|migrate|release``: the platform on a real machine."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from heatfleet.commands import show
from heatfleet.commands.show import settings_with
from heatfleet.processes import follow_parent

if TYPE_CHECKING:
    from heatfleet.settings import Settings


def up(
    port: Annotated[int | None, typer.Option(help="Port to listen on [default: the setting].")] = None,
    workers: Annotated[int, typer.Option(help="How many worker processes.", min=1, max=64)] = 1,
) -> None:
    """Run database, web and worker here.

    The database only when HEATFLEET_DATABASE_URL names none. Migrates first, restarts a part that
    dies, and drains on SIGTERM. For many machines run `heatfleet web` and `heatfleet worker`
    yourself against one PostgreSQL.
    """
    from heatfleet.supervisor import up as run_up

    settings = settings_with(port=port)
    if settings.vendor_processes < workers:  # together they keep the vendors' call budgets
        settings = settings_with(port=port, vendor_processes=workers)
    asyncio.run(run_up(settings, workers))


def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: the setting].")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on [default: the setting].")] = None,
    follow: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False,
) -> None:
    """Serve the Partner API and the Connect page.

    Against the database of HEATFLEET_DATABASE_URL; run as many as you like behind a proxy.
    """
    from heatfleet.app import run_web

    if follow:
        follow_parent()
    asyncio.run(run_web(settings_with(host=host, port=port)))


def worker(follow: Annotated[bool, typer.Option("--follow-parent", hidden=True)] = False) -> None:
    """Poll, learn, plan and steer.

    Until SIGTERM; run as many as you like against one database.
    """
    settings = settings_with()
    use_numba_cache(settings)
    from heatfleet.app import run_worker

    if follow:
        follow_parent()
    asyncio.run(run_worker(settings))


def use_numba_cache(settings: Settings) -> None:
    """Keeps compiled kernels in the state folder; must run before numba is imported."""
    from heatfleet import settings as environment
    from heatfleet.store.embedded_files import make_home

    make_home(settings.home)
    environment.use_numba_cache(settings.home / "numba-cache")


def migrate() -> None:
    """Bring the database to this version.

    Safe to run twice, or from two machines at once.
    """
    from heatfleet.app import migrate_database

    show.line(f"database is at {asyncio.run(migrate_database(settings_with()))}")


def backup(folder: Annotated[Path, typer.Argument(help="A folder that is not there yet.")]) -> None:
    """Copy the installation into a folder.

    Embedded database and keys; `heatfleet up` may run meanwhile.

    Example: heatfleet backup /backups/heatfleet-monday
    """
    from heatfleet.app import back_up

    show.json_line(asyncio.run(back_up(settings_with(), folder.absolute())))


def restore(folder: Annotated[Path, typer.Argument(help="What `heatfleet backup` wrote.")]) -> None:
    """Bring an installation back.

    Into a HEATFLEET_HOME that has none yet.

    Example: HEATFLEET_HOME=/srv/new heatfleet restore /backups/heatfleet-monday
    """
    from heatfleet.store.backup import restore as bring_back

    show.line(f"database is at {asyncio.run(bring_back(settings_with(), folder.absolute()))}")


def release(
    heat_pump: Annotated[UUID | None, typer.Argument(help="Id of one heat pump.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every heat pump we have written to.")] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait until the pumps confirm.", min=0)] = 60.0,
) -> None:
    """Give pumps back to their owners.

    Writes the owners' own settings and waits until they are seen restored. Optimisation is
    switched off for them, so that nothing steers them again by itself.
    """
    if (heat_pump is None) == (not everything):
        raise typer.BadParameter("name one heat pump, or say --all")
    from heatfleet.app import release_pumps

    left = asyncio.run(release_pumps(settings_with(), heat_pump, wait_s=wait))
    show.line("all restored" if not left else f"{left} still owed; a running worker goes on trying")
    raise typer.Exit(1 if left else 0)
