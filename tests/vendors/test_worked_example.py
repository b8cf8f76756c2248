"""The worked example of docs/drivers.md: its blocks, put into what ``heatfleet new-driver`` makes, earn gold."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.vendors.starters import ROOT, contract, make, put_in

BLOCK = re.compile(r"```(toml|python)\n# (\S+)\n(.*?)```", re.S)
LEVEL = re.compile(r"`level\.txt`.*?```text\n(\w+)\n```", re.S)


@pytest.fixture(scope="module")
def aurora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the finished package lies."""
    folder = tmp_path_factory.mktemp("aurora")
    package = make(folder, "aurora")
    page = (ROOT / "docs" / "drivers.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(page)
    assert [name for _, name, _ in blocks] == ["manifest.toml", "emulator.py", "points.py", "driver.py"]
    for kind, name, text in blocks:
        file = package / name
        file.write_text(text if kind == "toml" else put_in(file.read_text(), text))
    level = LEVEL.search(page)
    assert level is not None
    (package / "level.txt").write_text(level[1] + "\n")
    return folder


def test_it_passes_the_contract_at_gold(aurora: Path) -> None:
    found, said = contract(aurora, "aurora")
    assert set(found.values()) == {"passed"}, said[-4000:]
    assert len(found) >= 17
    assert "aurora: gold" in said


def test_it_is_clean(aurora: Path) -> None:
    tool, ours = Path(sys.executable).parent, str(ROOT / "pyproject.toml")
    isort = 'lint.isort.known-first-party=["heatfleet"]'
    mypy = [
        tool / "mypy",
        "--cache-dir",
        aurora / ".mypy",
        "--config-file",
        ours,
        "--strict",
        "--follow-imports=silent",
    ]
    ruff = [tool / "ruff", "check", "--no-cache", "--config", ours, "--config", isort, "."]
    for command in (ruff, [*mypy, "heatfleet_aurora"]):
        done = subprocess.run(command, cwd=aurora, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
