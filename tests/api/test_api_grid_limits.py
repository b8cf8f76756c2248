"""Limits of the grid over the API: asked for, shown, taken back, proven; nobody limits what is not theirs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.store import grid_limits
from heatfleet.store.database import FLEET
from heatfleet.store.ids import new_id
from tests.api_server import Answer, Api
from tests.store.worlds import small_fleet


def limits(api: Api, org_id: UUID | None = None) -> str:
    return f"/org/{org_id or api.org_id}/grid-limits"


def wanted(api: Api, **fields: Any) -> dict[str, Any]:
    now = api.services.clock.fleet_now()
    times = {"starts_at": now.isoformat(), "ends_at": (now + timedelta(hours=2)).isoformat()}
    return {"limit_w": 5000, **times, **fields}


async def pumps(api: Api, count: int = 1) -> list[str]:
    return [str(id_) for id_ in await small_fleet(api.services.database, api.org_id, api.services.clock.now, count)]  # type: ignore[attr-defined]


async def post(api: Api, body: dict[str, Any], **more: Any) -> Answer:
    return await api.call("POST", limits(api), body, **more)


async def test_a_limit_is_made_shown_and_taken_back(api: Api) -> None:
    first, second = await pumps(api, 2)
    body = wanted(api, heat_pump_ids=[first, second, first])
    made = await post(
        api, {"from" if k == "starts_at" else "until" if k == "ends_at" else k: v for k, v in body.items()}
    )
    assert made.status == 200, made.body
    assert (made.body["limit_w"], made.body["effective_limit_w"]) == (5000, 8400)
    assert [c["heat_pump_ids"] for c in made.body["connections"]] == [[first], [second]]
    assert {(c["minimum_w"], c["limit_w"]) for c in made.body["connections"]} == {(4200, 4200)}
    assert made.body["unsteered_heat_pump_ids"] == []
    assert (await api.call("GET", limits(api))).body == [made.body]
    path = f"{limits(api)}/{made.body['id']}"
    assert (await api.call("GET", path)).body == {**made.body, "evidence": []}
    assert [(await api.call("DELETE", path)).status for _ in range(2)] == [204, 204]
    over = (await api.call("GET", path)).body
    assert over["ended_at"] is not None
    again = await post(api, {**over, **body})
    assert again.status == 200, "what is only answered is ignored"


async def test_a_building_is_limited_with_all_that_is_in_it_and_who_is_not_steered_is_named(api: Api) -> None:
    user_id = await api.user()
    path = f"/org/{api.org_id}/users/{user_id}"
    building = (await api.call("POST", f"{path}/buildings", {"name": "Home"})).body["id"]
    made = [await api.call("POST", f"{path}/heat-pumps", {"building_id": building}) for _ in range(2)]
    ids = sorted(one.body["id"] for one in made)
    limit = await post(api, wanted(api, building_id=building, connected_power_w={ids[0]: "9000", ids[1]: 9000}))
    assert limit.status == 200, limit.body
    assert limit.body["connections"] == [{"heat_pump_ids": ids, "minimum_w": 7200, "limit_w": 7200}]
    assert limit.body["unsteered_heat_pump_ids"] == ids


async def test_the_proof_is_in_order_of_time(api: Api) -> None:
    (pump,) = await pumps(api)
    made = await post(api, wanted(api, heat_pump_ids=[pump]))
    now = api.services.clock.fleet_now()
    async with api.services.database.write(FLEET) as tx:
        for n in range(3):
            assert await grid_limits.note_evidence(tx, now + n * timedelta(minutes=15)) == 1
        assert await grid_limits.note_evidence(tx, now) == 0
    path = f"{limits(api)}/{made.body['id']}"
    proof = (await api.call("GET", path)).body["evidence"]
    assert [one["at"] for one in proof] == sorted(one["at"] for one in proof)
    assert {(one["heat_pump_id"], one["limit_w"]) for one in proof} == {(pump, 5000)}
    later = (now + timedelta(minutes=15)).isoformat()
    assert len((await api.call("GET", path, params={"from": later})).body["evidence"]) == 2


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"heat_pump_ids": []}, ["heat_pump_ids"]),
        ({"heat_pump_ids": None}, ["heat_pump_ids"]),
        ({"heat_pump_ids": [str(new_id())]}, ["heat_pump_ids", 0]),
        ({"building_id": str(new_id())}, ["heat_pump_ids"]),
        ({"limit_w": -1}, ["limit_w"]),
        ({"starts_at": "2024-01-08T06:00:00"}, ["starts_at"]),
        ({"ends_at": "2023-01-08T06:00:00Z"}, ["ends_at"]),
        ({"connected_power_w": {str(new_id()): 1.0}}, None),
        ({"connected_power_w": {str(new_id()): -1.0}}, None),
        ({"colour": "red"}, ["colour"]),
    ],
)
async def test_what_is_wrong_is_named(api: Api, change: dict[str, Any], loc: list[Any] | None) -> None:
    (pump,) = await pumps(api)
    found = await post(api, wanted(api, heat_pump_ids=[pump]) | change)
    assert found.status == 422, found.body
    assert loc is None or found.body["errors"][0]["loc"][1:] == loc
    assert (await api.call("GET", limits(api))).body == []


async def test_neither_group_nor_building_is_refused(api: Api) -> None:
    assert (await post(api, wanted(api))).status == 422


async def test_another_organisations_limits_and_pumps_are_not_there(api: Api, other_org_id: UUID) -> None:
    (pump,) = await pumps(api)
    made = await post(api, wanted(api, heat_pump_ids=[pump]))
    foreign = api.token(org_id=other_org_id)
    assert (await api.call("GET", limits(api, other_org_id), token=foreign)).body == []
    stolen = f"{limits(api, other_org_id)}/{made.body['id']}"
    assert [(await api.call(method, stolen, token=foreign)).status for method in ("GET", "DELETE")] == [404, 404]
    theirs = await api.call("POST", limits(api, other_org_id), wanted(api, heat_pump_ids=[pump]), token=foreign)
    assert theirs.status == 422
