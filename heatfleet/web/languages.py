"""The words of the pages in nine languages: gettext catalogues, compiled when first asked for."""

from __future__ import annotations

import gettext
import io
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from babel import negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES = ("en", "de", "et", "fr", "hu", "it", "pl", "ro", "sv")
Translate = Callable[[str], str]


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of ``language``; English is what the source says."""
    path = files("heatfleet.web") / "locales" / f"{language}.po"
    if language not in LANGUAGES or not path.is_file():
        return gettext.NullTranslations()
    catalogue = read_po(io.BytesIO(path.read_bytes()), locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def best_language(accept_language: str) -> str:
    """The language a browser likes best among ours; English when it likes none."""
    wanted = [part.partition(";")[0].strip().replace("-", "_") for part in accept_language.split(",")[:20]]
    return negotiate_locale([w for w in wanted if w] or ["en"], LANGUAGES) or "en"
