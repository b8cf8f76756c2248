"""The agent is small: it starts without database, server and numerics; and dials only where a token is safe."""

from __future__ import annotations

import subprocess
import sys

import pytest

from heatfleet.domain.errors import Invalid
from heatfleet.gateway.link import check_server

HEAVY = ("numpy", "numba", "asyncpg", "litestar", "uvicorn", "sqlalchemy", "pandas", "hplib", "pydantic", "aiomqtt")


def test_the_agent_imports_neither_database_nor_numerics() -> None:
    """With its command line and the local driver loaded, as it runs in a home."""
    code = (
        "import asyncio, sys, heatfleet.cli, heatfleet.gateway.start as start\n"
        "from heatfleet.clocks import RealClock\n"
        "from heatfleet.vendors.kit.http import VendorSession\n"
        "from heatfleet.vendors.kit.registry import find_vendors, load_registry\n"
        "async def main():\n"
        "    session = VendorSession(RealClock())\n"
        "    [name] = [n for n, v in find_vendors().items() if v.manifest.is_local]\n"
        "    load_registry(session.http, {name: {'networks': start.HOME_NETWORKS}}).driver(name)\n"
        "    await session.close()\n"
        "asyncio.run(main())\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


SAFE = ["https://heat.example.com/", "http://127.0.0.1:8000", "http://192.168.1.5", "http://localhost"]
UNSAFE = ["http://heat.example.com", "http://8.8.8.8", "ftp://x", "-", "https://", "heat.example.com"]


@pytest.mark.parametrize("url", SAFE)
def test_servers_that_a_token_may_be_sent_to(url: str) -> None:
    assert check_server(url) == url.rstrip("/")


@pytest.mark.parametrize("url", UNSAFE)
def test_servers_that_it_may_not(url: str) -> None:
    with pytest.raises(Invalid):
        check_server(url)
