"""Access tokens: signed JWTs that are checked without the database, remembered for at most 30 seconds."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from joserfc import jwt
from joserfc.errors import JoseError

from heatfleet.auth.errors import Unauthenticated
from heatfleet.auth.keys import KeyRing
from heatfleet.auth.principal import Principal, Role

ISSUER = "heatfleet"
CLIENT_LIFE = timedelta(seconds=36000)
PERSON_LIFE = timedelta(hours=1)
_REMEMBERED = timedelta(seconds=30)
_MAX_REMEMBERED = 10_000


@dataclass
class AccessTokens:
    """Issues and checks access tokens with the keys of ``ring``."""

    ring: KeyRing
    _checked: OrderedDict[bytes, tuple[Principal, datetime]] = field(default_factory=OrderedDict)

    def issue(self, principal: Principal, now: datetime, life: timedelta) -> str:
        """A signed token for ``principal``."""
        key = self.ring.current
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": principal.name,
            "org": str(principal.org_id),
            "role": str(principal.role),
            "scope": "read write",
            "iat": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
            "jti": uuid4().hex,
        }
        return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])

    def check(self, token: str, now: datetime) -> Principal:
        """Who the token speaks for; raises :class:`Unauthenticated`."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._checked.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        principal, expires_at = self._verify(token, now)
        self._remember(digest, principal, min(expires_at, now + _REMEMBERED))
        return principal

    def _verify(self, token: str, now: datetime) -> tuple[Principal, datetime]:
        try:
            claims = jwt.decode(token, self.ring.all_keys, algorithms=["ES256"]).claims
            expires_at = datetime.fromtimestamp(claims["exp"], tz=now.tzinfo)
            kind, _, name = str(claims["sub"]).partition(":")
            who = {"user_id" if kind == "user" else "client_id": UUID(name)}
            principal = Principal(UUID(claims["org"]), Role(claims["role"]), **who)
        except (JoseError, ValueError, KeyError, TypeError, OverflowError):
            raise Unauthenticated("The access token is not valid.") from None
        if claims.get("iss") != ISSUER or expires_at <= now:
            raise Unauthenticated("The access token has expired.")
        return principal, expires_at

    def _remember(self, digest: bytes, principal: Principal, until: datetime) -> None:
        self._checked[digest] = (principal, until)
        self._checked.move_to_end(digest)
        while len(self._checked) > _MAX_REMEMBERED:
            self._checked.popitem(last=False)
