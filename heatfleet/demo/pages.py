"""The two pages that the demo itself serves: where the Connect page leads when it is done, and when it is left."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import parse_qs

PREFIX = "/demo"
DONE, CANCELLED = f"{PREFIX}/connected", f"{PREFIX}/cancelled"
_HEADERS = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
]


async def demo_pages(scope: Any, _receive: Any, send: Any) -> None:
    """An ASGI application for everything below ``PREFIX``."""
    status, body = page(scope["path"], scope["query_string"].decode("latin-1"))
    await send({"type": "http.response.start", "status": status, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": body.encode()})


def page(path: str, query: str) -> tuple[int, str]:
    """Status and text of a page."""
    if path == DONE:
        device = escape(parse_qs(query).get("deviceId", ["?"])[0])
        text = f"<p>The heat pump is connected. Its id: <code>{device}</code></p><p>It is in the live table now.</p>"
        return 200, _html("Connected", text)
    if path == CANCELLED:
        return 200, _html("Not connected", "<p>No heat pump was connected; nothing was stored.</p>")
    return 404, _html("Not found", "<p>There is no such page.</p>")


def _html(title: str, text: str) -> str:
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
    body = f"<h1>{title}</h1>{text}"
    return f'<!doctype html><html lang="en"><head>{head}<title>{title}</title></head><body>{body}</body></html>'
