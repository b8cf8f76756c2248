"""The plan of a heat pump with its reasons, and the commands sent to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from heatfleet.domain.levers import SteeringState
from heatfleet.domain.plans import Outlook, Plan, PlanStep, Reason, ReasonDetail, Unsteered
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.reasons import CATALOGUES, LANGUAGES
from heatfleet.flows.toolbox_words import Words
from heatfleet.store import carbon, commands, plans, prices
from heatfleet.store.commands import Command
from heatfleet.store.database import FLEET
from heatfleet.store.ids import new_id
from heatfleet.store.zone_values import Given
from tests.api_server import Answer, Api
from tests.store.worlds import add_connection, add_pump

MTU = timedelta(minutes=15)
NAN = float("nan")
COMPARED = (
    "compared_from", "compared_to", "cost_of_plan", "cost_of_own_control", "worth_of_stored_heat", "expected_saving",
    "expected_saving_at_equal_temperature", "mean_indoor_temperature", "mean_indoor_temperature_of_own_control",
)  # fmt: skip


async def ask(api: Api, pump_id: UUID, user_id: UUID, what: str, **query: str) -> Answer:
    return await api.call("GET", f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}/{what}", params=query)


@pytest.fixture
async def user_id(api: Api) -> UUID:
    return await api.user()


@pytest.fixture
async def pump_id(api: Api, user_id: UUID, clock: Any) -> UUID:
    """A connected, optimised pump in DE_LU."""
    connection_id = await add_connection(api.services.database, api.org_id, user_id, b"", clock.now)
    return await add_pump(api.services.database, api.org_id, (user_id, connection_id), clock.now)


def step(start_at: datetime, price: float = 0.25, reason: Reason = Reason.CHEAP_NOW) -> PlanStep:
    return PlanStep(start_at, SteeringState.MAX, False, 1.2, 21.06, NAN, price, reason)


async def save_plan(api: Api, pump_id: UUID, start_at: datetime, steps: int, made_at: datetime, model: int = 3) -> None:
    made = Plan(tuple(step(start_at + n * MTU) for n in range(steps)), made_at, model, 1)
    async with api.services.database.write(FLEET) as tx:
        assert await plans.replace(tx, {pump_id: made}) == [pump_id]


async def test_a_step_says_what_its_electricity_emits_where_that_is_known(
    api: Api, user_id: UUID, pump_id: UUID, clock: Any
) -> None:
    await save_plan(api, pump_id, clock.now, 4, clock.now)
    starts = [clock.now + n * MTU for n in range(3)]
    async with api.services.database.write(FLEET) as tx:
        await carbon.save(tx, "DE_LU", Given(starts, np.array([412.34, NAN, 0.0]), "test", clock.now))
        await carbon.save(tx, "AT", Given(starts, np.array([99.0, 99.0, 99.0]), "test", clock.now))
    found = await ask(api, pump_id, user_id, "plan")
    assert [step["carbon_intensity_g_per_kwh"] for step in found.body["data"]] == [412.3, None, 0.0, None]


async def test_a_step_says_what_is_expected_what_it_costs_and_why(
    api: Api, user_id: UUID, pump_id: UUID, clock: Any
) -> None:
    await save_plan(api, pump_id, clock.now, 4, clock.now)
    found = await ask(api, pump_id, user_id, "plan")
    assert found.status == 200, found.body
    assert found.body["data"][0] == {
        "start": "2024-01-08T06:00:00Z",
        "end": "2024-01-08T06:15:00Z",
        "steering_state": "max",
        "hot_water": False,
        "cooling": False,
        "pool_heating": None,
        "expected_power_w": 1200,
        "expected_indoor_temperature": 21.06,
        "expected_dhw_temperature": None,
        "expected_pool_temperature": None,
        "price": 0.25,
        "currency": "EUR",
        "cost": 0.075,
        "cost_of_not_acting": None,
        "own_control": None,
        "carbon_intensity_g_per_kwh": None,
        "why": {"code": "cheap_now", "text": "Electricity is cheap now, so heat is stored."},
    }
    assert found.body["metadata"] == {
        "requested_at": "2024-01-08T06:00:00Z",
        "made_at": "2024-01-08T06:00:00Z",
        "model_version": 3,
        "policy_version": 1,
        "price_zone": "DE_LU",
        "currency": "EUR",
        "is_energy_modelled": False,
        "is_saving_modelled": True,
        "error": None,
        **dict.fromkeys(COMPARED),
    }


async def test_a_summer_day_is_told_as_one_of_cooling_and_of_the_pool(
    api: Api, user_id: UUID, pump_id: UUID, clock: Any
) -> None:
    cooled = replace(step(clock.now), cooling=True, pool_heating=False, pool_temp_c=27.456)
    heated = replace(step(clock.now + MTU, reason=Reason.QUOTA), cooling=True, pool_heating=True, pool_temp_c=NAN)
    async with api.services.database.write(FLEET) as tx:
        await plans.replace(tx, {pump_id: Plan((cooled, heated), clock.now, 0, 1)})
    first, second = (await ask(api, pump_id, user_id, "plan")).body["data"]
    names = ("steering_state", "cooling", "pool_heating", "expected_pool_temperature")
    assert [first[name] for name in names] == ["max", True, False, 27.46]
    assert [second[name] for name in names] == ["max", True, True, None]
    assert first["why"]["text"] == "Electricity is cheap now, so the rooms are cooled ahead."
    assert second["why"]["text"] == CATALOGUES["en"]["quota"], "said alike whether it heats or cools"


async def test_the_plan_goes_from_now_to_its_end_and_the_past_stays_as_planned(
    api: Api, user_id: UUID, pump_id: UUID, clock: Any
) -> None:
    start = clock.now
    await save_plan(api, pump_id, start, 8, start, model=1)
    clock.advance(timedelta(minutes=40))
    await save_plan(api, pump_id, start + 2 * MTU, 10, clock.now, model=2)
    now = await ask(api, pump_id, user_id, "plan")
    assert [s["start"] for s in now.body["data"]][::9] == ["2024-01-08T06:30:00Z", "2024-01-08T08:45:00Z"]
    assert (now.body["metadata"]["made_at"], now.body["metadata"]["model_version"]) == ("2024-01-08T06:40:00Z", 2)
    window = {"from": "2024-01-08T06:20:00Z", "to": "2024-01-08T07:00:00Z"}  # the unit that holds 06:20 counts
    past = await ask(api, pump_id, user_id, "plan", **window)
    assert [s["start"][11:16] for s in past.body["data"]] == ["06:15", "06:30", "06:45"]


async def test_unknown_prices_have_no_cost(api: Api, user_id: UUID, pump_id: UUID, clock: Any) -> None:
    plan = Plan((step(clock.now, price=NAN),), clock.now, 0, 1)
    async with api.services.database.write(FLEET) as tx:
        await plans.replace(tx, {pump_id: plan})
    (only,) = (await ask(api, pump_id, user_id, "plan")).body["data"]
    assert (only["price"], only["cost"]) == (None, None)


async def test_money_is_that_of_the_contract_whose_prices_count(
    api: Api, user_id: UUID, pump_id: UUID, clock: Any
) -> None:
    sql = """
        insert into energy_contracts (id, org_id, user_id, energy_contract_type, energy_prices, currency_energy_price,
          energy_price_includes_external_components)
        values ($1, $2, $3, 'yearly', '[{"price": 1.5, "timestamp": "2024-01-01T00:00:00Z"}]', 'SEK', $4)"""
    await save_plan(api, pump_id, clock.now, 1, clock.now)
    for includes_all, currency in ((False, "EUR"), (True, "SEK")):
        async with api.services.database.write(FLEET) as tx:
            await tx.execute("delete from energy_contracts")
            await tx.execute(sql, new_id(), api.org_id, user_id, includes_all)
        found = (await ask(api, pump_id, user_id, "plan")).body
        assert found["metadata"]["currency"] == found["data"][0]["currency"] == currency


async def test_a_pump_without_a_meter_says_that_its_power_is_modelled(api: Api, user_id: UUID) -> None:
    pump = await api.pump(user_id)
    assert (await ask(api, pump["id"], user_id, "plan")).body["metadata"]["is_energy_modelled"] is True


async def test_a_pump_without_plan_says_why(api: Api, user_id: UUID, pump_id: UUID, clock: Any) -> None:
    async def error(of: Any, **query: str) -> str:
        found = await ask(api, of, user_id, "plan", **query)
        assert (found.status, found.body["data"], found.body["metadata"]["made_at"]) == (200, [], None)
        return found.body["metadata"]["error"]

    assert "not connected" in await error((await api.pump(user_id, is_smart_optimization_active=True))["id"])
    assert await error(pump_id) == "No electricity prices of DE_LU are known."
    async with api.services.database.write(FLEET) as tx:
        await prices.save(tx, "DE_LU", [clock.now], np.array([50.0]), "test", clock.now)
    assert await error(pump_id) == "Nothing is planned in this time yet."
    gone = {"from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"}
    assert await error(pump_id, **gone) == "Nothing was planned in this time."
    path = f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}"
    await api.call("PUT", path, {"is_smart_optimization_active": False})
    assert "optimisation is off" in await error(pump_id)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "2024-01-08"}, "from"),
        ({"from": "2024-01-08T00:00:00Z", "to": "2024-01-08T00:00:00Z"}, "to"),
        ({"to": "2024-01-08T05:00:00Z"}, "to"),  # before now
        ({"from": "2024-01-01T00:00:00Z", "to": "2024-02-02T00:00:00Z"}, "from"),
        ({"to": "0001-01-01T00:00:00+01:00"}, "to"),
    ],
)
async def test_a_wrong_time_is_named(api: Api, user_id: UUID, pump_id: UUID, query: dict[str, str], field: str) -> None:
    found = await ask(api, pump_id, user_id, "plan", **query)
    assert found.status == 422, found.body
    assert {error["loc"][-1] for error in found.body["errors"]} == {field}


async def test_deleted_and_other_pumps_have_neither_plan_nor_commands(api: Api, user_id: UUID, pump_id: UUID) -> None:
    other = await api.user()
    for what in ("plan", "commands"):
        assert (await ask(api, pump_id, other, what)).status == 404
        assert (await ask(api, new_id(), user_id, what)).status == 404
    await api.call("DELETE", f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}")
    for what in ("plan", "commands"):
        assert (await ask(api, pump_id, user_id, what)).status == 404


async def save_explained(api: Api, pump_id: UUID, at: datetime) -> None:
    """A quarter-hour of hot water for the evening, and one without price or tank."""
    detail = ReasonDetail(by=at + timedelta(hours=11))
    water = PlanStep(at, SteeringState.MID, True, 2.0, 21.0, 47.0, 0.2, Reason.HOT_WATER, detail, 0.1234567,
                     Unsteered(0.5, 20.9, 45.0))  # fmt: skip
    untold = PlanStep(at + MTU, SteeringState.MID, False, 0.5, 21.0, NAN, NAN, Reason.STEADY, own=Unsteered(1, 20, NAN))
    made = Plan((water, untold), at, 1, 1, Outlook(5.0, 5.5, 0.25, 21.5, 21.0, 0.4))
    async with api.services.database.write(FLEET) as tx:
        assert await plans.replace(tx, {pump_id: made}) == [pump_id]


async def test_a_plan_stands_beside_the_owners_own_control(api: Api, user_id: UUID, pump_id: UUID, clock: Any) -> None:
    await save_explained(api, pump_id, clock.now)
    found = (await ask(api, pump_id, user_id, "plan")).body
    assert {name: found["metadata"][name] for name in COMPARED} == {
        "compared_from": "2024-01-08T06:00:00Z",
        "compared_to": "2024-01-08T06:30:00Z",
        "cost_of_plan": 5.0,
        "cost_of_own_control": 5.5,
        "worth_of_stored_heat": 0.25,
        "expected_saving": 0.75,
        "expected_saving_at_equal_temperature": 1.15,
        "mean_indoor_temperature": 21.5,
        "mean_indoor_temperature_of_own_control": 21.0,
    }
    first, second = found["data"]
    assert first["cost_of_not_acting"] == 0.12346
    assert first["own_control"] == {
        "expected_power_w": 500,
        "expected_indoor_temperature": 20.9,
        "expected_dhw_temperature": 45.0,
        "cost": 0.025,
    }
    assert (second["cost_of_not_acting"], second["own_control"]["expected_dhw_temperature"]) == (None, None)
    assert second["own_control"]["cost"] is None


async def test_a_newer_plan_without_comparison_shows_none(api: Api, user_id: UUID, pump_id: UUID, clock: Any) -> None:
    await save_explained(api, pump_id, clock.now)
    past = {"from": "2024-01-08T05:00:00Z", "to": "2024-01-08T06:00:00Z"}
    assert (await ask(api, pump_id, user_id, "plan", **past)).body["metadata"]["cost_of_plan"] is None
    await save_plan(api, pump_id, clock.now, 4, clock.now)
    assert (await ask(api, pump_id, user_id, "plan")).body["metadata"]["cost_of_plan"] is None


@pytest.mark.parametrize(
    ("wanted", "language", "text"),
    [
        (None, "en", "Hot water is made now, so that there is enough at 18:00."),
        ("de-AT,en;q=0.5", "de", "Jetzt wird Warmwasser bereitet, damit um 18:00 genug da ist."),
        ("fr;q=0.2, xx, sv;q=0.9", "sv", "Nu värms varmvattnet, så att det räcker kl. 18:00."),
        ("de;q=0", "en", "Hot water is made now, so that there is enough at 18:00."),
        ("xx;q=much,,;;=", "en", "Hot water is made now, so that there is enough at 18:00."),
    ],
)
async def test_sentences_are_in_the_language_liked_best_at_the_local_clock(
    api: Api, user_id: UUID, pump_id: UUID, clock: Any, wanted: str | None, language: str, text: str
) -> None:
    await save_explained(api, pump_id, clock.now)
    path = f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}/plan"
    found = await api.call("GET", path, headers={"Accept-Language": wanted} if wanted else {})
    assert (found.headers["Content-Language"], found.headers["Vary"]) == (language, "Accept-Language")
    assert found.body["data"][0]["why"] == {"code": "hot_water", "text": text}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_language_is_served(api: Api, user_id: UUID, pump_id: UUID, clock: Any, language: str) -> None:
    await save_plan(api, pump_id, clock.now, 1, clock.now)
    path = f"/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}/plan"
    found = await api.call("GET", path, headers={"Accept-Language": language})
    assert found.headers["Content-Language"] == language
    assert found.body["data"][0]["why"]["text"] == CATALOGUES[language]["cheap_now"]


def test_a_time_that_could_be_mistaken_has_its_weekday() -> None:
    words = Words("de", zone_time("DE_LU"))
    seen_from = datetime(2024, 1, 8, 6, tzinfo=UTC)
    far = ReasonDetail(by=seen_from + timedelta(hours=20))
    assert words.why("hot_water", far, seen_from) == (
        "Jetzt wird Warmwasser bereitet, damit um 03:00 (Di) genug da ist."
    )


def command(api: Api, pump_id: UUID, at: datetime, **fields: Any) -> Command:
    given = {
        "id": new_id(), "org_id": api.org_id, "heat_pump_id": pump_id, "lever": "curve_offset_k", "value": 2.0,
        "previous_value": 0.0, "state": "max", "purpose": "steer", "reason_code": "cheap_now", "status": "sent",
        "attempt": 1, "issued_at": at, "ends_at": at + timedelta(hours=1), "settle_at": at + timedelta(minutes=6),
    }  # fmt: skip
    return Command(**given | fields)


async def send(api: Api, *sent: Command) -> None:
    async with api.services.database.write(FLEET) as tx:
        await commands.insert(tx, sent)


async def test_a_command_shows_what_was_sent_and_what_became_of_it(
    api: Api, user_id: UUID, pump_id: UUID, clock: Any
) -> None:
    receipt = {"accepted": True, "detail": "set by ada@example.com", "session_token": "abc"}
    one = command(api, pump_id, clock.now, status="confirmed", receipt=receipt, confirmed_at=clock.now + MTU)
    await send(api, one)
    found = await ask(api, pump_id, user_id, "commands")
    assert found.body == [
        {
            "id": str(one.id),
            "issued_at": "2024-01-08T06:00:00Z",
            "lever": "curve_offset_k",
            "value": 2.0,
            "previous_value": 0.0,
            "state": "max",
            "purpose": "steer",
            "reason_code": "cheap_now",
            "status": "confirmed",
            "attempt": 1,
            "ends_at": "2024-01-08T07:00:00Z",
            "settle_at": "2024-01-08T06:06:00Z",
            "confirmed_at": "2024-01-08T06:15:00Z",
            "receipt": {"accepted": True, "detail": "set by •••", "session_token": "•••"},
        }
    ]


async def test_commands_are_paged_newest_first_and_cut_to_a_time(
    api: Api, user_id: UUID, pump_id: UUID, clock: Any
) -> None:
    times = [clock.now - n * MTU for n in range(4)]
    await send(
        api, *(command(api, pump_id, at, lever=lever) for at in times for lever in ("dhw_boost", "curve_offset_k"))
    )
    whole = (await ask(api, pump_id, user_id, "commands")).body
    assert [c["issued_at"] for c in whole] == sorted((c["issued_at"] for c in whole), reverse=True)
    assert len(whole) == 8
    pages, path = [], f"//api/partners/v2.0/org/{api.org_id}/users/{user_id}/heat-pumps/{pump_id}/commands?limit=3"
    while path:
        found = await api.call("GET", path)
        pages.append(found.body)
        link = found.headers.get("Link")
        path = "/" + link.partition("<")[2].partition(">")[0] if link else ""
    assert [len(page) for page in pages] == [3, 3, 2]
    assert [c for page in pages for c in page] == whole
    window = {"from": "2024-01-08T05:30:00Z", "to": "2024-01-08T06:00:00Z"}
    assert {c["issued_at"] for c in (await ask(api, pump_id, user_id, "commands", **window)).body} == {
        "2024-01-08T05:30:00Z",
        "2024-01-08T05:45:00Z",
    }


async def test_another_pumps_command_is_no_cursor(api: Api, user_id: UUID, pump_id: UUID, clock: Any) -> None:
    from heatfleet.api.parse import cursor

    await send(api, command(api, pump_id, clock.now))
    found = await ask(api, pump_id, user_id, "commands", after=cursor(new_id()))
    assert (found.status, found.body) == (200, [])
    wrong = await ask(api, pump_id, user_id, "commands", limit="501", **{"from": "x"})
    assert {error["loc"][-1] for error in wrong.body["errors"]} == {"limit", "from"}
