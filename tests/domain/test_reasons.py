"""The sentences about a plan: complete in every language, with the same names in braces, true to their details."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from heatfleet.domain.plans import NO_DETAIL, Reason, ReasonDetail
from heatfleet.domain.reasons import CATALOGUES, LANGUAGES, SENTENCES, UNCHECKED, pool_sentence, sentence

AT = datetime(2024, 1, 8, 7, tzinfo=UTC)
SIDES = ("low", "high")
POOL = ("pool.heated", "pool.waits")
LATER = ReasonDetail(since=AT, until=AT.replace(hour=20))


def hour(at: datetime) -> str:
    return f"{at:%H:%M}"


def names_in(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name)


def test_every_reason_has_a_sentence_and_only_those() -> None:
    codes = {key.removeprefix("cooling.").partition(".")[0] for key in SENTENCES}
    assert codes == {reason.value for reason in Reason} | {"pool"}
    assert all(reason.value in SENTENCES for reason in Reason), "each also without any detail"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_sentence_with_the_same_names(language: str) -> None:
    table = CATALOGUES[language]
    assert list(table) == list(SENTENCES), "in the order of English, so that gaps are seen"
    for key, text in table.items():
        tail = [] if key in POOL else key.removeprefix("cooling.").split(".")[1:]
        told = [name for name in tail if name not in SIDES]
        assert names_in(text) == sorted(told), key
        assert set(told) <= set(ReasonDetail._fields), key
        assert text[-1] == "."
        assert text[0].isupper() or text[0] == "{", key
        assert len(text) <= 130, f"{key} is long"
        if language != "en":
            assert text != SENTENCES[key], f"{key} is not translated"


def test_a_sentence_tells_what_the_reason_refers_to() -> None:
    told = sentence("hot_water", ReasonDetail(by=AT), hour)
    assert told == "Hot water is made now, so that there is enough at 07:00."
    assert sentence("hot_water", NO_DETAIL, hour) == "Hot water is made now."
    assert sentence("dear_later", LATER, hour, "de") == (
        "Von 07:00 bis 20:00 wird Strom teuer, deshalb wird jetzt Wärme gespeichert."
    )
    assert sentence("comfort_limit", ReasonDetail(side="high")) != sentence("comfort_limit", ReasonDetail(side="low"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_while_it_cools_nothing_is_said_of_heating(language: str) -> None:
    for code, detail in (
        ("cheap_now", NO_DETAIL), ("dear_now", NO_DETAIL), ("dear_now", ReasonDetail(until=AT)),
        ("dear_later", NO_DETAIL), ("dear_later", LATER), ("comfort_limit", ReasonDetail(side="low")),
        ("comfort_limit", ReasonDetail(side="high")), ("away", NO_DETAIL), ("grid_limit", NO_DETAIL),
        ("solar_surplus", NO_DETAIL),
    ):  # fmt: skip
        heating, cooling = (sentence(code, detail, hour, language, cooling) for cooling in (False, True))
        assert heating != cooling, (code, detail)
        assert ("07:00" in heating, "20:00" in heating) == ("07:00" in cooling, "20:00" in cooling)
    others = {"cheap_later", "hot_water", "disinfection", "pause", "quota", "learning", "own_programme", "steady"}
    for code in others:
        assert sentence(code, language=language, cooling=True) == CATALOGUES[language][code]
    assert {key.split(".")[1] for key in SENTENCES if key.startswith("cooling.")}.isdisjoint(others)


def test_a_cooling_pump_has_had_enough_where_a_heating_one_goes_on() -> None:
    low, high = ReasonDetail(side="low"), ReasonDetail(side="high")
    assert sentence("comfort_limit", low, cooling=True) == "It is cool enough, so the heat pump cools less."
    assert sentence("comfort_limit", high, cooling=True) == SENTENCES["cooling.comfort_limit.high"]
    assert sentence("comfort_limit", cooling=True) == SENTENCES["comfort_limit"]
    assert sentence("dear_later", ReasonDetail(since=AT), hour, cooling=True) == SENTENCES["cooling.dear_later"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pool_is_heated_or_waits(language: str) -> None:
    assert [pool_sentence(heating, language) for heating in (True, False)] == [CATALOGUES[language][k] for k in POOL]


def test_details_nobody_can_tell_leave_the_plain_sentence() -> None:
    assert sentence("dear_later", ReasonDetail(since=AT), hour) == SENTENCES["dear_later"]
    assert sentence("steady", ReasonDetail(by=AT, side="low"), hour) == SENTENCES["steady"]


def test_a_code_of_a_newer_version_is_said_as_it_is() -> None:
    assert sentence("of_a_newer_version") == "of_a_newer_version"
    assert ReasonDetail.of({"side": "low", "of_a_newer_version": "1"}) == ReasonDetail(side="low")


def test_details_come_back_from_texts() -> None:
    detail = ReasonDetail(since=AT, until=AT.replace(hour=9), side="low")
    texts = {name: v if isinstance(v, str) else v.isoformat() for name, v in detail.given().items()}
    assert ReasonDetail.of(texts) == detail
    assert ReasonDetail.of(None) == NO_DETAIL


def test_the_docs_list_the_languages_no_native_speaker_has_checked() -> None:
    text = (Path(__file__).parents[2] / "docs" / "tour.md").read_text(encoding="utf-8")
    (listed,) = [line for line in text.splitlines() if "not yet checked by a native speaker" in line]
    assert set(UNCHECKED) == {word.strip("`") for word in listed.split() if word.startswith("`")}
