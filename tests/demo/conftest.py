"""A state folder for demo processes."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


@pytest.fixture(scope="module")
def demo_home() -> Iterator[Path]:
    """A state folder that the database's user can reach, removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="heatfleet-demo-"))
    home.chmod(0o711)
    yield home
    for process in psutil.process_iter(["cmdline"]):
        if str(home) in " ".join(process.info["cmdline"] or []) and process.pid != os.getpid():
            process.kill()
    shutil.rmtree(home, ignore_errors=True)
