"""Grants at rest and in use: sealed with AES-256-GCM, refreshed by one caller at a time, saved before use.

Sealed form: format byte, key id byte, 12-byte nonce, ciphertext and tag. The connection's identity and both leading
bytes are authenticated with it, so a grant moved to another row, organisation or key does not open.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Hashable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar
from uuid import UUID
from weakref import WeakValueDictionary

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from heatfleet.domain.clock import Clock
from heatfleet.domain.errors import AccessLost, TryAgain
from heatfleet.vendors.kit.driver import Driver, Grant

FORMAT = 1
KEY_BYTES = 32
_NONCE_BYTES = 12
_HEAD_BYTES = 2 + _NONCE_BYTES
_MARGIN = timedelta(seconds=60)

T = TypeVar("T")


class TokenStale(TryAgain):
    """The vendor no longer takes this access token: refresh the grant and try again at once."""

    code = "token_stale"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, after_s=0.0)


@dataclass(frozen=True)
class SealKeys:
    """The keys of grants, newest first: the newest seals, all open. A key's id is a byte of its SHA-256."""

    keys: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        assert self.keys, "at least one key"
        assert all(len(key) == KEY_BYTES for key in self.keys), "keys have 32 bytes"

    @property
    def newest_id(self) -> int:
        """Id of the key that seals."""
        return _key_id(self.keys[0])

    def with_id(self, key_id: int) -> list[bytes]:
        """The keys with this id: one, by rare chance more, or none."""
        return [key for key in self.keys if _key_id(key) == key_id]


def _key_id(key: bytes) -> int:
    return sha256(key).digest()[0]


def grant_aad(org_id: UUID, connection_id: UUID, vendor: str) -> bytes:
    """The identity a sealed grant is bound to."""
    return f"{org_id}|{connection_id}|{vendor}".encode()


def seal(grant: Grant, keys: SealKeys, aad: bytes) -> bytes:
    """``grant`` sealed with the newest key and bound to ``aad``."""
    head = bytes([FORMAT, keys.newest_id])
    nonce = secrets.token_bytes(_NONCE_BYTES)
    plain = msgspec.json.encode(
        {"account_id": grant.account_id, "secret": dict(grant.secret), "expires_at": grant.expires_at}
    )
    return head + nonce + AESGCM(keys.keys[0]).encrypt(nonce, plain, head + aad)


def open_sealed(sealed: bytes, keys: SealKeys, aad: bytes) -> Grant:
    """The grant in ``sealed``.

    ``AccessLost`` (``grant_unreadable``) when it was tampered with or belongs elsewhere; ``TryAgain`` (``key_missing``)
    when its key is not among ``keys``: the operator forgot an old key, no owner needs to sign in again for that.
    """
    if len(sealed) <= _HEAD_BYTES or sealed[0] != FORMAT:
        raise AccessLost("the stored grant has an unknown form", code="grant_unreadable")
    candidates = keys.with_id(sealed[1])
    if not candidates:
        raise TryAgain("the key this grant is sealed with is not configured", after_s=600, code="key_missing")
    for key in candidates:
        with suppress(InvalidTag):
            plain = AESGCM(key).decrypt(sealed[2:_HEAD_BYTES], sealed[_HEAD_BYTES:], sealed[:2] + aad)
            return msgspec.json.decode(plain, type=Grant)
    raise AccessLost("the stored grant does not open for this connection", code="grant_unreadable")


def needs_resealing(sealed: bytes, keys: SealKeys) -> bool:
    """Whether ``sealed`` was made with another than the newest key."""
    return len(sealed) > 1 and sealed[1] != keys.newest_id


@dataclass(frozen=True)
class GrantStore:
    """How the caller loads, saves and locks the grant of one connection.

    ``save`` must be durable when it returns. ``lock`` makes an async context manager that keeps others (other
    processes too, where there are any) from refreshing the same connection: ``lambda: locks.lock(key)`` with one
    :class:`GrantLocks`, or a lock in the database.
    """

    load: Callable[[], Awaitable[Grant]]
    save: Callable[[Grant], Awaitable[None]]
    lock: Callable[[], AbstractAsyncContextManager[Any]]


class GrantLocks:
    """In-process locks by connection; a lock lives as long as somebody holds it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[Hashable, asyncio.Lock] = WeakValueDictionary()

    def lock(self, key: Hashable) -> asyncio.Lock:
        """The one lock of ``key``."""
        return self._locks.setdefault(key, asyncio.Lock())


async def fresh_grant(driver: Driver, store: GrantStore, now: datetime, *, stale: Grant | None = None) -> Grant:
    """A grant that is good at ``now`` (wall clock); refreshed by one caller at a time and saved before it is returned.

    ``stale`` is a grant the vendor has just refused: while it is the stored one it is refreshed although it looks good.
    """
    grant = await store.load()
    if _is_good(grant, now, stale):
        return grant
    async with store.lock():
        grant = await store.load()
        if _is_good(grant, now, stale):
            return grant
        fresh = await driver.refresh(grant)
        await store.save(fresh)
        return fresh


async def with_grant(driver: Driver, store: GrantStore, clock: Clock, call: Callable[[Grant], Awaitable[T]]) -> T:
    """What ``call`` answers with a fresh grant; on ``TokenStale`` refreshes and asks once more, then ``AccessLost``."""
    grant = await fresh_grant(driver, store, clock.wall_now())
    try:
        return await call(grant)
    except TokenStale:
        grant = await fresh_grant(driver, store, clock.wall_now(), stale=grant)
    try:
        return await call(grant)
    except TokenStale as fault:
        raise AccessLost("the vendor refuses a token it has just given", code="token_refused") from fault


def _is_good(grant: Grant, now: datetime, stale: Grant | None) -> bool:
    if stale is not None and dict(grant.secret) == dict(stale.secret):
        return False
    return grant.expires_at is None or grant.expires_at > now + _MARGIN
