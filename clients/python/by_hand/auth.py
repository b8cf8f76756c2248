"""Signing in with client credentials."""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import httpx

from .client import AuthenticatedClient

BASE = "/api/partners/v2.0"


class ClientCredentials(httpx.Auth):
    """Fetches an access token before the first request, and a new one when it ends or is refused."""

    requires_response_body = True

    def __init__(self, token_url: str, client_id: str, client_secret: str) -> None:
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        self._ask = (token_url, form)
        self._token, self._ends_at = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        for is_last in (False, True):
            if time.monotonic() >= self._ends_at:
                answer = yield httpx.Request("POST", self._ask[0], data=self._ask[1])
                fields = answer.raise_for_status().json()
                self._token, self._ends_at = fields["access_token"], time.monotonic() + fields["expires_in"] - 60
            request.headers["Authorization"] = f"Bearer {self._token}"
            if (yield request).status_code != 401 or is_last:
                return
            self._ends_at = 0.0


def sign_in(base_url: str, client_id: str, client_secret: str, **options: Any) -> AuthenticatedClient:
    """A client that signs in by itself; ``base_url`` as https://host, with or without the API's path.

    ``options`` are those of ``AuthenticatedClient``. Wrong credentials: ``httpx.HTTPStatusError`` at the first request.
    """
    host = base_url.rstrip("/").removesuffix(BASE)
    auth = ClientCredentials(f"{host}{BASE}/auth/token", client_id, client_secret)
    httpx_args = {**options.pop("httpx_args", {}), "auth": auth}
    return AuthenticatedClient(base_url=host, token="", httpx_args=httpx_args, **options)
