"""Settings of the organisation: name and looks, where pages may be embedded, surcharges, defaults."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

HANDLERS: tuple[HTTPRouteHandler, ...] = ()
