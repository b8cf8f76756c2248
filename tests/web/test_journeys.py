"""People connect heat pumps in a real browser that runs no scripts: by redirect, by form, by pairing a gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from aiohttp import web

from heatfleet.store.database import Database
from heatfleet.vendors.kit.http import VendorSession
from heatfleet.vendors.kit.registry import load_registry
from heatfleet.vendors.sandbox.emulator import Emulator, mild_winter
from tests.api_server import Api, running_api
from tests.vendors.serving import served
from tests.web.browsing import Browser, chromium
from tests.web.journey import session

pytestmark = pytest.mark.browser


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path / "profile") as chrome:
        yield Browser(chrome)


async def link(api: Api, **more: str) -> str:
    """The address a partner sends a person to; it ends on a page that this server has."""
    home = {"success_url": f"{api.url}/healthz?ok=1", "cancel_url": f"{api.url}/healthz?ok=0"}
    made = await session(api, language="en", **{**home, **more})
    return str((await api.call("GET", f"/device-onboarding/{made['id']}")).body["authentication_url"])


def choose(browser: Browser, url: str, maker: str) -> None:
    """From the first page to the sign-in."""
    browser.chrome.get(url)
    browser.go_by(".choices a")
    browser.fill("q", maker)
    browser.go_by(".search button")
    browser.go_by(".choices a")
    assert "What you allow" in browser.heading()
    browser.click("#consent")
    browser.go_by("form[action='/connect/sign-in'] button")


def finish(browser: Browser) -> UUID:
    """From what we can do to the partner's page; the id in its address."""
    browser.until(lambda: browser.heading() == "What we can do with your heat pump")
    browser.go_by("a.button")
    browser.fill("minimum_temperature_limit", "19.5")
    browser.click("form[action='/connect/comfort'] button")
    browser.until(lambda: "deviceId=" in browser.chrome.current_url)
    query = parse_qs(urlsplit(browser.chrome.current_url).query)
    assert query["ok"] == ["1"]
    return UUID(query["deviceId"][0])


async def minimum_of(api: Api, heat_pump_id: UUID) -> float:
    pumps = (await api.call("GET", f"/org/{api.org_id}/heat-pumps")).body
    return float(next(pump for pump in pumps if pump["id"] == str(heat_pump_id))["minimum_temperature_limit"])


async def test_by_redirect_to_the_sandbox(
    database: Database, clock: Any, org_id: UUID, key_file: Path, browser: Browser
) -> None:
    cloud = Emulator(seed=2, homes_count=3, clock=clock, weather=mild_winter, calls_per_minute=60)
    vendors = VendorSession(clock)

    def click_through(url: str) -> UUID:
        browser.without_scripts()
        choose(browser, url, "sandbox")
        assert "oauth" in browser.chrome.current_url
        browser.fill("password", "wrong")
        browser.go_by("button[value='allow']")
        assert "Wrong e-mail address" in browser.one("[role=alert]").text
        assert len(browser.complaints()) == 1, "the wrong password"
        browser.go_by("button[value='allow']")
        found = finish(browser)
        assert browser.complaints() == []
        return found

    async with served(cloud) as root:
        registry = load_registry(vendors.http, {"sandbox": dict(cloud.config(root))})
        async with running_api(database, clock, org_id, key_file, registry) as api:
            heat_pump_id = await asyncio.to_thread(click_through, await link(api))
            assert await minimum_of(api, heat_pump_id) == 19.5
    await vendors.close()


async def test_by_form_with_the_keyboard_alone(api: Api, browser: Browser) -> None:
    def type_through(url: str) -> UUID:
        choose(browser, url, "asking")
        assert browser.heading() == "Sign in: Asking"
        browser.fill("email", "a@b.example")
        browser.fill("password", "bad\n")
        browser.until(lambda: browser.script("return document.activeElement.className") == "faults")  # read first
        assert tabbed(browser, 2) == ["#email", "#email"], "each fault leads to its field"
        browser.one(".faults a").send_keys("\n")
        assert browser.script("return document.activeElement.id || location.hash") in {"email", "#email"}
        browser.fill("password", "good\n")
        return finish(browser)

    heat_pump_id = await asyncio.to_thread(type_through, await link(api))
    assert await minimum_of(api, heat_pump_id) == 19.5


def tabbed(browser: Browser, times: int) -> list[str]:
    """Where the focus stands after each of so many tabs: addresses of links, names of fields, texts of buttons."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.keys import Keys

    seen = []
    for _ in range(times):
        ActionChains(browser.chrome).send_keys(Keys.TAB).perform()
        seen.append(browser.script(_WHERE))
    return seen


_WHERE = "const e = document.activeElement; return e.getAttribute('href') || e.name || e.textContent.trim()"


async def test_the_focus_goes_down_the_page(api: Api, browser: Browser) -> None:
    def walk(url: str) -> list[str]:
        browser.chrome.get(url.replace("/connect?", "/connect/consent?vendor=asking&"))
        order = tabbed(browser, 4)
        outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", "the focus is seen"
        return order

    order = await asyncio.to_thread(walk, await link(api))
    assert [where.partition("?")[0] for where in order] == [
        "consent",
        "Continue to sign-in",
        "/connect/heat-pumps",
        "Cancel",
    ]


async def test_by_pairing_the_page_goes_on_by_itself(api: Api, browser: Browser) -> None:
    gateway, loop = api.vendors.drivers["pairing"], asyncio.get_running_loop()
    seen: list[str] = []

    def pair(url: str) -> UUID:
        browser.without_scripts()
        choose(browser, url, "pairing")
        assert browser.heading() == "Pair your gateway"
        seen.append(browser.one(".code dd").text)
        loop.call_soon_threadsafe(setattr, gateway, "is_entered", True)
        browser.until(lambda: browser.heading() == "What we can do with your heat pump")
        return finish(browser)

    heat_pump_id = await asyncio.to_thread(pair, await link(api))
    assert seen == ["GATE-4711"]
    assert await minimum_of(api, heat_pump_id) == 19.5


async def test_cancel_leads_back_and_the_link_is_over(api: Api, browser: Browser) -> None:
    def give_up(url: str) -> None:
        browser.chrome.get(url)
        browser.go_by(".leave button")
        assert browser.chrome.current_url == f"{api.url}/healthz?ok=0"
        browser.chrome.get(url)
        assert browser.heading() == "This link was cancelled"

    await asyncio.to_thread(give_up, await link(api))


@asynccontextmanager
async def portal(address: str) -> AsyncIterator[str]:
    """A partner's site that has ``address`` in a frame; its origin."""

    async def show(_: web.Request) -> web.Response:
        page = f"<!doctype html><html lang='en'><title>Portal</title><iframe title='Connect' src='{address}'></iframe>"
        return web.Response(text=page, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.parametrize("is_allowed", [True, False])
async def test_only_an_allowed_site_may_embed(api: Api, browser: Browser, is_allowed: bool) -> None:
    pump = await api.pump(await api.user())

    def look(origin: str) -> str:
        browser.chrome.get(origin)
        browser.chrome.switch_to.frame(0)
        browser.chrome.implicitly_wait(0)
        headings = browser.chrome.find_elements("css selector", "h1")
        return " ".join(heading.text for heading in headings)

    async with portal(pump["embeddable_url"]) as origin:
        allowed = [origin] if is_allowed else ["https://portal.example"]
        saved = await api.call("PUT", f"/org/{api.org_id}/settings", {"frame_ancestors": allowed})
        assert saved.status == 200, saved.body
        seen = await asyncio.to_thread(look, origin)
    assert ("Who made your heat pump?" in seen) is is_allowed
