"""What the owner's page says of a heat pump, as values for its templates: codes they put into words, numbers, times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_datetime, format_timedelta
from babel.numbers import format_currency, format_decimal

from heatfleet.domain.default_comfort import BAND
from heatfleet.domain.plans import NO_DETAIL, Reason, ReasonDetail
from heatfleet.domain.policy import LIMITS
from heatfleet.domain.price_zones import zone_time
from heatfleet.domain.readings import MODES
from heatfleet.domain.situation import ControlState
from heatfleet.flows.home import Home
from heatfleet.flows.toolbox_words import Words
from heatfleet.web.home_forms import USES, uses_of
from heatfleet.web.home_strip import strip

SILENT_AFTER, SECOND = timedelta(hours=1), timedelta(seconds=1)
AWAY_C, PAUSE_FOR, AWAY_FOR = 17.0, timedelta(hours=2), timedelta(days=7)
STATES = {"min": "Min", "low": "ECO", "mid": "Comfort", "max": "Boost"}
"""What people are told of the steering states, in every language."""


@dataclass(frozen=True)
class Said:
    """Numbers and times in the owner's language, at the clock of the heat pump's price zone."""

    words: Words
    currency: str

    def number(self, value: float | None, digits: int = 1) -> str | None:
        """With so many decimals at most."""
        if value is None:
            return None
        return format_decimal(round(value, digits), locale=self.words.locale)

    def price(self, value: float) -> str:
        """Of a kilowatt-hour."""
        return format_currency(value, self.currency, locale=self.words.locale)

    def clock(self, at: datetime, seen_from: datetime | None = None) -> str:
        """The time of day, with the weekday where it is not of the next hours."""
        return self.words.time(at, seen_from or at)

    def day(self, at: datetime) -> str:
        """Date and time."""
        return format_datetime(at, "short", tzinfo=self.words.zone, locale=self.words.locale)

    def ago(self, at: datetime, now: datetime) -> str:
        """How long ago; a second at least, for zero seconds would be told as to come."""
        return format_timedelta(min(at - now, -SECOND), add_direction=True, locale=self.words.locale)


def page_values(home: Home, language: str, now: datetime) -> dict[str, Any]:
    """What ``home.html`` is given besides what a form brings; ``now`` on the fleet clock."""
    said = Said(Words(language, zone_time(home.pump.price_zone)), home.currency)
    return {
        "home": home,
        "said": said,
        "seen_at": now,
        "standing": standing_of(home, now),
        "sentence": _sentence(home, said, now),
        "state": STATES.get(home.view.current_mode or ""),
        "is_cooling": bool(home.rows) and home.rows[0].cooling,
        "pool": _pool(home, said, now),
        "states": STATES,
        "mode": None if home.view.mode is None else str(MODES[round(home.view.mode)]),
        "is_paused": home.policy.is_paused(now),
        "strip": strip(home.rows, home.comfort),
        "why": lambda run: said.words.why_of(run.row),
        "pool_heated": said.words.pool(heating=True),
        "notices": _notices(home, said),
        "uses": [(name, USES[name], bool(getattr(home.pump, name))) for name in uses_of(home.pump)],
        "limits": LIMITS,
        "inputs": _inputs(home, said, now),
    }


def standing_of(home: Home, now: datetime) -> str:
    """pending, lost, silent, paused, off, plan or none: what the page says first."""
    view = home.view
    is_silent = view.read_at is None or now - view.read_at > SILENT_AFTER
    table = (
        (view.lifecycle_state == "pending", "pending"),
        (not view.is_authenticated, "lost"),
        (is_silent, "silent"),
        (home.policy.is_paused(now), "paused"),
        (not home.policy.is_smart_optimization_active, "off"),
        (bool(home.rows) and home.rows[0].start_at <= now, "plan"),
    )
    return next((standing for fits, standing in table if fits), "none")


def _sentence(home: Home, said: Said, now: datetime) -> str | None:
    """Why the heat pump does what it does, where a plan or a pause says it."""
    standing = standing_of(home, now)
    if standing == "paused":
        return said.words.why(Reason.PAUSE, ReasonDetail(until=home.policy.pause_power_until), now)
    if standing != "plan":
        return None
    if home.pump.control_state != ControlState.STEERING:
        return said.words.why(Reason.OWN_PROGRAMME, NO_DETAIL, now)
    return said.words.why_of(home.rows[0])


def _pool(home: Home, said: Said, now: datetime) -> str | None:
    """What the pool does, where we steer it: it is heated, or waits for a time in the plan at which it is."""
    is_ours = standing_of(home, now) == "plan" and home.pump.control_state == ControlState.STEERING
    if not is_ours or not any(row.pool_heating for row in home.rows):
        return None
    return said.words.pool(heating=bool(home.rows[0].pool_heating))


def _notices(home: Home, said: Said) -> Sequence[Mapping[str, Any]]:
    """Messages to be ticked off: id, code, text in English, when."""
    return [
        {
            "id": cue["id"],
            "code": cue["metadata"].get("code"),
            "message": str(cue["metadata"].get("message", "")),
            "sent_at": said.day(datetime.fromisoformat(cue["sent_at"])),
        }
        for cue in home.view.cues or ()
        if cue["code"] == "information"
    ]


def _inputs(home: Home, said: Said, now: datetime) -> dict[str, str]:
    """The texts that stand in the fields before anybody has typed."""
    policy = home.policy
    is_own = policy.is_heating_policy_enabled
    shown = {name: getattr(policy, name) if is_own or name not in BAND else None for name in LIMITS}
    if shown["away_mode_minimum_temperature_limit"] is None:
        lowest = policy.minimum_temperature_limit
        shown["away_mode_minimum_temperature_limit"] = AWAY_C if lowest is None else min(AWAY_C, lowest)
    times = {
        "pause_power_until": policy.pause_power_until if policy.is_paused(now) else now + PAUSE_FOR,
        "away_mode_start": policy.away_mode_start or now,
        "away_mode_end": policy.away_mode_end or now + AWAY_FOR,
    }
    numbers = {name: "" if value is None else f"{value:g}" for name, value in shown.items()}
    return numbers | {name: _local(at, said) for name, at in times.items() if at is not None}


def _local(at: datetime, said: Said) -> str:
    """As ``<input type="datetime-local">`` takes it."""
    return f"{at.astimezone(said.words.zone):%Y-%m-%dT%H:%M}"
