"""What an emulated cloud keeps over a restart: one JSON file, written whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

SAVE_WITHIN_S = 0.2


class Kept:
    """A state file (mode 0600) and what to write into it; without a path nothing is kept."""

    def __init__(self, path: Path | None, state: Callable[[], Mapping[str, Any]]) -> None:
        self.path, self._state = path, state
        self._is_planned = False

    def load(self) -> dict[str, Any] | None:
        """What was written last, or None."""
        if self.path is None or not self.path.exists():
            return None
        kept: dict[str, Any] = msgspec.json.decode(self.path.read_bytes())
        return kept

    def save(self) -> None:
        """Write the state now."""
        if self.path is None:
            return
        part = self.path.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_bytes(msgspec.json.encode(self._state()))
        part.replace(self.path)

    def save_soon(self) -> None:
        """Write within ``SAVE_WITHIN_S``: tokens given out and settings taken survive even a killed process."""
        if self.path is not None and not self._is_planned:
            self._is_planned = True
            asyncio.get_running_loop().call_later(SAVE_WITHIN_S, self._save_planned)

    def _save_planned(self) -> None:
        self._is_planned = False
        self.save()
