"""One sentence for people about each quarter-hour of a plan, in nine languages.

The sentences are in :mod:`heatfleet.domain.sentences`. How an instant is written (local time, the language's habit) is
handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import MappingProxyType

from heatfleet.domain.plans import NO_DETAIL, ReasonDetail
from heatfleet.domain.sentences import de, en, et, fr, hu, it, pl, ro, sv

CATALOGUES = MappingProxyType(
    {m.__name__.rpartition(".")[2]: m.SENTENCES for m in (en, de, et, fr, hu, it, pl, ro, sv)}
)
LANGUAGES = tuple(CATALOGUES)
UNCHECKED = tuple(language for language in LANGUAGES if language != "en")
"""Languages whose sentences no native speaker has read yet."""
SENTENCES = en.SENTENCES


def sentence(
    code: str, detail: ReasonDetail = NO_DETAIL, hour: Callable[[datetime], str] = datetime.isoformat,
    language: str = "en", cooling: bool = False,
) -> str:  # fmt: skip
    """The sentence of a stored reason; the code itself for one this version does not know.

    Parameters
    ----------
    hour : writes an instant of ``detail``.
    language : one of :data:`LANGUAGES`.
    cooling : the heat pump cools: the sentence speaks of that where it would speak of warmth.
    """
    known = CATALOGUES[language]
    given = detail.given()
    told = {name: hour(value) for name, value in given.items() if isinstance(value, datetime)}
    more = ".".join(told) or detail.side
    keys = [f"{code}.{more}", code]
    keys = [*(f"cooling.{key}" for key in keys), *keys] if cooling else keys
    return next((known[key] for key in keys if key in known), code).format_map(told)


def pool_sentence(heating: bool, language: str = "en") -> str:
    """Why the pool of a plan is heated now, or why it is not."""
    return CATALOGUES[language]["pool.heated" if heating else "pool.waits"]
