"""The one table from faults to statuses: complete, and what flows do with it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heatfleet.domain.errors import AccessLost, OutsideWorldError, Refused, TryAgain
from heatfleet.domain.faults import CONSEQUENCES, KINDS, FaultKind, Turn, consequence_of, kind_of
from heatfleet.domain.statuses import ContactFacts, Status, connection_status

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)


def passing(code: str) -> TryAgain:
    return TryAgain("d", after_s=60, code=code)


@pytest.mark.parametrize(
    ("fault", "kind", "connection", "steering", "turn"),
    [
        (passing("token_stale"), FaultKind.TOKEN_EXPIRED, "warning", None, "nobody"),
        (AccessLost("d"), FaultKind.CONSENT_LOST, "error", None, "owner"),
        (AccessLost("d", code="quota_exceeded"), FaultKind.CONSENT_LOST, "error", None, "owner"),
        (Refused("d", code="subscription_needed"), FaultKind.SUBSCRIPTION_NEEDED, "warning", "warning", "owner"),
        (passing("quota_exceeded"), FaultKind.QUOTA_EXCEEDED, "warning", None, "nobody"),
        (passing("device_offline"), FaultKind.DEVICE_OFFLINE, "warning", None, "owner"),
        (Refused("d", code="device_gone"), FaultKind.DEVICE_GONE, "warning", "error", "owner"),
        (Refused("d"), FaultKind.REJECTED, "warning", "error", "maintainer"),
        (Refused("d", code="forbidden"), FaultKind.REJECTED, "warning", "error", "maintainer"),
        (Refused("d", code="client_refused"), FaultKind.NOT_SET_UP, "warning", None, "operator"),
        (passing("key_missing"), FaultKind.NOT_SET_UP, "warning", None, "operator"),
        (passing("timeout"), FaultKind.UPSTREAM_DOWN, "warning", None, "nobody"),
        (passing("vendor_down"), FaultKind.UPSTREAM_DOWN, "warning", None, "nobody"),
        (passing("protocol_changed"), FaultKind.PROTOCOL_CHANGED, "warning", None, "maintainer"),
    ],
)
def test_the_table(fault: OutsideWorldError, kind: FaultKind, connection: str, steering: str | None, turn: str) -> None:
    assert kind_of(fault) is kind
    found = consequence_of(fault)
    assert (found.connection, found.steering, found.turn) == (connection, steering, turn)


def test_every_kind_is_in_the_table_and_reached() -> None:
    assert set(CONSEQUENCES) == set(FaultKind)
    by_class = {FaultKind.CONSENT_LOST, FaultKind.REJECTED, FaultKind.UPSTREAM_DOWN}
    assert set(KINDS.values()) | by_class == set(FaultKind)
    assert all(len(one.meaning) > 10 for one in CONSEQUENCES.values())
    assert {one.turn for one in CONSEQUENCES.values()} == set(Turn)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_is_an_error_after_an_hour(kind: FaultKind) -> None:
    def status(minutes: int) -> Status:
        facts = ContactFacts(
            NOW, NOW - timedelta(minutes=minutes), timedelta(minutes=5), 2, CONSEQUENCES[kind].connection
        )
        return connection_status(facts)

    assert status(7) is CONSEQUENCES[kind].connection
    assert status(61) is Status.ERROR


def test_the_page_for_drivers_shows_the_same_table() -> None:
    page = (Path(__file__).parents[2] / "docs" / "drivers.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.count("|") == 6]
    shown = {row[0].replace(" ", "_"): row[1:] for row in rows}
    for kind, what in CONSEQUENCES.items():
        codes, connection, write, turn = shown[kind]
        assert connection.split(",")[0] == what.connection
        assert write == ("waits" if what.steering is None else f"steering {what.steering}")
        assert turn.split(":")[0] == what.turn
        assert {code for code, named in KINDS.items() if named is kind} <= set(re.findall(r"`(\w+)`", codes))
