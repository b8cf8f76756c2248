"""The language a caller likes best."""

from __future__ import annotations

from babel import negotiate_locale

from heatfleet.domain.reasons import LANGUAGES

MOST_WISHES = 20


def best_language(accept_language: str) -> str:
    """The one of ours that ``Accept-Language`` likes best; English when it likes none."""
    wishes = sorted(map(_wish, accept_language.split(",")[:MOST_WISHES]), key=lambda wish: -wish[1])
    wanted = [name.replace("-", "_") for name, liking in wishes if name and liking > 0.0]
    return negotiate_locale(wanted, LANGUAGES) or "en"


def _wish(part: str) -> tuple[str, float]:
    """A language and how much it is liked, 0 to 1; an unreadable liking counts as none."""
    name, _, liking = part.partition(";")
    text = liking.strip().removeprefix("q=")
    try:
        return name.strip(), float(text) if text else 1.0
    except ValueError:
        return name.strip(), 0.0
