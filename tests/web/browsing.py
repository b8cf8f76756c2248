"""A real browser for tests: Chromium without scripts' help, in any size and colour scheme, with axe to look it over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--lang=en",
    "--force-color-profile=srgb", "--hide-scrollbars", "--window-size=1280,900",
)  # fmt: skip
WITHIN_S = 60


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Chromium, headless, with a profile of its own, which keeps its console's lines; skips where there is none."""
    if not CHROMIUM.exists() or not DRIVER.exists():
        pytest.skip(f"no {CHROMIUM} or {DRIVER} on this machine")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    chrome = Chrome(options, Service(str(DRIVER)))
    try:
        yield chrome
    finally:
        chrome.quit()


class Browser:
    """What a person does; every method blocks."""

    def __init__(self, chrome: Any) -> None:
        self.chrome = chrome
        chrome.implicitly_wait(WITHIN_S)

    def without_scripts(self) -> None:
        """Pages run no script from now on."""
        self.chrome.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})

    def size(self, width_px: int, height_px: int = 800) -> None:
        """The window, as a telephone or a desk has it."""
        size = {"width": width_px, "height": height_px, "deviceScaleFactor": 1, "mobile": width_px < 500}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def scheme(self, name: str) -> None:
        """``light`` or ``dark``."""
        wish = {"features": [{"name": "prefers-color-scheme", "value": name}]}
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", wish)

    def show(self, html: str) -> None:
        """``html`` in place of the page that stands there, with that page's address."""
        frame = self.chrome.execute_cdp_cmd("Page.getFrameTree", {})["frameTree"]["frame"]["id"]
        self.chrome.execute_cdp_cmd("Page.setDocumentContent", {"frameId": frame, "html": html})
        self.until(lambda: self.script("return document.readyState === 'complete' && document.styleSheets.length > 0"))

    def one(self, selector: str) -> Any:
        """The first element of a kind."""
        return self.chrome.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        """A click on the first element of a kind."""
        self.one(selector).click()

    def go_by(self, selector: str) -> None:
        """A click that leads to another address, and has led there."""
        before = self.chrome.current_url
        self.click(selector)
        self.until(lambda: self.chrome.current_url != before)

    def fill(self, name: str, text: str) -> None:
        """``text`` in place of what stands in the field."""
        field = self.one(f"[name={name}]")
        field.clear()
        field.send_keys(text)

    def until(self, holds: Any) -> Any:
        """What ``holds`` answers once it is true; a page that is just being left is asked again."""
        from selenium.common.exceptions import StaleElementReferenceException
        from selenium.webdriver.support.ui import WebDriverWait

        wait = WebDriverWait(self.chrome, WITHIN_S, 0.05, ignored_exceptions=[StaleElementReferenceException])
        return wait.until(lambda _: holds())

    def heading(self) -> str:
        """The page's heading."""
        return str(self.one("h1").text)

    def script(self, text: str, *arguments: Any) -> Any:
        """What a script of the test's own answers."""
        return self.chrome.execute_script(text, *arguments)

    def complaints(self) -> list[str]:
        """What the browser has complained of: broken policies, missing files."""
        return [line["message"] for line in self.chrome.get_log("browser")]

    def violations(self, *rules: str) -> list[str]:
        """What axe finds on the page: all its rules, or only these."""
        if not self.script("return 'axe' in window"):
            self.script((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        only = {"runOnly": {"type": "rule", "values": list(rules)}} if rules else {}
        found = self.chrome.execute_async_script(_AXE, only)
        return [f"{one['id']}: {one['help']} {[n['html'] for n in one['nodes']]}" for one in found]


_AXE = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ['violations'], ...arguments[0]}).then(
  result => done(result.violations), fault => done([{id: 'axe', help: String(fault), nodes: []}]));
"""
