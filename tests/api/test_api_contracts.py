"""Energy contracts: bodies, rules, which of several counts, and that the price changes the plan."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.api import contracts as api_contracts
from heatfleet.domain.errors import Invalid
from heatfleet.domain.jobs import JobName
from heatfleet.domain.tariff import Contract, check_prices, price_per_kwh
from heatfleet.domain.time_grid import TimeGrid
from heatfleet.flows import toolbox_outlook as outlook
from heatfleet.flows.plan import plan
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store import jobs, plans, prices, sites, telemetry
from heatfleet.store.database import FLEET, Database
from heatfleet.store.ids import new_id
from heatfleet.store.telemetry import TelemetryRow
from heatfleet.vendors.kit.grants import SealKeys
from tests.api_server import Api
from tests.conftest import FakeClock
from tests.flows.test_plan import VALUES
from tests.store.worlds import add_connection, add_pump

AT = datetime(2024, 1, 8, 6, tzinfo=UTC)
GRID = TimeGrid(AT, 16)
WHOLESALE = np.full(16, 100.0)
FULL = {
    "energy_contract_type": "monthly",
    "energy_prices": [
        {"price": "0.31", "timestamp": "2024-01-01T00:00:00+01:00"},
        {"price": -0.05, "timestamp": "2024-02-01T00:00:00Z"},
    ],
    "currency_energy_price": "EUR",
    "energy_price_includes_external_components": True,
    "meter_id": "1" * 19,
    "supplier": "Stadtwerke",
}


def entries(*prices_at: tuple[float, int]) -> list[dict[str, Any]]:
    """Prices that begin so many minutes after ``AT``."""
    return [{"price": p, "timestamp": (AT + timedelta(minutes=m)).isoformat()} for p, m in prices_at]


# The rule


def test_a_price_holds_until_the_next_one_and_of_a_spot_contract_for_an_hour() -> None:
    said = entries((0.4, 0), (0.2, 120))
    monthly = price_per_kwh(WHOLESALE, 0.15, Contract.of(said, True, "monthly"), GRID)
    assert monthly.tolist() == [0.4] * 8 + [0.2] * 8
    spot = price_per_kwh(WHOLESALE, 0.15, Contract.of(said, True, "spot_hourly"), GRID)
    assert spot.tolist() == [0.4] * 4 + [0.25] * 4 + [0.2] * 4 + [0.25] * 4


def test_before_the_first_price_wholesale_and_surcharge_count() -> None:
    found = price_per_kwh(WHOLESALE, 0.15, Contract.of(entries((0.4, 60), (0.2, 120)), True, "yearly"), GRID)
    assert found.tolist() == [0.25] * 4 + [0.4] * 4 + [0.2] * 8


@pytest.mark.parametrize("kind", ["spot_hourly", "monthly", "yearly"])
def test_a_single_price_is_constant(kind: str) -> None:
    assert price_per_kwh(WHOLESALE, 0.15, Contract.of(entries((0.4, 600)), True, kind), GRID).tolist() == [0.4] * 16


@pytest.mark.parametrize("contract", [None, Contract.of(entries((0.4, 0)), False), Contract.of([], True)])
def test_without_external_components_the_price_is_wholesale_and_surcharge(contract: Contract | None) -> None:
    assert price_per_kwh(WHOLESALE, 0.15, contract, GRID).tolist() == [0.25] * 16


@given(st.lists(st.integers(0, 10**6), max_size=20))
def test_prices_must_ascend(minutes: list[int]) -> None:
    froms = [AT + timedelta(minutes=m) for m in minutes]
    if sorted(set(minutes)) == minutes:
        check_prices(froms, "energy_prices")
    else:
        with pytest.raises(Invalid):
            check_prices(froms, "energy_prices")


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.dictionaries(st.sampled_from([*FULL, "building_id", "id", "x"]), JSONISH, max_size=5)


@given(BODIES, st.lists(st.fixed_dictionaries({"price": JSONISH, "timestamp": JSONISH}), max_size=3))
def test_whatever_is_sent_is_read_or_named_as_wrong(body: dict[str, Any], said: list[dict[str, Any]]) -> None:
    for prices_said in (body.get("energy_prices", said), said):
        try:
            read = api_contracts._read(msgspec.json.encode({**body, "energy_prices": prices_said}), partial=True)
        except Invalid:
            continue
        assert all(np.isfinite(p["price"]) and p["timestamp"].tzinfo is UTC for p in read["energy_prices"])


# Over HTTP


async def test_create_read_change_delete(api: Api) -> None:
    path = f"/org/{api.org_id}/users/{await api.user()}/energy-contracts"
    made = await api.call("POST", path, FULL)
    assert made.status == 200, made.body
    assert made.body["energy_prices"] == [
        {"price": 0.31, "timestamp": "2023-12-31T23:00:00Z"},
        {"price": -0.05, "timestamp": "2024-02-01T00:00:00Z"},
    ]
    one = f"{path}/{made.body['id']}"
    assert (await api.call("GET", one)).body == made.body
    assert (await api.call("GET", path)).body == [made.body]
    back = await api.call("PUT", one, made.body)
    assert (back.status, back.headers["etag"]) == (200, made.headers["etag"])
    changed = await api.call("PATCH", one, {"energy_prices": [], "supplier": None})
    assert (changed.body["energy_prices"], changed.body["supplier"]) == ([], None)
    assert changed.body["meter_id"] == FULL["meter_id"]
    stale = {"If-Match": made.headers["etag"]}
    assert (await api.call("PUT", one, {"supplier": "x"}, headers=stale)).status == 412
    assert (await api.call("DELETE", one, headers=stale)).status == 412
    assert (await api.call("DELETE", one, headers={"If-Match": changed.headers["etag"]})).status == 204
    assert (await api.call("GET", one)).status == 404
    assert (await api.call("DELETE", one)).status == 404
    assert (await api.call("GET", path)).body == []
    gone = (await api.call("GET", f"{one}?include_deleted=true")).body
    assert gone["deleted_at"] is not None
    assert (await api.call("GET", f"{path}?include_deleted=true")).body == [gone]


def price(value: Any, at: Any = "2024-01-01T00:00:00Z") -> dict[str, Any]:
    return {"price": value, "timestamp": at}


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"energy_contract_type": "daily"}, ["energy_contract_type"]),
        ({"currency_energy_price": "XQZ"}, ["currency_energy_price"]),
        ({"currency_energy_price": "eur"}, ["currency_energy_price"]),
        ({"meter_id": "1" * 20}, ["meter_id"]),
        ({"supplier": "x" * 101}, ["supplier"]),
        ({"building_id": str(new_id())}, ["building_id"]),
        ({"energy_prices": None}, ["energy_prices"]),
        ({"energy_prices": [5]}, ["energy_prices", 0]),
        ({"energy_prices": [price("inf")]}, ["energy_prices", 0, "price"]),
        ({"energy_prices": [price("nan")]}, ["energy_prices", 0, "price"]),
        ({"energy_prices": [price(1, "2024-01-01T00:00:00")]}, ["energy_prices", 0, "timestamp"]),
        ({"energy_prices": [{"price": 1}]}, ["energy_prices", 0, "timestamp"]),
        ({"energy_prices": [price(1), price(2)]}, ["energy_prices", 1, "timestamp"]),
        ({"energy_prices": [price(1), price(2, "2023-01-01T00:00:00Z")]}, ["energy_prices", 1, "timestamp"]),
        ({"tariff": "x"}, ["tariff"]),
    ],
)
async def test_wrong_contracts_are_422(api: Api, change: dict[str, Any], loc: list[str]) -> None:
    path = f"/org/{api.org_id}/users/{await api.user()}/energy-contracts"
    answer = await api.call("POST", path, {**FULL, **change})
    assert answer.status == 422
    assert [error["loc"] for error in answer.body["errors"]] == [["body", *loc]]
    made = await api.call("POST", path, FULL)
    assert (await api.call("PUT", f"{path}/{made.body['id']}", change)).status == 422


async def test_a_contract_is_of_ones_own_building_only(api: Api) -> None:
    ada, bob = await api.user(), await api.user()
    users = f"/org/{api.org_id}/users"
    home = (await api.call("POST", f"{users}/{ada}/buildings", {"name": "Home"})).body["id"]
    body = {"energy_contract_type": "yearly", "building_id": home}
    made = await api.call("POST", f"{users}/{ada}/energy-contracts", body)
    assert made.body["building_id"] == home
    assert (await api.call("POST", f"{users}/{bob}/energy-contracts", body)).status == 422
    assert (await api.call("GET", f"{users}/{bob}/energy-contracts/{made.body['id']}")).status == 404
    assert (await api.call("DELETE", f"{users}/{bob}/energy-contracts/{made.body['id']}")).status == 404
    assert (await api.call("POST", f"{users}/{new_id()}/energy-contracts", FULL)).status == 404
    token = api.token("user", ada)
    assert (await api.call("GET", f"{users}/{ada}/energy-contracts", token=token)).status == 200
    assert (await api.call("GET", f"{users}/{bob}/energy-contracts", token=token)).status == 404


# What it does


async def read_pump(database: Database, org_id: UUID, user_id: UUID, now: datetime, **fields: Any) -> UUID:
    """A connected pump of the user that has been read once."""
    connection = await add_connection(database, org_id, user_id, b"", now)
    pump = await add_pump(database, org_id, (user_id, connection), now, **fields)
    async with database.write(FLEET) as tx:
        await telemetry.save(tx, [TelemetryRow(pump, org_id, now, now, VALUES)])
    return pump


async def asked_for(database: Database) -> list[str]:
    claimed = await jobs.claim(database, 100, names=[JobName.PLAN])
    await jobs.finish(database, claimed)
    return [job.payload["heat_pump_id"] for job in claimed]


async def test_the_buildings_contract_comes_before_the_general_one_and_the_newest_first(
    api: Api, database: Database, clock: FakeClock
) -> None:
    user_id = await api.user()
    path = f"/org/{api.org_id}/users/{user_id}"
    home = (await api.call("POST", f"{path}/buildings", {"name": "Home"})).body["id"]
    inside = await read_pump(database, api.org_id, user_id, clock.now, building_id=UUID(home))
    outside = await read_pump(database, api.org_id, user_id, clock.now)

    async def prices_of() -> tuple[Any, Any]:
        async with database.read(FLEET) as tx:
            found = await sites.sites(tx, [inside, outside])
        said = [found[pump].energy_prices for pump in (inside, outside)]
        return tuple(None if not one else one[0]["price"] for one in said)  # type: ignore[return-value]

    async def add(value: float, building: str | None) -> str:
        body = {**FULL, "energy_prices": [price(value)], "building_id": building}
        clock.advance(timedelta(seconds=1))
        made = (await api.call("POST", f"{path}/energy-contracts", body)).body
        return f"{path}/energy-contracts/{made['id']}"

    assert await prices_of() == (None, None)
    await add(0.1, home)
    assert await prices_of() == (0.1, None)
    newer = await add(0.2, home)
    await add(0.3, None)
    assert await prices_of() == (0.2, 0.3)
    await api.call("DELETE", newer)
    assert await prices_of() == (0.1, 0.3)


async def test_a_change_has_the_owners_pumps_planned_anew(api: Api, database: Database, clock: FakeClock) -> None:
    ada, bob = await api.user(), await api.user()
    pump = await read_pump(database, api.org_id, ada, clock.now)
    await read_pump(database, api.org_id, bob, clock.now)
    await read_pump(database, api.org_id, ada, clock.now, is_smart_optimization_active=False)
    path = f"/org/{api.org_id}/users/{ada}/energy-contracts"
    made = await api.call("POST", path, FULL)
    assert await asked_for(database) == [str(pump)]
    one = f"{path}/{made.body['id']}"
    await api.call("PUT", one, made.body)
    assert await asked_for(database) == [], "nothing changed"
    await api.call("PUT", one, {"energy_prices": [price(0.3)]})
    assert await asked_for(database) == [str(pump)]
    await api.call("DELETE", one)
    assert await asked_for(database) == [str(pump)]


async def test_the_plan_is_made_with_the_contracts_price(api: Api, database: Database, clock: FakeClock) -> None:
    user_id = await api.user()
    pump = await read_pump(database, api.org_id, user_id, clock.now)
    grid = TimeGrid(clock.now - timedelta(days=1), 4 * 96)
    async with database.write(FLEET) as tx:
        dear = np.array([400.0 if at.hour in range(16, 21) else 20.0 for at in grid])
        await prices.save(tx, "DE_LU", list(grid), dear, "test", clock.now)
    body = {"energy_contract_type": "yearly", "energy_prices": [price(0.3)]}
    path = f"/org/{api.org_id}/users/{user_id}/energy-contracts"
    made = await api.call("POST", path, {**body, "energy_price_includes_external_components": True})
    assert made.status == 200
    tools = Tools(database, clock, None, SealKeys((b"k" * 32,)))  # type: ignore[arg-type]
    assert await plan(tools, [pump]) == [pump]
    async with database.read(FLEET) as tx:
        rows = await plans.of_pump(tx, api.org_id, pump, clock.now, clock.now + timedelta(days=3))
    assert len(rows) == outlook.HORIZON_STEPS
    assert {round(row.price or 0, 6) for row in rows} == {0.3}
