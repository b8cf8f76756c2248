"""The Partner API as one ASGI application: handlers inside, idempotency around them, the edge outermost."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from litestar import Litestar
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, ControllerRouterHandler

from heatfleet.api import (
    audit,
    buildings,
    catalogue,
    clients,
    contracts,
    cues,
    docs,
    grid_limits,
    heat_pumps,
    home_links,
    invites,
    meta,
    metrics,
    onboarding,
    organisation,
    plans,
    privacy,
    statistics,
    telemetry,
    token,
    users,
)
from heatfleet.api.docs_page import render_docs
from heatfleet.api.edge import Edge
from heatfleet.api.idempotency import Idempotency
from heatfleet.api.openapi import build_openapi
from heatfleet.api.problems import answer_error
from heatfleet.api.services import BASE, Services

HANDLERS: tuple[HTTPRouteHandler, ...] = (
    *token.HANDLERS,
    *meta.HANDLERS[:1],
    *organisation.HANDLERS,
    *clients.HANDLERS,
    *users.HANDLERS,
    *invites.HANDLERS,
    *privacy.HANDLERS,
    *buildings.HANDLERS,
    *contracts.HANDLERS,
    *heat_pumps.HANDLERS,
    *home_links.HANDLERS,
    *telemetry.HANDLERS,
    *plans.HANDLERS,
    *statistics.HANDLERS,
    *catalogue.HANDLERS,
    *onboarding.HANDLERS,
    *cues.HANDLERS,
    *grid_limits.HANDLERS,
    *audit.HANDLERS,
    *meta.HANDLERS[1:],
    *metrics.HANDLERS,
    *docs.HANDLERS,
)


def make_api(services: Services, pages: Sequence[ControllerRouterHandler] = ()) -> ASGIApp:
    """The application; ``pages`` (``heatfleet.web.connect.make_web``) are served beside the API."""
    schema = build_openapi(HANDLERS)
    state = State({"openapi_json": msgspec.json.encode(schema), "docs_html": render_docs(schema, BASE)})
    inner = Litestar(
        route_handlers=[*HANDLERS, *pages],
        exception_handlers={Exception: answer_error},
        request_max_body_size=services.max_body_bytes,
        openapi_config=None,
        state=state,
        logging_config=None,
    )
    edge = Edge(Idempotency(inner, services), services)
    inner.state.metrics = edge.metrics
    return edge
