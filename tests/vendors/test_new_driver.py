"""What ``heatfleet new-driver`` makes loads, passes our linters, and fails exactly where its README promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from heatfleet.commands.new_driver import SIGN_INS, new_driver
from heatfleet.domain.errors import Invalid
from heatfleet.vendors.kit.manifest import SignInKind
from heatfleet.vendors.kit.starter import starter_files
from tests.vendors.starters import ROOT, contract, make

NAMES = {sign_in: f"starter{sign_in.replace('_', '')}" for sign_in in SIGN_INS}
LONGEST = "x" * 41
PROMISED = re.compile(r"^\| `(test_\w+)` \| (.+) \|$", re.M)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One vendor for each way to sign in."""
    folder = tmp_path_factory.mktemp("starters")
    for sign_in, name in NAMES.items():
        make(folder, name, sign_in)
    make(folder, LONGEST)
    return folder


def test_it_fails_exactly_where_promised(made: Path) -> None:
    name = NAMES["redirect"]
    promised = dict(PROMISED.findall((made / f"heatfleet_{name}" / "README.md").read_text()))
    found, said = contract(made, name)
    failed = {test for (test, _), outcome in found.items() if outcome != "passed"}
    assert failed == set(promised)
    assert len(found) - len(failed) >= 9, "sign-in, list and survival pass from the start"
    for function in ("to_readings", "to_settings"):
        assert f"write points.{function}: " in said, "the failing test says what to write"
        assert any(function in text for text in promised.values())


def test_every_sign_in_works(made: Path) -> None:
    found, said = contract(made, "starter and (signs_in or lists_pumps or expired_token or access_is_lost)")
    assert len(found) == 4 * len(SIGN_INS)
    assert set(found.values()) == {"passed"}, said[-3000:]


def test_the_code_is_clean(made: Path) -> None:
    tool = Path(sys.executable).parent
    ours, isort = str(ROOT / "pyproject.toml"), 'lint.isort.known-first-party=["heatfleet"]'
    ruff = [tool / "ruff"], ["--no-cache", "--config", ours, "--config", isort, "."]
    packages = [f"heatfleet_{name}" for name in (*NAMES.values(), LONGEST)]
    mypy = [tool / "mypy", "--cache-dir", made / ".mypy", "--config-file", ours, "--strict", "--follow-imports=silent"]
    for command in ([*ruff[0], "check", *ruff[1]], [*ruff[0], "format", "--check", *ruff[1]], [*mypy, *packages]):
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_our_imports_are_sorted_where_a_folder_lies_among_ours() -> None:
    files = starter_files("aurora", SignInKind.REDIRECT, "heatfleet.vendors.aurora")
    tool = Path(sys.executable).parent / "ruff"
    for name in ("driver.py", "points.py", "emulator.py"):
        command = [tool, "check", "--no-cache", "--stdin-filename", f"heatfleet/vendors/aurora/{name}", "-"]
        done = subprocess.run(command, cwd=ROOT, input=files[name], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_nothing_is_overwritten_and_names_are_checked(tmp_path: Path) -> None:
    new_driver("aurora", "form", tmp_path)
    kept = (tmp_path / "heatfleet_aurora" / "driver.py").read_text()
    with pytest.raises(Invalid, match="there already"):
        new_driver("aurora", "pair", tmp_path)
    assert (tmp_path / "heatfleet_aurora" / "driver.py").read_text() == kept
    with pytest.raises(Invalid, match="a vendor of this name"):
        new_driver("sandbox", "form", tmp_path)
    with pytest.raises(Invalid, match="lower-case"):
        new_driver("../x", "form", tmp_path)
    with pytest.raises(typer.BadParameter):
        new_driver("other", "fax", tmp_path)
