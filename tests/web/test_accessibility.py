"""axe finds nothing on any page, in any language, by day and by night; the makers' emulated pages included."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heatfleet.vendors.kit.emulation.pages import SignInText, sign_in_page
from heatfleet.web.languages import LANGUAGES
from tests.api_server import Api
from tests.web.browsing import Browser, chromium
from tests.web.gallery import Gallery, every_page
from tests.web.journey import page, session, text

pytestmark = pytest.mark.browser
WIDTH_PX = 320


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("profile")) as chrome:
        yield Browser(chrome)


def look_over(browser: Browser, url: str, pages: Gallery) -> dict[str, list[str]]:
    """What axe finds, by page and scheme; all rules by day, contrast once more by night."""
    browser.chrome.get(f"{url}/connect/style.css")
    found = {}
    for name, answer in pages.items():
        browser.scheme("light")
        browser.show(text(answer))
        found[name] = browser.violations()
        if browser.script("return document.documentElement.scrollWidth") > WIDTH_PX:
            found[name].append("wider than a telephone")
        browser.scheme("dark")
        found[f"{name} by night"] = browser.violations("color-contrast")
    browser.scheme("light")
    return {name: violations for name, violations in found.items() if violations}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_axe_finds_nothing(api: Api, browser: Browser, language: str) -> None:
    pages = await every_page(api, language)
    browser.size(WIDTH_PX)
    assert await asyncio.to_thread(look_over, browser, api.url, pages) == {}


@pytest.mark.parametrize("colour", ["#ffffff", "#000000", "#ffff00", "#7f7f7f", "#14181c", "#00e5ff", "#d4003c"])
async def test_any_colour_stays_readable_on_the_page(api: Api, browser: Browser, colour: str) -> None:
    await api.call("PUT", f"/org/{api.org_id}/settings", {"colour": colour})
    made = await session(api, language="en")
    told = await page(api, "/connect/consent", onboarding_session_id=made["id"], vendor="pairing")
    makers = await page(api, "/connect/heat-pumps", onboarding_session_id=made["id"], q="a")
    pages = {"consent": told, "manufacturers": makers}
    assert await asyncio.to_thread(look_over, browser, api.url, pages) == {}


def test_axe_would_find_something(browser: Browser) -> None:
    browser.chrome.get("data:text/html,<html><body><img src=x><p style='color:%23999'>grey</p></body></html>")
    found = " ".join(browser.violations())
    for rule in ("image-alt", "color-contrast", "html-has-lang", "document-title"):
        assert rule in found


@pytest.mark.parametrize("note", ["", "Wrong e-mail address or password."])
def test_the_emulated_makers_page_is_accessible_and_shows_its_demo_accounts(
    browser: Browser, tmp_path: Path, note: str
) -> None:
    words = SignInText(
        "Sandbox cloud", "/oauth/sign-in", "home1@sandbox.example to home9", "home1@sandbox.example", "pw"
    )
    answer = sign_in_page(words, {"redirect_uri": "http://127.0.0.1/x"}, 200, note)
    file = tmp_path / "page.html"
    file.write_bytes(answer.body)
    found: list[Any] = []
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        browser.chrome.get(file.as_uri())
        found += browser.violations()
    browser.scheme("light")
    assert found == []
    shown = browser.one("aside").text
    assert "home1@sandbox.example" in shown
    assert "pw" in shown
    assert browser.one("[name=username]").get_attribute("value") == "home1@sandbox.example"
