"""Open-Meteo: recorded and sampled answers, means shifted to their step, faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from heatfleet.domain.errors import Refused, TryAgain
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.weather.open_meteo import OpenMeteo, parse

RECORDED = Path(__file__).parents[3] / "shared/data/wire"
NOW = datetime(2026, 1, 5, 6, tzinfo=UTC)


def sample(block: str, start: str, count: int, step: timedelta) -> dict[str, Any]:
    times = [datetime.fromisoformat(start) + i * step for i in range(count)]
    return {
        "utc_offset_seconds": 0,
        block: {
            "time": [f"{t:%Y-%m-%dT%H:%M}" for t in times],
            "temperature_2m": [float(i) for i in range(count)],
            "shortwave_radiation": [100.0 * i for i in range(count)],
        },
    }


def test_recorded_forecast_with_an_offset() -> None:
    path = RECORDED / "openmeteo_forecast_minutely15.json"
    if not path.exists():
        pytest.skip("the recording is not beside this checkout")
    answer = json.loads(path.read_text())
    got = parse(answer, "45.8,6.9", TimeGrid(datetime(2025, 2, 23, 23, tzinfo=UTC), 288))
    np.testing.assert_allclose(got.temp_c, answer["minutely_15"]["temperature_2m"])
    assert got.ghi_kw_m2 is not None
    assert 0.2 < np.nanmax(got.ghi_kw_m2) < 1.2


def test_recorded_archive_without_temperature_is_nonsense() -> None:
    path = RECORDED / "openmeteo_archive_hourly.json"
    if not path.exists():
        pytest.skip("the recording is not beside this checkout")
    with pytest.raises(TryAgain, match="temperature_2m"):
        parse(json.loads(path.read_text()), "54.2,9.6", TimeGrid(datetime(2025, 12, 20, tzinfo=UTC), 4))


def test_means_belong_to_the_step_before_their_stamp() -> None:
    answer = sample("minutely_15", "2026-01-05T00:00", 8, timedelta(minutes=15))
    got = parse(answer, "0.0,0.0", TimeGrid(datetime(2026, 1, 5, tzinfo=UTC), 6))
    np.testing.assert_allclose(got.temp_c, np.arange(6))
    assert got.ghi_kw_m2 is not None
    np.testing.assert_allclose(got.ghi_kw_m2, (np.arange(6) + 1) * 0.1)


def test_hours_become_straight_lines_and_nulls_are_bridged() -> None:
    answer = sample("hourly", "2026-01-05T00:00", 4, timedelta(hours=1))
    answer["hourly"]["temperature_2m"][1] = None
    got = parse(answer, "0.0,0.0", TimeGrid(datetime(2026, 1, 5, tzinfo=UTC), 32))
    np.testing.assert_allclose(got.temp_c[:12], np.arange(12) / 4)
    assert np.isnan(got.temp_c[20:]).all()


async def test_asks_forecast_or_archive_by_age() -> None:
    asked: list[tuple[str, dict[str, str]]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.path, dict(request.query)))
        block = "hourly" if "archive" in request.path else "minutely_15"
        step = timedelta(hours=1) if block == "hourly" else timedelta(minutes=15)
        start = datetime.fromisoformat(request.query["start_date"])
        return web.json_response(sample(block, start.isoformat(), 200, step))

    app = web.Application()
    app.router.add_get("/v1/{kind}", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        url = str(server.make_url("")).rstrip("/")
        source = OpenMeteo(session, url, url)
        got = await source.fetch("48.2,16.4", TimeGrid(NOW, 96), NOW)
        await source.fetch("48.2,16.4", TimeGrid(NOW - timedelta(days=400), 96), NOW)
    assert asked[0][0] == "/v1/forecast"
    assert asked[0][1]["minutely_15"] == "temperature_2m,shortwave_radiation"
    assert (asked[0][1]["latitude"], asked[0][1]["longitude"]) == ("48.2", "16.4")
    assert asked[1][0] == "/v1/archive"
    assert not np.isnan(got.temp_c).any()


@pytest.mark.parametrize(
    ("status", "text", "error", "code"),
    [
        (429, "", TryAgain, "source_busy"),
        (502, "", TryAgain, "source_down"),
        (400, '{"reason":"bad"}', Refused, "source_refused"),
        (200, "nonsense", TryAgain, "source_nonsense"),
        (200, '{"hourly":{"time":["2026-01-01T00:00"],"temperature_2m":[]}}', TryAgain, "source_nonsense"),
    ],
)
async def test_faults(status: int, text: str, error: type[Refused | TryAgain], code: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_get("/v1/forecast", answer)
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        with pytest.raises(error) as caught:
            await OpenMeteo(session, str(server.make_url("")).rstrip("/")).fetch("48.2,16.4", TimeGrid(NOW, 4), NOW)
    assert caught.value.code == code


async def test_offline_says_what_to_do() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(TryAgain, match=r"no connection to open-meteo.*--weather FILE"):
            await OpenMeteo(session, "http://127.0.0.1:9").fetch("48.2,16.4", TimeGrid(NOW, 4), NOW)
