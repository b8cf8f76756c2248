"""The documentation page, rendered from the schema on the server and complete as such.

``pages/docs.js`` adds what a reader can do beyond reading: sign in, find an operation, try one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

_BOLD, _CODE = re.compile(r"\*\*(.+?)\*\*", re.DOTALL), re.compile(r"`(.+?)`")
_FOLDER = files("heatfleet.api") / "pages"
STYLE, SCRIPT, ICON = ((_FOLDER / name).read_bytes() for name in ("docs.css", "docs.js", "favicon.svg"))


def render_docs(schema: dict[str, Any], base: str) -> str:
    """The page; ``base`` is the path of the API."""
    pages = Environment(
        loader=PackageLoader("heatfleet.api", "pages"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"prose": prose, "kind": kind, "pretty": pretty, "breakable": breakable, "example": body_example}
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in operations(schema):
        groups.setdefault(operation["tags"][0], []).append(operation)
    return pages.get_template("docs.html").render(
        schema=schema,
        groups=groups,
        words={tag["name"]: tag.get("description", "") for tag in schema["tags"]},
        base=base,
        versions={"css": hashlib.sha256(STYLE).hexdigest()[:12], "js": hashlib.sha256(SCRIPT).hexdigest()[:12]},
    )


def operations(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every operation with its path and method."""
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            yield {**operation, "path": path, "method": method.upper()}


def prose(text: str) -> Markup:
    """Paragraphs, bold and code of a description."""
    safe = str(escape(text))
    safe = _CODE.sub(r"<code>\1</code>", _BOLD.sub(r"<strong>\1</strong>", safe))
    return Markup("".join(f"<p>{part}</p>" for part in safe.split("\n\n")))  # noqa: S704 - escaped above


def pretty(value: Any) -> str:
    """Indented JSON."""
    return msgspec.json.format(msgspec.json.encode(value)).decode()


def breakable(path: str) -> Markup:
    """The path, which may break after each slash."""
    return Markup("/<wbr>").join(path.split("/"))


def body_example(operation: Mapping[str, Any]) -> str:
    """The example of the operation's body as JSON; empty when there is none."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        for example in content.get("examples", {}).values():
            return pretty(example["value"])
    return ""


def kind(schema: dict[str, Any]) -> Markup:
    """The type of a field, with links to components."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return Markup(f'<a href="#schema-{name}">{name}</a>')  # noqa: S704 - escaped
    for word in ("anyOf", "oneOf", "allOf"):
        if word in schema:
            return Markup(" | ").join(kind(option) for option in schema[word])
    if schema.get("type") == "array":
        return Markup("[{}]").format(kind(schema.get("items", {})))
    if "enum" in schema:
        return Markup(" | ").join(Markup("{}").format(value) for value in schema["enum"])
    types = schema.get("type", "any")
    words = " | ".join(types) if isinstance(types, list) else types
    return Markup("{} <small>{}</small>").format(words, schema["format"]) if "format" in schema else escape(words)
