"""``heatfleet up``: everything runs, an orderly end and a killed parent both leave nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from demo_processes import free_port, gone

from heatfleet.settings import Settings, child_environment

WITHIN_S = 60


def answers(url: str) -> bool:
    """Whether ``url`` answers 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def until(condition: Callable[[], bool]) -> None:
    """Waits for other processes."""
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)


def start_up(home: Path, port: int) -> subprocess.Popen[bytes]:
    """``heatfleet up`` that answers and has its worker."""
    settings = Settings(home=home, port=port)
    environment = child_environment(settings, database_url="")
    with (home / "up.txt").open("w") as log:
        process = subprocess.Popen([sys.executable, "-m", "heatfleet", "up"], env=environment, stdout=log, stderr=log)
    try:
        until(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
        until(lambda: (home / "up.txt").read_text().count("started") >= 2)
    except AssertionError:
        process.kill()  # a start that took too long is not left behind
        raise
    return process


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The supervisor and everything below it."""
    me = psutil.Process(process.pid)
    return [me, *me.children(recursive=True)]


def test_up_runs_and_ends(demo_home: Path) -> None:
    port = free_port()
    process = start_up(demo_home, port)
    everybody = family(process)
    assert len(everybody) >= 4, "supervisor, database, web, worker"

    web = next(p for p in everybody if "web" in p.cmdline())
    web.kill()
    until(lambda: not answers(f"http://127.0.0.1:{port}/healthz"))
    until(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
    everybody = family(process)

    process.send_signal(signal.SIGTERM)
    assert process.wait(WITHIN_S) == 0, (demo_home / "up.txt").read_text()[-3000:]
    assert not gone(everybody)


@pytest.mark.parametrize("number", [signal.SIGKILL])
def test_a_killed_supervisor_leaves_nobody(demo_home: Path, number: int) -> None:
    process = start_up(demo_home, free_port())
    everybody = family(process)
    os.kill(process.pid, number)
    process.wait(10)
    assert not gone(everybody, within_s=40)
