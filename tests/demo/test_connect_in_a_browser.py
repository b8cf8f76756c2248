"""A person clicks through the Connect page in a real browser and ends at the success address with the new id."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from demo_processes import start

pytestmark = pytest.mark.browser

CHROMIUM, DRIVER = Path("/usr/bin/chromium"), Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WITHIN_S = 30


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[object]:
    """Chromium, headless, with a profile of its own."""
    if not CHROMIUM.exists() or not DRIVER.exists():
        pytest.skip(f"no {CHROMIUM} or {DRIVER} on this machine")
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service

    options = ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--lang=en"):
        options.add_argument(flag)
    chrome = Chrome(options, Service(str(DRIVER)))
    yield chrome
    chrome.quit()


def test_a_person_connects_the_free_heat_pump(browser: object, demo_home: Path) -> None:
    from selenium.webdriver import Chrome
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    assert isinstance(browser, Chrome)
    demo = start(demo_home)
    try:
        browser.get(demo.ready["connect_url"])
        assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
        browser.find_element(By.CSS_SELECTOR, "ul.choices a").click()
        browser.find_element(By.CSS_SELECTOR, "a[href*='vendor=sandbox']").click()
        browser.find_element(By.NAME, "consent").click()
        browser.find_element(By.CSS_SELECTOR, "form[action='/connect/sign-in'] button").click()
        wait = WebDriverWait(browser, WITHIN_S)
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "button[value='allow']"))[0].click()
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "a.button[href*='comfort']"))[0].click()
        wait.until(lambda page: page.find_elements(By.CSS_SELECTOR, "form[action='/connect/comfort'] button"))[
            0
        ].click()
        wait.until(lambda page: "deviceId=" in page.current_url)
        device_id = UUID(parse_qs(urlsplit(browser.current_url).query)["deviceId"][0])

        browser.get(demo.ready["connect_url"])
        assert str(device_id) in browser.page_source or "over" in browser.page_source, "a session is used once"
    finally:
        assert demo.stop(signal.SIGTERM) == 0, demo.log[-3000:]
