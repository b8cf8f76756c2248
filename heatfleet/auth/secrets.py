"""Signed secrets for links and sign-in state: they carry their subject, expire, and are good for one purpose only."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec

from heatfleet.auth.errors import Unauthenticated

ONE_HOUR = timedelta(hours=1)
CONNECT_STATE = "connect-state"  # purpose: session and nonce that a vendor, or a gateway, brings back
_LONG_AGO = datetime.fromtimestamp(0, UTC)


class _Body(msgspec.Struct, array_like=True, frozen=True):
    purpose: str
    subject: str
    expires_s: int


@dataclass(frozen=True)
class SecretSigner:
    """Signs and opens secrets with one key."""

    key: bytes = field(repr=False)

    def sign(self, purpose: str, subject: str, now: datetime, life: timedelta = ONE_HOUR) -> str:
        """A URL-safe secret that says ``subject`` until ``now + life``."""
        body = msgspec.json.encode(_Body(purpose, subject, int((now + life).timestamp())))
        return f"{_text(body)}.{_text(self._mac(body))}"

    def open(self, purpose: str, secret: str, now: datetime) -> str:
        """The subject of a secret made for ``purpose``; raises :class:`Unauthenticated` (forged, expired, misused)."""
        head, _, tail = secret.partition(".")
        try:
            body, mac = _bytes(head), _bytes(tail)
            if not hmac.compare_digest(mac, self._mac(body)):
                raise Unauthenticated("This link is not valid.")
            what = msgspec.json.decode(body, type=_Body)
        except (binascii.Error, ValueError):
            raise Unauthenticated("This link is not valid.") from None
        if what.purpose != purpose or what.expires_s <= now.timestamp():
            raise Unauthenticated("This link has expired.")
        return what.subject

    def was_signed(self, purpose: str, secret: str) -> bool:
        """Whether the secret was made for ``purpose``, however long ago."""
        try:
            self.open(purpose, secret, _LONG_AGO)
        except Unauthenticated:
            return False
        return True

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self.key, body, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
