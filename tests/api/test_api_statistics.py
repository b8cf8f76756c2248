"""Statistics and savings: calendar periods of the price zone, measured and estimated energy, wrong questions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.store import telemetry
from heatfleet.store.database import FLEET
from heatfleet.store.telemetry import EnergyHour
from tests.api_server import Answer, Api
from tests.store.worlds import add_user

HOUR = timedelta(hours=1)


async def ask(api: Api, pump: dict[str, Any], what: str = "statistics", **query: str) -> Answer:
    path = f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}/{what}"
    return await api.call("GET", path, params=query)


async def use(api: Api, pump: dict[str, Any], start: datetime, hours: int, kwh: float, quality: str) -> None:
    rows = [EnergyHour(UUID(pump["id"]), api.org_id, start + n * HOUR, kwh, quality) for n in range(hours)]
    async with api.services.database.write(FLEET) as tx:
        await telemetry.add_energy(tx, rows)


def wh(answer: Answer, resolution: str) -> list[float | None]:
    assert answer.status == 200, answer.body
    return [row["consumption"]["total"] for row in answer.body["data"] if row["resolution"] == resolution]


@pytest.fixture
async def pump(api: Api) -> dict[str, Any]:
    return await api.pump(await api.user(), price_zone="DE_LU")


async def test_energy_is_summed_by_local_calendar_periods_in_every_resolution_asked_for(
    api: Api, pump: dict[str, Any]
) -> None:
    await use(api, pump, datetime(2023, 12, 30, 23, tzinfo=UTC), 72, 0.5, "measured")  # 31 December to 2 January
    window = {"from": "2023-12-31T00:00:00Z", "to": "2024-01-03T00:00:00Z"}
    found = await ask(api, pump, resolution="1DAY,1WEEK,1MONTH,1QUARTER,1YEAR", **window)
    assert wh(found, "1DAY") == [12_000, 12_000, 12_000, None]
    assert wh(found, "1WEEK") == [12_000, 24_000]  # the year began on a Monday
    assert wh(found, "1MONTH") == wh(found, "1QUARTER") == wh(found, "1YEAR") == [12_000, 24_000]
    first = found.body["data"][0]
    assert first["period"] == {"start_period": "2023-12-30T23:00:00Z", "end_period": "2023-12-31T23:00:00Z"}
    assert first["heat_pump"] == {"estimated_consumption_wh": 12_000}
    assert first["consumption"] == {"total": 12_000, "measured_share": 1.0, "coverage": 1.0}


@pytest.mark.parametrize(("day", "hours"), [("2023-03-26", 23), ("2023-10-29", 25)])
async def test_days_on_which_the_clock_changes_hold_all_their_hours(
    api: Api, pump: dict[str, Any], day: str, hours: int
) -> None:
    noon = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    await use(api, pump, noon - timedelta(days=2), 96, 1.0, "measured")
    found = await ask(api, pump, resolution="1DAY", **{"from": f"{day}T12:00:00Z", "to": f"{day}T13:00:00Z"})
    assert wh(found, "1DAY") == [hours * 1000]
    assert found.body["data"][0]["consumption"]["coverage"] == 1.0


async def test_the_share_that_was_measured_and_the_hours_without_data_are_told(api: Api, pump: dict[str, Any]) -> None:
    start = datetime(2024, 1, 4, 23, tzinfo=UTC)
    await use(api, pump, start, 6, 3.0, "measured")
    await use(api, pump, start + 6 * HOUR, 3, 1.0, "estimated")
    await use(api, pump, start + 9 * HOUR, 3, 1.0, "modelled")
    window = {"from": "2024-01-05T00:00:00Z", "to": "2024-01-05T12:00:00Z"}
    (row,) = (await ask(api, pump, resolution="1DAY", **window)).body["data"]
    assert row["consumption"] == {"total": 24_000, "measured_share": 0.75, "coverage": 0.5}


async def test_the_running_period_is_covered_as_far_as_it_has_come(api: Api, pump: dict[str, Any], clock: Any) -> None:
    await use(api, pump, datetime(2024, 1, 7, 23, tzinfo=UTC), 7, 1.0, "measured")  # now is 06:00 UTC, 07:00 there
    found = await ask(api, pump, resolution="1DAY", keywords="consumption")
    assert found.body["data"][-1]["consumption"] == {"total": 7_000, "measured_share": 1.0, "coverage": 1.0}


async def test_without_a_window_each_resolution_goes_back_as_far_as_suits_it(api: Api, pump: dict[str, Any]) -> None:
    found = await ask(api, pump, resolution="1YEAR,1DAY")
    rows = found.body["data"]
    assert [row["resolution"] for row in rows] == ["1YEAR"] * 5 + ["1DAY"] * 30
    assert rows[-1]["period"] == {"start_period": "2024-01-07T23:00:00Z", "end_period": "2024-01-08T23:00:00Z"}
    assert rows[0]["period"]["start_period"] == "2019-12-31T23:00:00Z"
    default = await ask(api, pump)
    assert default.body["metadata"]["query"] == {
        "resolution": ["1DAY"],
        "keywords": ["savings", "consumption"],
        "from": None,
        "to": "2024-01-08T06:00:00Z",
    }


async def test_the_shape_says_units_clock_and_what_is_missing(api: Api) -> None:
    british = await api.pump(await api.user(), price_zone="UK")
    metadata = (await ask(api, british)).body["metadata"]
    assert metadata["units"] == {"consumption": "Wh", "heat_pump": "Wh", "savings": "GBP"}
    assert (metadata["time_zone"], metadata["requested_at"]) == ("Europe/London", "2024-01-08T06:00:00Z")


async def test_savings_are_null_with_a_reason_until_they_are_measured(api: Api, pump: dict[str, Any]) -> None:
    for found in (await ask(api, pump, keywords="savings"), await ask(api, pump, "savings", resolution="1MONTH")):
        assert found.status == 200
        assert {row["savings"] for row in found.body["data"]} == {None}
        assert "not available yet" in found.body["metadata"]["error"]
    assert found.body["data"][0]["consumption"] is not None
    only = await ask(api, pump, keywords="consumption")
    assert only.body["metadata"]["error"] is None
    none = await ask(api, pump, keywords="savings")
    assert none.body["data"][0]["consumption"] is none.body["data"][0]["heat_pump"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"resolution": "1DAY,2DAYS"}, "resolution"),
        ({"resolution": "1DAY,"}, "resolution"),
        ({"keywords": "savings,heat"}, "keywords"),
        ({"from": "2024-01-01T00:00:00"}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"from": "0001-01-01T00:00:00Z"}, "from"),
        ({"to": "9999-12-31T23:59:59Z"}, "to"),
        ({"from": "2024-01-02T00:00:00Z", "to": "2024-01-02T00:00:00Z"}, "to"),
        ({"from": "2024-02-02T00:00:00Z"}, "to"),  # later than now
        ({"from": "2010-01-01T00:00:00Z", "resolution": "1YEAR,1DAY"}, "from"),
    ],
)
@pytest.mark.parametrize("what", ["statistics", "savings"])
async def test_a_wrong_question_is_named(
    api: Api, pump: dict[str, Any], what: str, query: dict[str, str], field: str
) -> None:
    found = await ask(api, pump, what, **query)
    if what == "savings" and field == "keywords":
        assert found.status == 200  # not a parameter of savings
        return
    assert found.status == 422, found.body
    assert {tuple(error["loc"]) for error in found.body["errors"]} == {("query", field)}


async def test_only_the_users_own_living_pump_answers(api: Api, pump: dict[str, Any]) -> None:
    other = await add_user(api.services.database, api.org_id)
    assert (await ask(api, {**pump, "owner": {"id": other}})).status == 404
    await api.call("DELETE", f"/org/{api.org_id}/users/{pump['owner']['id']}/heat-pumps/{pump['id']}")
    assert (await ask(api, pump)).status == 404


async def test_other_pumps_energy_is_not_counted(api: Api, pump: dict[str, Any]) -> None:
    other = await api.pump(UUID(pump["owner"]["id"]))
    await use(api, other, datetime(2024, 1, 8, 0, tzinfo=UTC), 3, 1.0, "measured")
    found = await ask(api, pump)
    assert set(wh(found, "1DAY")) == {None}
