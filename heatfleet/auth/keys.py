"""Signing keys in a folder only we can read; made on first start, older ones kept for checking.

Losing the folder signs everybody out and ends open Connect links; nothing else depends on it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc.jwk import ECKey, KeySet

FOLDER_MODE, FILE_MODE = 0o700, 0o600


@dataclass(frozen=True)
class KeyRing:
    """ES256 keys, the newest signs; ``secret`` signs links and state."""

    signing: tuple[ECKey, ...]
    secret: bytes

    @property
    def current(self) -> ECKey:
        """The key that signs now."""
        return self.signing[-1]

    @property
    def all_keys(self) -> KeySet:
        """Every key that still checks."""
        return KeySet(list(self.signing))

    def jwks(self) -> dict[str, Any]:
        """The public halves, as ``/.well-known/jwks.json`` shows them."""
        return {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": "ES256"} for key in self.signing]}


def load_keys(sign_key: Path) -> KeyRing:
    """The key ring around the file ``sign_key``; what is missing is made. Raises OSError.

    Beside it lie ``links.key`` and the keys that came by rotation, ``<stem>-0002.pem`` and so on.
    """
    links = sign_key.with_name("links.key")
    sign_key.parent.mkdir(parents=True, exist_ok=True, mode=FOLDER_MODE)
    _write_once(sign_key, lambda: ECKey.generate_key("P-256").as_pem(private=True))
    _write_once(links, lambda: secrets.token_bytes(32))
    return KeyRing(tuple(_read(path) for path in [sign_key, *_rotated(sign_key)]), links.read_bytes())


def rotate(sign_key: Path) -> KeyRing:
    """The key ring with one more signing key, which signs from the next start of each process on."""
    following = 2 + len(_rotated(sign_key))
    path = sign_key.with_name(f"{sign_key.stem}-{following:04d}.pem")
    _write_once(path, lambda: ECKey.generate_key("P-256").as_pem(private=True))
    return load_keys(sign_key)


def _rotated(sign_key: Path) -> list[Path]:
    return sorted(sign_key.parent.glob(f"{sign_key.stem}-[0-9]*.pem"))


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
