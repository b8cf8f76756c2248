"""One HTML answer: template, words, and headers that let nothing foreign in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Response

from heatfleet.web.languages import translations

_ENVIRONMENT = Environment(
    loader=PackageLoader("heatfleet.web", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
HtmlResponse = Response[Any]
# Schemes, not hosts: the answer to a form of the Connect pages may lead on to any manufacturer or partner.
ANYWHERE = "'self' https: http://127.0.0.1:* http://localhost:*"
_NOTHING: dict[str, Any] = {"looks": None, "steps": (), "now": None, "faults": (), "heading": None}


def show(
    template: str,
    language: str,
    status: int = 200,
    frame_ancestors: Sequence[str] = (),
    *,
    form_action: str = ANYWHERE,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> HtmlResponse:
    """The rendered page; ``frame_ancestors`` may embed it, its forms lead to ``form_action`` only."""
    words = {"_": translations(language).gettext, "language": language, **_formats(language)}
    html = _ENVIRONMENT.get_template(template).render({**_NOTHING, **words, **values})
    sent = {**_headers(frame_ancestors, form_action), **(headers or {})}
    return Response(html, status_code=status, media_type=MediaType.HTML, headers=sent)


def go(url: str) -> HtmlResponse:
    """Sends the browser on to ``url``."""
    headers = {"Location": url, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(b"", status_code=303, media_type=MediaType.TEXT, headers=headers)


def style(name: str = "style.css") -> HtmlResponse:
    """The style sheet of all pages, or another one."""
    css = _ENVIRONMENT.get_template(name).render()
    return Response(css, media_type=MediaType.CSS, headers={"Cache-Control": "public, max-age=3600"})


def _formats(language: str) -> dict[str, Any]:
    """Numbers and days as the language writes them."""
    return {
        "number": lambda value: format_decimal(round(value, 1), locale=language),
        "day": lambda at: format_date(at, "long", locale=language),
    }


def _headers(frame_ancestors: Sequence[str], form_action: str) -> dict[str, str]:
    sources = [origin for origin in frame_ancestors if not set(origin) & set(" ;,'\r\n")]
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
        f" form-action {form_action};"
        f" frame-ancestors {' '.join(sources) or chr(39) + 'none' + chr(39)}"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
