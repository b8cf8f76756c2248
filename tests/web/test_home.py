"""The owner's page over HTTP: what it shows, what it saves, and what it says when something is wrong."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.plans import PlanStep
from heatfleet.domain.policy import LIMITS
from heatfleet.domain.sentences import de, en
from heatfleet.flows.home import AHEAD
from heatfleet.store.database import FLEET
from heatfleet.web.languages import LANGUAGES
from tests.api_server import Answer, Api
from tests.store.worlds import LEVERS, capabilities
from tests.web.homes import Owner, add_cue, connected_pump, hidden, make_link, save_plan, summer_step, text


@pytest.fixture
async def owner(api: Api, clock: Any) -> Owner:
    """The owner of a planned pump in DE_LU (it is 07:00 there), on their page."""
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now)
    await save_plan(api, pump_id, clock.now)
    owner = Owner(api, user_id, pump_id)
    await owner.open(await make_link(api, user_id, pump_id))
    return owner


async def change(owner: Owner, **settings: Any) -> Answer:
    """The partner changes something."""
    path = f"/org/{owner.api.org_id}/users/{owner.user_id}/heat-pumps/{owner.pump_id}"
    answer = await owner.api.call("PUT", path, settings)
    assert answer.status == 200, answer.body
    return answer


async def audit_of(owner: Owner) -> list[tuple[str, str]]:
    async with owner.api.services.database.read(owner.api.org_id) as tx:
        rows = await tx.fetch("select actor, action from audit where actor like 'user:%' order by id")
    return [tuple(row) for row in rows]


def plain(page: str) -> str:
    """What a reader sees, on one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# What it shows


async def test_it_says_what_the_pump_does_and_why(owner: Owner) -> None:
    said = plain(await owner.see())
    for part in (
        "Stadtwerke Test", "Air 8", "ECO",
        "Electricity is expensive until 10:00, so the heat pump does less.",
        "Indoors 21.4 °C", "Outdoors 1.2 °C", "Hot water 47.5 °C", "1.23 kW", "It is heating the rooms.",
        "Last reading: 3 minutes ago.",
    ):  # fmt: skip
        assert part in said, part


async def test_the_next_hours_are_drawn_and_told(owner: Owner) -> None:
    page = await owner.see()
    assert 'role="img"' in page
    assert page.count('class="s-max"') >= 2  # drawn, and in the legend
    assert "07:00–10:00" in page
    assert "€0.41" in page
    assert "Electricity is cheap now, so heat is stored." in page
    assert timedelta(hours=12) == AHEAD
    assert "19:00–" not in page


async def test_a_summer_day_is_one_of_cooling_and_of_the_pool(owner: Owner, clock: Any) -> None:
    winter = await owner.see()
    assert not re.search(r'[" ](cool|pool)"', winter)
    await save_plan(owner.api, owner.pump_id, clock.now, step=summer_step)
    async with owner.api.services.database.write(FLEET) as tx:
        await tx.execute("update device_latest set pool_temp_c = 26.75")
    page = await owner.see()
    said = plain(page)
    for part in (
        "Cooling: ECO", "Electricity is expensive until 10:00, so the heat pump cools less.", "Pool 26.8 °C",
        en.SENTENCES["pool.waits"], f"Cooling: Boost + Pool. {en.SENTENCES['cooling.cheap_now']}",
        en.SENTENCES["pool.heated"],
    ):  # fmt: skip
        assert part in said, part
    assert en.SENTENCES["cheap_now"] not in said
    assert page.count('class="cool"') == page.count('<th scope="row">') + 1, "every run, and the legend"
    assert page.count('class="pool"') == 2
    assert "Room temperature 23.5 – 25.5 °C" in said, "around what is set for cooling, colder rather than warmer"
    german = plain(await owner.see(language="de"))
    assert "Kühlung: ECO" in german
    assert de.SENTENCES["cooling.dear_now.until"].format(until="10:00") in german


