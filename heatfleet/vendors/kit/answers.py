"""From an HTTP answer to our errors: pure functions on status, headers and body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from heatfleet.domain.errors import OutsideWorldError, Refused, TryAgain
from heatfleet.vendors.kit.grants import TokenStale

T = TypeVar("T")

PROTOCOL_CHANGED_AFTER_S = 900.0
SERVER_ERROR_AFTER_S = 60.0
TOO_MANY_AFTER_S = 60.0
LONGEST_AFTER_S = 86_400.0
_REFUSALS = {403: "forbidden", 404: "not_found", 410: "not_found"}


class Passing(TryAgain):
    """A fault that may be over at once: the same call may be repeated after ``here_s`` (None = with back-off)."""

    def __init__(self, detail: str, *, after_s: float, code: str, here_s: float | None = None) -> None:
        self.here_s = here_s
        super().__init__(detail, after_s=after_s, code=code)


def protocol_changed(detail: str) -> TryAgain:
    """The error for an answer that makes no sense: wait long, somebody must look."""
    return TryAgain(detail, after_s=PROTOCOL_CHANGED_AFTER_S, code="protocol_changed")


@dataclass(frozen=True)
class Answer:
    """A vendor's answer, body read in full; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body; ``TryAgain`` (``protocol_changed``) when it is not JSON."""
        return self.decode(Any)

    def decode(self, kind: type[T] | Any) -> Any:
        """The body as a ``kind`` (msgspec); ``TryAgain`` (``protocol_changed``) when it does not fit."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise protocol_changed(f"unexpected answer: {fault}") from None


def fault_of(status: int, headers: Mapping[str, str], now: datetime) -> OutsideWorldError | None:
    """Our error for an HTTP status, or None when it is a success."""
    told_s = retry_after_s(headers, now)
    if 200 <= status < 300:
        return None
    if status == 401:
        return TokenStale("the vendor does not take the access token")
    if status == 429:
        told_s = TOO_MANY_AFTER_S if told_s is None else told_s
        return Passing("too many calls", after_s=told_s, code="quota_exceeded", here_s=told_s)
    if status in (408, 425) or status >= 500:
        after_s = SERVER_ERROR_AFTER_S if told_s is None else told_s
        return Passing(f"the vendor has a fault (HTTP {status})", after_s=after_s, code="vendor_down", here_s=told_s)
    if 300 <= status < 400:
        return protocol_changed(f"the vendor redirects (HTTP {status})")
    return Refused(f"the vendor says no (HTTP {status})", code=_REFUSALS.get(status, "refused"))


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds in ``Retry-After`` (a number or a date), at most a day; None when it is not there."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return min(float(text), LONGEST_AFTER_S)
    try:
        return min(max(0.0, (parsedate_to_datetime(text) - now).total_seconds()), LONGEST_AFTER_S)
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True)
class RateLimit:
    """What the vendor's headers say is left."""

    limit: int
    remaining: int
    reset_s: float


def rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """The limit in ``RateLimit-*``, ``X-RateLimit-*`` or the structured ``RateLimit`` header, or None."""
    for prefix in ("ratelimit", "x-ratelimit"):
        parts = [_whole(headers.get(f"{prefix}-{part}", "")) for part in ("limit", "remaining", "reset")]
        if parts[1] is not None:
            remaining = parts[1]
            return RateLimit(parts[0] or remaining, remaining, min(float(parts[2] or 0), LONGEST_AFTER_S))
    structured = dict(re.findall(r"\b([rt])=(\d{1,9})", headers.get("ratelimit", "")))
    if "r" not in structured:
        return None
    quota = re.search(r"\bq=(\d{1,9})", headers.get("ratelimit-policy", ""))
    remaining = int(structured["r"])
    return RateLimit(int(quota[1]) if quota else remaining, remaining, float(structured.get("t", 0)))


def _whole(text: str) -> int | None:
    found = re.match(r"\s*(\d{1,9})\b", text)
    return int(found[1]) if found else None
