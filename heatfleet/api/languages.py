"""Sentences for people in the language a caller likes best, with times as that language writes them."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from functools import cache

from babel import Locale, negotiate_locale
from babel.dates import format_datetime, format_time

from heatfleet.domain.plans import ReasonDetail
from heatfleet.domain.reasons import LANGUAGES, sentence

MOST_WISHES = 20
UNMISTAKABLE = timedelta(hours=18)
_LOCALES = {"en": "en_GB"}


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


class Words:
    """The sentences of one language, with times as clocks show them in one time zone."""

    def __init__(self, language: str, zone: tzinfo) -> None:
        self.language, self.zone = language, zone
        self.locale = Locale.parse(_LOCALES.get(language, language))
        self._time = cache(self._time_of)

    def why(self, code: str, detail: ReasonDetail, seen_from: datetime) -> str:
        """The sentence of a reason given at ``seen_from``."""
        return sentence(code, detail, lambda at: self._time(at, at - seen_from > UNMISTAKABLE), self.language)

    def _time_of(self, at: datetime, is_far: bool) -> str:
        """The time, with the day of the week beside it where the time alone could be mistaken."""
        local = at.astimezone(self.zone)
        clock = format_time(local, "short", tzinfo=self.zone, locale=self.locale)
        if not is_far:
            return clock
        return f"{clock} ({format_datetime(local, 'EEE', tzinfo=self.zone, locale=self.locale).rstrip('.')})"
