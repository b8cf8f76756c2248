"""How our processes end: on the first signal in order, on the second at once, and never later than their parent."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

from heatfleet.domain.errors import Invalid


def stop_on_signals(loop: asyncio.AbstractEventLoop | None = None) -> asyncio.Event:
    """An event set by the first SIGINT or SIGTERM; a second one ends the process on the spot.

    A forced end leaves nothing behind: the database server and the other children follow their parent.
    """
    loop = loop or asyncio.get_running_loop()
    stop = asyncio.Event()

    def on_signal(number: int) -> None:
        if stop.is_set():
            sys.stderr.write("\nheatfleet: stopped at once; pumps still owed a release get it at the next start\n")
            sys.stderr.flush()
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal, number)
    return stop


async def until_first(*parts: Coroutine[Any, Any, Any]) -> None:
    """Runs the parts side by side until the first one ends, then ends the others; raises what that one raised."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def follow_parent(every_s: float = 0.5) -> None:
    """Sends this process SIGTERM when its parent is gone, so that a killed parent leaves nobody behind."""
    parent = os.getppid()

    def watch() -> None:
        never = threading.Event()
        while os.getppid() == parent:
            never.wait(every_s)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="follow-parent", daemon=True).start()


def make_executor(kind: str, workers: int | None = None) -> Executor:
    """Where heavy arrays are computed: ``thread``, ``process`` or ``dask://host:port``."""
    if kind == "thread":
        return ThreadPoolExecutor(workers or os.cpu_count() or 1, thread_name_prefix="arrays")
    if kind == "process":
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, mp_context=context, initializer=_quiet_child)
    try:
        from distributed import Client
    except ImportError:
        raise Invalid.field("HEATFLEET_EXECUTOR", "needs the package 'distributed'", where="settings") from None
    executor: Executor = Client(kind.replace("dask://", "tcp://"), set_as_default=False).get_executor()
    return executor


def _quiet_child() -> None:
    """A child of the pool: Ctrl-C is its parent's business, and it ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    follow_parent()
