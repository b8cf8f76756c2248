"""What a killed server leaves behind, and how to clear it away; and whether a server is ready.

Called only by the holder of the home's lock, so a server still running on these data has lost its supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from heatfleet.store.embedded_files import DatabaseUnavailable

_PID_FILE = "postmaster.pid"
_POLL_S = 0.01


def is_ready(data: Path, pid: int) -> bool:
    """Whether the server ``pid`` accepts connections, as its pid file says."""
    try:
        lines = (data / _PID_FILE).read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() == "ready"


async def clear(data: Path, socket: Path) -> None:
    """Ends a server that lost its supervisor and removes the lock files of one that is gone."""
    pid = _recorded_pid(data)
    if pid is not None and is_server_on(pid, data):
        await _end(pid, data)
    for path in (data / _PID_FILE, socket, socket.with_name(f"{socket.name}.lock")):
        path.unlink(missing_ok=True)


def _recorded_pid(data: Path) -> int | None:
    try:
        first = (data / _PID_FILE).read_text().partition("\n")[0]
    except FileNotFoundError:
        return None
    return int(first) if first.strip().isdigit() else None


def is_server_on(pid: int, data: Path) -> bool:
    """Whether process ``pid`` is a PostgreSQL server on ``data``, and not another one that got the same number."""
    process = Path("/proc") / str(pid)
    if process.parent.is_dir() and Path("/proc/self").exists():
        try:
            return process.joinpath("cwd").resolve() == data.resolve()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _end(pid: int, data: Path) -> None:
    """Waits for a server that is about to end; then ends it."""
    loop = asyncio.get_running_loop()
    for number, wait_s in ((None, 1.0), (signal.SIGQUIT, 6.0), (signal.SIGKILL, 3.0)):
        if number is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        deadline = loop.time() + wait_s
        while loop.time() < deadline:
            if not is_server_on(pid, data):
                return
            await asyncio.sleep(_POLL_S)
    raise DatabaseUnavailable(f"a PostgreSQL server (process {pid}) still runs on {data}; stop it")
