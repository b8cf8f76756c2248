"""Vendors of one's own for tests: made by ``heatfleet new-driver``, found by an entry point, put to the contract."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from heatfleet.commands.new_driver import new_driver

ROOT = Path(__file__).parents[2]
OUTCOME = re.compile(
    r"^(PASSED|FAILED|ERROR|SKIPPED)\s+(?:\[\d+\]\s+)?\S*test_every_driver\.py::(\w+)\[([\w-]+)\]", re.M
)


def make(folder: Path, name: str, sign_in: str = "redirect") -> Path:
    """The package's folder; it is found as an installed one would be when ``folder`` is on the path."""
    new_driver(name, sign_in, folder)
    (folder / "pyproject.toml").rename(folder / f"pyproject-{name}.toml")  # so that others can be made beside it
    told = folder / f"heatfleet_{name}-0.1.dist-info"
    told.mkdir()
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: heatfleet-{name}\nVersion: 0.1\n")
    (told / "entry_points.txt").write_text(f"[heatfleet.vendors]\n{name} = heatfleet_{name}\n")
    return folder / f"heatfleet_{name}"


def contract(folder: Path, which: str) -> tuple[dict[tuple[str, str], str], str]:
    """(test, parameters) → outcome of the tests that ``which`` (pytest's -k) picks; and all that was said."""
    command = [sys.executable, "-m", "pytest", "tests/vendors/test_every_driver.py", "-n", "0", "-rA", "--tb=short"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-k", which],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    found = {(match[2], match[3]): match[1].lower() for match in OUTCOME.finditer(done.stdout)}
    assert found, done.stdout[-3000:] + done.stderr[-3000:]
    return found, done.stdout


def put_in(text: str, block: str) -> str:
    """``text`` with every top-level name and method of ``block`` in place of its own; what is new follows its mate."""
    before: ast.stmt | None = None
    for node in ast.parse(block).body:
        if isinstance(node, ast.ClassDef) and _find(ast.parse(text).body, node):
            for method in node.body:
                [old] = [n for n in ast.parse(text).body if _key(n) == node.name]
                assert isinstance(old, ast.ClassDef)
                text = _replaced(text, block, method, _span(old.body, method, old.body[-1]))
        else:
            body = ast.parse(text).body
            text = _replaced(text, block, node, _span(body, node, _mate(body, node, before)))
        before = node
    return text


def _mate(body: list[ast.stmt], node: ast.stmt, before: ast.stmt | None) -> ast.stmt:
    """What a new statement comes after: the import before it by name, what came before it in the block, or the last."""
    if isinstance(node, ast.ImportFrom):
        return [n for n in body if isinstance(n, ast.ImportFrom) and n.level == 0 and str(n.module) < str(node.module)][
            -1
        ]
    found = _find(body, before) if before is not None else None
    return found or [n for n in body if isinstance(n, ast.Import | ast.ImportFrom)][-1]


def _replaced(text: str, block: str, node: ast.stmt, span: tuple[int, int]) -> str:
    lines = text.splitlines()
    piece = block.splitlines()[node.lineno - 1 : node.end_lineno]
    return "\n".join([*lines[: span[0]], *piece, *lines[span[1] :]]) + "\n"


def _span(body: list[ast.stmt], node: ast.stmt, after: ast.stmt) -> tuple[int, int]:
    """The lines of what ``node`` replaces; where it is new, none of them, behind ``after``."""
    old = _find(body, node)
    if old is not None:
        return old.lineno - 1, old.end_lineno or old.lineno
    return (after.end_lineno or after.lineno,) * 2


def _find(body: list[ast.stmt], wanted: ast.stmt) -> ast.stmt | None:
    return next((node for node in body if _key(node) is not None and _key(node) == _key(wanted)), None)


def _key(node: ast.stmt) -> str | None:
    if isinstance(node, ast.ImportFrom):
        return f"from {'.' * node.level}{node.module}"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    return None
