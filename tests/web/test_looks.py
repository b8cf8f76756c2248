"""An organisation's name, colour, logo and frames on the Connect pages; readable whatever the colour."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.web.colour import BLACK, WHITE, contrast, readable_on, text_on
from heatfleet.web.looks import DARK, LIGHT, colours
from tests.api_server import Api
from tests.web.journey import page, session, submit, text

COLOURS = st.integers(0, 0xFFFFFF).map(lambda n: f"#{n:06x}")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><script>alert(1)</script><path d="M0 0h9v9z"/></svg>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


def data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast(WHITE, BLACK) == pytest.approx(21)
    assert contrast("#777777", WHITE) == pytest.approx(4.48, abs=0.01)
    assert contrast("#ff0000", "#ff0000") == 1


@given(COLOURS)
def test_every_colour_becomes_readable(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= 4.5
    for background in (LIGHT, DARK):
        for ratio in (3.0, 4.5):
            assert contrast(readable_on(background, colour, ratio), background) >= ratio


@given(COLOURS)
def test_a_colour_that_is_readable_stays_as_it_is(colour: str) -> None:
    if contrast(colour, LIGHT) >= 4.5:
        assert readable_on(LIGHT, colour, 4.5) == colour


@given(COLOURS)
def test_the_style_sheet_keeps_what_it_promises(colour: str) -> None:
    sheet = colours(colour)
    schemes = re.findall(r"--main:(#\w{6});--on-main:(#\w{6});--accent:(#\w{6})", sheet)
    assert len(schemes) == 2
    for (button, on_button, accent), background in zip(schemes, (LIGHT, DARK), strict=True):
        assert contrast(button, background) >= 3
        assert contrast(on_button, button) >= 4.5
        assert contrast(accent, background) >= 4.5


async def dress(api: Api, **settings: Any) -> None:
    saved = await api.call("PUT", f"/org/{api.org_id}/settings", settings)
    assert saved.status == 200, saved.body


async def test_colour_and_logo_come_from_ourselves(api: Api) -> None:
    made = await session(api)
    plain = text(await page(api, "/connect", onboarding_session_id=made["id"]))
    await dress(api, colour="#ffe000", logo_url=data("image/svg+xml", SVG))
    dressed = text(await page(api, "/connect", onboarding_session_id=made["id"]))
    assert not re.search(r'(src|href)="(https?:)?//', dressed)
    (sheet,) = re.findall(r'href="(/connect/looks/[^"]+css[^"]+)"', dressed)
    assert sheet not in plain, "a change is seen at once although style sheets are kept for long"
    css = await api.call("GET", f"/{sheet}", token=None)
    assert "#ffe000" in text(css)
    (logo,) = re.findall(r'<img src="([^"]+)" alt="Stadtwerke Test"', dressed)
    picture = await api.call("GET", f"/{logo}", token=None)
    assert (picture.body, picture.headers["content-type"]) == (SVG, "image/svg+xml")
    assert "script-src" not in picture.headers["content-security-policy"]
    assert picture.headers["content-security-policy"].startswith("default-src 'none'")
    assert "sandbox" in picture.headers["content-security-policy"]
    assert "immutable" in picture.headers["cache-control"]


async def test_a_logo_that_lies_elsewhere_is_not_loaded(api: Api) -> None:
    await dress(api, logo_url="https://cdn.example.com/logo.png")
    made = await session(api)
    shown = text(await page(api, "/connect", onboarding_session_id=made["id"]))
    assert "cdn.example.com" not in shown
    assert "<img" not in shown
    assert (await page(api, f"/connect/looks/{api.org_id}/logo")).status == 404
    nobody = "01a1f95e-3da1-7000-b1d1-7e8148a86584"
    assert (await page(api, f"/connect/looks/{nobody}/logo")).status == 404
    assert (await page(api, f"/connect/looks/{nobody}/style.css")).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        data("image/gif", b"GIF89a"),
        data("text/html", b"<script>"),
        data("image/png", b"<svg"),
        data("image/png", PNG + bytes(25_000)),
        "data:image/png;base64,%%%",
        "data:image/png,abc",
        "data:,",
    ],
)
async def test_what_is_no_small_picture_is_refused(api: Api, wrong: str) -> None:
    answer = await api.call("PUT", f"/org/{api.org_id}/settings", {"logo_url": wrong})
    assert answer.status == 422
    assert answer.body["errors"][0]["loc"] == ["body", "logo_url"]


async def test_only_allowed_origins_may_embed_and_they_may_embed_every_page(api: Api) -> None:
    await dress(api, frame_ancestors=["https://portal.example"])
    made = await session(api)
    places = [
        await page(api, "/connect", onboarding_session_id=made["id"]),
        await page(api, "/connect/consent", onboarding_session_id=made["id"], vendor="redirecting"),
        await page(api, "/connect/consent", onboarding_session_id=made["id"], vendor="nobody"),
        await page(api, "/connect/abilities", onboarding_session_id=made["id"]),
    ]
    await submit(api, "/connect/cancel", onboarding_session_id=made["id"])
    places.append(await page(api, "/connect", onboarding_session_id=made["id"]))
    places.append(await page(api, "/connect/done", onboarding_session_id=made["id"]))
    assert [answer.status for answer in places] == [200, 200, 400, 409, 410, 200]
    for answer in places:
        assert "frame-ancestors https://portal.example" in answer.headers["content-security-policy"]
    unknown = await page(api, "/connect")
    assert "frame-ancestors 'none'" in unknown.headers["content-security-policy"]


async def test_a_redirect_leaves_the_frame(api: Api) -> None:
    made = await session(api)
    for vendor, leaves in (("redirecting", True), ("asking", False), ("pairing", False)):
        consent = text(await page(api, "/connect/consent", onboarding_session_id=made["id"], vendor=vendor))
        assert ('target="_top"' in consent) is leaves
