"""The owner's page in a real browser: in by the link, band, away, pause, resume, a notice, and out."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.api_server import Api
from tests.web.homes import Owner, add_cue, connected_pump, make_link, save_plan
from tests.web.test_docs_in_a_browser import WITHIN_S, browser

__all__ = ["browser"]
pytestmark = pytest.mark.browser
BAND = {"is_heating_policy_enabled": True, "minimum_temperature_limit": 20.0, "maximum_temperature_limit": 22.5}
MOST_BYTES = 60_000


class HomePage:
    """What an owner does on the page; every method blocks."""

    def __init__(self, browser: Any, link: str) -> None:
        from selenium.webdriver.support.ui import WebDriverWait

        self.browser, self._wait = browser, WebDriverWait(browser, WITHIN_S)
        browser.get(link)

    def one(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def unfold(self, form: str) -> Any:
        """The form, with the part it is in open."""
        found = self.one(f"form[action$='/{form}']")
        if not found.is_displayed():
            found.find_element("xpath", "./ancestor::details/summary").click()
        return found

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            field = self.one(f"#{name}")
            field.clear()
            field.send_keys(value)

    def send(self, form: str) -> str:
        """Presses the form's button; what the page it leads to says on top."""
        before = self.one("html")
        self.unfold(form).find_element("css selector", "button").click()
        self._wait.until(lambda _: self.one("html") != before)
        told = self.browser.find_elements("css selector", "[role=status], [role=alert]")
        return str(told[0].text) if told else ""

    def text(self) -> str:
        return str(self.one("main").text)

    def complaints(self) -> list[str]:
        return [line["message"] for line in self.browser.get_log("browser")]

    def script(self, text: str) -> Any:
        return self.browser.execute_script(f"return {text}")


@pytest.fixture
async def owner(api: Api, clock: Any) -> Owner:
    """The owner of a planned pump with a notice."""
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now, **BAND)
    await save_plan(api, pump_id, clock.now)
    await add_cue(api, pump_id, "information", code="cannot_disinfect", message="x")
    return Owner(api, user_id, pump_id)


async def test_an_owner_sets_everything_and_leaves(api: Api, owner: Owner, browser: Any) -> None:
    link = await make_link(api, owner.user_id, owner.pump_id)
    address = f"{api.url}/home/{owner.pump_id}"

    def set_everything() -> None:
        page = HomePage(browser, link)
        assert browser.current_url == address, "the secret is not in the address any more"
        assert "Electricity is expensive until 10:00" in page.text()
        page.unfold("save/comfort")
        page.fill(minimum_temperature_limit="19.5", maximum_temperature_limit="23")
        assert page.send("save/comfort").startswith("Saved.")
        assert "19.5 – 23 °C" in page.text()
        assert page.send("save/away").startswith("Saved.")
        assert "15/01/2024" in page.text()
        assert page.send("save/pause").startswith("Saved.")
        assert "paused until 09:00" in page.text()
        page.send("save/resume")
        assert "Electricity is expensive until 10:00" in page.text()
        assert page.send("save/notice") == "Marked as read."
        assert page.complaints() == []

    def leave() -> None:
        page = HomePage(browser, address)
        page.one(".leave a").click()
        page.one("[name=sure]").click()
        page.send("disconnect")
        assert page.one("h1").text == "Your heat pump is disconnected"
        browser.get(address)
        assert page.one("h1").text == "Open this page with your link", "the cookie is gone"
        browser.get(link)
        assert page.one("h1").text == "This link no longer works"

    await asyncio.to_thread(set_everything)
    seen = await owner.settings()
    assert (seen["minimum_temperature_limit"], seen["maximum_temperature_limit"]) == (19.5, 23.0)
    assert (seen["away_mode_start"], seen["away_mode_end"]) == ("2024-01-08T06:00:00Z", "2024-01-15T06:00:00Z")
    assert (seen["is_pause_power_active"], seen["actions"]) == (False, [])
    await asyncio.to_thread(leave)
    assert (await owner.settings())["lifecycle_state"] == "disconnected"


