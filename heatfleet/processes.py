"""How our processes end: on the first signal in order, on the second at once, and never later than their parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading


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


def follow_parent(every_s: float = 0.5) -> None:
    """Sends this process SIGTERM when its parent is gone, so that a killed parent leaves nobody behind."""
    parent = os.getppid()

    def watch() -> None:
        never = threading.Event()
        while os.getppid() == parent:
            never.wait(every_s)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="follow-parent", daemon=True).start()
