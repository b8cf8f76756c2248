"""Access tokens: signed JWTs that are checked without the database, remembered for at most 30 seconds.

Claims: ``sub`` (``user:ID`` or ``client:ID``), ``org``, ``role``, ``scope``, ``ver`` (the subject's version when it was
issued) and ``sid`` (the sign-in it came from; people only). ``revoked`` may end a token by subject or by sign-in.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import msgspec
from joserfc import jws, jwt
from joserfc.errors import JoseError

from heatfleet.auth.errors import Unauthenticated
from heatfleet.auth.keys import KeyRing
from heatfleet.auth.principal import Principal, Role
from heatfleet.auth.revoked import Revoked
from heatfleet.store.revocations import LONGEST_LIFE

ISSUER, SCOPE = "heatfleet", "read write"
CLIENT_LIFE = timedelta(seconds=36000)
PERSON_LIFE = timedelta(hours=1)
_REMEMBERED = timedelta(seconds=30)
_MAX_REMEMBERED = 10_000


class Checked(msgspec.Struct, frozen=True):
    """A token whose signature is good: whom it speaks for, its version and sign-in (or ""), until when."""

    principal: Principal
    version: int
    session: str
    until: datetime


@dataclass
class AccessTokens:
    """Issues and checks access tokens with the keys of ``ring``."""

    ring: KeyRing
    revoked: Revoked = field(default_factory=Revoked)
    _checked: OrderedDict[bytes, Checked] = field(default_factory=OrderedDict)

    def issue(
        self, principal: Principal, now: datetime, life: timedelta, *, version: int = 0, session_id: UUID | None = None
    ) -> str:
        """A signed token for ``principal``, whose ``version`` was read together with its role."""
        assert life <= LONGEST_LIFE, f"access tokens live {LONGEST_LIFE} at most"
        key = self.ring.signer(now)
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": principal.name,
            "org": str(principal.org_id),
            "role": str(principal.role),
            "scope": SCOPE,
            "iat": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
            "jti": uuid4().hex,
            "ver": version,
        }
        if session_id is not None:
            claims["sid"] = str(session_id)
        return jwt.encode({"alg": "ES256", "kid": key.kid}, claims, key, algorithms=["ES256"])

    def check(self, token: str, now: datetime) -> Principal:
        """Who the token speaks for; raises :class:`Unauthenticated`."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._checked.get(digest)
        if known is None or now >= known.until:
            known = self._verify(token, now)
            self._remember(digest, known)
        if self.revoked.refuses(known.principal.name, known.session, known.version):
            raise Unauthenticated("The access token has been revoked.")
        return known.principal

    def _verify(self, token: str, now: datetime) -> Checked:
        try:
            key = self.ring.find(str(jws.extract_compact(token.encode()).headers()["kid"]), now)
            if key is None:
                raise Unauthenticated("The access token was signed with a key that is not in use.")
            claims = jwt.decode(token, key, algorithms=["ES256"]).claims
            expires_at = datetime.fromtimestamp(claims["exp"], tz=now.tzinfo)
            kind, _, name = str(claims["sub"]).partition(":")
            who = {"user_id" if kind == "user" else "client_id": UUID(name)}
            principal = Principal(UUID(claims["org"]), Role(claims["role"]), **who)
            version, session = int(claims["ver"]), f"session:{claims['sid']}" if "sid" in claims else ""
        except (JoseError, ValueError, KeyError, TypeError, OverflowError):
            raise Unauthenticated("The access token is not valid.") from None
        if claims.get("iss") != ISSUER or expires_at <= now:
            raise Unauthenticated("The access token has expired.")
        return Checked(principal, version, session, min(expires_at, now + _REMEMBERED))

    def _remember(self, digest: bytes, known: Checked) -> None:
        self._checked[digest] = known
        self._checked.move_to_end(digest)
        while len(self._checked) > _MAX_REMEMBERED:
            self._checked.popitem(last=False)
