"""People's passwords (argon2id, computed in a thread) and generated client secrets (SHA-256, constant time)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH, MAX_LENGTH = 8, 1000
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


async def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return await asyncio.to_thread(_HASHER.hash, password)


async def password_matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is right; takes as long when there is no hash at all."""
    matches = await asyncio.to_thread(_matches, password, password_hash or _nobody())
    return matches and password_hash is not None


def _matches(password: str, password_hash: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password[:MAX_LENGTH])
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobody() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))


def new_secret() -> str:
    """A secret of 256 random bits."""
    return secrets.token_urlsafe(32)


def secret_digest(secret: str) -> bytes:
    """What is stored of a generated secret."""
    return hashlib.sha256(secret.encode()).digest()


def secret_matches(secret: str, digest: bytes | None) -> bool:
    """Whether the secret is right, in constant time; takes as long when there is no digest."""
    return hmac.compare_digest(secret_digest(secret), digest or bytes(32)) and digest is not None
