"""What the status of an HTTP answer means for us: try again, or refused. Pure; the asking is done elsewhere."""

from __future__ import annotations

from heatfleet.domain.errors import OutsideWorldError, Refused, TryAgain

_BUSY_S, _DOWN_S, _OFFLINE_S = 60.0, 300.0, 300.0
_LONGEST_WAIT_S = 3600.0


def status_error(who: str, status: int, retry_after: str | None = None, detail: str = "") -> OutsideWorldError | None:
    """The error that a status stands for, None for success."""
    if status < 400:
        return None
    text = f"{who} answered {status}{': ' + detail[:200] if detail else ''}"
    if status == 429:
        return TryAgain(text, after_s=_wait_s(retry_after, _BUSY_S), code="source_busy")
    if status >= 500 or status == 408:
        return TryAgain(text, after_s=_wait_s(retry_after, _DOWN_S), code="source_down")
    return Refused(text, code="source_refused")


def offline(who: str, why: str, instead: str) -> TryAgain:
    """No answer at all; says what to do instead."""
    return TryAgain(f"no connection to {who} ({why}): {instead}", after_s=_OFFLINE_S, code="offline")


def nonsense(who: str, why: str) -> TryAgain:
    """An answer that cannot be read."""
    return TryAgain(f"{who} sent an answer that cannot be read: {why}", after_s=_DOWN_S, code="source_nonsense")


def _wait_s(retry_after: str | None, otherwise_s: float) -> float:
    if retry_after is None or not retry_after.strip().isdigit():
        return otherwise_s
    return min(max(float(retry_after), 1.0), _LONGEST_WAIT_S)
