"""energy-charts: hourly and quarter-hour answers, faults, and an offline message that says what to do."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from heatfleet.domain.errors import Refused, TryAgain
from heatfleet.markets.energy_charts import EnergyCharts, parse

RECORDED = Path(__file__).parents[3] / "shared/data/wire/energy_charts_price_DE-LU_2024-05-04_hourly.json"


def sample(start: str, count: int, step_s: int) -> dict[str, Any]:
    first = int(datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp())
    return {
        "license_info": "sample",
        "unix_seconds": [first + i * step_s for i in range(count)],
        "price": [float(i) - 5 for i in range(count)],
        "unit": "EUR/MWh",
        "deprecated": False,
    }


@asynccontextmanager
async def served(answer: Callable[[web.Request], web.Response]) -> AsyncIterator[tuple[EnergyCharts, list[str]]]:
    """The adapter, pointed at a local emulator, and the queries it has asked."""
    asked: list[str] = []

    async def price(request: web.Request) -> web.Response:
        asked.append(request.query_string)
        return answer(request)

    app = web.Application()
    app.router.add_get("/price", price)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        yield EnergyCharts(session, str(server.make_url("")).rstrip("/")), asked


def test_recorded_hours_become_constant_quarters() -> None:
    if not RECORDED.exists():
        pytest.skip("the recording is not beside this checkout")
    recorded = json.loads(RECORDED.read_text())
    got = parse(recorded, "DE_LU", date(2024, 5, 4))
    np.testing.assert_allclose(got.price_per_mwh, np.repeat(recorded["price"], 4))
    assert got.grid.start_at == datetime(2024, 5, 3, 22, tzinfo=UTC)


async def test_asks_for_the_zone_and_cuts_the_delivery_day() -> None:
    answer = sample("2025-10-24T22:00", 3 * 96 + 4, 900)
    async with served(lambda _: web.json_response(answer)) as (source, asked):
        got = await source.fetch("DE_LU", date(2025, 10, 26))
    assert asked == ["bzn=DE-LU&start=2025-10-25&end=2025-10-27"]
    assert got.price_per_mwh.shape == (100,)
    np.testing.assert_allclose(got.price_per_mwh, np.arange(96, 196) - 5.0)


async def test_spring_day_has_92_prices_negative_ones_included() -> None:
    async with served(lambda _: web.json_response(sample("2024-03-30T23:00", 23, 3600))) as (source, _):
        got = await source.fetch("SE_4", date(2024, 3, 31))
    np.testing.assert_allclose(got.price_per_mwh, np.repeat(np.arange(23) - 5.0, 4))


@pytest.mark.parametrize(
    ("response", "code", "after_s"),
    [
        (lambda _: web.Response(status=429, headers={"Retry-After": "17"}), "source_busy", 17),
        (lambda _: web.Response(status=503), "source_down", 300),
        (lambda _: web.Response(text="<html>maintenance</html>"), "source_nonsense", 300),
        (lambda _: web.json_response({"price": [1]}), "source_nonsense", 300),
        (lambda _: web.json_response([]), "source_nonsense", 300),
        (
            lambda _: web.json_response({**sample("2024-01-01T00:00", 2, 900), "unit": "EUR/kWh"}),
            "source_nonsense",
            300,
        ),
        (lambda _: web.json_response(sample("2020-01-01T00:00", 24, 3600)), "not_published", 900),
    ],
)
async def test_faults_are_tried_again(response: Any, code: str, after_s: float) -> None:
    async with served(response) as (source, _):
        with pytest.raises(TryAgain) as caught:
            await source.fetch("AT", date(2024, 1, 2))
    assert (caught.value.code, caught.value.after_s) == (code, after_s)


async def test_refusals_are_not_repeated() -> None:
    async with served(lambda _: web.Response(status=404, text="no such zone")) as (source, asked):
        with pytest.raises(Refused, match="404: no such zone"):
            await source.fetch("AT", date(2024, 1, 2))
        with pytest.raises(Refused, match=r"no prices of zone UK.*--prices FILE"):
            await source.fetch("UK", date(2024, 1, 2))
    assert len(asked) == 1


async def test_offline_says_what_to_do() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(
            TryAgain, match=r"no connection to energy-charts.*--prices FILE.*heatfleet prices import"
        ) as e:
            await EnergyCharts(session, "http://127.0.0.1:9").fetch("AT", date(2024, 1, 2))
    assert e.value.code == "offline"
    assert "\n" not in str(e.value)
