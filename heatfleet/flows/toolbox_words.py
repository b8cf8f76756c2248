"""Sentences for people with times as clocks show them where they live and as their language writes them."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from functools import cache

from babel import Locale
from babel.dates import format_datetime, format_time

from heatfleet.domain.plans import ReasonDetail
from heatfleet.domain.reasons import pool_sentence, sentence
from heatfleet.store.plans import PlanRow

UNMISTAKABLE = timedelta(hours=18)
_LOCALES = {"en": "en_GB"}


class Words:
    """The sentences of one language, with times as clocks show them in one time zone."""

    def __init__(self, language: str, zone: tzinfo) -> None:
        self.language, self.zone = language, zone
        self.locale = Locale.parse(_LOCALES.get(language, language))
        self._time = cache(self._time_of)

    def why(self, code: str, detail: ReasonDetail, seen_from: datetime, cooling: bool = False) -> str:
        """The sentence of a reason given at ``seen_from``."""
        return sentence(code, detail, lambda at: self.time(at, seen_from), self.language, cooling)

    def why_of(self, row: PlanRow) -> str:
        """The sentence of a planned quarter-hour."""
        return self.why(row.reason_code, row.detail, row.start_at, row.cooling)

    def pool(self, heating: bool) -> str:
        """The sentence of a pool that is heated, or waits."""
        return pool_sentence(heating, self.language)

    def time(self, at: datetime, seen_from: datetime) -> str:
        """``at`` as somebody says it at ``seen_from``."""
        return self._time(at, at - seen_from > UNMISTAKABLE)

    def _time_of(self, at: datetime, is_far: bool) -> str:
        """The time, with the day of the week beside it where the time alone could be mistaken."""
        local = at.astimezone(self.zone)
        clock = format_time(local, "short", tzinfo=self.zone, locale=self.locale)
        if not is_far:
            return clock
        return f"{clock} ({format_datetime(local, 'EEE', tzinfo=self.zone, locale=self.locale).rstrip('.')})"