async def test_a_pool_that_is_warm_enough_or_not_ours_is_not_said_to_wait(owner: Owner, clock: Any) -> None:
    for heating in (None, False):

        def step(at: datetime, n: int, heating: bool | None = heating) -> PlanStep:
            return replace(summer_step(at, n), pool_heating=heating)

        await save_plan(owner.api, owner.pump_id, clock.now, step=step)
        said = plain(await owner.see())
        assert "Cooling: ECO" in said
        assert not re.search("pool", said, re.IGNORECASE)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("lifecycle_state = 'pending', connection_id = null", "is not connected yet"),
        ("is_smart_optimization_active = false", "Optimisation is off"),
        ("control_state = 'ready', current_state = null", "follows its own programme"),
        ("is_pause_power_active = true, pause_power_until = '2024-01-08 09:00+00'", "paused until 10:00"),
    ],
)
async def test_it_says_why_nothing_is_steered(owner: Owner, columns: str, says: str) -> None:
    async with owner.api.services.database.write(FLEET) as tx:
        await tx.execute(f"update heat_pumps set {columns}")
    assert says in plain(await owner.see())


async def test_it_says_when_access_is_lost_the_pump_is_silent_or_there_is_no_plan(owner: Owner, clock: Any) -> None:
    async with owner.api.services.database.write(FLEET) as tx:
        await tx.execute("delete from plan_steps")
    page = await owner.see()
    assert "There is no plan yet" in page
    assert "<svg" not in page
    clock.fleet += timedelta(hours=2)
    assert "has not answered for a while" in await owner.see()
    async with owner.api.services.database.write(FLEET) as tx:
        await tx.execute("update connections set status = 'lost'")
    page = await owner.see()
    assert "no longer lets us reach" in page
    assert "Sign in again" in page


async def test_a_pump_that_was_never_read_has_a_page(api: Api) -> None:
    user_id = await api.user()
    pump_id = UUID((await api.pump(user_id))["id"])
    owner = Owner(api, user_id, pump_id)
    await owner.open(await make_link(api, user_id, pump_id))
    page = await owner.see()
    assert "is not connected yet" in page
    assert "Disconnect" not in page
    away = await owner.send("sign-in")
    assert away.headers["location"].startswith("/connect/heat-pumps?onboarding_session_id=")


async def test_what_comes_from_outside_is_escaped(owner: Owner) -> None:
    await add_cue(owner.api, owner.pump_id, "information", message="<script>alert(1)</script>")
    async with owner.api.services.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set name = '<b>x'")
    page = await owner.see(saved="<script>", language="<script>")
    assert "<script" not in page
    assert "<b>x" not in page


async def test_a_reading_of_this_very_moment_is_not_told_as_to_come(owner: Owner, clock: Any) -> None:
    clock.fleet -= timedelta(minutes=3)
    assert "1 second ago" in await owner.see()
    assert "vor 1 Sekunde" in await owner.see(language="de")


# Its words


async def test_it_speaks_the_language_of_the_consent_unless_another_is_chosen(api: Api, clock: Any) -> None:
    user_id = await api.user()
    pump_id = await connected_pump(api, user_id, clock.now, language="de")
    await save_plan(api, pump_id, clock.now)
    owner = Owner(api, user_id, pump_id)
    await owner.open(await make_link(api, user_id, pump_id))
    page = await owner.see()
    assert '<html lang="de">' in page
    assert de.SENTENCES["dear_now.until"].format(until="10:00") in page
    assert "21,4 °C" in page
    assert "vor 3 Minuten" in page
    chosen = await owner.ask("GET", owner.path, params={"language": "fr"})
    assert '<html lang="fr">' in text(chosen)
    assert chosen.headers["set-cookie"].startswith("heatfleet_language=fr;")
    owner.cookies["heatfleet_language"] = "fr"
    assert '<html lang="fr">' in await owner.see()


async def test_every_language_has_the_whole_page(owner: Owner) -> None:
    await add_cue(owner.api, owner.pump_id, "information", code="cannot_disinfect", message="x")
    english = plain(await owner.see())
    pages = {language: plain(await owner.see(language=language)) for language in LANGUAGES}
    assert pages["en"] == english
    for language in set(LANGUAGES) - {"en"}:
        for part in ("Your wishes", "The next hours", "I have read this", "Last reading", "disinfection on"):
            assert part not in pages[language], (language, part)
    assert len(set(pages.values())) == len(LANGUAGES)
    assert en.SENTENCES["cheap_now"] in english


