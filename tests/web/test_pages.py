"""All pages over HTTP: small, without scripts and inline styles, in the language asked for."""

from __future__ import annotations

import re
from base64 import b64encode

import pytest

from heatfleet.domain.logos import MAX_BYTES
from tests.api_server import Api
from tests.web.gallery import every_page
from tests.web.journey import text

MOST_BYTES = 60_000


async def test_every_page_is_small_even_with_the_largest_logo(api: Api) -> None:
    pages = await every_page(api, "hu")
    assert len(pages) > 40
    logo = b"<svg" + bytes(MAX_BYTES - 4)
    picture = f"data:image/svg+xml;base64,{b64encode(logo).decode()}"
    saved = await api.call("PUT", f"/org/{api.org_id}/settings", {"logo_url": picture})
    assert saved.status == 200, saved.body
    parts = {"/connect/style.css", "/favicon.svg", f"/connect/looks/{api.org_id}/style.css"}
    parts.add(f"/connect/looks/{api.org_id}/logo")
    answers = [await api.call("GET", f"/{part}", token=None) for part in parts]
    assert [answer.status for answer in answers] == [200] * 4
    beside = sum(len(answer.body) for answer in answers)
    sizes = {name: len(answer.body) + beside for name, answer in pages.items()}
    assert max(sizes.values()) <= MOST_BYTES, sizes


@pytest.mark.parametrize("language", ["de", "ro"])
async def test_every_page_is_plain_and_speaks_one_language(api: Api, language: str) -> None:
    for name, answer in (await every_page(api, language)).items():
        html = text(answer)
        assert f'<html lang="{language}">' in html, name
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|{{|%\(", html), name
        assert not re.search(r'(src|href)="(https?:)?//(?!vendor\.example|portal\.example)', html), name
        assert len(re.findall(r"<h1", html)) == 1, name
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy, name
        assert answer.headers["cache-control"] == "no-store"


async def test_titles_tell_pages_apart(api: Api) -> None:
    pages = await every_page(api, "en")
    titles = {name: re.findall(r"<title>(.*)</title>", text(answer))[0] for name, answer in pages.items()}
    assert all(titles.values())
    assert titles["comfort-fault"].startswith("Please check: ")
    assert len(set(titles.values())) > 25
