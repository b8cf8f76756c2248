"""GET …/telemetry: readings as they came or by steps of time, JSON or CSV, for who may see the heat pump."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.domain.readings import Channel
from heatfleet.flows import keep
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import telemetry
from heatfleet.store.database import FLEET
from heatfleet.store.ids import new_id
from heatfleet.store.telemetry import EnergyHour, TelemetryRow
from heatfleet.vendors.kit.grants import SealKeys
from tests.api_server import Api
from tests.conftest import FakeClock

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def read_pump(api: Api, clock: FakeClock, count: int = 96, every: timedelta = 15 * MINUTE) -> str:
    """The path of a pump's telemetry; its last reading is a quarter-hour old."""
    user_id = await api.user()
    pump = await api.pump(user_id)
    pump_id = UUID(pump["id"])
    rows = [
        TelemetryRow(
            pump_id,
            api.org_id,
            clock.now - (count - n) * every,
            clock.now,
            {Channel.INDOOR_TEMP_C: 20.0 + n % 4, Channel.ENERGY_KWH: 1000.0 + n, Channel.MODE: 2.0}
            | ({Channel.POWER_KW: 1.2344} if n % 4 == 0 else {}),
            estimated=telemetry.mask([Channel.POWER_KW]),
            modelled=telemetry.mask([Channel.INDOOR_TEMP_C]) if n % 4 == 3 else 0,
        )
        for n in range(count)
    ]
    async with api.services.database.write(FLEET) as tx:
        await telemetry.save(tx, rows)
        hour_at = clock.now.replace(minute=0) - 2 * HOUR
        await telemetry.add_energy(tx, [EnergyHour(pump_id, api.org_id, hour_at, 0.75, "estimated")])
    return f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}/telemetry"


def text(at: Any) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


async def test_the_last_day_as_it_was_read(api: Api, clock: FakeClock) -> None:
    path = await read_pump(api, clock, 120)
    found = await api.call("GET", path)
    assert found.status == 200
    body = found.body
    assert [one["name"] for one in body["metadata"]["channels"]] == ["indoor_temp_c", "power_kw", "energy_kwh", "mode"]
    assert body["metadata"]["channels"][0] == {
        "name": "indoor_temp_c", "unit": "°C", "aggregation": "mean", "labels": None,
    }  # fmt: skip
    assert (body["metadata"]["resolution"], body["metadata"]["end_period"]) == ("raw", text(clock.now))
    assert body["metadata"]["channels"][3]["labels"][2] == "heating"
    assert len(body["data"]) == 96
    assert body["data"][0]["timestamp"] == text(clock.now - DAY)
    assert body["data"][0]["values"] == {
        "indoor_temp_c": {"value": 20.0, "quality": "measured"},
        "power_kw": {"value": 1.234, "quality": "estimated"},
        "energy_kwh": {"value": 1024.0, "quality": "measured"},
        "mode": {"value": 2.0, "quality": "measured"},
    }
    assert "power_kw" not in body["data"][1]["values"]
    assert body["data"][3]["values"]["indoor_temp_c"]["quality"] == "modelled"


async def test_steps_of_time_are_means_last_values_and_the_worst_quality(api: Api, clock: FakeClock) -> None:
    path = await read_pump(api, clock)
    found = await api.call("GET", f"{path}?resolution=1HOUR&channels=energy_kwh,indoor_temp_c,consumption_kwh")
    rows = found.body["data"]
    assert len(rows) == 24
    assert rows[0]["timestamp"] == text(clock.now - DAY)
    assert rows[0]["values"] == {
        "indoor_temp_c": {"value": 21.5, "quality": "modelled"},
        "energy_kwh": {"value": 1003.0, "quality": "measured"},
    }
    assert rows[22]["values"]["consumption_kwh"] == {"value": 0.75, "quality": "estimated"}
    quarters = await api.call("GET", f"{path}?resolution=15MIN&channels=power_kw")
    assert len(quarters.body["data"]) == 24, "only steps that have a value"


