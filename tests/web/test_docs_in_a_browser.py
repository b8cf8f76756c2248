"""The documentation page in a real browser: sign in, find an operation, try it; nothing breaks its own policy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api_server import Api

pytestmark = pytest.mark.browser

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=en",
)  # fmt: skip
WITHIN_S = 30


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Any]:
    """Chromium, headless, with a profile of its own, which keeps its console's lines."""
    if not CHROMIUM.exists() or not DRIVER.exists():
        pytest.skip(f"no {CHROMIUM} or {DRIVER} on this machine")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,900"):
        options.add_argument(flag)
    chrome = Chrome(options, Service(str(DRIVER)))
    yield chrome
    chrome.quit()


class DocsPage:
    """What a reader does on the page; every method blocks."""

    def __init__(self, browser: Any, url: str) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser, self._wait = browser, WebDriverWait(browser, WITHIN_S)
        browser.get(url)

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def shown(self, selector: str) -> Any:
        return self._wait.until(lambda _: (found := self.one(selector)).is_displayed() and found)

    def sign_in(self, **fields: str) -> None:
        self.one("#sign-in").click()
        for name, value in fields.items():
            self.shown(f"dialog [name={name}]").send_keys(value)
        self.one("dialog form:not([hidden]) button.main").click()

    def send(self, operation_id: str) -> Any:
        """Sends the operation as it stands; the status shown."""
        form = f"#{operation_id} .try"
        if self.one(form).get_attribute("open") is None:
            self.one(f"{form} summary").click()
        self.one(f"{form} button.main").click()
        self._wait.until(lambda _: self.one(f"{form} .answer").is_displayed() or self.one(f"{form} .fault").text)
        return self.one(f"{form} .status").text

    def answer(self, operation_id: str) -> str:
        return str(self.one(f"#{operation_id} .answer pre").text)

    def complaints(self) -> list[str]:
        return [line["message"] for line in self.browser.get_log("browser")]


async def test_a_partner_signs_in_and_lists_users(api: Api, browser: Any) -> None:
    await api.user(email="ada@example.com")
    client = (await api.call("POST", f"/org/{api.org_id}/clients", {"name": "portal"})).body

    def read() -> None:
        page = DocsPage(browser, f"{api.url}/api/partners/v2.0/docs")
        page.sign_in(client_id=client["id"], client_secret=client["client_secret"])
        assert "admin, client" in page.shown("#who").text
        assert page.send("list_users") == "200 OK"
        assert '"email": "ada@example.com"' in page.answer("list_users")
        curl = page.one("#list_users .curl").text
        assert f"/org/{api.org_id}/users" in curl
        assert '-H "Authorization: Bearer $TOKEN"' in curl
        assert client["client_secret"] not in page.browser.page_source
        page.one("#filter").send_keys("list_users")
        assert page.one("#found").text == "1 found"
        assert page.complaints() == []
        page.browser.refresh()
        assert page.shown("#sign-in"), "the token is kept in memory only"

    await asyncio.to_thread(read)


async def test_a_new_user_made_on_the_page_and_what_goes_wrong_is_said(api: Api, browser: Any) -> None:
    client = (await api.call("POST", f"/org/{api.org_id}/clients", {"name": "portal"})).body

    def read() -> None:
        page = DocsPage(browser, f"{api.url}/api/partners/v2.0/docs")
        page.sign_in(client_id=client["id"], client_secret="wrong")
        assert page.shown("dialog .fault").text
        page.one("dialog [name=client_secret]").clear()
        page.one("dialog [name=client_secret]").send_keys(client["client_secret"])
        page.one("dialog form:not([hidden]) button.main").click()
        page.shown("#who")
        assert page.send("create_user") == "200 OK"
        assert page.one("#create_user .headers").text.startswith("etag")
        page.one("#create_user textarea").send_keys("}")
        page.one("#create_user button.main").click()
        assert page.shown("#create_user .fault").text.startswith("The body is not JSON")

    await asyncio.to_thread(read)


@pytest.mark.parametrize("width_px", [375, 1280])
async def test_the_page_fits_its_window(api: Api, browser: Any, width_px: int) -> None:
    def read() -> int:
        size = {"width": width_px, "height": 800, "deviceScaleFactor": 1, "mobile": width_px < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        page = DocsPage(browser, f"{api.url}/api/partners/v2.0/docs")
        for details in browser.find_elements("css selector", ".try"):
            browser.execute_script("arguments[0].open = true", details)
        assert page.complaints() == []
        return int(browser.execute_script("return document.documentElement.scrollWidth"))

    assert await asyncio.to_thread(read) <= width_px
