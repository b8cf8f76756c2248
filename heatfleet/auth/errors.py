"""What sign-in can answer besides a token."""

from __future__ import annotations

from heatfleet.domain.errors import HeatfleetError


class Unauthenticated(HeatfleetError):
    """No token, or one that is not (or no longer) good."""


class OAuthError(HeatfleetError):
    """An error answer of the token endpoint as RFC 6749 §5.2 wants it; ``retry_after_s`` with 429."""

    def __init__(self, error: str, description: str, status: int = 400, retry_after_s: int | None = None) -> None:
        self.error, self.description, self.status, self.retry_after_s = error, description, status, retry_after_s
        super().__init__(description)


def invalid_grant() -> OAuthError:
    """The one answer to every wrong name, password or refresh token: it does not tell which."""
    return OAuthError("invalid_grant", "The credentials are wrong, expired or were used before.")


def invalid_client() -> OAuthError:
    """The one answer to every wrong client id or secret."""
    return OAuthError("invalid_client", "Client authentication failed.", status=401)
