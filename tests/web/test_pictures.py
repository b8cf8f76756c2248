"""The pictures of docs/connect.md: small, and drawn from the pages as they are (``make pictures``)."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from PIL import Image

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel
from heatfleet.store.database import Database
from heatfleet.vendors.kit.driver import Cannot, Hindrance
from heatfleet.vendors.kit.manifest import Manifest
from tests.api_server import Answer, Api, running_api
from tests.support import FakeVendors
from tests.web.browsing import Browser, chromium
from tests.web.journey import agree, fields_of, follow, page, session, sign_in, submit, text

DOCS = Path(__file__).parents[2] / "docs"
FOLDER = DOCS / "connect"
MOST_BYTES, COLOURS, TALLEST_PX = 60_000, 32, 1400
NAMES = ("manufacturers", "consent", "gateway", "abilities", "comfort", "fault")
WIDTHS_PX = (375, 1280)
PUBLIC_URL = "https://heat.stadtwerke.example"
LOGO = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 190 40"><circle cx="20" cy="20" r="18" fill="#e4572e"/>'
    b'<path d="M20 6l9 15h-7v13l-9-16h7z" fill="#fff"/><text x="48" y="27" font-family="sans-serif" font-size="20"'
    b' font-weight="700" fill="#e4572e">Stadtwerke</text></svg>'
)
TITLES = {
    "redirecting": ("Nordwarm", ("Nordwarm", "Fjell")),
    "asking": ("Alpentherm", ("Alpentherm", "Gletscher")),
    "pairing": ("Any heat pump with SG-Ready inputs", ("SG-Ready",)),
    "coding": ("Kelvin & Sons", ("Kelvin", "Rankine Home")),
}
VALUES = {
    Channel.INDOOR_TEMP_C: 21.3,
    Channel.OUTDOOR_TEMP_C: -2.5,
    Channel.FLOW_TEMP_C: 34.1,
    Channel.DHW_TEMP_C: 48.2,
    Channel.POWER_KW: 1.2,
    Channel.INDOOR_SETPOINT_C: 21.0,
    Channel.DHW_SETPOINT_C: 48.0,
}
LEVERS = {Lever.INDOOR_SETPOINT_C: LeverRange(10, 30, 0.5), Lever.DHW_SETPOINT_C: LeverRange(30, 60, 1)}


class Makers(FakeVendors):
    """The tests' vendors under names that a person might meet."""

    def __init__(self) -> None:
        super().__init__()
        driver = self.drivers["redirecting"]
        driver.channels, driver.levers, driver.values = frozenset(VALUES), LEVERS, VALUES
        driver.cannot = (Cannot(Lever.DHW_BOOST, Hindrance.SUBSCRIPTION), Cannot(Channel.HEAT_KWH, Hindrance.SENSOR))

    def manifests(self) -> tuple[Manifest, ...]:
        return tuple(
            replace(m, title=TITLES[m.name][0], brands=TITLES[m.name][1], channels=frozenset(VALUES), levers=LEVERS)
            for m in super().manifests()
        )


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with chromium(tmp_path / "profile") as chrome:
        yield Browser(chrome)


async def scenes(api: Api) -> dict[str, Answer]:
    """The pages that are drawn."""
    picture = f"data:image/svg+xml;base64,{b64encode(LOGO).decode()}"
    await api.call("PUT", f"/org/{api.org_id}/settings", {"colour": "#e4572e", "logo_url": picture})
    id_ = (await session(api, language="en"))["id"]
    shown = {
        "manufacturers": await page(api, "/connect/heat-pumps", onboarding_session_id=id_),
        "consent": await page(api, "/connect/consent", onboarding_session_id=id_, vendor="redirecting"),
        "gateway": await follow(api, await agree(api, id_, "pairing")),
    }
    await sign_in(api, id_)
    shown["abilities"] = await page(api, "/connect/abilities", onboarding_session_id=id_)
    shown["comfort"] = await page(api, "/connect/comfort", onboarding_session_id=id_)
    wrong: dict[str, Any] = {"minimum_temperature_limit": "23", "maximum_temperature_limit": "22.5"}
    shown["fault"] = await submit(api, "/connect/comfort", **{**fields_of(shown["comfort"]), **wrong})
    assert tuple(shown) == NAMES
    return shown


def draw(browser: Browser, html: str, width_px: int) -> bytes:
    """The page as a small PNG: the whole of it on a telephone's width, the window on a desk's."""
    browser.size(width_px)
    browser.show(html)
    browser.until(lambda: browser.script("return [...document.images].every(one => one.complete)"))
    height_px = min(browser.script("return document.documentElement.scrollHeight"), TALLEST_PX)
    clip = {"x": 0, "y": 0, "width": width_px, "height": height_px, "scale": 1}
    options = {"format": "png", "clip": clip, "captureBeyondViewport": True}
    raw = b64decode(browser.chrome.execute_cdp_cmd("Page.captureScreenshot", options)["data"])
    out = BytesIO()
    Image.open(BytesIO(raw)).convert("RGB").quantize(COLOURS).save(out, "png", optimize=True)
    return out.getvalue()


async def test_pages_can_be_drawn_small(
    database: Database, clock: Any, org_id: UUID, key_file: Path, browser: Browser, request: pytest.FixtureRequest
) -> None:
    def draw_all(url: str, shown: dict[str, Answer]) -> dict[str, bytes]:
        browser.chrome.get(f"{url}/connect/style.css")
        drawn = {}
        for name, answer in shown.items():
            for width_px in WIDTHS_PX:
                browser.scheme("dark" if name == "fault" else "light")
                drawn[f"{name}-{width_px}.png"] = draw(browser, text(answer).replace(url, PUBLIC_URL), width_px)
        return drawn

    async with running_api(database, clock, org_id, key_file, Makers()) as api:
        drawn = await asyncio.to_thread(draw_all, api.url, await scenes(api))
    assert all(len(picture) <= MOST_BYTES for picture in drawn.values())
    if request.config.getoption("--update-pictures"):
        FOLDER.mkdir(exist_ok=True)
        for name, picture in drawn.items():
            (FOLDER / name).write_bytes(picture)


def test_the_pictures_of_the_page_are_there_and_small() -> None:
    told = (DOCS / "connect.md").read_text("utf-8")
    files = {path.name: path.stat().st_size for path in FOLDER.glob("*.png")}
    assert set(files) == {f"{name}-{width_px}.png" for name in NAMES for width_px in WIDTHS_PX}
    assert max(files.values()) <= MOST_BYTES
    assert not [name for name in files if f"connect/{name}" not in told]
