"""HTTP digest access authentication with SHA-256 (RFC 7616), as relays of the second generation ask for it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

_PART = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True)
class Challenge:
    """What the relay sent with its 401."""

    realm: str
    nonce: str


@dataclass(frozen=True)
class Spent:
    """How often a challenge has been answered, and our own random part of this answer."""

    count: int
    cnonce: str


def digest_parts(header: str) -> dict[str, str]:
    """The named parts of a digest header, names in lower case."""
    return {name.lower(): quoted or plain for name, quoted, plain in _PART.findall(header.partition(" ")[2])}


def parse_challenge(header: str) -> Challenge | None:
    """The challenge in a ``WWW-Authenticate`` header; None when it is no digest with SHA-256."""
    parts = digest_parts(header)
    is_ours = header[:7].lower() == "digest " and parts.get("algorithm", "").upper() == "SHA-256"
    return Challenge(parts["realm"], parts["nonce"]) if is_ours and {"realm", "nonce"} <= parts.keys() else None


def authorization(challenge: Challenge, user: tuple[str, str], request: tuple[str, str], spent: Spent) -> str:
    """The ``Authorization`` header for ``user`` = (name, password) and ``request`` = (method, path with query)."""
    (name, password), (method, path) = user, request
    count = f"{spent.count:08x}"
    ours = _hash(f"{name}:{challenge.realm}:{password}")
    theirs = _hash(f"{method}:{path}")
    response = _hash(f"{ours}:{challenge.nonce}:{count}:{spent.cnonce}:auth:{theirs}")
    parts = {"username": name, "realm": challenge.realm, "nonce": challenge.nonce, "uri": path, "cnonce": spent.cnonce}
    quoted = ", ".join(f'{key}="{value}"' for key, value in {**parts, "response": response}.items())
    return f"Digest {quoted}, qop=auth, nc={count}, algorithm=SHA-256"


def _hash(text: str) -> str:
    return sha256(text.encode()).hexdigest()