# What it saves


async def test_the_comfort_band(owner: Owner) -> None:
    saved = await owner.send("save/comfort", minimum_temperature_limit="20", maximum_temperature_limit="22,5")
    assert (saved.status, saved.headers["location"]) == (303, f"{owner.path}?saved=comfort")
    seen = await owner.settings()
    assert (seen["minimum_temperature_limit"], seen["maximum_temperature_limit"]) == (20.0, 22.5)
    assert seen["is_heating_policy_enabled"] is True
    page = await owner.see(saved="comfort")
    assert "Saved. A new plan follows" in page
    assert "20 – 22.5 °C" in plain(page)
    await owner.send("save/comfort", minimum_temperature_limit="", maximum_temperature_limit=" ")
    seen = await owner.settings()
    assert (seen["minimum_temperature_limit"], seen["is_heating_policy_enabled"]) == (None, False)
    assert "20.5 – 22.5 °C" in plain(await owner.see()), "half a kelvin below what is set, one and a half above"


async def test_hot_water_away_and_back(owner: Owner) -> None:
    await owner.send("save/water", dhw_standard_temperature="48", minimum_dhw_temperature_limit="42")
    away = {"away_mode_start": "2024-01-10T08:00", "away_mode_end": "2024-01-14T18:30"}
    lower = {"away_mode_minimum_temperature_limit": "16", "away_mode_minimum_dhw_temperature_limit": ""}
    assert (await owner.send("save/away", **away, **lower)).status == 303
    seen = await owner.settings()
    assert (seen["dhw_standard_temperature"], seen["minimum_dhw_temperature_limit"]) == (48.0, 42.0)
    assert (seen["away_mode_start"], seen["away_mode_end"]) == ("2024-01-10T07:00:00Z", "2024-01-14T17:30:00Z")
    assert (seen["away_mode_minimum_temperature_limit"], seen["is_away_mode_enabled"]) == (16.0, True)
    assert 'value="2024-01-10T08:00"' in await owner.see()
    await owner.send("save/back")
    seen = await owner.settings()
    assert (seen["away_mode_start"], seen["away_mode_end"]) == (None, None)


async def test_pause_and_resume(owner: Owner) -> None:
    await owner.send("save/pause", pause_power_until="2024-01-08T09:15")
    seen = await owner.settings()
    assert (seen["is_pause_power_active"], seen["pause_power_until"]) == (True, "2024-01-08T08:15:00Z")
    page = await owner.see()
    assert "paused until 09:15" in page
    assert "End the pause now" in page
    await owner.send("save/resume")
    assert (await owner.settings())["is_pause_power_active"] is False
    assert "End the pause now" not in await owner.see()


async def test_uses(owner: Owner) -> None:
    await owner.send("save/uses", is_smart_optimization_active="on", is_hot_water_heating_enabled="on")
    seen = await owner.settings()
    assert (seen["is_space_heating_enabled"], seen["is_hot_water_heating_enabled"]) == (False, True)
    assert seen["is_smart_optimization_active"] is True
    await owner.send("save/uses")
    seen = await owner.settings()
    assert (seen["is_smart_optimization_active"], seen["is_hot_water_heating_enabled"]) == (False, False)
    assert seen["is_pool_heating_enabled"] is False, "a use that was not shown is not touched"


async def test_a_use_that_the_device_has_not_is_neither_shown_nor_set(owner: Owner) -> None:
    async with owner.api.services.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set capabilities = capabilities || '{\"has_hot_water\": false}'")
    assert 'name="is_hot_water_heating_enabled"' not in await owner.see()
    await owner.send("save/uses", is_hot_water_heating_enabled="on", is_pool_heating_enabled="on")
    seen = await owner.settings()
    assert seen["is_hot_water_heating_enabled"] is True, "as it was"
    assert seen["is_pool_heating_enabled"] is False


