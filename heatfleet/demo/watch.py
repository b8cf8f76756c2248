"""Shows the running demo: the panel once, then the live table, or plain lines where nobody can see a table."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Sequence

import structlog
from rich.console import Console
from rich.live import Live

from heatfleet.demo.panel import Now, Ready, curl_lines, headline, panel, table

TABLE_EVERY_S, LINE_EVERY_S = 1.0, 60.0

log = structlog.get_logger("heatfleet.demo")
Look = Callable[[], Awaitable[Now]]


def announce(ready: Ready, notes: Sequence[str], as_json: bool) -> None:
    """The ready line, or the panel."""
    if as_json:
        sys.stdout.write(ready.line() + "\n")
        sys.stdout.flush()
    else:
        console = Console()
        console.print(panel(ready, notes))
        console.print("Try it:", style="bold")
        console.print(ready.connect_url, soft_wrap=True, markup=False, highlight=False)  # the panel may have to fold it
        for line in curl_lines(ready):
            console.print(line, soft_wrap=True, markup=False, highlight=False)
        console.print()


def say(text: str, as_json: bool) -> None:
    """One line for a person; with ``as_json`` in the log."""
    if as_json:
        log.info(text)
    else:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


async def watch(look: Look, as_json: bool, stop: asyncio.Event) -> None:
    """Until ``stop``: the table on a terminal, else a line a minute (with ``as_json`` in the log)."""
    console = Console()
    if as_json or not console.is_terminal:
        await _lines(look, as_json, stop)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while not stop.is_set():
            live.update(table(await look(), console.height, console.width), refresh=True)
            await _wait(stop, TABLE_EVERY_S)


async def _lines(look: Look, as_json: bool, stop: asyncio.Event) -> None:
    while not stop.is_set():
        say(headline(await look()), as_json)
        await _wait(stop, LINE_EVERY_S)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
