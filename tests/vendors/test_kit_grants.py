"""Sealed grants open only where they belong; one refresh at a time, saved before use."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heatfleet.domain.errors import AccessLost, OutsideWorldError, TryAgain
from heatfleet.vendors.kit.driver import Grant
from heatfleet.vendors.kit.grants import (
    GrantLocks,
    GrantStore,
    SealKeys,
    TokenStale,
    fresh_grant,
    grant_aad,
    needs_resealing,
    open_sealed,
    seal,
    with_grant,
)

NOW = datetime(2025, 1, 15, 12, tzinfo=UTC)
OLD, NEW = bytes(range(32)), bytes(range(1, 33))
AAD = grant_aad(UUID(int=1), UUID(int=2), "sandbox")


def grant(token: str = "t0", life: timedelta = timedelta(hours=1)) -> Grant:
    return Grant("account", {"access_token": token, "refresh_token": "r"}, NOW + life)


@given(st.text(), st.dictionaries(st.text(), st.text()), st.none() | st.datetimes(timezones=st.just(UTC)))
def test_what_is_sealed_opens_again(account: str, secret: dict[str, str], expires_at: datetime | None) -> None:
    given_grant = Grant(account, secret, expires_at)
    assert open_sealed(seal(given_grant, SealKeys((NEW,)), AAD), SealKeys((NEW,)), AAD) == given_grant


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_does_not_open(position: int, change: int) -> None:
    sealed = bytearray(seal(grant(), SealKeys((NEW,)), AAD))
    sealed[position % len(sealed)] ^= change
    with pytest.raises(OutsideWorldError) as caught:
        open_sealed(bytes(sealed), SealKeys((NEW,)), AAD)
    assert caught.value.code in ("grant_unreadable", "key_missing")


@pytest.mark.parametrize(
    "aad",
    [
        grant_aad(UUID(int=9), UUID(int=2), "sandbox"),
        grant_aad(UUID(int=1), UUID(int=9), "sandbox"),
        grant_aad(UUID(int=1), UUID(int=2), "other"),
        b"",
    ],
)
def test_a_grant_moved_to_another_row_does_not_open(aad: bytes) -> None:
    with pytest.raises(AccessLost, match="does not open"):
        open_sealed(seal(grant(), SealKeys((NEW,)), AAD), SealKeys((NEW,)), aad)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02" + bytes(60), bytes(14)])
def test_rubbish_does_not_open(sealed: bytes) -> None:
    with pytest.raises(AccessLost, match="unknown form"):
        open_sealed(sealed, SealKeys((NEW,)), AAD)


def test_keys_rotate() -> None:
    old = seal(grant(), SealKeys((OLD,)), AAD)
    both = SealKeys((NEW, OLD))
    assert open_sealed(old, both, AAD) == grant()
    assert needs_resealing(old, both)
    assert not needs_resealing(seal(grant(), both, AAD), both)
    with pytest.raises(TryAgain) as caught:
        open_sealed(old, SealKeys((NEW,)), AAD)
    assert caught.value.code == "key_missing"


def test_two_seals_of_one_grant_differ_and_hide_it() -> None:
    one, two = seal(grant(), SealKeys((NEW,)), AAD), seal(grant(), SealKeys((NEW,)), AAD)
    assert one != two
    assert b"t0" not in one
    assert b"account" not in one
    assert repr(NEW) not in repr(SealKeys((NEW,)))


class _Vendor:
    """A driver of which only ``refresh`` is asked."""

    def __init__(self) -> None:
        self.refreshed, self.gate = 0, asyncio.Event()

    async def refresh(self, old: Grant) -> Grant:
        self.refreshed += 1
        await self.gate.wait()
        return grant(f"t{self.refreshed}")


class _Row:
    """The stored grant of one connection."""

    def __init__(self, stored: Grant) -> None:
        self.stored, self.saves, self.can_save = stored, 0, True
        locks = GrantLocks()
        self.store = GrantStore(self.load, self.save, lambda: locks.lock("connection"))

    async def load(self) -> Grant:
        return self.stored

    async def save(self, fresh: Grant) -> None:
        if not self.can_save:
            raise ConnectionError("no database")
        self.stored, self.saves = fresh, self.saves + 1


@pytest.fixture
def vendor() -> Any:
    return _Vendor()


async def test_a_good_grant_is_used_as_it_is(vendor: Any) -> None:
    assert await fresh_grant(vendor, _Row(grant()).store, NOW) == grant()
    assert vendor.refreshed == 0


async def test_many_at_once_refresh_once(vendor: Any) -> None:
    row = _Row(grant(life=timedelta(seconds=30)))
    asking = [asyncio.create_task(fresh_grant(vendor, row.store, NOW)) for _ in range(20)]
    vendor.gate.set()
    assert {g.secret["access_token"] for g in await asyncio.gather(*asking)} == {"t1"}
    assert (vendor.refreshed, row.saves) == (1, 1)


async def test_a_grant_that_cannot_be_saved_is_not_used(vendor: Any) -> None:
    row = _Row(grant(life=timedelta(0)))
    row.can_save = False
    vendor.gate.set()
    with pytest.raises(ConnectionError):
        await fresh_grant(vendor, row.store, NOW)


async def test_a_refused_token_is_refreshed_once(vendor: Any, clock: Any) -> None:
    clock.now = NOW
    vendor.gate.set()
    row, asked = _Row(grant()), []

    async def call(used: Grant) -> str:
        asked.append(used.secret["access_token"])
        if used.secret["access_token"] == "t0":
            raise TokenStale("expired")
        return "answer"

    assert await with_grant(vendor, row.store, clock, call) == "answer"
    assert asked == ["t0", "t1"]


async def test_a_token_refused_twice_is_lost_access(vendor: Any, clock: Any) -> None:
    clock.now = NOW
    vendor.gate.set()

    async def call(used: Grant) -> str:
        raise TokenStale("expired")

    with pytest.raises(AccessLost):
        await with_grant(vendor, _Row(grant()).store, clock, call)
