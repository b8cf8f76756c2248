"""The rules of the house, kept by reading the source: sizes, who may read the environment, the time, the database."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSE = ROOT / "heatfleet"
FILES = sorted(HOUSE.rglob("*.py"))
SOURCES = {path.relative_to(HOUSE).as_posix(): path.read_text(encoding="utf-8") for path in FILES}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}

FUNCTION_LINES, FUNCTION_LINES_EVER = 40, 70
FILE_LINES, FILE_LINES_EVER = 350, 600

# The ratchet: who is longer than the house wants, and by how much. Entries may shrink or go; nothing may be added.
LONG_FUNCTIONS: dict[str, int] = {"thermal/homes.py::draw_homes": 49}
LONG_FILES: dict[str, int] = {}


def functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its dotted name."""

    def walk(node: ast.AST, prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield prefix + child.name, child
                yield from walk(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.")
            else:
                yield from walk(child, prefix)

    return walk(tree, "")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        doc = function.body[0]
        lines -= (doc.end_lineno or doc.lineno) - doc.lineno + 1
    return lines


def calls(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Dotted names of what is called or read as an attribute, with line numbers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield ast.unparse(node), node.lineno


def offenders(pattern: str, allowed: tuple[str, ...]) -> list[str]:
    """Places outside ``allowed`` whose attribute access matches ``pattern``."""
    regex = re.compile(pattern)
    return [
        f"{name}:{line} {text}"
        for name, tree in TREES.items()
        if not name.startswith(allowed)
        for text, line in calls(tree)
        if regex.fullmatch(text)
    ]


def test_functions_stay_short() -> None:
    long = {
        f"{name}::{dotted}": lines
        for name, tree in TREES.items()
        for dotted, function in functions(tree)
        if (lines := body_lines(function)) > FUNCTION_LINES
    }
    assert max(long.values(), default=0) <= FUNCTION_LINES_EVER, long
    grown = {key: lines for key, lines in long.items() if lines > LONG_FUNCTIONS.get(key, FUNCTION_LINES)}
    assert not grown, f"split these, do not add them to the ratchet: {grown}"
    stale = set(LONG_FUNCTIONS) - set(long)
    assert not stale, f"shorter now, take them off the ratchet: {stale}"


def test_files_stay_short() -> None:
    long = {name: count for name, text in SOURCES.items() if (count := len(text.splitlines())) > FILE_LINES}
    assert max(long.values(), default=0) <= FILE_LINES_EVER, long
    grown = {key: lines for key, lines in long.items() if lines > LONG_FILES.get(key, FILE_LINES)}
    assert not grown, f"split these, do not add them to the ratchet: {grown}"
    stale = set(LONG_FILES) - set(long)
    assert not stale, f"shorter now, take them off the ratchet: {stale}"


def test_only_settings_reads_the_environment() -> None:
    """And the house's own door, which keeps NumPy's BLAS to one thread."""
    assert not offenders(r"os\.(environ|getenv|putenv)(\..*)?", ("settings.py", "__init__.py"))


def test_only_the_clock_knows_the_time() -> None:
    clock = r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|time\.(time|time_ns|monotonic|monotonic_ns)"
    assert not offenders(clock, ("clocks.py", "store/ids.py"))


def test_perf_counter_only_measures() -> None:
    assert not offenders(r"time\.perf_counter(_ns)?", ("bench/", "demo/"))


SQL = re.compile(
    r"^\s*(select\s.+\sfrom\s|select\s+\w+\(|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|create\s+(table|role)\s"
    r"|alter\s+(table|role)\s|with\s+\w+\s+as\s*\()",
    re.IGNORECASE | re.DOTALL,
)


def test_only_the_store_contains_sql() -> None:
    found = [
        f"{name}:{node.lineno} {node.value[:60]!r}"
        for name, tree in TREES.items()
        if not name.startswith(("store/", "bench/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]
    assert not found


def test_only_flows_auth_and_the_idempotency_wrapper_write() -> None:
    writers = ("store/", "flows/", "auth/", "api/idempotency.py", "app.py", "app/", "demo/", "bench/")
    assert not offenders(r"(.*\.)?(database|db|_database|_db)\.write", writers)
    names = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        if not name.startswith(writers)
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "WriteTx"
    ]
    assert not names, names


CONSTRUCTED = {"Database", "VendorHttp", "Registry", "KeyRing", "Worker", "RealClock", "FleetClock"}


def test_only_the_app_constructs() -> None:
    """The agent in a home is a small house of its own, put together in ``gateway/start.py``."""
    found = [
        f"{name}:{node.lineno} {node.func.id}"
        for name, tree in TREES.items()
        if not name.startswith(("app.py", "app/", "demo/", "bench/", "store/", "clocks.py", "gateway/start.py"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in CONSTRUCTED
        and node.func.id not in {c.name for c in tree.body if isinstance(c, ast.ClassDef)}  # its own factory
    ]
    assert not found


def test_no_error_is_swallowed() -> None:
    found = []
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler):
                silent = all(isinstance(line, ast.Pass | ast.Continue) for line in node.body)
                broad = node.type is None
                if broad or (silent and ast.unparse(node.type or ast.Name("")) in {"Exception", "BaseException"}):
                    found.append(f"{name}:{node.lineno}")
    assert not found


def test_broad_catches_are_few_and_named() -> None:
    """``api`` maps errors once, ``worker`` maps them once; the outermost edges may catch everything, nobody else."""
    edges = ("api/problems.py", "worker.py", "worker/", "app.py", "app/", "demo/", "supervisor.py", "vendors/kit/")
    found = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        if not name.startswith(edges)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and node.type is not None
        and re.search(r"\b(Base)?Exception\b", ast.unparse(node.type))
    ]
    assert not found


def test_modules_and_packages_say_what_they_are() -> None:
    silent = [name for name, tree in TREES.items() if tree.body and not ast.get_docstring(tree)]
    assert not silent
    for path in HOUSE.iterdir():
        init = path / "__init__.py"
        if init.exists():
            doc = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
            assert len(doc.split()) >= 15, f"{init} should say what lives here, what must not, where to start"


def test_no_promises_left_in_the_source() -> None:
    word = re.compile(r"\b(TO" + "DO|FIX" + "ME|XXX)\b")
    found = [name for name, text in SOURCES.items() if word.search(text)]
    assert not found


def test_a_vendors_words_stay_in_its_folder() -> None:
    folders = {p.parent.name for p in (HOUSE / "vendors").glob("*/manifest.toml")}
    named = folders - {"sandbox"}
    found = [
        f"{name}: {word}"
        for name, text in SOURCES.items()
        for word in named
        if not name.startswith(f"vendors/{word}/") and re.search(rf"\b{word}\b", text, re.IGNORECASE)
    ]
    assert not found


def test_every_flow_is_in_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    listed = next(c["modules"] for c in contracts if c["type"] == "independence")
    flows = {
        f"heatfleet.flows.{p.stem}" for p in (HOUSE / "flows").glob("*.py") if not p.stem.startswith(("_", "toolbox"))
    }
    assert set(listed) == flows


def test_import_contracts_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    if not tool.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
