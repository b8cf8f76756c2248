"""A report for a ticket: everything an operator needs, and nothing that names a person, a device or a secret."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from heatfleet.commands.diagnose import lines
from heatfleet.domain.errors import AccessLost, NotFound, OutsideWorldError, Refused, TryAgain
from heatfleet.domain.levers import Lever, LeverRange, SteeringState
from heatfleet.domain.readings import Channel, Snapshot
from heatfleet.flows.diagnose import diagnose
from heatfleet.flows.monitor import monitor
from heatfleet.flows.steer import steer
from heatfleet.flows.toolbox_fleet import Tools
from heatfleet.store.database import FLEET, Database
from heatfleet.vendors.kit.driver import Cannot, DeviceRef, Grant, Hindrance, Receipt, Write
from heatfleet.vendors.kit.grants import SealKeys, grant_aad, seal
from heatfleet.vendors.kit.manifest import Manifest, SignInKind
from heatfleet.vendors.kit.quota import Budget, Left
from heatfleet.vendors.kit.redact import HIDDEN, scrub
from tests.conftest import FakeClock
from tests.flows.test_steer import KEYS, Fleet
from tests.flows.test_steer import FakeDriver as SteeredDriver
from tests.store.worlds import LEVERS, add_connection, add_pump, add_user

SERIAL, ACCOUNT = "SN06512345678", "anna-account-77"
SECRETS = ("s3cret-access", "s3cret-refresh")
PERSON = {
    "email": "anna.svensson@kund.example", "first_name": "Anna", "last_name": "Svensson",
    "street_and_number": "Storgatan 12", "zip_code": "98137", "town": "Kiruna",
}  # fmt: skip
FORBIDDEN = (*SECRETS, *PERSON.values(), SERIAL, ACCOUNT, "bo@other.example", "0046701234567", "Fam. Lindqvist")
RAW = {
    "deviceId": SERIAL,
    SERIAL: {"ok": True},
    "accessToken": SECRETS[0],
    "note": f"asked with Bearer {SECRETS[0]} for {PERSON['email']}, Storgatan 12",
    "contact": {"email": "bo@other.example", "phone": "0046701234567", "name": "Fam. Lindqvist"},
    "points": [{"id": "room", "value": 215}, {"id": "text", "value": f"pump of Anna Svensson ({SERIAL})"}],
    "serialNumber": "4711",
}


class FakeDriver(SteeredDriver):
    """One device, whose answers hold everything they should not; ``fault`` is raised instead, where it is set."""

    fault: OutsideWorldError | None = None

    async def list_devices(self, grant: Grant) -> list[DeviceRef]:
        if self.fault:
            raise self.fault
        cannot = (Cannot(Channel.POWER_KW, Hindrance.SUBSCRIPTION),)
        channels = frozenset(Channel) - {Channel.POWER_KW}
        ranges: dict[Lever, LeverRange] = dict(LEVERS)
        return [DeviceRef(SERIAL, "Anna's pump", "Maker", "Air 8", channels, ranges, cannot=cannot)]

    async def read(self, grant: Grant, ids: Sequence[str]) -> list[Snapshot]:
        return [replace(one, raw=RAW) for one in await super().read(grant, ids)]

    async def write(self, grant: Grant, external_device_id: str, writes: Sequence[Write]) -> Receipt:
        await super().write(grant, external_device_id, writes)
        return Receipt(True, self.clock.now, f"done for {PERSON['email']}", f"ref {SERIAL}")


@dataclass
class Vendors:
    """What the registry tells beside drivers."""

    def manifest(self, name: str) -> Manifest:
        budgets: Any = {"account_budgets": (Budget(25, 60.0),)}
        form = SignInKind.FORM
        return Manifest(name, name, (name,), ("*",), form, frozenset(Channel), LEVERS, "stays", **budgets)

    def quota_left(self, name: str, account: str) -> Left | None:
        assert account == ACCOUNT
        return Left(3, 0.0, 0.0)


@pytest.fixture
async def fleet(database: Database, clock: FakeClock, org_id: UUID) -> Fleet:
    """One pump of a well-known person, read once and steered once."""
    user_id = await add_user(database, org_id)
    connection_id = await add_connection(database, org_id, user_id, b"", clock.now)
    secret = dict(zip(("access", "refresh"), SECRETS, strict=True))
    sealed = seal(Grant(ACCOUNT, secret), KEYS, grant_aad(org_id, connection_id, "sandbox"))
    fields = {"external_device_id": SERIAL, "name": "Pump of Anna", "comment": "Fam. Lindqvist lives upstairs"}
    pump = await add_pump(database, org_id, (user_id, connection_id), clock.now, **fields)
    async with database.write(FLEET) as tx:
        await tx.execute("update connections set grant_sealed = $1, account_id = $2", sealed, ACCOUNT)
        sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(PERSON, 1))
        await tx.execute(f"update users set {sets}", *PERSON.values())
        sql = "insert into cues (id, org_id, heat_pump_id, code, metadata, sent_at) values ($1, $2, $3, $4, $5, $6)"
        told = {"code": "x", "message": f"Hello Anna Svensson, {PERSON['email']}"}
        await tx.execute(sql, pump, org_id, pump, "information", told, clock.now)
    driver = FakeDriver(clock)
    found = Fleet(database, clock, driver, Tools(database, clock, driver, KEYS), pump)
    await monitor(found.tools)
    await found.planned(SteeringState.LOW)
    await steer(found.tools)
    return found


async def report(fleet: Fleet, **options: Any) -> dict[str, Any]:
    """The report, after a look that it names nobody, as JSON and as text."""
    found = await diagnose(fleet.tools, Vendors(), fleet.pump, **options)
    for text in (json.dumps(found, default=str), "\n".join(lines(found)), repr(found)):
        leaked = [word for word in FORBIDDEN if word.lower() in text.lower()]
        assert not leaked, leaked
    return found


async def test_it_tells_everything_but_who(fleet: Fleet) -> None:
    found = await report(fleet)
    assert found["ids"]["heat_pump"] == fleet.pump
    assert found["heat_pump"]["vendor"] == "sandbox"
    assert found["connection"]["status"] == "ok"
    assert found["connection"]["grant"] == "opens, sealed with the newest key; access good"
    assert found["statuses"]["connection"] == {"status": "ok", "why": "last contact 0 min ago"}
    assert "is accepted" in found["statuses"]["steering"]["why"]
    assert found["polls"]["failures"] == 0
    assert found["polls"]["last"][0]["values"]["indoor_temp_c"] == pytest.approx(21.5)
    assert set(found["owed_restores"]) == {"curve_offset_k", "dhw_boost"}
    assert {one["lever"]: one["own_value"] for one in found["baselines"]} == {"curve_offset_k": 0.0, "dhw_boost": 0.0}
    assert {one["status"] for one in found["commands"]} == {"accepted"}
    assert found["commands"][0]["receipt"]["accepted"] is True
    assert found["quota"]["account"] == [{"calls": 25, "per_s": 60.0}]
    assert found["quota"]["left_here"]["calls"] == 3
    assert [one["code"] for one in found["cues"]] == ["information"]
    assert found["plan"]["steps"] == 24
    assert found["plan"]["age_s"] == 0
    answer = found["vendor_answer"]
    assert answer["is_listed"]
    assert answer["cannot"] == [{"what": "power_kw", "why": "subscription"}]
    assert answer["abilities_changed"] == ["power_kw"]
    assert answer["raw"]["points"][0] == {"id": "room", "value": 215}, "numbers and structure stay"
    assert answer["raw"]["accessToken"] == HIDDEN


async def test_it_can_be_made_without_asking_the_vendor(fleet: Fleet) -> None:
    fleet.driver.on_read = lambda: pytest.fail("asked")
    assert (await report(fleet, ask=False))["vendor_answer"] == {"asked": False}


@pytest.mark.parametrize(
    ("fault", "kind", "turn"),
    [
        (TryAgain(f"down for {PERSON['email']}", after_s=60, code="vendor_down"), "upstream_down", "nobody"),
        (TryAgain("{", after_s=60, code="protocol_changed"), "protocol_changed", "maintainer"),
        (Refused("pay", code="subscription_needed"), "subscription_needed", "owner"),
        (AccessLost("gone"), "consent_lost", "owner"),
    ],
)
async def test_it_says_why_and_whose_turn_it_is(fleet: Fleet, fault: OutsideWorldError, kind: str, turn: str) -> None:
    def fail() -> None:
        raise fault

    assert isinstance(fleet.driver, FakeDriver)
    fleet.driver.on_read, fleet.driver.fault = fail, fault
    await fleet.minutes(10)
    found = await report(fleet)
    assert found["polls"]["fault_code"] == fault.code
    assert found["polls"]["fault_means"]["kind"] == kind
    assert found["vendor_answer"]["kind"] == kind
    assert found["vendor_answer"]["whose_turn"] == turn
    why = f"one poll failed since, the last with {fault.code}: {found['vendor_answer']['meaning']}"
    assert why in found["statuses"]["connection"]["why"]
    fleet.driver.on_read, fleet.driver.fault = (lambda: None), None
    fleet.clock.advance(timedelta(hours=2))
    async with fleet.database.write(FLEET) as tx:
        await tx.execute("update connections set status = 'ok'")
    await monitor(fleet.tools)
    assert (await report(fleet))["polls"]["fault_code"] is None, "over once it was read again"


async def test_a_grant_whose_key_is_not_here_is_told(fleet: Fleet) -> None:
    tools = replace(fleet.tools, seal_keys=SealKeys((b"z" * 32,)))
    found = await diagnose(tools, Vendors(), fleet.pump)
    assert found["connection"]["grant"].startswith("does not open: ")
    assert found["vendor_answer"]["asked"]


async def test_an_unknown_pump_is_said(fleet: Fleet, org_id: UUID) -> None:
    with pytest.raises(NotFound):
        await diagnose(fleet.tools, Vendors(), org_id)


def test_words_are_taken_out_wherever_they_are() -> None:
    told = {"Bo": ["bo", "Bob", 12345, "x12345y", True], "n": 5}
    assert scrub(told, ["Bo", "12345", "", "5"]) == {HIDDEN: [HIDDEN, "Bob", HIDDEN, f"x{HIDDEN}y", True], "n": 5}
