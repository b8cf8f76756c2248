"""A person clicks through the Connect page in a real browser and ends at the success address with the new id."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from demo_processes import start
from test_lifecycle import fleet, token_of, until

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
    chrome.implicitly_wait(WITHIN_S)
    yield chrome
    chrome.quit()


def click_through(browser: object, connect_url: str, vendor: str) -> UUID:
    """The id of the heat pump a person has connected by clicking only, with what the maker's page suggests."""
    from selenium.webdriver import Chrome
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    assert isinstance(browser, Chrome)
    browser.get(connect_url)
    assert browser.find_element(By.TAG_NAME, "html").get_attribute("lang") == "en"
    browser.find_element(By.CSS_SELECTOR, "ul.choices a").click()
    browser.find_element(By.CSS_SELECTOR, f"a[href*='vendor={vendor}']").click()
    browser.find_element(By.NAME, "consent").click()
    browser.find_element(By.CSS_SELECTOR, "form[action='/connect/sign-in'] button").click()
    browser.find_element(By.CSS_SELECTOR, "button[value='allow']").click()
    browser.find_element(By.CSS_SELECTOR, "a.button[href*='comfort']").click()
    browser.find_element(By.CSS_SELECTOR, "form[action='/connect/comfort'] button").click()
    WebDriverWait(browser, WITHIN_S).until(lambda page: "deviceId=" in page.current_url)
    return UUID(parse_qs(urlsplit(browser.current_url).query)["deviceId"][0])


def test_a_person_connects_the_free_heat_pump(browser: object, demo_home: Path) -> None:
    from selenium.webdriver import Chrome

    assert isinstance(browser, Chrome)
    demo = start(demo_home)
    try:
        device_id = click_through(browser, demo.ready["connect_url"], "sandbox")
        browser.get(demo.ready["connect_url"])
        assert str(device_id) in browser.page_source or "over" in browser.page_source, "a session is used once"
    finally:
        assert demo.stop(signal.SIGTERM) == 0, demo.log[-3000:]


def test_a_person_connects_an_emulated_nibe_which_is_then_monitored_and_steered(
    browser: object, demo_home: Path
) -> None:
    demo = start(demo_home)
    try:
        device_id = click_through(browser, demo.ready["connect_url"], "myuplink")

        def pump() -> dict[str, Any]:
            [found] = [one for one in fleet(demo.ready) if one["id"] == str(device_id)]
            return found

        assert pump()["device_model"]["manufacturer"] == "NIBE"
        until(lambda: pump()["monitoring_status"] == "ok")
        owner = pump()["owner"]["id"]
        url = f"{demo.ready['base_url']}/org/{demo.ready['org_id']}/users/{owner}/heat-pumps/{device_id}"
        headers = {"Authorization": f"Bearer {token_of(demo.ready)}", "Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            until_at = datetime.fromisoformat(answer.headers["X-Fleet-Time"]) + timedelta(hours=4)
        body = json.dumps({"pause_power_until": until_at.isoformat()}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="PUT"), timeout=20) as answer:
            assert answer.status == 200
        until(lambda: pump()["actual_steering_state"] == "min" and pump()["steering_status"] == "ok")
    finally:
        assert demo.stop(signal.SIGTERM) == 0, demo.log[-3000:]
    assert "still owed" not in demo.log
