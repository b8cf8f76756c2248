"""ENTSO-E: the coupled auction only, left-out points, changing resolution, and faults."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from aiohttp import web
from aiohttp.test_utils import TestServer
from entsoe.mappings import Area
from requests.adapters import HTTPAdapter

from heatfleet.domain.errors import Refused, TryAgain
from heatfleet.domain.price_zones import PriceZone
from heatfleet.markets.entsoe import Entsoe, parse

RECORDED = Path(__file__).parents[3] / "shared/data/wire/reference_only"


def period(start: str, hours: int, resolution: str, points: dict[int, float]) -> str:
    begin = datetime.fromisoformat(start)
    inner = "".join(
        f"<Point><position>{p}</position><price.amount>{v}</price.amount></Point>" for p, v in points.items()
    )
    interval = f"<start>{begin:%Y-%m-%dT%H:%MZ}</start><end>{begin + timedelta(hours=hours):%Y-%m-%dT%H:%MZ}</end>"
    head = f"<timeInterval>{interval}</timeInterval><resolution>{resolution}</resolution>"
    return f"<Period>{head}{inner}</Period>"


def document(*series: tuple[int | None, str, str]) -> str:
    """An A44 document of (sequence position, curve type, periods)."""
    name = "classificationSequence_AttributeInstanceComponent.position"
    inner = ""
    for position, curve, periods in series:
        sequence = "" if position is None else f"<{name}>{position}</{name}>"
        inner += f"<TimeSeries>{sequence}<curveType>{curve}</curveType>{periods}</TimeSeries>"
    space = "urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3"
    return f'<Publication_MarketDocument xmlns="{space}">{inner}</Publication_MarketDocument>'


def test_only_the_first_auction_counts_whatever_the_order() -> None:
    day = "2026-02-01T23:00"
    first = (1, "A03", period(day, 24, "PT15M", {1: 50.0, 50: -7.5}))
    second = (2, "A03", period(day, 24, "PT15M", {1: 999.0}))
    for series in ((first, second), (second, first)):
        got = parse(document(*series), "DE_LU", date(2026, 2, 2)).price_per_mwh
        np.testing.assert_allclose(got, [50.0] * 49 + [-7.5] * 47)


def test_left_out_points_repeat_only_under_a03() -> None:
    day = "2023-05-06T22:00"
    got = parse(
        document((None, "A01", period(day, 24, "PT60M", {1: 1.0, 3: 3.0}))), "FR", date(2023, 5, 7)
    ).price_per_mwh
    np.testing.assert_allclose(got[:12], [1.0] * 4 + [np.nan] * 4 + [3.0] * 4)
    assert np.isnan(got[12:]).all()


def test_resolution_may_change_inside_an_answer_and_days_may_have_92_or_100_quarters() -> None:
    both = document(
        (None, "A03", period("2025-09-29T22:00", 24, "PT60M", {1: 1.0, 2: 2.0})),
        (None, "A03", period("2025-09-30T22:00", 24, "PT15M", {1: 3.0, 96: 4.0})),
    )
    np.testing.assert_allclose(parse(both, "AT", date(2025, 9, 30)).price_per_mwh, [1.0] * 4 + [2.0] * 92)
    np.testing.assert_allclose(parse(both, "AT", date(2025, 10, 1)).price_per_mwh, [3.0] * 95 + [4.0])
    autumn = document((1, "A03", period("2025-10-25T22:00", 25, "PT15M", {1: 1.0, 100: 2.0})))
    assert parse(autumn, "AT", date(2025, 10, 26)).price_per_mwh[[98, 99]].tolist() == [1.0, 2.0]
    spring = document((1, "A03", period("2026-03-28T23:00", 23, "PT15M", {1: 1.0})))
    assert parse(spring, "AT", date(2026, 3, 29)).price_per_mwh.shape == (92,)


def test_the_markets_own_resolution_wins_over_another_of_the_same_time() -> None:
    hours, quarters = {1: 10.0}, {1: 1.0, 2: 2.0, 3: 3.0, 4: 4.0}
    for day, expected in (("2025-12-01T23:00", [1, 2, 3, 4]), ("2024-12-01T23:00", [10, 10, 10, 10])):
        text = document((1, "A03", period(day, 24, "PT15M", quarters)), (1, "A03", period(day, 24, "PT60M", hours)))
        delivery = datetime.fromisoformat(day).date() + timedelta(days=1)
        assert parse(text, "BE", delivery).price_per_mwh[:4].tolist() == expected


def test_recorded_answers() -> None:
    if not RECORDED.exists():
        pytest.skip("the recordings are not beside this checkout")
    german = (RECORDED / "entsoe_A44_DE_LU_PT15M_two_sequences_2026-02-02.xml").read_text()
    for day in (date(2026, 2, 2), date(2026, 2, 3)):
        got = parse(german, "DE_LU", day).price_per_mwh
        assert got.shape == (96,)
        assert not np.isnan(got).any()
    assert parse(german, "DE_LU", date(2026, 2, 2)).price_per_mwh[0] != 102.1  # that is the second auction's
    spanish = (RECORDED / "entsoe_A44_ES_PT60M_to_PT15M_2025-09-29_2025-10-02.xml").read_text()
    for number in range(29, 33):
        got = parse(spanish, "PT", date(2025, 9, 28) + timedelta(days=number - 28)).price_per_mwh
        assert not np.isnan(got).any()
        assert (np.unique(got.reshape(24, 4).std(axis=1)).max() == 0) == (number < 31)
    french = parse((RECORDED / "entsoe_A44_FR_PT60M.xml").read_text(), "FR", date(2023, 5, 7)).price_per_mwh
    assert french[:12].tolist() == [106.78] * 4 + [95.02] * 4 + [90.0] * 4


def test_every_zone_is_known_to_the_library() -> None:
    for zone in PriceZone:
        assert zone in ("IT_PUN", "AT_HOURLY") or Area.has_code(zone), zone


class _ToEmulator(HTTPAdapter):
    """Sends every request to the local emulator."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        super().__init__()

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.url = self._base_url + request.url.partition("/api")[2]
        return super().send(request, *args, **kwargs)


