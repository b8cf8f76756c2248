"""Logos of partners: small pictures given as ``data:`` addresses, so that nobody has to be asked for them later."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass

MAX_BYTES = 24_576
MAX_TEXT = 33_000
_HEADS: Mapping[str, tuple[bytes, ...]] = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/webp": (b"RIFF",),
    "image/svg+xml": (b"<svg", b"<?xml"),
}


@dataclass(frozen=True)
class Logo:
    """A picture: its kind and its bytes."""

    media_type: str
    content: bytes


def read_logo(text: str) -> Logo:
    """The picture in ``data:KIND;base64,…``; :class:`ValueError` says what is wrong with it."""
    head, _, body = text.partition(",")
    kind, _, encoding = head.removeprefix("data:").partition(";")
    if not text.startswith("data:") or encoding != "base64" or kind not in _HEADS:
        raise ValueError(f"must be data:KIND;base64,… with KIND one of {', '.join(_HEADS)}")
    try:
        content = b64decode(body, validate=True)
    except binascii.Error:
        raise ValueError("is not base64") from None
    if len(content) > MAX_BYTES:
        raise ValueError(f"must not be larger than {MAX_BYTES} bytes")
    if not content.lstrip().startswith(_HEADS[kind]):
        raise ValueError(f"is not a picture of kind {kind}")
    return Logo(kind, content)
