"""Ids that sort by the time they were made (UUID version 7, RFC 9562)."""

from __future__ import annotations

import secrets
import threading
import time
from uuid import UUID

_lock = threading.Lock()
_last_ms_and_count = 0


def new_id() -> UUID:
    """A new id, greater than every earlier one of this process."""
    global _last_ms_and_count  # noqa: PLW0603 - one counter per process is the point
    with _lock:
        # 48 bits of milliseconds and 12 bits of count; a burst beyond 4096 in a millisecond borrows from the next.
        _last_ms_and_count = max((time.time_ns() // 1_000_000) << 12, _last_ms_and_count + 1)
        head = _last_ms_and_count
    milliseconds, count = head >> 12, head & 0xFFF
    return UUID(int=milliseconds << 80 | 0x7 << 76 | count << 64 | 0b10 << 62 | secrets.randbits(62))
