"""The sandbox cloud in a process of its own, whose time is set over HTTP: ``python -m heatfleet.bench._poll_cloud``."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from heatfleet.serving import bind, port_of, serving
from heatfleet.vendors.kit.emulation.asgi import Request, Response, answer
from heatfleet.vendors.kit.emulation.homes import mild_winter
from heatfleet.vendors.sandbox.emulator import Emulator

START_AT = datetime.fromisoformat("2024-01-08T06:00:00+00:00")
ANY_CALLS = 1_000_000
TOKEN_LIFE = timedelta(days=365)
STARTED_WITHIN_S, STOPPED_WITHIN_S = 120, 30


class SetClock:
    """Both clocks of the house, wherever they are set."""

    def __init__(self, now: datetime = START_AT) -> None:
        self.now = now

    def wall_now(self) -> datetime:
        """Now."""
        return self.now

    def fleet_now(self) -> datetime:
        """Now."""
        return self.now


class TimedCloud(Emulator):
    """The sandbox cloud; ``POST /time`` sets its clock."""

    clock: SetClock

    async def handle(self, request: Request) -> Response:
        """As the sandbox answers, or the new time."""
        if request.path == "/time":
            self.clock.now = datetime.fromisoformat(request.body.decode())
            self.homes.advance(self.clock.now)
            return answer({"now": self.clock.now})
        return await super().handle(request)


async def serve(homes: int) -> None:
    """Serves until stdin ends; prints the port."""
    cloud = TimedCloud(
        1, homes, SetClock(), mild_winter, base_path="",
        calls_per_minute=ANY_CALLS, access_token_s=int(TOKEN_LIFE.total_seconds()),
    )  # fmt: skip
    listener = bind("127.0.0.1", 0)
    async with serving(cloud, listener):
        sys.stdout.write(f"{port_of(listener)}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


@contextmanager
def cloud_process(homes: int) -> Iterator[str]:
    """The base URL of a cloud with ``homes`` homes in another process."""
    command: list[Any] = [sys.executable, "-m", "heatfleet.bench._poll_cloud", str(homes)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        try:
            process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    logging.disable()
    asyncio.run(serve(int(sys.argv[1])))
