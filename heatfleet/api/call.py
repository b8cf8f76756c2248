"""One request as the handlers see it: who calls, by which id, with what at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Request, Response
from litestar.response.base import ASGIResponse

from heatfleet.api.services import Services
from heatfleet.auth.errors import Unauthenticated
from heatfleet.auth.permissions import Reach
from heatfleet.auth.principal import Principal
from heatfleet.flows.toolbox import Act
from heatfleet.store.audit import Actor

SCOPE_KEY = "heatfleet"
ApiRequest = Request[Any, Any, Any]
ApiResponse = Response[Any] | ASGIResponse


@dataclass(slots=True)
class Call:
    """What the edge found out before routing, then the request itself and how far the caller's right carries."""

    services: Services
    request_id: str
    address: str
    principal: Principal | None = None
    refusal: Unauthenticated | None = None
    reach: Reach = Reach.NONE
    request: ApiRequest = field(init=False)

    def who(self) -> Principal:
        """The caller; raises :class:`Unauthenticated`."""
        if self.principal is None:
            raise self.refusal or Unauthenticated("Send an access token: Authorization: Bearer ….")
        return self.principal

    async def body(self) -> bytes:
        """The request's body."""
        return await self.request.body()

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name."""
        raw = self.request.scope["query_string"]
        return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)) if raw else {}

    def act(self, org_id: UUID) -> Act:
        """The caller at work in ``org_id`` (whose right was checked before)."""
        services = self.services
        return Act(services.database, services.clock, Actor(self.who().name, self.request_id), org_id)


def call_of(request: ApiRequest) -> Call:
    """What the edge left for this request."""
    call: Call = request.scope[SCOPE_KEY]  # type: ignore[literal-required]
    return call
