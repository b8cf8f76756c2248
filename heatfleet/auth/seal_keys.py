"""The keys that seal vendor credentials: from the settings, else from a file only we can read, made at the first start.

Losing them means that every owner has to sign in at the vendor again.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from pathlib import Path

from heatfleet.domain.errors import Invalid
from heatfleet.vendors.kit.grants import KEY_BYTES, SealKeys


def load_seal_keys(given: str | None, file: Path) -> SealKeys:
    """The keys in ``given`` (newest first) or in ``file``; ``Invalid`` when one is not base64 of 32 bytes."""
    return _parse(given, "HEATFLEET_MASTER_KEY") if given else _parse(_read_or_make(file), str(file))


def _parse(text: str, where: str) -> SealKeys:
    parts = [part for part in text.replace("\n", ",").split(",") if part.strip()]
    try:
        keys = tuple(base64.b64decode(part.strip(), validate=True) for part in parts)
    except binascii.Error:
        keys = ()
    if not keys or any(len(key) != KEY_BYTES for key in keys):
        raise Invalid.field(where, f"wants base64 of {KEY_BYTES} bytes, several comma-separated", where="settings")
    return SealKeys(keys)


def _read_or_make(file: Path) -> str:
    """The text of the key file; whoever comes first makes it, whole."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode() + "\n")
            out.flush()
            os.fsync(out.fileno())
        _link_first(draft, file)
    return file.read_text()


def _link_first(draft: Path, file: Path) -> None:
    try:
        os.link(draft, file)
    except FileExistsError:
        return  # another process was quicker; its key counts
    finally:
        draft.unlink()
