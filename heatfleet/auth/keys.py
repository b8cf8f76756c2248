"""Signing keys in a folder only we can read; made on first start, older ones kept for checking.

Beside the first key (``sign.pem``) lie those that came by rotation; each name says from when on its key signs
(``sign-20260102T030405Z.pem``), which is late enough for every process to know it by then. A key stops checking once
no token of it can be alive. Losing the folder signs everybody out and ends open Connect links; nothing else depends
on it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from joserfc.jwk import ECKey

from heatfleet.store.revocations import LONGEST_LIFE

log = structlog.get_logger()
FOLDER_MODE, FILE_MODE = 0o700, 0o600
REREAD = timedelta(seconds=10)
REREAD_FOR_UNKNOWN = timedelta(seconds=1)
SIGNS_AFTER = timedelta(seconds=60)
_ALWAYS = datetime.min.replace(tzinfo=UTC)
_NAME = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True)
class SigningKey:
    """One ES256 key, its file, from when on it signs, and until when it is good for checking (None: no end known)."""

    file: Path
    key: ECKey = field(repr=False)
    signs_from: datetime
    checks_until: datetime | None = None

    @property
    def is_first(self) -> bool:
        """Whether it is the key of the first start."""
        return self.signs_from == _ALWAYS


@dataclass
class KeyRing:
    """The keys of the folder of ``sign_key``, which is read again every few seconds; ``secret`` signs links and state.

    The newest key whose time has come signs.
    """

    sign_key: Path
    secret: bytes = field(repr=False)
    _keys: tuple[SigningKey, ...] = ()
    _read_at: datetime | None = None

    def signer(self, now: datetime) -> ECKey:
        """The key that signs at ``now``."""
        keys = self.keys(now)
        return next((known.key for known in reversed(keys) if known.signs_from <= now), keys[0].key)

    def find(self, kid: str, now: datetime) -> ECKey | None:
        """The key named ``kid`` if tokens of it may still be alive; looks for a new file when it is unknown."""
        found = _find(self.keys(now), kid)
        return found or _find(self.keys(now, REREAD_FOR_UNKNOWN), kid)

    def jwks(self, now: datetime) -> dict[str, Any]:
        """The public halves, as ``/.well-known/jwks.json`` shows them."""
        keys = [known.key.as_dict(private=False) for known in self.keys(now)]
        return {"keys": [{**key, "use": "sig", "alg": "ES256"} for key in keys]}

    def keys(self, now: datetime, at_most_old: timedelta = REREAD) -> tuple[SigningKey, ...]:
        """The keys that sign or check at ``now``, oldest first, as the folder was at most ``at_most_old`` ago."""
        if self._read_at is None or abs(now - self._read_at) >= at_most_old:
            self._read(now)
        return tuple(held for held in self._keys if held.checks_until is None or now < held.checks_until)

    def _read(self, now: datetime) -> None:
        """Reads the folder; what is known stays when it cannot be read."""
        self._read_at = now
        try:
            found = _read_all(self.sign_key, {held.file: held.key for held in self._keys})
        except (OSError, ValueError) as fault:
            if not self._keys:
                raise
            log.warning("keys_not_read", folder=str(self.sign_key.parent), fault=str(fault))
            return
        self._keys = found or self._keys


def load_keys(sign_key: Path) -> KeyRing:
    """The key ring around the file ``sign_key``; what is missing is made. Raises OSError."""
    links = sign_key.with_name("links.key")
    sign_key.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    if not _files(sign_key):
        _write_once(sign_key, _new_key)
    _write_once(links, lambda: secrets.token_bytes(32))
    return KeyRing(sign_key, links.read_bytes())


def rotate(sign_key: Path, now: datetime, after: timedelta = SIGNS_AFTER) -> KeyRing:
    """The ring with one more key, which signs from ``now + after`` on; files of keys that check nothing are deleted."""
    ring = load_keys(sign_key)
    signs_from = (now + after).astimezone(UTC).replace(microsecond=0)
    _write_once(sign_key.with_name(f"{sign_key.stem}-{signs_from:{_NAME}}.pem"), _new_key)
    good = {known.file for known in ring.keys(now)}
    for file in set(_files(sign_key).values()) - good:
        file.unlink(missing_ok=True)
    return ring


def _find(keys: tuple[SigningKey, ...], kid: str) -> ECKey | None:
    return next((known.key for known in keys if known.key.kid == kid), None)


def _read_all(sign_key: Path, known: dict[Path, ECKey]) -> tuple[SigningKey, ...]:
    """The keys of the folder, oldest first; files in ``known`` are not read again."""
    files = sorted(_files(sign_key).items())
    ends: list[datetime | None] = [following + LONGEST_LIFE for following, _ in files[1:]]
    return tuple(
        SigningKey(file, known.get(file) or _read(file), signs_from, end)
        for (signs_from, file), end in zip(files, [*ends, None], strict=True)
    )


def _files(sign_key: Path) -> dict[datetime, Path]:
    """From when on it signs → file."""
    found = {_ALWAYS: sign_key} if sign_key.exists() else {}
    digits = "[0-9]"
    for path in sign_key.parent.glob(f"{sign_key.stem}-{digits * 8}T{digits * 6}Z.pem"):
        signs_from = datetime.strptime(path.stem.removeprefix(f"{sign_key.stem}-"), _NAME).replace(tzinfo=UTC)
        found[signs_from] = path
    return found


def _new_key() -> bytes:
    return ECKey.generate_key("P-256").as_pem(private=True)


def _read(path: Path) -> ECKey:
    plain = ECKey.import_key(path.read_bytes())
    return ECKey.import_key(path.read_bytes(), {"kid": plain.thumbprint(), "use": "sig", "alg": "ES256"})


def _write_once(path: Path, make: Callable[[], bytes]) -> None:
    """Whoever comes first writes the file, whole; later ones and losers of a race leave it alone."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(make())
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
