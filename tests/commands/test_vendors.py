"""``heatfleet vendors`` and the page made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from heatfleet.commands.vendors import facts, page
from heatfleet.vendors.kit.levels import BRONZE, GOLD, SILVER, Level, level_of
from heatfleet.vendors.kit.registry import find_vendors

PAGE = Path(__file__).parents[2] / "docs" / "vendors.md"
FOUND = sorted(find_vendors().values(), key=lambda one: one.manifest.title.casefold())


def test_the_page_is_what_the_command_writes() -> None:
    text = PAGE.read_text(encoding="utf-8").rstrip()
    assert text == page(FOUND).rstrip(), "run: heatfleet vendors --markdown > docs/vendors.md"


def test_every_vendor_says_what_an_operator_must_know() -> None:
    assert FOUND
    text = page(FOUND)
    for one in map(facts, FOUND):
        for told in (one["title"], one["on_contact_lost"], f"account: {one['account_budget']}", *one["settings"]):
            assert told in text, (one["name"], told)


@pytest.mark.parametrize(
    ("shown", "level"),
    [
        (set(), Level.NONE),
        (BRONZE - {"read"}, Level.NONE),
        (GOLD | SILVER, Level.NONE),
        (BRONZE, Level.BRONZE),
        (BRONZE | GOLD, Level.BRONZE),
        (BRONZE | SILVER, Level.SILVER),
        (BRONZE | SILVER | {"levers"}, Level.SILVER),
        (BRONZE | SILVER | GOLD | {"more"}, Level.GOLD),
    ],
)
def test_levels_build_on_each_other(shown: set[str], level: Level) -> None:
    assert level_of(shown) is level
