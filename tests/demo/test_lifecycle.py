"""The demo as a process: ready line, orderly end, killed parent, next start, things that are in the way."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from demo_processes import Demo, command, free_port, gone, start

from heatfleet.cli import explain

FIELDS = [
    "ready", "base_url", "docs_url", "connect_url", "backoffice_url", "org_id", "client_id", "client_secret",
    "user_id", "admin_email", "admin_password", "home",
]  # fmt: skip


def ask(url: str, token: str | None = None, form: dict[str, str] | None = None) -> Any:
    """The JSON a URL answers."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=20) as answer:
        return json.load(answer)


def token_of(ready: dict[str, Any]) -> str:
    """An access token of the demo's client."""
    form = {
        "grant_type": "client_credentials",
        "client_id": ready["client_id"],
        "client_secret": ready["client_secret"],
    }
    return str(ask(f"{ready['base_url']}/auth/token", form=form)["access_token"])


def fleet(ready: dict[str, Any]) -> list[dict[str, Any]]:
    """The demo's heat pumps."""
    found = ask(f"{ready['base_url']}/org/{ready['org_id']}/heat-pumps", token_of(ready))
    assert isinstance(found, list)
    return found


def until(condition: Callable[[], bool], within_s: float = 60) -> None:
    """Waits for another process; fails after ``within_s``."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.2)


def check_ready(demo: Demo) -> None:
    assert list(demo.ready) == FIELDS
    assert demo.ready["ready"] is True
    assert demo.ready["backoffice_url"] is None
    assert demo.ready["home"] == str(demo.home)
    with urllib.request.urlopen(demo.ready["docs_url"], timeout=20) as page:
        assert page.status == 200
    with urllib.request.urlopen(demo.ready["connect_url"], timeout=20) as page:
        assert b"<html" in page.read()


def test_from_nothing_to_ready_to_gone_and_back(demo_home: Path) -> None:
    demo = start(demo_home)
    check_ready(demo)
    pumps = fleet(demo.ready)
    assert len(pumps) == 3, "one of four is left for the Connect page"
    assert all(pump["is_authenticated"] for pump in pumps)
    family = demo.family()
    assert len(family) > 1, "the database is a process of its own"
    assert demo.stop(signal.SIGTERM) == 0, demo.log[-4000:]
    assert not gone(family)
    assert demo.process.stdout is not None
    assert demo.process.stdout.read() == "", "stdout has the ready line and nothing else"
    assert demo.ready["client_secret"] not in demo.log

    again = start(demo_home)
    kept = {name: demo.ready[name] for name in ("org_id", "client_id", "client_secret", "user_id", "admin_password")}
    assert {name: again.ready[name] for name in kept} == kept
    assert {pump["id"] for pump in fleet(again.ready)} == {pump["id"] for pump in pumps}

    family = again.family()
    again.process.kill()
    again.process.wait(10)
    assert not gone(family), "a killed parent leaves nobody behind"

    third = start(demo_home)
    assert len(fleet(third.ready)) == 3
    until(lambda: all(pump["connection_status"] == "ok" for pump in fleet(third.ready)))
    family = third.family()
    assert third.stop(signal.SIGINT) == 0
    assert not gone(family)


def run_to_failure(*arguments: str) -> str:
    """The one line on stderr of a demo that cannot start."""
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1, done
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    return lines[0]


def test_a_busy_port_is_one_line(tmp_path: Path) -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        assert f"127.0.0.1:{port}" in run_to_failure(*command(tmp_path / "home", port))


def test_a_home_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    assert "folder" in run_to_failure(*command(tmp_path / "home", free_port()))


def test_a_home_that_cannot_be_made_is_one_line() -> None:
    assert "/proc/heatfleet" in run_to_failure(*command(Path("/proc/heatfleet"), free_port()))


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    line = run_to_failure(*command(tmp_path / "home", free_port(), "--prices", str(tmp_path / "none.csv")))
    assert "none.csv" in line


@pytest.mark.parametrize(
    ("number", "text"), [(28, "disk is full"), (13, "no permission"), (30, "read-only"), (20, "not a folder")]
)
def test_expected_faults_have_a_line_for_people(number: int, text: str) -> None:
    assert text in explain(OSError(number, "as the system says", "/somewhere"))
