"""The documentation page, rendered from the schema on the server: no JavaScript, nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape

_BOLD, _CODE = re.compile(r"\*\*(.+?)\*\*", re.DOTALL), re.compile(r"`(.+?)`")


def render_docs(schema: dict[str, Any]) -> tuple[str, str]:
    """The page and its style sheet."""
    pages = Environment(loader=PackageLoader("heatfleet.api", "pages"), autoescape=select_autoescape())
    pages.filters |= {"prose": prose, "kind": kind, "pretty": pretty}
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in operations(schema):
        groups.setdefault(operation["tags"][0], []).append(operation)
    html = pages.get_template("docs.html").render(schema=schema, groups=groups)
    return html, pages.get_template("docs.css").render()


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
