"""Why the three statuses of a heat pump are what they are, in sentences for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from heatfleet.domain.faults import CONSEQUENCES, FaultKind
from heatfleet.store.commands import Command
from heatfleet.store.diagnosis import PollState
from heatfleet.store.heat_pumps import HeatPump

Told = dict[str, dict[str, str]]


def statuses(
    pump: HeatPump, fault: FaultKind | None, poll: PollState | None, commands: Sequence[Command], now: datetime
) -> Told:
    """Each status with its reason; ``fault`` is that of the last poll."""
    return {
        "connection": {"status": pump.connection_status, "why": _connection(fault, poll, now)},
        "monitoring": {"status": pump.monitoring_status, "why": _monitoring(poll, now)},
        "steering": {"status": pump.steering_status, "why": _steering(commands, now)},
    }


def _connection(fault: FaultKind | None, poll: PollState | None, now: datetime) -> str:
    if poll is None:
        return "it is not polled"
    contact = f"last contact {_ago(poll.last_contact_at, now)}"
    if fault is None:
        return contact
    times = "one poll" if poll.failures == 1 else f"{poll.failures} polls"
    return f"{contact}; {times} failed since, the last with {poll.fault_code}: {CONSEQUENCES[fault].meaning}"


def _monitoring(poll: PollState | None, now: datetime) -> str:
    if poll is None or poll.last_reading_at is None:
        return "nothing has been read yet"
    limit_s = 2 * poll.interval_s
    is_old = (now - poll.last_reading_at).total_seconds() > limit_s
    return f"last reading {_ago(poll.last_reading_at, now)}, {'older' if is_old else 'not older'} than {limit_s} s"


def _steering(commands: Sequence[Command], now: datetime) -> str:
    if not commands:
        return "no command has been sent yet"
    last = commands[0]
    asked = f"{last.lever} to {last.value:g}, attempt {last.attempt}"
    return f"the last command ({asked}) was sent {_ago(last.issued_at, now)} and is {last.status}"


def _ago(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "never"
    minutes = round((now - at).total_seconds() / 60)
    if minutes < 120:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 2880 else f"{minutes // 1440} days ago"
