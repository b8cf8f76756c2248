"""How many pumps may be moved at once, so that no plan swings the whole fleet in one round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

BATCH_SHARE = 0.5
BATCH_LEAST = 20

Item = TypeVar("Item")


@dataclass(frozen=True)
class Batch(Generic[Item]):
    """What may be sent at once, and what has to wait for the next round."""

    now: tuple[Item, ...]
    later: tuple[Item, ...]


def limit_batch(items: Sequence[Item], fleet_count: int, already: int = 0) -> Batch[Item]:
    """At most ``BATCH_SHARE`` of the fleet (but ``BATCH_LEAST`` pumps) in one round; releases are never limited."""
    most = max(0, max(BATCH_LEAST, int(fleet_count * BATCH_SHARE)) - already)
    return Batch(tuple(items[:most]), tuple(items[most:]))