async def test_cooling_and_the_pool_are_offered_where_the_device_has_their_levers(owner: Owner) -> None:
    await change(owner, is_pool_heating_enabled=True, is_space_cooling_enabled=True)
    page = await owner.see()
    assert 'name="is_pool_heating_enabled"' not in page, "allowed, yet nothing can be moved"
    levers = {**LEVERS, Lever.POOL_SETPOINT_C: LeverRange(20, 32, 0.5), Lever.COOLING_SETPOINT_C: LeverRange(18, 30, 1)}
    async with owner.api.services.database.write(FLEET) as tx:
        await tx.execute("update heat_pumps set capabilities = $1", capabilities(levers))
    page = await owner.see()
    for name, label in (("is_pool_heating_enabled", "Pool"), ("is_space_cooling_enabled", "Cooling")):
        assert re.search(rf'name="{name}" checked>\s*{label}<', page)
    await owner.send("save/uses", is_space_cooling_enabled="on")
    seen = await owner.settings()
    assert (seen["is_pool_heating_enabled"], seen["is_space_cooling_enabled"]) == (False, True)


async def test_notices_are_ticked_off_by_their_owner_only(api: Api, owner: Owner, clock: Any) -> None:
    mine = await add_cue(api, owner.pump_id, "information", message="Mine")
    other = await connected_pump(api, await api.user(), clock.now)
    yours = await add_cue(api, other, "information", message="Yours")
    again = await add_cue(api, owner.pump_id, "reauthenticate")
    assert "Mine" in await owner.see()
    for wrong in (yours, again, uuid4(), "x", ""):
        answer = await owner.send("save/notice", notice=str(wrong))
        assert answer.status == 404, wrong
    assert (await owner.send("save/notice", notice=str(mine))).status == 303
    assert "Mine" not in await owner.see(saved="notice")
    assert "Marked as read." in await owner.see(saved="notice")
    async with api.services.database.read(api.org_id) as tx:
        rows = await tx.fetch("select id, state from cues")
    assert {row[0]: row[1] for row in rows} == {mine: "resolved", yours: "active", again: "active"}


async def test_signing_in_again_leads_back_here(api: Api, owner: Owner) -> None:
    async with api.services.database.write(FLEET) as tx:
        await tx.execute("update connections set status = 'lost'")
    away = await owner.send("sign-in")
    assert away.status == 303
    session_id = parse_qs(urlsplit(away.headers["location"]).query)["onboarding_session_id"][0]
    made = (await api.call("GET", f"/device-onboarding/{session_id}")).body
    assert made["success_url"] == f"{api.url}{owner.path}"
    assert made["object_id"] == str(owner.pump_id)


async def test_everything_done_is_in_the_audit_log_as_the_owners(api: Api, owner: Owner) -> None:
    cue_id = await add_cue(api, owner.pump_id, "information", message="x")
    async with api.services.database.write(FLEET) as tx:
        await tx.execute("delete from audit")
    await owner.send("save/pause", pause_power_until="2024-01-08T09:15")
    await owner.send("save/notice", notice=str(cue_id))
    await owner.send("sign-in")
    await owner.send("disconnect", sure="yes")
    who = f"user:{owner.user_id}"
    wanted = [(who, "change"), (who, "resolved"), (who, "create"), (who, "disconnect")]
    assert await audit_of(owner) == wanted


# What is wrong


