"""Machine clients of the organisation: list, make (the secret is shown once), revoke."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

HANDLERS: tuple[HTTPRouteHandler, ...] = ()
