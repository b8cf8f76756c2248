"""What the bridge is handed."""

from __future__ import annotations

from dataclasses import dataclass

from heatfleet.auth.secrets import SecretSigner
from heatfleet.auth.throttle import Throttle
from heatfleet.bridge.hub import Hub
from heatfleet.domain.clock import Clock
from heatfleet.store.database import Database

ANSWER_WITHIN_S = 10.0


@dataclass(frozen=True)
class BridgeServices:
    """Made once by ``app.py``."""

    database: Database
    clock: Clock
    secrets: SecretSigner
    throttle: Throttle
    hub: Hub
    answer_within_s: float = ANSWER_WITHIN_S
    state_every_s: float = 60.0
