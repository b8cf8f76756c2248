"""What was read of a heat pump: raw and rolled up, as JSON or CSV."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

HANDLERS: tuple[HTTPRouteHandler, ...] = ()