@pytest.mark.parametrize(
    ("form", "fields", "field", "says"),
    [
        ("comfort", {"minimum_temperature_limit": "4"}, "minimum_temperature_limit", "Between 5 and 35 °C."),
        ("comfort", {"minimum_temperature_limit": "nan"}, "minimum_temperature_limit", "Between 5 and 35 °C."),
        ("comfort", {"maximum_temperature_limit": "1e999"}, "maximum_temperature_limit", "Between 5 and 35 °C."),
        ("comfort", {"minimum_temperature_limit": "warm"}, "minimum_temperature_limit", "Enter a number"),
        ("comfort", {"minimum_temperature_limit": "22", "maximum_temperature_limit": "22.3"},
         "minimum_temperature_limit", "at least 0.5 °C below"),
        ("water", {"dhw_standard_temperature": "70"}, "dhw_standard_temperature", "Between 30 and 65 °C."),
        ("water", {"dhw_standard_temperature": "40", "minimum_dhw_temperature_limit": "45"},
         "minimum_dhw_temperature_limit", "must not be above the usual hot water"),
        ("pause", {"pause_power_until": "2024-01-08T06:59"}, "pause_power_until", "must be in the future"),
        ("pause", {"pause_power_until": ""}, "pause_power_until", "Enter a date and a time."),
        ("pause", {"pause_power_until": "tomorrow"}, "pause_power_until", "Enter a date and a time."),
        ("away", {"away_mode_start": "2024-01-12T08:00", "away_mode_end": "2024-01-10T08:00"},
         "away_mode_end", "must be after the beginning"),
        ("away", {"away_mode_start": "2024-01-01T08:00", "away_mode_end": "2024-01-02T08:00"},
         "away_mode_end", "must be in the future"),
        ("away", {"away_mode_start": "", "away_mode_end": "2024-01-10T08:00"}, "away_mode_start", "Enter a date"),
    ],
)  # fmt: skip
async def test_what_is_wrong_stands_at_its_field_and_nothing_is_saved(
    owner: Owner, form: str, fields: dict[str, str], field: str, says: str
) -> None:
    before = await owner.settings()
    page = text(await owner.send(f"save/{form}", **fields))
    assert owner.last.status == 422
    at_field = re.search(rf'<small class="wrong" id="{field}-fault">(.+?)</small>', page)
    assert at_field is not None
    assert says in at_field[1]
    assert re.search(rf'id="{field}" name="{field}" aria-invalid="true" aria-describedby="{field}-fault"', page)
    assert f'href="#{field}"' in page, "the summary leads to the field"
    assert 'role="alert"' in page
    for name, value in fields.items():
        assert f'value="{value}" id="{name}"' in page, "what was typed is still there"
    assert await owner.settings() == before


async def test_several_wrong_fields_are_told_at_once(owner: Owner) -> None:
    page = text(await owner.send("save/comfort", minimum_temperature_limit="1", maximum_temperature_limit="x"))
    assert page.count("Enter a number") == 2  # summary and field
    page = text(await owner.send("save/comfort", minimum_temperature_limit="1", maximum_temperature_limit="99"))
    assert page.count('class="wrong"') == 2


async def test_a_rule_that_names_a_field_of_another_form_opens_it(owner: Owner) -> None:
    await change(owner, minimum_temperature_limit=20, away_mode_minimum_temperature_limit=18)
    page = text(await owner.send("save/comfort", minimum_temperature_limit="17", maximum_temperature_limit="22"))
    assert owner.last.status == 422
    assert "must not be above your usual lowest room temperature" in page
    assert len(re.findall(r"<details[^>]* open>", page)) == 2


async def test_a_change_in_the_meantime_is_told_kindly_and_the_second_try_saves(owner: Owner) -> None:
    old = await owner.see()
    await change(owner, minimum_temperature_limit=19, maximum_temperature_limit=23, is_heating_policy_enabled=True)
    typed = {"minimum_temperature_limit": "20", "maximum_temperature_limit": "22"}
    given = {"token": hidden(old, "token"), "version": hidden(old, "version")}
    page = text(await owner.ask("POST", f"{owner.path}/save/comfort", data=given | typed))
    assert owner.last.status == 412
    assert "something was changed in the meantime" in page
    assert 'value="20" id="minimum_temperature_limit"' in page
    assert (await owner.settings())["minimum_temperature_limit"] == 19.0
    given = {"token": hidden(page, "token"), "version": hidden(page, "version")}
    assert (await owner.ask("POST", f"{owner.path}/save/comfort", data=given | typed)).status == 303
    assert (await owner.settings())["minimum_temperature_limit"] == 20.0


async def test_a_pause_that_ran_out_does_not_make_the_page_stale(owner: Owner, clock: Any) -> None:
    await owner.send("save/pause", pause_power_until="2024-01-08T09:15")
    clock.now = datetime.fromisoformat("2024-01-08T09:00:00+00:00")
    assert (await owner.send("save/comfort", minimum_temperature_limit="20")).status == 303