async def test_what_is_wrong_is_where_the_eye_and_the_keyboard_are(api: Api, owner: Owner, browser: Any) -> None:
    link = await make_link(api, owner.user_id, owner.pump_id)

    def go_wrong() -> None:
        page = HomePage(browser, link)
        page.unfold("save/comfort")
        page.fill(minimum_temperature_limit="22.4", maximum_temperature_limit="22.5")
        told = page.send("save/comfort")
        assert told.startswith("Nothing was saved.")
        assert page.script("document.activeElement.id") == "fault"
        field = page.one("#minimum_temperature_limit")
        assert field.is_displayed(), "its part of the page is open"
        assert page.one("#minimum_temperature_limit-fault").is_displayed()
        page.one("#fault a").click()
        assert browser.current_url.endswith("#minimum_temperature_limit")
        assert page.complaints() == [f"{api.url}/home/{owner.pump_id}/save/comfort - Failed to load resource: "
                                     "the server responded with a status of 422 (Unprocessable Entity)"]  # fmt: skip

    await asyncio.to_thread(go_wrong)


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width_px", [375, 1280])
async def test_it_fits_is_small_and_asks_nobody_else(
    api: Api, owner: Owner, browser: Any, width_px: int, is_dark: bool
) -> None:
    link = await make_link(api, owner.user_id, owner.pump_id)

    def look() -> None:
        size = {"width": width_px, "height": 800, "deviceScaleFactor": 1, "mobile": width_px < 500}
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}]
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        page = HomePage(browser, link)
        got = page.script(
            "performance.getEntries().filter(e => 'transferSize' in e).map(e => [e.name, e.transferSize])"
        )
        assert len(got) >= 3
        assert all(name.startswith(api.url) for name, _ in got)
        assert sum(size for _, size in got) <= MOST_BYTES
        page.script("document.querySelectorAll('details').forEach(part => part.open = true)")
        assert page.script("document.documentElement.scrollWidth") <= width_px
        assert page.script("[...document.querySelectorAll('input:not([type=hidden])')].every(i => i.labels.length)")
        dark, light = page.script("[...CONTRASTS]".replace("CONTRASTS", contrasts()))
        assert min(dark, light) >= 4.5, "texts can be read"
        assert page.complaints() == []

    await asyncio.to_thread(look)


def contrasts() -> str:
    """JavaScript: the least contrast of the page's paragraphs with the page, and of buttons with their ground."""
    return """(() => {
      const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number)
      const part = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4
      const light = ([r, g, b]) => 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
      const lights = (a, b) => [light(a), light(b)].sort((p, q) => q - p)
      const ratio = (a, b) => { const [x, y] = lights(a, b); return (x + 0.05) / (y + 0.05) }
      const canvas = matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255]
      const worst = (what, ground) => Math.min(...[...document.querySelectorAll(what)].map(e => {
        const style = getComputedStyle(e)
        return ratio(rgb(style.color), ground ? rgb(style.backgroundColor) : canvas)
      }))
      return [worst('p, dt, dd, summary, .wrong', false), worst('button:not(.quiet)', true)]
    })()"""


async def test_two_pumps_have_two_pages_in_one_browser(api: Api, owner: Owner, browser: Any, clock: Any) -> None:
    second = await connected_pump(api, owner.user_id, clock.now, name="Cellar")
    links = [await make_link(api, owner.user_id, pump_id) for pump_id in (owner.pump_id, second)]

    def visit(link: str, pump_id: UUID) -> str:
        HomePage(browser, link)
        browser.get(f"{api.url}/home/{pump_id}")
        return str(browser.find_element("css selector", "h1").text)

    assert await asyncio.to_thread(visit, links[0], owner.pump_id) == "Air 8"
    assert await asyncio.to_thread(visit, links[1], second) == "Cellar"
    assert await asyncio.to_thread(visit, links[1], owner.pump_id) == "Air 8", "the first is still open"
    clock.wall += timedelta(days=401)
    assert await asyncio.to_thread(visit, links[1], owner.pump_id) == "This link has expired"
