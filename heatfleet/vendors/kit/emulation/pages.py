"""The sign-in page of an emulated vendor: plain HTML, no scripts, a strict content policy."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from html import escape
from urllib.parse import urlsplit

from heatfleet.vendors.kit.emulation.asgi import Response

_STYLE = (
    ":root{color-scheme:light dark;--soft:#eef3f7;--bad:#a11}"
    "@media(prefers-color-scheme:dark){:root{--soft:#26313b;--bad:#ff9c93}}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:2rem auto;padding:0 1rem}"
    "body{background:Canvas;color:CanvasText}"
    "label{display:block;margin:.8rem 0}"
    "input{display:block;width:100%;box-sizing:border-box;padding:.5rem;font:inherit}"
    "button{font:inherit;padding:.6rem 1rem;margin:.5rem .5rem 1rem 0}aside{background:var(--soft);padding:.1rem 1rem}"
    "[role=alert]{color:var(--bad)}code{font-size:1rem;overflow-wrap:anywhere}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HIDDEN = ("response_type", "client_id", "redirect_uri", "scope", "state")


@dataclass(frozen=True)
class SignInText:
    """What stands on the page: the vendor's name, where the form goes, the demo accounts, the one filled in."""

    title: str
    action: str
    hint: str
    suggested_username: str
    password: str


def sign_in_page(text: SignInText, query: Mapping[str, str], status: int, note: str) -> Response:
    """The page, showing its demo credentials."""
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(query.get(name, ""), quote=True)}">' for name in _HIDDEN
    )
    username = query.get("username") or query.get("login_hint") or text.suggested_username
    wrong = ' aria-invalid="true" aria-describedby="note"' if note else ""
    title, password = escape(text.title), escape(text.password, quote=True)
    body = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{title}: sign in</title><style>{_STYLE}</style></head><body>
<main><h1>{title}</h1>
<p>heatfleet asks to read your heat pump and to change its settings.</p>
{f'<p role="alert" id="note">{escape(note)}</p>' if note else ""}
<form method="post" action="{escape(text.action, quote=True)}">{hidden}
<label>E-mail address <input name="username" type="email" autocomplete="username" required
 value="{escape(username, quote=True)}"{wrong}></label>
<label>Password <input name="password" type="password" autocomplete="current-password" required
 value="{password}"{wrong}></label>
<button name="answer" value="allow">Sign in and allow</button>
<button name="answer" value="cancel" formnovalidate>Cancel</button></form></main>
<aside aria-label="Demo accounts"><p>This cloud is emulated; nothing here is real. Demo accounts:
{escape(text.hint)}; password <code>{password}</code>.</p></aside></body></html>"""
    return Response(status, body.encode(), "text/html; charset=utf-8", _headers(query))


def _headers(query: Mapping[str, str]) -> dict[str, str]:
    back = urlsplit(query.get("redirect_uri", ""))
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self' {back.scheme}://{back.netloc}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
