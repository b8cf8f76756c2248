"""What an agent must know after it was killed: who it is, the last command it took, the pumps it has moved.

One JSON file of mode 0600, written whole or not at all.
"""

from __future__ import annotations

from collections.abc import Set
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import msgspec

from heatfleet.domain.errors import Invalid

FILE = "gateway.json"


class _Kept(msgspec.Struct):
    server: str = ""
    gateway_id: UUID | None = None
    token: str = ""
    code_sha256: str = ""  # of the pairing code it came with: a unit that starts with the same code is not paired anew
    last_id: UUID = UUID(int=0)
    moved: list[str] = []


class Journal:
    """The file of one agent."""

    def __init__(self, folder: Path) -> None:
        """Opens ``folder`` (made when missing); :class:`Invalid` when its file is not ours."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = folder / FILE
        self._kept = _Kept()
        if self._path.exists():
            try:
                self._kept = msgspec.json.decode(self._path.read_bytes(), type=_Kept)
            except msgspec.DecodeError as fault:
                raise Invalid.field(str(self._path), f"not a gateway's file: {fault}", where="--state-dir") from None

    @property
    def server(self) -> str:
        """Where it was paired; empty when it never was."""
        return self._kept.server

    @property
    def gateway_id(self) -> UUID | None:
        """Who it is; None when it never was paired."""
        return self._kept.gateway_id

    @property
    def token(self) -> str:
        """What it shows the server."""
        return self._kept.token

    @property
    def moved(self) -> frozenset[str]:
        """Pumps that may not be following their own programme."""
        return frozenset(self._kept.moved)

    def is_newer(self, command_id: UUID) -> bool:
        """Whether no command as late as this one has been taken; ids grow with time."""
        return command_id > self._kept.last_id

    def is_paired_with(self, code: str) -> bool:
        """Whether it came by this very code."""
        return self._kept.code_sha256 == _digest(code)

    def paired(self, server: str, gateway_id: UUID, token: str, code: str) -> None:
        """From now on it is this gateway."""
        self._kept.server, self._kept.gateway_id, self._kept.token = server, gateway_id, token
        self._kept.code_sha256 = _digest(code)
        self._save()

    def note(self, command_id: UUID | None, moved: Set[str]) -> None:
        """Before a command is carried out, and whenever what stands has changed."""
        wanted = sorted(moved)
        if command_id is None and wanted == self._kept.moved:
            return
        self._kept.last_id, self._kept.moved = command_id or self._kept.last_id, wanted
        self._save()

    def _save(self) -> None:
        part = self._path.with_suffix(".part")
        part.touch(mode=0o600)
        part.write_bytes(msgspec.json.encode(self._kept))
        part.replace(self._path)


def _digest(code: str) -> str:
    return sha256(code.encode()).hexdigest()