@pytest.mark.parametrize("version", ["", "x", "-1", "٣", "9" * 30])
async def test_a_form_without_a_version_saves_nothing(owner: Owner, version: str) -> None:
    answer = await owner.send("save/comfort", minimum_temperature_limit="20", version=version)
    assert answer.status == 412
    assert (await owner.settings())["minimum_temperature_limit"] is None


async def test_a_form_of_somebody_elses_saves_nothing(api: Api, owner: Owner, clock: Any) -> None:
    other_id = await api.user()
    other = Owner(api, other_id, await connected_pump(api, other_id, clock.now))
    await other.open(await make_link(api, other_id, other.pump_id))
    foreign = hidden(await other.see(), "token")
    for token in ("", "x.y", foreign, owner.cookies["heatfleet_home"]):
        for form in ("save/pause", "save/notice", "sign-in", "disconnect"):
            answer = await owner.send(form, token=token, pause_power_until="2024-01-08T09:15", sure="yes")
            assert answer.status == 403, (form, token)
    assert await audit_of(owner) == []


async def test_a_page_open_for_too_long_keeps_what_was_typed(owner: Owner, clock: Any) -> None:
    old = await owner.see()
    clock.wall += timedelta(hours=12)
    fields = {"minimum_temperature_limit": "20.5", "token": hidden(old, "token"), "version": "1"}
    page = text(await owner.ask("POST", f"{owner.path}/save/comfort", data=fields))
    assert owner.last.status == 403
    assert "had been open for too long" in page
    assert 'value="20.5" id="minimum_temperature_limit"' in page


async def test_an_unknown_form_is_404(owner: Owner) -> None:
    assert (await owner.send("save/everything")).status == 404


# Disconnecting


async def test_disconnecting_is_asked_once_more(owner: Owner) -> None:
    question = text(await owner.ask("GET", f"{owner.path}/disconnect"))
    for part in ("Your own settings are put back", "we forget our access", "This page closes", "Stadtwerke Test"):
        assert part in question
    unsure = await owner.send("disconnect")
    assert unsure.status == 422
    assert "Tick the box if you are sure." in text(unsure)
    assert (await owner.settings())["lifecycle_state"] == "authenticated"
    done = await owner.send("disconnect", sure="yes")
    assert (done.status, done.headers["location"]) == (303, "/home/done?language=en")
    assert any("Max-Age=0" in cookie for cookie in done.headers.getall("set-cookie"))
    seen = await owner.settings()
    assert (seen["lifecycle_state"], seen["is_smart_optimization_active"], seen["actions"]) == (
        "disconnected",
        False,
        [],
    )
    assert "disconnected" in text(await owner.ask("GET", "/home/done?language=en"))
    async with owner.api.services.database.read(FLEET) as tx:
        assert "release" in [row[0] for row in await tx.fetch("select entrypoint from pgqueuer")]
        assert await tx.value("select withdrawn_at from consents") is not None


# How it is served


async def test_it_lets_nothing_foreign_in_and_is_small(owner: Owner) -> None:
    await add_cue(owner.api, owner.pump_id, "information", message="x" * 300)
    page = await owner.see()
    headers = owner.last.headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    for foreign in ("<script", "style=", "onclick", "http://", "https://"):
        assert foreign not in page, foreign
    sheets = re.findall(r'rel="stylesheet" href="([^"]+)"', page)
    sizes = [len((await owner.ask("GET", sheet)).body) for sheet in sheets]
    assert len(sheets) == 3
    assert len(page.encode()) + sum(sizes) <= 60_000


async def test_every_field_has_a_label_and_the_limits_of_the_rules(owner: Owner) -> None:
    page = await owner.see()
    labels = re.findall(r"<label>(.*?)</label>", page, re.DOTALL)
    fields = re.findall(r"<input (?![^>]*hidden)[^>]*>", page)
    assert len(fields) == sum(label.count("<input") for label in labels) > 8
    low, high = LIMITS["minimum_temperature_limit"]
    assert f'min="{low:g}" max="{high:g}" value="" id="minimum_temperature_limit"' in page
    assert len(set(re.findall(r'id="([^"]+)"', page))) == len(re.findall(r' id="([^"]+)"', page))