@asynccontextmanager
async def served(status: int, text: str) -> AsyncIterator[tuple[Entsoe, list[dict[str, str]]]]:
    asked: list[dict[str, str]] = []

    async def api(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return web.Response(status=status, text=text, content_type="text/xml")

    app = web.Application()
    app.router.add_get("/", api)
    async with TestServer(app) as server:
        session = requests.Session()
        session.mount("https://", _ToEmulator(str(server.make_url("/"))))
        yield Entsoe("secret-key", session), asked
        await asyncio.to_thread(session.close)


async def test_asks_for_one_delivery_day_in_utc() -> None:
    text = document((1, "A03", period("2026-02-01T23:00", 24, "PT15M", {1: 5.0})))
    async with served(200, text) as (source, asked):
        got = await source.fetch("AT_HOURLY", date(2026, 2, 2))
    assert (asked[0]["periodStart"], asked[0]["periodEnd"]) == ("202602012300", "202602022300")
    assert asked[0]["documentType"] == "A44"
    assert got.grid.start_at == datetime(2026, 2, 1, 23, tzinfo=UTC)
    assert set(got.price_per_mwh) == {5.0}


@pytest.mark.parametrize(
    ("status", "text", "error", "code"),
    [
        (401, "", Refused, "bad_key"),
        (429, "", TryAgain, "source_busy"),
        (503, "", TryAgain, "source_down"),
        (400, "<Reason><text>No matching data found</text></Reason>", TryAgain, "not_published"),
        (200, "<Reason><text>No matching data found</text></Reason>", TryAgain, "not_published"),
        (200, "<html><br>", TryAgain, "source_nonsense"),
        (200, document((1, "A03", period("2020-02-01T23:00", 24, "PT15M", {1: 5.0}))), TryAgain, "not_published"),
        (200, document(), TryAgain, "not_published"),
    ],
)
async def test_faults(status: int, text: str, error: type[Refused | TryAgain], code: str) -> None:
    async with served(status, text) as (source, _):
        with pytest.raises(error) as caught:
            await source.fetch("AT", date(2026, 2, 2))
    assert caught.value.code == code
    assert "secret-key" not in str(caught.value)


async def test_offline_says_what_to_do_and_hides_the_key() -> None:
    session = requests.Session()
    session.mount("https://", _ToEmulator("http://127.0.0.1:9/"))
    with pytest.raises(TryAgain, match=r"no connection to ENTSO-E.*--prices FILE") as caught:
        await Entsoe("secret-key", session).fetch("AT", date(2026, 2, 2))
    assert "secret-key" not in str(caught.value)
