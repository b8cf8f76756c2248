"""How far a driver has been shown to go: bronze reads, silver survives, gold steers and confirms.

The contract in ``tests/vendors/test_every_driver.py`` measures the level; ``level.txt`` in the vendor's folder keeps
it, and the contract fails when the two differ. Nobody claims a level.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from importlib.resources import files

BRONZE = frozenset({"sign_in", "list", "read"})
SILVER = frozenset(
    {"expired_token", "too_many", "html_502", "cut", "nonsense", "other_shape", "vanished", "revoked", "down_line"}
)
GOLD = frozenset({"levers", "owner"})
FILE = "level.txt"


class Level(StrEnum):
    """What the contract has shown."""

    NONE = "none"
    BRONZE = "bronze"
    SILVER = "silver"
    GOLD = "gold"


def level_of(shown: Iterable[str]) -> Level:
    """The level for the abilities that the contract has seen."""
    seen = set(shown)
    if not seen >= BRONZE:
        return Level.NONE
    if not seen >= BRONZE | SILVER:
        return Level.BRONZE
    return Level.GOLD if seen >= GOLD else Level.SILVER


def kept_level(package: str) -> Level:
    """The level measured last and kept in the vendor's folder; ``none`` where it never was."""
    file = files(package) / FILE
    return Level(file.read_text(encoding="utf-8").strip()) if file.is_file() else Level.NONE
