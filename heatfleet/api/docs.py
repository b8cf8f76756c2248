"""The schema and the documentation page made from it."""

from __future__ import annotations

from litestar import MediaType, Response, get

from heatfleet.api.call import ApiRequest, ApiResponse
from heatfleet.api.services import BASE


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


HANDLERS = (openapi, docs, docs_style)
