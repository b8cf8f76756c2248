"""One operation of the API: what it says of itself, who may call it, and the small things handlers share.

A handler is a function ``(call, **ids of the path) -> answer``; :func:`operation` serves it. The caller's right is
checked here, before the handler runs, so that no handler can forget it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from heatfleet.api.call import ApiRequest, ApiResponse, Call, call_of
from heatfleet.api.parse import cursor
from heatfleet.auth.permissions import Right, allow

JSON = "application/json"
PATH_ID = re.compile(r"{(\w+):uuid}")
_ETAG = re.compile(r'"(\d{1,9})"')


@dataclass(frozen=True)
class Param:
    """A query parameter; ``kind`` is its type, a tuple of texts the values it may have."""

    name: str
    kind: Any
    description: str
    default: Any = None


@dataclass(frozen=True)
class Doc:
    """An operation: its id, whose right it needs, what it takes and answers.

    ``right`` is checked against the path's ``org_id`` and ``user_id``; operations whose object is only found out later
    have none and check it themselves. ``errors`` are those that do not follow from the rest (see ``openapi.py``).
    """

    id: str
    summary: str
    tag: str
    right: Right | None = None
    answer: Any = None
    body: type[msgspec.Struct] | None = None
    query: tuple[Param, ...] = ()
    errors: tuple[int, ...] = ()
    description: str = ""
    status: int = 200
    is_open: bool = False
    has_version: bool = False
    is_list: bool = False


PAGE = (
    Param("limit", int, "At most so many, 1 to 500.", 500),
    Param("after", str, "Opaque cursor from the Link header of the page before."),
)
INCLUDE_DELETED = Param("include_deleted", bool, "If true, includes soft-deleted ones.", False)
Handler = Callable[..., Awaitable[ApiResponse]]


def operation(methods: str, path: str | list[str], doc: Doc) -> Callable[[Handler], HTTPRouteHandler]:
    """Serves the function below at ``path`` for ``methods`` (such as ``"PUT PATCH"``)."""

    def serve_with(handler: Handler) -> HTTPRouteHandler:
        async def serve(request: ApiRequest) -> ASGIResponse:
            call, ids = call_of(request), cast("dict[str, UUID]", request.scope["path_params"])
            call.request = request
            if doc.right is not None:
                call.reach = allow(call.who(), doc.right, ids["org_id"], ids.get("user_id"))
            elif not doc.is_open:
                call.who()
            return await handler(call, **ids)  # type: ignore[return-value] # a Response will do as well

        verbs = [HttpMethod(method) for method in methods.split()]
        return HTTPRouteHandler(path, http_method=verbs, status_code=200, opt={"doc": doc})(serve)

    return serve_with


def answer(body: Any, version: int | None = None, headers: dict[str, str] | None = None) -> ApiResponse:
    """200 with ``body`` as JSON; ``version`` becomes the ETag."""
    headers = headers or {}
    if version is not None:
        headers["ETag"] = f'"{version}"'
    return ASGIResponse(body=msgspec.json.encode(body), media_type=JSON, headers=headers)


def nothing() -> ApiResponse:
    """204."""
    return ASGIResponse(status_code=204)


def page(call: Call, rows: Sequence[Any], limit: int, show: Callable[[Any], Any]) -> ApiResponse:
    """200 with the first ``limit`` rows, and a Link to the next page when there is one row more."""
    headers = {}
    if len(rows) > limit:
        headers["Link"] = f'<{_next_url(call.request, rows[limit - 1].id, limit)}>; rel="next"'
    return answer([show(row) for row in rows[:limit]], headers=headers)


def _next_url(request: ApiRequest, last: UUID, limit: int) -> str:
    kept = {name: value for name, value in request.query_params.items() if name not in {"after", "limit"}}
    return f"{request.scope['path']}?{urlencode({**kept, 'limit': limit, 'after': cursor(last)})}"


def if_match(call: Call) -> frozenset[int] | None:
    """The versions ``If-Match`` names; None when it is absent or ``*``."""
    text = call.request.headers.get("if-match")
    if text is None or text.strip() == "*":
        return None
    return frozenset(int(version) for version in _ETAG.findall(text))
