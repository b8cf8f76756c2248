"""The schema, the documentation page made from it, and the icon of all pages."""

from __future__ import annotations

from litestar import MediaType, Response, get

from heatfleet.api.call import ApiRequest, ApiResponse
from heatfleet.api.docs_page import ICON, SCRIPT, STYLE
from heatfleet.api.services import BASE

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self';"
    " img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_KEPT = {"Cache-Control": "public, max-age=86400"}


@get(f"{BASE}/openapi.json")
async def openapi(request: ApiRequest) -> ApiResponse:
    """The schema."""
    return Response(request.app.state.openapi_json, media_type=MediaType.JSON)


@get(f"{BASE}/docs")
async def docs(request: ApiRequest) -> ApiResponse:
    """The documentation page."""
    return Response(request.app.state.docs_html, media_type=MediaType.HTML, headers=_HEADERS)


@get(f"{BASE}/docs/style.css")
async def docs_style() -> ApiResponse:
    """Its style sheet (its address changes with it, and so the script's)."""
    return Response(STYLE, media_type="text/css", headers=_KEPT)


@get(f"{BASE}/docs/script.js")
async def docs_script() -> ApiResponse:
    """Its script."""
    return Response(SCRIPT, media_type="text/javascript", headers=_KEPT)


@get(["/favicon.svg", "/favicon.ico"])
async def favicon() -> ApiResponse:
    """The icon of all pages; whoever asks by the old name gets it, too."""
    return Response(ICON, media_type="image/svg+xml", headers=_KEPT)


HANDLERS = (openapi, docs, docs_style, docs_script, favicon)