@pytest.mark.parametrize("resolution", ["raw", "15MIN", "1HOUR", "1DAY"])
async def test_compaction_changes_no_answer(api: Api, clock: FakeClock, resolution: str) -> None:
    path = await read_pump(api, clock, 25 * 96)
    window = f"from={text(clock.now - 25 * DAY)}&to={text(clock.now)}&resolution={resolution}"
    tools = Tools(api.services.database, clock, None, SealKeys((bytes(32),)), telemetry_raw_days=60)  # type: ignore[arg-type]
    await keep.compact(tools)
    before = await api.call("GET", f"{path}?{window}")
    await keep.compact(replace(tools, telemetry_raw_days=2))
    after = await api.call("GET", f"{path}?{window}")
    assert (before.status, after.status) == (200, 200)
    assert len(after.body["data"]) == {"raw": 2400, "15MIN": 2400, "1HOUR": 600, "1DAY": 26}[resolution]
    values = [
        [(row["timestamp"], name, round(one["value"], 2), one["quality"]) for name, one in row["values"].items()]
        for answer in (before, after)
        for row in answer.body["data"]
    ]
    half = len(values) // 2
    assert values[:half] == values[half:]


async def test_a_table_for_who_asks_for_csv(api: Api, clock: FakeClock) -> None:
    path = await read_pump(api, clock, 2)
    found = await api.call("GET", f"{path}?channels=power_kw,indoor_temp_c", headers={"Accept": "text/csv"})
    assert found.headers["content-type"].startswith("text/csv")
    assert found.body.decode().splitlines() == [
        "timestamp,indoor_temp_c,indoor_temp_c_quality,power_kw,power_kw_quality",
        f"{text(clock.now - 30 * MINUTE)},20.0,measured,1.234,estimated",
        f"{text(clock.now - 15 * MINUTE)},21.0,measured,,",
    ]


async def test_a_gap_has_no_row_and_nothing_read_is_an_empty_list(api: Api, clock: FakeClock) -> None:
    path = await read_pump(api, clock, 4, 6 * HOUR)
    hours = await api.call("GET", f"{path}?resolution=1HOUR&channels=mode")
    assert [row["timestamp"] for row in hours.body["data"]] == [text(clock.now - n * HOUR) for n in (24, 18, 12, 6)]
    older = await api.call("GET", f"{path}?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")
    assert (older.status, older.body["data"], older.body["metadata"]["channels"]) == (200, [], [])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("resolution=5MIN", "resolution"),
        ("channels=indoor_temp_c,colour", "channels"),
        ("channels=consumption_kwh", "channels"),
        ("channels=,", "channels"),
        ("from=yesterday", "from"),
        ("from=2024-01-01T00:00:00", "from"),
        ("from=2024-01-02T00:00:00Z&to=2024-01-02T00:00:00Z", "to"),
        ("from=2023-01-02T00:00:00Z&to=2024-01-02T00:00:00Z", "from"),
        ("from=2020-01-02T00:00:00Z&to=2024-01-02T00:00:00Z&resolution=1HOUR", "from"),
    ],
)
async def test_what_is_wrong_is_named(api: Api, clock: FakeClock, query: str, name: str) -> None:
    path = await read_pump(api, clock, 1)
    found = await api.call("GET", f"{path}?{query}")
    assert found.status == 422
    assert name in str(found.body)


async def test_only_who_may_see_the_heat_pump(api: Api, clock: FakeClock, other_org_id: UUID) -> None:
    path = await read_pump(api, clock, 1)
    owner = UUID(path.split("/")[4])
    assert (await api.call("GET", path, token=None)).status == 401
    assert (await api.call("GET", path, token=api.token("user", owner))).status == 200
    assert (await api.call("GET", path, token=api.token("staff"))).status == 200
    assert (await api.call("GET", path, token=api.token("user", await api.user()))).status == 404
    assert (await api.call("GET", path, token=api.token(org_id=other_org_id))).status == 404
    assert (await api.call("GET", path.replace(str(owner), str(await api.user())))).status == 404
    assert (await api.call("GET", path.replace(path.split("/")[6], str(new_id())))).status == 404


async def test_too_many_readings_are_refused(api: Api, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("heatfleet.api.telemetry.MOST_SAMPLES", 10)
    path = await read_pump(api, clock, 12)
    assert (await api.call("GET", path)).status == 422
    assert (await api.call("GET", f"{path}?resolution=1HOUR")).status == 200
