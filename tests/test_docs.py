"""The documentation is true: every setting and command is in it, every link leads somewhere, every command exists."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from heatfleet.api.openapi import build_openapi
from heatfleet.api.routes import HANDLERS
from heatfleet.api.services import BASE
from heatfleet.cli import app
from heatfleet.settings import describe
from heatfleet.vendors.kit.registry import find_vendors

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "clients/python/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
OPERATIONS = ROOT / "docs" / "operations.md"
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"```[a-z]*\n(.*?)```", re.DOTALL)
SOURCE_NAME = re.compile(r"`(?:heatfleet/)?([a-z_]+(?:/[a-z_]+)*\.(?:py|sql|toml))`")
FUNCTION_NAME = re.compile(r"`([a-z_]+(?:/[a-z_]+)*\.py)::([A-Za-z_.]+)`")

typer_command = typer.main.get_command(app)


def commands() -> dict[tuple[str, ...], set[str]]:
    """Every command with its options."""
    found: dict[tuple[str, ...], set[str]] = {}

    def walk(command: object, path: tuple[str, ...]) -> None:
        below = getattr(command, "commands", None)
        if below:
            for name, child in below.items():
                walk(child, (*path, name))
        else:
            options = {text for parameter in command.params for text in parameter.opts}  # type: ignore[attr-defined]
            found[path] = {text for text in options if text.startswith("--")}

    walk(typer_command, ())
    return found


COMMANDS = commands()


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Each ``heatfleet …`` in the pages' code, with its words."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        quoted = [line for block in FENCE.findall(text) for line in block.splitlines()]
        quoted += re.findall(r"`(heatfleet [^`]+)`", text)
        for line in quoted:
            start = re.match(r"\s*(?:\$ )?(?:\.venv/bin/)?heatfleet\s+(.*)", line)
            if start and "|" not in start[1]:
                yield f"{page.name}: {line.strip()}", shlex.split(start[1].split("#")[0])


def command_of(words: list[str]) -> tuple[str, ...] | None:
    """The command that the words name, or None."""
    for length in (2, 1):
        if tuple(words[:length]) in COMMANDS:
            return tuple(words[:length])
    return None


def test_commands_in_the_pages_exist() -> None:
    wrong = []
    for where, words in command_lines():
        if words and words[0] == "--help":
            continue
        found = command_of(words)
        unknown = [
            w for w in words if w.startswith("--") and found and w.split("=")[0] not in {*COMMANDS[found], "--help"}
        ]
        if found is None or unknown:
            wrong.append((where, unknown))
    assert not wrong


def test_every_command_is_documented() -> None:
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [" ".join(path) for path in COMMANDS if not re.search(rf"heatfleet {' '.join(path)}\b", text)]
    assert not missing


def test_every_option_of_the_demo_is_documented() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    hidden = {"--follow-parent"}
    assert not [option for option in COMMANDS[("demo",)] - hidden if f"`{option}" not in text]


def test_every_setting_is_documented() -> None:
    text = OPERATIONS.read_text(encoding="utf-8")
    assert not [name for name in describe() if f"`{name}`" not in text]
    documented = set(re.findall(r"^\| `(HEATFLEET_[A-Z_]+)`", text, re.MULTILINE))
    manifests = [vendor.manifest for vendor in find_vendors().values()]
    of_vendors = {f"HEATFLEET_VENDOR_{m.name}_{key}".upper() for m in manifests for key in m.config}
    assert documented <= set(describe()) | of_vendors, "settings that are gone"


def test_settings_say_what_they_are() -> None:
    assert not [name for name, text in describe().items() if len(text) < 10]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = [
        target
        for target in LINK.findall(text)
        if not re.match(r"(https?|mailto):|#", target) and not (page.parent / target.split("#")[0]).exists()
    ]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_functions_named_in_the_pages_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    names = {path.relative_to(ROOT / "heatfleet").as_posix() for path in (ROOT / "heatfleet").rglob("*.*")}
    bare = {name.rsplit("/", 1)[-1] for name in names}
    gone = [name for name in SOURCE_NAME.findall(text) if name not in names and name not in bare and not is_test(name)]
    assert not gone
    for file, function in FUNCTION_NAME.findall(text):
        tree = ast.parse((ROOT / "heatfleet" / file).read_text(encoding="utf-8"))
        defined = {
            n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        }
        assert function.split(".")[-1] in defined, f"{file} has no {function}"


def is_test(name: str) -> bool:
    """Whether ``name`` is a file of the tests or of the repository's root."""
    return (ROOT / name).exists()


def test_the_readme_starts_in_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = FENCE.findall(text)[0].strip().splitlines()
    assert [line.split()[0] for line in first] == ["git", "make"] or "make run" in first[-1]


def test_no_promises_or_machines_in_the_pages() -> None:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"\bTO" + r"DO\b|/wo" r"rk/|/root/", text), page


def test_every_operation_of_the_api_is_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(GET|POST|PUT|PATCH|DELETE) `([a-z_]+)`", text))
    served = build_openapi(HANDLERS)["paths"]
    assert named == {(method.upper(), one["operationId"]) for path in served.values() for method, one in path.items()}
    assert not [path for path in served if f"| `{path.removeprefix(BASE)}`" not in text]


def test_deprecated_fields_are_documented() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    fields = [
        name
        for schema in build_openapi(HANDLERS)["components"]["schemas"].values()
        for name, field in schema.get("properties", {}).items()
        if field.get("deprecated")
    ]
    assert fields
    assert not [name for name in fields if f"| `{name}`" not in text]


def test_sections_that_the_api_page_links_to_exist() -> None:
    text = FENCE.sub("", (ROOT / "docs" / "api.md").read_text(encoding="utf-8"))
    heads = {
        re.sub(r"[^a-z0-9 -]", "", head.lower()).replace(" ", "-") for head in re.findall(r"^## (.+)$", text, re.M)
    }
    links = {target[1:] for target in LINK.findall(text) if target.startswith("#")}
    assert links == heads


def test_python_of_the_api_page_names_operations_that_exist() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    tags = {
        (one["tags"][0].lower().replace(" ", "_"), one["operationId"])
        for path in build_openapi(HANDLERS)["paths"].values()
        for one in path.values()
    }
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("heatfleet_client.api."):
                module = (node.module or "").rpartition(".")[2]
                assert {(module, name.name) for name in node.names} <= tags
