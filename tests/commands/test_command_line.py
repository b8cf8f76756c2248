"""The command line: quick help, exit codes, one line for expected errors, the first rows of an installation."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest

from heatfleet.commands import look, serve
from heatfleet.domain.errors import Invalid
from heatfleet.settings import Settings, child_environment

MISSING = "018f2c3e-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A state folder that the database's user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="heatfleet-cli-"))
    folder.chmod(0o711)
    yield folder
    rmtree(folder, ignore_errors=True)


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A finished ``heatfleet`` process."""
    environment = child_environment(Settings(home=home), database_url="")
    command = [sys.executable, "-m", "heatfleet", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)


def test_help_is_quick_and_teaches(home: Path) -> None:
    began = time.perf_counter()
    done = run(home, "--help")
    took_s = time.perf_counter() - began
    assert done.returncode == 0
    assert "heatfleet demo" in done.stdout
    assert took_s < 2.0, "lazy imports keep this at about 0.15 s on an idle machine"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, heatfleet.cli; print([m for m in ('numba', 'asyncpg', 'litestar', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("words", [["nonsense"], ["demo", "--homes", "none"], ["release"], ["client", "create"]])
def test_what_is_not_understood_exits_2(home: Path, words: list[str]) -> None:
    assert run(home, *words).returncode == 2


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["prices", "import", "/none.csv"], "no such file"),
        (["bench", "nonsense"], "no such bench"),
        (["client", "create", "--org", MISSING], "heatfleet org create"),
        (["diagnose", MISSING], "there is no heat pump"),
        (["new-driver", "sandbox"], "of this name already"),
        (["plan", "--instance", "/none.json", "--out", "/tmp/none"], "no such file"),
    ],
)
def test_expected_errors_are_one_line(home: Path, words: list[str], text: str) -> None:
    done = run(home, *words)
    assert done.returncode == 1
    assert text in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_the_first_rows_of_an_installation(home: Path) -> None:
    org = json.loads(run(home, "org", "create", "Stadtwerke Test").stdout)
    client = json.loads(run(home, "client", "create", "--org", org["org_id"]).stdout)
    assert len(client["client_secret"]) >= 43
    words = ["user", "create", "--org", org["org_id"], "--email", "ada@example.com", "--role", "admin"]
    user = run(home, *words, "--password", "correct horse")
    assert json.loads(user.stdout)["role"] == "admin"
    again = run(home, *words, "--password", "correct horse")
    assert again.returncode == 1
    assert "e-mail" in again.stderr
    short = run(home, "user", "create", "--org", org["org_id"], "--email", "b@example.com", "--password", "x")
    assert "characters" in short.stderr


def test_importing_prices_twice_changes_nothing(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    rows = [f"2024-01-08T{hour:02}:00:00Z,{50 + hour},{60 + hour}" for hour in range(24)]
    file.write_text("start_utc,DE_LU,AT\n" + "\n".join(rows) + "\n")
    first = json.loads(run(home, "prices", "import", str(file)).stdout)
    second = json.loads(run(home, "prices", "import", str(file)).stdout)
    assert first["changed"] == {"DE_LU": 96, "AT": 96}
    assert second["changed"] == {"DE_LU": 0, "AT": 0}


def test_doctor_and_settings_and_version(home: Path) -> None:
    doctor = run(home, "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    assert "row-level security" in doctor.stdout
    assert f"HEATFLEET_HOME={home}" in run(home, "settings").stdout
    assert run(home, "version").stdout.strip().count(".") == 2
    assert run(home, "migrate").stdout.startswith("database is at ")


def test_several_workers_share_the_vendors_call_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []

    async def up(settings: Settings, workers: int) -> None:
        given.append((settings.vendor_processes, workers))

    monkeypatch.setattr("heatfleet.supervisor.up", up)
    serve.up(port=None, workers=3)
    monkeypatch.setenv("HEATFLEET_VENDOR_PROCESSES", "8")
    serve.up(port=None, workers=3)
    assert given == [(3, 3), (8, 3)]


def test_a_bench_without_what_it_compares_with_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "highspy", None)
    with pytest.raises(Invalid, match=r"highspy.*make \.venv/\.dev"):
        look.bench("planner", ["homes=1"])
