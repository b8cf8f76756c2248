"""Real demo processes, watched from outside."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

READY_WITHIN_S, STOP_WITHIN_S = 120, 150  # a first stop waits until the kernels are compiled
KERNELS = Path(__file__).parents[2] / ".pytest_cache" / "kernels"  # compiled once for all demos of the tests


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Demo:
    """One ``heatfleet demo --json`` process."""

    home: Path
    port: int
    process: subprocess.Popen[str]
    ready: dict[str, Any] = field(default_factory=dict)
    ready_after_s: float = 0.0

    def family(self) -> list[psutil.Process]:
        """The process and everything below it."""
        me = psutil.Process(self.process.pid)
        return [me, *me.children(recursive=True)]

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Exit code after a signal."""
        self.process.send_signal(number)
        return self.process.wait(STOP_WITHIN_S)

    @property
    def log(self) -> str:
        """What it wrote to stderr."""
        return (self.home / "stderr.txt").read_text(errors="replace")


def command(home: Path, port: int, *more: str) -> list[str]:
    """The command line of a small demo."""
    small = ["--homes", "4", "--speed", "120"]
    return [
        sys.executable,
        "-m",
        "heatfleet",
        "demo",
        "--json",
        "--home",
        str(home),
        "--port",
        str(port),
        *small,
        *more,
    ]


def start(home: Path, *more: str) -> Demo:
    """A demo that is ready."""
    port = free_port()
    began = time.monotonic()
    with (home / "stderr.txt").open("w") as stderr:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(KERNELS)}
        process = subprocess.Popen(
            command(home, port, *more), stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment
        )
    demo = Demo(home, port, process)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, f"no ready line:\n{demo.log[-4000:]}"
    demo.ready, demo.ready_after_s = json.loads(line), time.monotonic() - began
    return demo


def gone(processes: list[psutil.Process], within_s: float = 15) -> list[psutil.Process]:
    """Those still alive after a while."""
    _, alive = psutil.wait_procs(processes, timeout=within_s)
    return alive
