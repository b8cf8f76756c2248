"""What the Partner API is handed: everything that touches the world."""

from __future__ import annotations

from dataclasses import dataclass

from heatfleet.auth.keys import KeyRing
from heatfleet.auth.secrets import SecretSigner
from heatfleet.auth.sign_in import SignIn
from heatfleet.auth.tokens import AccessTokens
from heatfleet.domain.clock import Clock
from heatfleet.flows.toolbox_connect import Counter
from heatfleet.store.database import Database

BASE = "/api/partners/v2.0"


@dataclass(frozen=True)
class Services:
    """Made once by ``app.py``; ``public_url`` has no slash at its end."""

    database: Database
    clock: Clock
    keys: KeyRing
    tokens: AccessTokens
    sign_in: SignIn
    secrets: SecretSigner
    counter: Counter
    public_url: str
    rate_limit_per_minute: int = 6000
    max_body_bytes: int = 1_000_000
    metrics_token: str | None = None
