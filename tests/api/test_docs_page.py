"""The documentation page as it is served: complete without a script, and nothing foreign with one."""

from __future__ import annotations

import re
from pathlib import Path

import heatfleet.api
from heatfleet.api.openapi import build_openapi
from heatfleet.api.routes import HANDLERS
from tests.api_server import Api

SCHEMA = build_openapi(HANDLERS)
SCRIPT = (Path(heatfleet.api.__file__).parent / "pages" / "docs.js").read_text("utf-8")


async def served(api: Api, path: str) -> tuple[int, str, str]:
    answer = await api.call("GET", path, token=None)
    return answer.status, answer.headers["content-type"], answer.body.decode()


async def test_the_page_says_everything_without_its_script(api: Api) -> None:
    status, _, html = await served(api, "/docs")
    assert status == 200
    operations = [operation for item in SCHEMA["paths"].values() for operation in item.values()]
    for operation in operations:
        assert f'id="{operation["operationId"]}"' in html
        assert f'href="#{operation["operationId"]}"' in html
    assert all(f'id="schema-{name}"' in html for name in SCHEMA["components"]["schemas"])
    assert html.count('<form data-method="') == len(operations)
    assert all(re.search(rf'<[^>]+id="{id_}"[^>]*hidden', html) for id_ in ("sign-in", "sign-out", "who"))


async def test_every_field_has_a_label_and_no_id_comes_twice(api: Api) -> None:
    _, _, html = await served(api, "/docs")
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids)), sorted({i for i in ids if ids.count(i) > 1})
    fields = re.findall(r"<(?:input|select|textarea)\b(?![^>]*type=\"radio\")[^>]*\bid=\"([^\"]+)\"", html)
    assert set(fields) == set(re.findall(r'<label for="([^"]+)"', html))
    targets = re.findall(r'href="#([^"]+)"', html)
    assert not set(targets) - set(ids)


async def test_nothing_foreign_or_inline_gets_in(api: Api) -> None:
    page = await api.call("GET", "/docs", token=None)
    html, policy = page.body.decode(), page.headers["content-security-policy"]
    assert (
        re.findall(r"<script[^>]*>", html) == re.findall(r'<script src="docs/script\.js\?v=\w{12}" defer>', html) != []
    )
    assert not re.findall(r"(?:src|href|action)=\"(?:https?:)?//", html)
    assert not re.findall(r"\s(?:style|on\w+)=", html)
    assert "default-src 'none'; script-src 'self'; connect-src 'self';" in policy
    assert "unsafe" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_style_script_and_icon_are_our_own(api: Api) -> None:
    assert (await served(api, "/docs/style.css"))[:2] == (200, "text/css; charset=utf-8")
    assert (await served(api, "/docs/script.js"))[:2] == (200, "text/javascript; charset=utf-8")
    for path in ("//favicon.svg", "//favicon.ico"):
        status, media_type, svg = await served(api, path)
        assert (status, media_type) == (200, "image/svg+xml")
        assert svg.startswith("<svg")


def test_the_script_stays_small_keeps_nothing_and_writes_no_markup() -> None:
    assert len(SCRIPT.splitlines()) < 300
    assert not re.findall(r"localStorage|sessionStorage|indexedDB|document\.cookie|innerHTML|outerHTML|eval\(", SCRIPT)
    assert not re.findall(r"https?://", SCRIPT)
