"""Every language says everything: no message is missing, fuzzy or left over, and none loses its gaps."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

import heatfleet.web
from heatfleet.domain.levers import Lever
from heatfleet.domain.readings import Channel
from heatfleet.vendors.kit.driver import Hindrance
from heatfleet.vendors.kit.manifest import SignInKind
from heatfleet.web.languages import LANGUAGES
from heatfleet.web.words import HOW_YOU_SIGN_IN, THINGS, WHY_NOT

WEB = Path(heatfleet.web.__file__).parent
DOCS = WEB.parents[1] / "docs" / "connect.md"


def said() -> set[str]:
    """The messages of templates (``_``) and of tables in the code (``N_``)."""
    texts = [path.read_text("utf-8") for path in (WEB / "templates").glob("*.html")]
    found = {message for text in texts for message in re.findall(r'_\("(.*?)"\)', text)}
    assert sum(text.count("_(") for text in texts) > len(found) > 100
    for path in WEB.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "N_":
                found.add(ast.literal_eval(node.args[0]))
    return found


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_language_says_everything(language: str) -> None:
    text = (WEB / "locales" / f"{language}.po").read_text("utf-8")
    with (WEB / "locales" / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    messages = [message for message in catalogue if message.id]
    assert {message.id for message in messages} == said()
    assert len(messages) == text.count("\nmsgid "), "a message stands there twice"
    assert not [message.id for message in messages if not str(message.string).strip() or message.fuzzy]
    gaps = re.compile(r"%\(\w+\)s")
    wrong = [m.id for m in messages if sorted(gaps.findall(str(m.id))) != sorted(gaps.findall(str(m.string)))]
    assert not wrong


def test_everything_a_driver_may_name_has_a_word() -> None:
    assert {str(name) for name in (*Channel, *Lever)} == set(THINGS)
    assert set(WHY_NOT) == set(Hindrance)
    assert set(HOW_YOU_SIGN_IN) == set(SignInKind)


def test_the_docs_list_the_languages_no_native_speaker_has_checked() -> None:
    (listed,) = [line for line in DOCS.read_text("utf-8").splitlines() if "not yet checked by a native speaker" in line]
    assert {word.strip("`") for word in listed.split() if word.startswith("`")} == set(LANGUAGES) - {"en"}
