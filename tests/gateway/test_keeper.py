"""What stands at a pump ends: by its time, by lost contact, by the device itself; old commands are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heatfleet.domain.errors import Invalid, Refused, TryAgain
from heatfleet.domain.levers import Lever, LeverRange
from heatfleet.domain.readings import Channel, Snapshot
from heatfleet.gateway.journal import Journal
from heatfleet.gateway.keeper import DEAD_MAN_S, GRACE_S, RENEW_S, Keeper, Local
from heatfleet.store.ids import new_id
from heatfleet.vendors.kit.driver import DeviceRef, Grant, Receipt, Write
from heatfleet.vendors.kit.gateway_contract import AckStatus, Command

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
STATE = Lever.SG_READY_STATE
PUMP = DeviceRef("pump", "Pump", "SG-Ready", "x", frozenset({Channel.SG_READY_STATE}), {STATE: LeverRange(1, 3, 1)})


@dataclass
class Relay:
    """A pump's contacts with a timer, living on the test's clock."""

    now_s: float = 0.0
    state: float = 2.0
    ends_at_s: float = 0.0
    fault: Exception | None = None
    writes: list[Write] = field(default_factory=list)

    def in_force(self) -> float:
        return self.state if self.now_s < self.ends_at_s else 2.0

    async def list_devices(self, grant: Grant) -> Sequence[DeviceRef]:
        return [PUMP]

    async def read(self, grant: Grant, ids: Sequence[str]) -> Sequence[Snapshot]:
        return []

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        if self.fault is not None:
            raise self.fault
        self.writes += writes
        self.state, self.ends_at_s = writes[-1].value, self.now_s + (writes[-1].lasts_s or 0.0)
        return Receipt(True, NOW)


@dataclass
class Home:
    relay: Relay
    keeper: Keeper
    journal: Journal

    async def take(self, state: float = 3.0, ttl_s: float = 3600.0, **changes: object) -> AckStatus:
        values = {"id": new_id(), "device": "pump", "writes": {str(STATE): state}, "ttl_s": ttl_s, "issued_at": NOW}
        command = Command(**{**values, **changes})  # type: ignore[arg-type]
        return (await self.keeper.take(command, NOW)).status

    async def until(self, at_s: float) -> None:
        """Lives on, doing what is due when it is due."""
        while (due_s := self.keeper.next_due_s()) is not None and due_s <= at_s:
            self.relay.now_s = max(due_s, self.relay.now_s)
            await self.keeper.due()
        self.relay.now_s = at_s


def home_in(folder: Path) -> Home:
    relay, journal = Relay(), Journal(folder)
    keeper = Keeper(Local(relay, Grant("", {}), (PUMP,)), journal, lambda: relay.now_s)
    keeper.contact(True)
    return Home(relay, keeper, journal)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_in(tmp_path)


async def test_a_command_stands_until_its_end(home: Home) -> None:
    assert await home.take(ttl_s=3600) is AckStatus.DONE
    await home.until(3599)
    assert home.relay.in_force() == 3.0
    await home.until(3600)
    assert (home.relay.state, home.relay.in_force()) == (2.0, 2.0)
    assert home.keeper.next_due_s() is None


async def test_the_device_never_gets_more_than_the_dead_mans_time(home: Home) -> None:
    await home.take(ttl_s=1000)
    await home.until(1000)
    assert len(home.relay.writes) == 11
    for number, write in enumerate(home.relay.writes[:-1]):
        assert write.lasts_s == min(DEAD_MAN_S, 1000 - number * RENEW_S)


async def test_when_the_agent_dies_the_device_ends_it(home: Home) -> None:
    await home.take(ttl_s=3600)
    await home.until(1000)
    home.relay.now_s = 1000 + DEAD_MAN_S
    assert home.relay.in_force() == 2.0


@pytest.mark.parametrize(("away_s", "state"), [(GRACE_S - 1, 3.0), (GRACE_S, 2.0)])
async def test_lost_contact_gives_the_pump_back(home: Home, away_s: float, state: float) -> None:
    await home.take()
    home.keeper.contact(False)
    await home.until(away_s)
    home.keeper.contact(True)
    await home.until(away_s + 200)
    assert home.relay.in_force() == state


@settings(max_examples=100, deadline=None)
@given(
    ttl_s=st.floats(1, 7200),
    age_s=st.floats(0, 7200),
    lost_at_s=st.one_of(st.none(), st.floats(0, 7200)),
    later_s=st.floats(0, 20_000),
)
def test_nothing_ever_stands_past_its_end(
    tmp_path_factory: pytest.TempPathFactory, ttl_s: float, age_s: float, lost_at_s: float | None, later_s: float
) -> None:
    import asyncio

    async def live() -> None:
        home = home_in(tmp_path_factory.mktemp("home"))
        status = await home.take(ttl_s=ttl_s, issued_at=NOW - timedelta(seconds=age_s))
        left_s = ttl_s - age_s
        assert (status is AckStatus.DONE) == (left_s > 1e-6) or abs(left_s) < 1e-5
        if lost_at_s is not None and lost_at_s < later_s:
            await home.until(lost_at_s)
            home.keeper.contact(False)
            left_s = min(left_s, lost_at_s + GRACE_S)
        await home.until(later_s)
        stands = later_s < left_s - 1e-6
        assert home.relay.in_force() == (3.0 if stands else 2.0) or abs(later_s - left_s) < 1e-5

    asyncio.run(live())


async def test_replays_are_refused_also_after_a_restart(home: Home, tmp_path: Path) -> None:
    first, second = new_id(), new_id()
    assert await home.take(id=second) is AckStatus.DONE
    assert await home.take(id=second) is AckStatus.REPLAYED
    assert await home.take(id=first) is AckStatus.REPLAYED
    assert await home_in(tmp_path).take(id=second) is AckStatus.REPLAYED
    assert len(home.relay.writes) == 1


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"ttl_s": 0.0}, AckStatus.REFUSED),
        ({"ttl_s": -5.0}, AckStatus.REFUSED),
        ({"ttl_s": 7201.0}, AckStatus.REFUSED),
        ({"ttl_s": float("nan")}, AckStatus.REFUSED),
        ({"writes": {}}, AckStatus.REFUSED),
        ({"writes": {"dhw_setpoint_c": 70.0}}, AckStatus.REFUSED),
        ({"device": "another"}, AckStatus.REFUSED),
        ({"issued_at": NOW - timedelta(hours=1)}, AckStatus.EXPIRED),
        ({"issued_at": NOW + timedelta(minutes=6)}, AckStatus.EXPIRED),
    ],
)
async def test_what_is_no_good_is_not_carried_out(home: Home, changes: dict[str, object], status: AckStatus) -> None:
    assert await home.take(**changes) is status
    assert home.relay.writes == []


async def test_time_on_the_way_counts(home: Home) -> None:
    await home.take(ttl_s=3600, issued_at=NOW - timedelta(minutes=50))
    await home.until(600)
    assert home.relay.state == 2.0


async def test_a_pump_that_did_not_follow_is_given_back_as_soon_as_it_answers(home: Home) -> None:
    await home.take()
    home.relay.fault = TryAgain("away", after_s=60)
    assert await home.take(1.0) is AckStatus.FAILED
    await home.until(100)
    home.relay.fault = None
    assert home.journal.moved == {"pump"}
    await home.until(115)
    assert home.relay.state == 2.0
    assert home.journal.moved == frozenset()
    home.relay.fault = Refused("no such contact")
    assert await home.take(3.0) is AckStatus.REFUSED


async def test_what_was_moved_before_a_crash_is_given_back_at_the_next_start(home: Home, tmp_path: Path) -> None:
    await home.take()
    again = home_in(tmp_path)
    await again.keeper.due()
    assert [write.value for write in again.relay.writes] == [2.0]
    assert home_in(tmp_path).keeper.next_due_s() is None, "and only what was moved"


async def test_a_farewell_gives_everything_back(home: Home) -> None:
    await home.take()
    assert await home.keeper.give_all_back()
    assert home.relay.state == 2.0
    home.relay.fault = TryAgain("away", after_s=60)
    await home.take()
    assert not await home.keeper.give_all_back()


def test_the_journal_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    Journal(folder).paired("https://heat.example.com", UUID(int=1), "token", "ABCD-EFGH")
    assert (folder / "gateway.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    again = Journal(folder)
    assert (again.gateway_id, again.token, again.is_paired_with("ABCD-EFGH")) == (UUID(int=1), "token", True)
    (folder / "gateway.json").write_text("{")
    with pytest.raises(Invalid):
        Journal(folder)
