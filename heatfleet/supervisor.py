"""``heatfleet up``: database if none is given, migrate, then web and workers as children, restarted with back-off.

Children follow their parent, so that ``kill -9`` of the supervisor leaves no process. SIGTERM drains: children first,
the database last.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import structlog

from heatfleet.logs import setup_logging
from heatfleet.processes import stop_on_signals
from heatfleet.serving import bind
from heatfleet.settings import Settings, child_environment
from heatfleet.store.provider import provide_database

FIRST_WAIT_S, LONGEST_WAIT_S, HEALTHY_AFTER_S, DRAIN_S = 0.5, 30.0, 60.0, 20.0

log = structlog.get_logger("supervisor")


@dataclass(frozen=True)
class Part:
    """One child: its name and its ``heatfleet`` arguments."""

    name: str
    arguments: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """The command line."""
        return [sys.executable, "-m", "heatfleet", *self.arguments, "--follow-parent"]


def parts(workers: int) -> list[Part]:
    """Web, and as many workers as asked for."""
    return [Part("web", ("web",)), *(Part(f"worker-{n + 1}", ("worker",)) for n in range(workers))]


async def up(settings: Settings, workers: int) -> None:
    """Runs everything until SIGINT or SIGTERM; raises OSError when the database cannot start."""
    setup_logging(settings.log_level, settings.log_json)
    bind(settings.host, settings.port).close()
    stop = stop_on_signals()
    async with provide_database(settings.dsn, settings.home, user=settings.postgres_user) as urls:
        environment = child_environment(settings, database_url=urls.app_url)
        await supervise(parts(workers), environment, stop)


async def supervise(wanted: Sequence[Part], environment: Mapping[str, str], stop: asyncio.Event) -> None:
    """Keeps every part running until ``stop``, then ends them all."""
    tasks = [asyncio.create_task(keep_running(part, environment, stop), name=part.name) for part in wanted]
    await stop.wait()
    log.info("draining")
    await asyncio.gather(*tasks)


async def keep_running(part: Part, environment: Mapping[str, str], stop: asyncio.Event) -> None:
    """One part, restarted with growing pauses while it keeps dying."""
    wait_s, loop = FIRST_WAIT_S, asyncio.get_running_loop()
    while not stop.is_set():
        began_s = loop.time()
        process = await asyncio.create_subprocess_exec(*part.command, env=dict(environment), start_new_session=True)
        log.info("started", part=part.name, pid=process.pid)
        code = await run_until(process, stop)
        if stop.is_set():
            return
        lived_s = loop.time() - began_s
        wait_s = FIRST_WAIT_S if lived_s > HEALTHY_AFTER_S else min(2 * wait_s, LONGEST_WAIT_S)
        log.warning("ended by itself", part=part.name, code=code, lived_s=round(lived_s, 1), again_in_s=wait_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), wait_s)


async def run_until(process: asyncio.subprocess.Process, stop: asyncio.Event) -> int:
    """The exit code; on ``stop`` the process is asked to end, and made to after ``DRAIN_S``."""
    ended, stopped = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({ended, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            process.terminate()
            await asyncio.wait({ended}, timeout=DRAIN_S)
        if not ended.done():
            process.kill()
        return await ended
    finally:
        stopped.cancel()
