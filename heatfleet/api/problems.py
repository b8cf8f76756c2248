"""Errors into answers, once: RFC 9457 problem documents, and RFC 6749 errors at the token endpoint."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from heatfleet.api.call import SCOPE_KEY, ApiRequest
from heatfleet.auth.errors import OAuthError, Unauthenticated
from heatfleet.domain.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    NotFound,
    OutsideWorldError,
    PreconditionFailed,
    TryAgain,
)
from heatfleet.store.health import UNREACHABLE

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Changed in the meantime",
    413: "Too large",
    422: "Invalid input",
    429: "Too many requests",
    500: "Our fault",
    503: "Not available now",
}
_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (Unauthenticated, 401),
    (Forbidden, 403),
    (NotFound, 404),
    (Conflict, 409),
    (PreconditionFailed, 412),
    (Invalid, 422),
    (OutsideWorldError, 503),
)


class ErrorItem(msgspec.Struct, frozen=True):
    """One wrong field."""

    loc: list[str | int]
    msg: str
    type: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str
    errors: list[ErrorItem] | None = None


def problem(scope: Any, status: int, detail: str, errors: tuple[FieldError, ...] = ()) -> Problem:
    """The problem document of one request."""
    call = scope.get(SCOPE_KEY)
    return Problem(
        type="about:blank",
        title=TITLES.get(status, "Error"),
        status=status,
        detail=detail,
        instance=scope.get("path", ""),
        request_id=call.request_id if call else "",
        errors=[ErrorItem(list(e.loc), e.msg, e.type) for e in errors] or None,
    )


def answer_error(request: ApiRequest, error: Exception) -> Response[Any]:
    """The answer to whatever was raised; what nobody expected is logged and says nothing of itself."""
    if isinstance(error, OAuthError):
        return oauth_error(error)
    status, detail = status_and_detail(error)
    if status >= 500 and not isinstance(error, OutsideWorldError):
        log.error("request_failed", path=request.scope["path"], exc_info=error)
    errors = error.errors if isinstance(error, Invalid) else ()
    body = problem(request.scope, status, detail, errors)
    return Response(
        msgspec.json.encode(body), status_code=status, media_type=MEDIA_TYPE, headers=_headers(error, request)
    )


def status_and_detail(error: Exception) -> tuple[int, str]:
    """Status and sentence for an error."""
    for kind, status in _STATUS:
        if isinstance(error, kind):
            detail = "Some fields are not valid." if status == 422 else str(error)
            return status, detail
    if isinstance(error, UNREACHABLE):
        return 503, "The database does not answer at the moment; try again."
    if isinstance(error, HTTPException) and error.status_code < 500:
        return error.status_code, TITLES.get(error.status_code, error.detail) + "."
    return 500, "Something went wrong on our side. It has been logged under the request id."


def _headers(error: Exception, request: ApiRequest) -> dict[str, str]:
    if isinstance(error, Unauthenticated):
        sent = "authorization" in request.headers
        return {"WWW-Authenticate": 'Bearer error="invalid_token"' if sent else "Bearer"}
    if isinstance(error, TryAgain):
        return {"Retry-After": str(max(1, round(error.after_s)))}
    if isinstance(error, UNREACHABLE):
        return {"Retry-After": "5"}
    if isinstance(error, HTTPException) and error.headers and "allow" in error.headers:
        return {"Allow": ", ".join(sorted({*error.headers["allow"].split(", ")} - {"OPTIONS"}))}
    return {}


def oauth_error(error: OAuthError) -> Response[Any]:
    """An error answer of the token endpoint (RFC 6749 §5.2)."""
    headers = {"Cache-Control": "no-store"}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="heatfleet"'
    if error.retry_after_s is not None:
        headers["Retry-After"] = str(error.retry_after_s)
    body = {"error": error.error, "error_description": error.description}
    return Response(msgspec.json.encode(body), status_code=error.status, media_type="application/json", headers=headers)
