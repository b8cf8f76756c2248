"""What an operation says of itself for the schema, and the small things handlers share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec
from litestar import Response

from heatfleet.api.call import ApiRequest, ApiResponse
from heatfleet.api.parse import cursor

JSON = "application/json"
_ETAG = re.compile(r'"(\d{1,9})"')


@dataclass(frozen=True)
class Param:
    """A query parameter."""

    name: str
    kind: Any
    description: str
    default: Any = None


@dataclass(frozen=True)
class Doc:
    """An operation: its id, what it takes and answers, the errors it may give."""

    id: str
    summary: str
    tag: str
    answer: Any = None
    body: type[msgspec.Struct] | None = None
    query: tuple[Param, ...] = ()
    errors: tuple[int, ...] = (401, 403, 404)
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


def answer(body: Any, version: int | None = None, headers: dict[str, str] | None = None) -> ApiResponse:
    """200 with ``body`` as JSON; ``version`` becomes the ETag."""
    headers = headers or {}
    if version is not None:
        headers["ETag"] = f'"{version}"'
    return Response(msgspec.json.encode(body), status_code=200, media_type=JSON, headers=headers)


def page(request: ApiRequest, rows: Sequence[Any], limit: int, show: Callable[[Any], Any]) -> ApiResponse:
    """200 with the first ``limit`` rows, and a Link to the next page when there is one row more."""
    headers = {}
    if len(rows) > limit:
        headers["Link"] = f'<{_next_url(request, rows[limit - 1].id, limit)}>; rel="next"'
    return answer([show(row) for row in rows[:limit]], headers=headers)


def _next_url(request: ApiRequest, last: UUID, limit: int) -> str:
    kept = {name: value for name, value in request.query_params.items() if name not in {"after", "limit"}}
    return f"{request.scope['path']}?{urlencode({**kept, 'limit': limit, 'after': cursor(last)})}"


def if_match(request: ApiRequest) -> frozenset[int] | None:
    """The versions ``If-Match`` names; None when it is absent or ``*``."""
    text = request.headers.get("if-match")
    if text is None or text.strip() == "*":
        return None
    return frozenset(int(version) for version in _ETAG.findall(text))
