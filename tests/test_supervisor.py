"""The supervisor: parts that die are started again, SIGTERM ends them, none is left."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from heatfleet import supervisor


@dataclass(frozen=True)
class Script:
    """A part that runs a Python script."""

    name: str
    text: str

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-c", self.text]


async def until(file: Path, lines: int) -> list[str]:
    """The lines of ``file`` once it has that many."""

    def read() -> list[str]:
        return file.read_text().splitlines() if file.exists() else []

    async with asyncio.timeout(20):
        while len(read()) < lines:  # noqa: ASYNC110 - another process writes the file
            await asyncio.sleep(0.02)
    return read()


async def test_a_part_that_dies_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "FIRST_WAIT_S", 0.01)
    starts = tmp_path / "starts"
    part = Script("dying", f"import os; open({str(starts)!r}, 'a').write(f'{{os.getpid()}}\\n')")
    stop = asyncio.Event()
    task = asyncio.create_task(supervisor.supervise([part], os.environ, stop))
    pids = await until(starts, 3)
    stop.set()
    await asyncio.wait_for(task, 10)
    assert len(set(pids[:3])) == 3


async def test_stopping_ends_every_part(tmp_path: Path) -> None:
    started = tmp_path / "started"
    text = f"import os, time; open({str(started)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    stop = asyncio.Event()
    parts = [Script("one", text), Script("two", text)]
    task = asyncio.create_task(supervisor.supervise(parts, os.environ, stop))
    pids = await until(started, 2)
    stop.set()
    await asyncio.wait_for(task, 10)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
