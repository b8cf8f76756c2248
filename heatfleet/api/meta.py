"""The server about itself: who am I, keys, health, schema, documentation."""

from __future__ import annotations

from litestar import MediaType, Response, get

from heatfleet.api.call import ApiRequest, ApiResponse, Call
from heatfleet.api.operation import Doc, answer, operation
from heatfleet.api.schemas import Health, MeOutput
from heatfleet.api.services import BASE
from heatfleet.store import health
from heatfleet.store.database import FLEET

_TAG = "Server"


@operation("GET", f"{BASE}/me", Doc("retrieve_me", "Who the token speaks for", "Authentication", answer=MeOutput))
async def me(call: Call) -> ApiResponse:
    """Organisation, role, person or client of the token."""
    who = call.who()
    return answer(MeOutput(org_id=who.org_id, role=who.role.value, user_id=who.user_id, client_id=who.client_id))


@operation(
    "GET",
    "/.well-known/jwks.json",
    Doc("retrieve_jwks", "Public keys of the access tokens", "Authentication", is_open=True),
)
async def jwks(call: Call) -> ApiResponse:
    """The key set."""
    return answer(call.services.keys.jwks(), headers={"Cache-Control": "public, max-age=300"})


@operation("GET", "/healthz", Doc("healthz", "The process is alive", _TAG, answer=Health, is_open=True))
async def healthz(call: Call) -> ApiResponse:
    """ok."""
    return answer(Health())


@operation("GET", "/readyz", Doc("readyz", "The server can work", _TAG, answer=Health, errors=(503,), is_open=True))
async def readyz(call: Call) -> ApiResponse:
    """ok, once the database answers."""
    async with call.services.database.read(FLEET) as tx:
        await health.ping(tx)
    return answer(Health())


@get(f"{BASE}/openapi.json")
async def openapi(request: ApiRequest) -> ApiResponse:
    """The schema."""
    return Response(request.app.state.openapi_json, media_type=MediaType.JSON)


_DOCS_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


@get(f"{BASE}/docs")
async def docs(request: ApiRequest) -> ApiResponse:
    """The documentation page."""
    return Response(request.app.state.docs_html, media_type=MediaType.HTML, headers=_DOCS_HEADERS)


@get(f"{BASE}/docs/style.css")
async def docs_style(request: ApiRequest) -> ApiResponse:
    """Its style sheet."""
    return Response(request.app.state.docs_css, media_type=MediaType.CSS)


HANDLERS = (me, jwks, healthz, readyz, openapi, docs, docs_style)
